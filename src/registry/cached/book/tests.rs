use super::*;

pub(in crate::registry::cached) fn entry(raw: u64, name: &str) -> Registration {
    Registration {
        id: ServerId::new(raw).expect("an id"),
        group: "world".into(),
        name: name.into(),
        host: "10.0.0.1".into(),
        port: 4000 + raw as u16,
        visibility: Default::default(),
        properties: BTreeMap::new(),
    }
}

/// Of a server called `me`.
pub(in crate::registry::cached) fn memory(own: u64, others: &[(u64, &str)]) -> Memory {
    let others = others.iter().map(|(raw, other)| entry(*raw, other)).map(|entry| (name(&entry), entry)).collect();
    Memory { own: entry(own, "me"), id_ended: false, others }
}

fn me() -> Candidate {
    let Registration { group, name, host, port, visibility, properties, .. } = entry(10, "me");
    Candidate { id: None, group, name, host, port, visibility, properties }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const NOW: u64 = 1000;

fn tell(book: &mut Book, now: u64, news: News) -> Next {
    book.news(news, at(now), || ServerId::new(NOW).expect("an id"))
}

fn lost() -> News {
    News::Lost("gone".into())
}

fn left(raw: u64, reason: LeaveReason) -> News {
    News::Left { id: entry(raw, "").id, reason }
}

fn told(book: &mut Book) -> Vec<News> {
    book.pending.drain(..).collect()
}

/// Began with `a` and `b` remembered, and told so.
fn remembering() -> Book {
    let mut book = Book::new(me(), Some(memory(10, &[(11, "a"), (12, "b")])));
    let kept = Candidate { id: Some(entry(10, "me").id), ..me() };
    assert_eq!(tell(&mut book, 0, lost()), Next::Again(Box::new(kept)), "under its old id");
    let all = vec![entry(10, "me"), entry(11, "a"), entry(12, "b")];
    assert_eq!(told(&mut book), [lost(), News::Registered(entry(10, "me")), News::Snapshot(all)]);
    assert_eq!(tell(&mut book, 1, lost()), Next::GoOn, "what begins anew loses it again");
    assert_eq!(told(&mut book), [], "once per outage");
    assert!(book.changed && book.written().is_some_and(|memory| !memory.id_ended), "the id is still good");
    book
}

#[test]
fn with_a_registry_there_what_was_remembered_is_forgotten_and_the_id_is_new() {
    let mut book = Book::new(me(), Some(memory(10, &[(11, "a")])));
    let fence = book.fence().expect("before anything is registered");
    assert!(fence.id_ended && Book::new(me(), Some(fence)).fence().is_none());
    let news = [News::Registered(entry(20, "me")), News::Snapshot(vec![entry(20, "me"), entry(21, "b")])];
    for news in news.clone() {
        assert_eq!(book.written(), None, "half a view is worth less than the old one");
        assert_eq!(tell(&mut book, 0, news), Next::GoOn);
    }
    assert_eq!(told(&mut book), news);
    assert_eq!(book.written().map(|memory| memory.others.into_values().collect()), Some(vec![entry(21, "b")]));
    assert_eq!(tell(&mut book, 5, lost()), Next::GoOn, "it is too late for memories");
    assert_eq!((told(&mut book), book.changed), (vec![lost()], false));
}

#[test]
fn nothing_remembered_is_an_outage_like_any() {
    let mut book = Book::new(me(), None);
    assert_eq!(tell(&mut book, 0, lost()), Next::GoOn);
    for news in [News::Restored, News::Registered(entry(20, "me")), News::Snapshot(vec![entry(20, "me")])] {
        assert_eq!(tell(&mut book, 1, news), Next::GoOn);
    }
    assert_eq!(told(&mut book).len(), 4);
    let mut given = Book::new(Candidate { id: Some(entry(7, "me").id), ..me() }, Some(memory(10, &[])));
    assert_eq!(tell(&mut given, 0, lost()), Next::GoOn, "whoever gives it an id has a reason");
}

#[test]
fn a_registry_that_comes_back_empty_has_time_to_hear_of_everybody_again() {
    let mut book = remembering();
    assert_eq!(book.deadline(), None, "as long as nobody answers, nobody is missed");
    tell(&mut book, 60, News::Registered(entry(10, "me")));
    tell(&mut book, 60, News::Snapshot(vec![entry(10, "me"), entry(12, "b"), entry(13, "c")]));
    let all = vec![entry(10, "me"), entry(12, "b"), entry(13, "c"), entry(11, "a")];
    assert_eq!(told(&mut book), [News::Restored, News::Registered(entry(10, "me")), News::Snapshot(all)]);
    assert_eq!(book.deadline(), Some(at(60) + GRACE));
    tell(&mut book, 61, News::Joined(entry(11, "a")));
    book.tick(at(60) + GRACE);
    assert_eq!((told(&mut book), book.deadline()), (vec![], None), "it was there all the time");
    tell(&mut book, 80, left(11, LeaveReason::Expired));
    assert_eq!(told(&mut book), [left(11, LeaveReason::Expired)]);
}

#[test]
fn whoever_does_not_come_back_leaves_but_not_while_the_registry_is_lost() {
    let mut book = remembering();
    tell(&mut book, 60, News::Restored);
    tell(&mut book, 60, News::Registered(entry(10, "me")));
    tell(&mut book, 60, News::Snapshot(vec![entry(10, "me"), entry(12, "b")]));
    told(&mut book);
    tell(&mut book, 65, lost());
    assert_eq!(book.deadline(), None);
    tell(&mut book, 90, News::Restored);
    assert_eq!((book.deadline(), told(&mut book)), (Some(at(90) + GRACE), vec![lost(), News::Restored]));
    book.tick(at(90) + GRACE);
    assert_eq!(told(&mut book), [left(11, LeaveReason::Expired)]);
    assert_eq!(book.written().map(|memory| memory.others.into_values().collect()), Some(vec![entry(12, "b")]));
}

#[test]
fn a_name_that_the_registry_gives_to_another_is_no_longer_remembered() {
    let mut book = remembering();
    tell(&mut book, 60, News::Registered(entry(10, "me")));
    tell(&mut book, 60, News::Snapshot(vec![entry(10, "me"), entry(21, "a")]));
    assert_eq!(told(&mut book).pop(), Some(News::Snapshot(vec![entry(10, "me"), entry(21, "a"), entry(12, "b")])));
    tell(&mut book, 61, News::Joined(entry(22, "b")));
    assert_eq!(told(&mut book), [left(12, LeaveReason::Replaced), News::Joined(entry(22, "b"))]);
    let mut book = remembering();
    tell(&mut book, 60, News::Registered(entry(10, "me")));
    tell(&mut book, 60, News::Snapshot(vec![entry(10, "me")]));
    told(&mut book);
    let moved = Registration { port: 5000, ..entry(11, "a") };
    tell(&mut book, 61, News::Joined(moved.clone()));
    tell(&mut book, 61, News::Joined(entry(9, "b")));
    let expired = |raw| left(raw, LeaveReason::Expired);
    assert_eq!(told(&mut book), [expired(11), News::Joined(moved), expired(12), News::Joined(entry(9, "b"))], "one thing under one id");
}

#[test]
fn a_goodbye_ends_the_id_and_a_lost_registry_gets_none() {
    let mut book = Book::new(me(), None);
    assert!(book.leave() && book.written().is_none(), "it may have registered without knowing");
    tell(&mut book, 0, News::Registered(entry(20, "me")));
    tell(&mut book, 0, News::Snapshot(vec![entry(20, "me"), entry(11, "a")]));
    tell(&mut book, 1, lost());
    assert!(!book.leave());
    assert_eq!(book.written().map(|memory| memory.id_ended), Some(false));
    tell(&mut book, 2, News::Restored);
    assert!(book.leave() && book.changed);
    let ended = book.written().expect("the view stays useful");
    assert!(ended.id_ended && ended.others.len() == 1);

    // Without a registry the others still take it by its old id; with one it needs a new one.
    let mut book = Book::new(Candidate { port: 4020, ..me() }, Some(ended));
    assert_eq!(tell(&mut book, 0, lost()), Next::Again(Box::new(Candidate { port: 4020, ..me() })));
    assert!(matches!(&told(&mut book)[..], [News::Lost(_), News::Registered(own), News::Snapshot(_)] if *own == entry(20, "me")));
    assert!(!book.changed && book.written().expect("unchanged").id_ended);
    tell(&mut book, 5, News::Registered(entry(30, "me")));
    assert!(!book.written().expect("a new one").id_ended);
}

#[test]
fn another_address_than_the_one_that_is_known_under_the_id_needs_another_id() {
    let mut book = Book::new(Candidate { port: 4999, ..me() }, Some(memory(10, &[(11, "a")])));
    assert_eq!(tell(&mut book, 0, lost()), Next::Again(Box::new(Candidate { port: 4999, ..me() })));
    assert!(!book.changed && book.written().expect("for the next start").id_ended, "as it stands there");
    // A host that the connector would have filled in is the one that was found before.
    let mut book = Book::new(Candidate { host: String::new(), ..me() }, Some(memory(10, &[])));
    let kept = Candidate { id: Some(entry(10, "me").id), ..me() };
    assert_eq!(tell(&mut book, 0, lost()), Next::Again(Box::new(kept)));
}

#[test]
fn only_a_server_that_started_later_replaces_one_that_began_from_memory() {
    let mut book = remembering();
    let older = ServerId::new(NOW - 1).expect("an id");
    assert_eq!(tell(&mut book, 5, News::Replaced { by: older }), Next::Again(Box::new(me())), "this one is the newer");
    assert!(book.written().is_some_and(|memory| memory.id_ended), "and the old id is replaced");
    tell(&mut book, 6, News::Registered(entry(2000, "me")));
    assert_eq!(told(&mut book), [News::Restored, News::Registered(entry(2000, "me"))]);
    let by = ServerId::new(3000).expect("an id");
    assert_eq!(tell(&mut book, 7, News::Replaced { by }), Next::GoOn);
    assert_eq!((told(&mut book), book.written()), (vec![News::Replaced { by }], None), "the file is the other one's");

    let mut book = remembering();
    assert_eq!(tell(&mut book, 5, News::Replaced { by }), Next::GoOn);
    assert!(book.over);
}
