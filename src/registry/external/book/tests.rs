use super::*;
use crate::registry::contract::Ledger;
use proptest::prelude::*;

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).unwrap()
}

fn me() -> Candidate {
    let (group, name, host) = ("world".into(), "w1".into(), "10.0.0.1".into());
    Candidate { id: None, group, name, host, port: 4000, visibility: Default::default(), properties: BTreeMap::new() }
}

fn entry(raw: u64, name: &str) -> Registration {
    let (group, name, host) = ("world".into(), name.into(), "10.0.0.2".into());
    Registration { id: id(raw), group, name, host, port: 4000, visibility: Default::default(), properties: BTreeMap::new() }
}

fn news(book: &mut Book) -> Vec<News> {
    std::iter::from_fn(|| book.next_news()).collect()
}

/// Registered as 100, with nothing left to say.
fn registered() -> Book {
    let mut book = Book::new();
    book.ask(&me(), id(50)).expect("asked");
    book.registered(id(100)).unwrap();
    let own = entry_of_me(100);
    assert_eq!(news(&mut book), [News::Registered(own.clone()), News::Snapshot(vec![own])]);
    book
}

fn entry_of_me(raw: u64) -> Registration {
    Registration { host: "10.0.0.1".into(), ..entry(raw, "w1") }
}

#[test]
fn nothing_is_taken_before_the_registration_and_nothing_after_the_end() {
    let mut book = Book::new();
    assert_eq!(book.registered(id(1)), Err(RegistryError::NotAsked));
    assert_eq!(book.register_failed("why"), Err(RegistryError::NotAsked));
    book.ask(&me(), id(50)).expect("asked");
    for refused in
        [book.joined(entry(1, "w2")), book.left(id(1)), book.snapshot_begin(), book.snapshot_end(), book.lost("why"), book.restored()]
    {
        assert_eq!(refused, Err(RegistryError::NotRegistered));
    }
    assert_eq!(news(&mut book), []);
    book.registered(id(50)).unwrap();
    book.close();
    assert_eq!(book.registered(id(50)), Err(RegistryError::Stopped));
    assert_eq!(book.joined(entry(1, "w2")), Err(RegistryError::Stopped));
    assert_eq!(news(&mut book).len(), 2, "what was taken before is still told");
}

#[test]
fn a_registration_that_fails_is_told_once_and_asked_for_again() {
    let mut book = Book::new();
    for attempt in 0..3 {
        assert!(book.ask(&me(), id(50 + attempt)).is_some());
        book.register_failed("the database is down").unwrap();
        assert!(book.has_failed());
        assert_eq!(book.register_failed("again"), Err(RegistryError::NotAsked));
    }
    assert_eq!(news(&mut book), [News::Lost("the database is down".into())]);
    book.ask(&me(), id(60)).expect("asked");
    book.registered(id(60)).unwrap();
    let own = entry_of_me(60);
    assert_eq!(news(&mut book), [News::Restored, News::Registered(own.clone()), News::Snapshot(vec![own])]);
    assert_eq!(book.registered(id(60)), Ok(()));
    assert_eq!(book.registered(id(61)), Err(RegistryError::AlreadyRegistered(id(60))));
    assert_eq!(book.register_failed("late"), Err(RegistryError::AlreadyRegistered(id(60))));
    assert!(book.ask(&me(), id(62)).is_none() && news(&mut book).is_empty());
}

#[test]
fn joins_and_leaves_are_checked() {
    let mut book = registered();
    book.joined(entry(1, "w2")).unwrap();
    assert!(matches!(book.joined(entry(1, "w2")), Err(RegistryError::AlreadyJoined { .. })));
    assert!(matches!(book.joined(entry(1, "w3")), Err(RegistryError::Changed { .. })));
    assert!(matches!(book.joined(Registration { port: 1, ..entry(1, "w2") }), Err(RegistryError::Changed { .. })));
    assert_eq!(book.left(id(2)), Err(RegistryError::NotJoined(id(2))));
    book.left(id(1)).unwrap();
    assert_eq!(book.left(id(1)), Err(RegistryError::NotJoined(id(1))));
    book.joined(entry(1, "w2")).unwrap();
    let (joined, left) = (News::Joined(entry(1, "w2")), News::Left { id: id(1), reason: LeaveReason::Expired });
    assert_eq!(news(&mut book), [joined.clone(), left, joined]);
}

#[test]
fn entries_that_make_no_sense_are_refused_with_the_flaw() {
    let mut book = registered();
    let good = || entry(1, "w2");
    let cases = [
        (Registration { group: "".into(), ..good() }, "group"),
        (Registration { name: "a b".into(), ..good() }, "a b"),
        (Registration { name: "n".repeat(64), ..good() }, "63"),
        (Registration { host: "".into(), ..good() }, "host"),
        (Registration { host: "h".repeat(256), ..good() }, "256"),
        (Registration { host: "[::1]".into(), ..good() }, "brackets"),
        (Registration { host: "a\0".into(), ..good() }, "host"),
        (Registration { port: 0, ..good() }, "port 0"),
        (Registration { properties: [("a".into(), "b".repeat(5000))].into(), ..good() }, "4096"),
        (Registration { id: id(100), ..good() }, "this server itself"),
    ];
    for (bad, says) in cases {
        let error = book.joined(bad).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!(news(&mut book), []);
    assert_eq!(book.left(id(1)), Err(RegistryError::NotJoined(id(1))), "nothing was half done");
}

#[test]
fn a_higher_id_replaces_and_what_it_replaced_never_comes_back() {
    let mut book = registered();
    book.joined(entry(5, "w2")).unwrap();
    book.joined(entry(7, "w2")).unwrap();
    book.joined(entry(6, "w2")).unwrap();
    let replaced = News::Left { id: id(5), reason: LeaveReason::Replaced };
    assert_eq!(news(&mut book), [News::Joined(entry(5, "w2")), replaced, News::Joined(entry(7, "w2"))]);
    assert!(book.shows(id(7)) && !book.shows(id(6)) && !book.shows(id(5)));
    // The ghosts are still the game's to report.
    book.left(id(5)).unwrap();
    book.left(id(7)).unwrap();
    book.joined(entry(5, "w2")).unwrap();
    assert_eq!(news(&mut book), [News::Left { id: id(7), reason: LeaveReason::Expired }]);
}

#[test]
fn this_server_and_its_ghosts_are_left_out_and_its_successor_ends_it() {
    let mut book = registered();
    book.joined(entry_of_me(100)).unwrap();
    book.joined(entry(99, "w1")).unwrap();
    book.left(id(100)).unwrap();
    assert_eq!(news(&mut book), []);
    book.joined(entry(101, "w1")).unwrap();
    assert_eq!(news(&mut book), [News::Replaced { by: id(101) }]);
    assert_eq!(book.left(id(101)), Err(RegistryError::Stopped));
}

#[test]
fn whoever_is_not_in_a_snapshot_has_left() {
    let mut book = registered();
    assert_eq!(book.snapshot_end(), Err(RegistryError::NoSnapshot));
    for raw in 1..=3 {
        book.joined(entry(raw, &format!("n{raw}"))).unwrap();
    }
    news(&mut book);
    book.snapshot_begin().unwrap();
    assert_eq!(book.snapshot_begin(), Err(RegistryError::SnapshotOpen));
    book.joined(entry(2, "n2")).unwrap();
    assert!(matches!(book.joined(entry(2, "n2")), Err(RegistryError::AlreadyJoined { .. })));
    assert!(matches!(book.joined(entry(3, "n2")), Err(RegistryError::Changed { .. })));
    book.joined(entry(4, "n4")).unwrap();
    book.joined(entry(5, "n5")).unwrap();
    book.left(id(5)).unwrap();
    book.snapshot_end().unwrap();
    let left = |raw| News::Left { id: id(raw), reason: LeaveReason::Expired };
    assert_eq!(news(&mut book), [News::Joined(entry(4, "n4")), News::Joined(entry(5, "n5")), left(5), left(1), left(3)]);
    assert_eq!(book.snapshot_end(), Err(RegistryError::NoSnapshot));
}

#[test]
fn an_outage_is_told_once_however_often_it_is_reported() {
    let mut book = registered();
    book.restored().unwrap();
    book.lost("").unwrap();
    book.lost("still").unwrap();
    book.restored().unwrap();
    book.restored().unwrap();
    book.lost(&"ü".repeat(5000)).unwrap();
    let told = news(&mut book);
    assert!(matches!(&told[..], [News::Lost(text), News::Restored, News::Registered(_), News::Lost(long)]
        if !text.is_empty() && long.len() == MOST_TEXT_BYTES));
}

#[test]
fn a_game_that_reports_without_end_is_stopped_before_memory_is() {
    let mut book = registered();
    let mut refused = None;
    for _ in 0..MOST_PENDING {
        refused = book.joined(entry(1, "w2")).and_then(|()| book.left(id(1))).err();
        if refused.is_some() {
            break;
        }
    }
    assert!(matches!(refused, Some(RegistryError::Full(_))), "{refused:?}");
    news(&mut book);
    assert_eq!(book.lost("room again"), Ok(()));
}

#[derive(Debug, Clone)]
enum Call {
    Ask(u64),
    Registered(u64),
    Failed,
    Joined(u64, u8),
    Left(u64),
    Begin,
    End,
    Lost,
    Restored,
}

fn call() -> impl Strategy<Value = Call> {
    let raw = || 1u64..12;
    prop_oneof![
        1 => raw().prop_map(Call::Ask),
        2 => raw().prop_map(Call::Registered),
        1 => Just(Call::Failed),
        8 => (raw(), 1u8..5).prop_map(|(raw, name)| Call::Joined(raw, name)),
        4 => raw().prop_map(Call::Left),
        2 => Just(Call::Begin),
        2 => Just(Call::End),
        1 => Just(Call::Lost),
        1 => Just(Call::Restored),
    ]
}

proptest! {
    /// Whatever a game calls in whatever order: what comes out keeps every rule of the contract.
    #[test]
    fn any_calls_make_news_that_keep_the_contract(calls in proptest::collection::vec(call(), 0..200)) {
        let mut book = Book::new();
        let mut ledger = Ledger::default();
        for call in calls {
            // Refusals are part of the game.
            let _ = match call {
                Call::Ask(raw) => {
                    book.ask(&me(), id(raw));
                    Ok(())
                }
                Call::Registered(raw) => book.registered(id(raw)),
                Call::Failed => book.register_failed("failed"),
                Call::Joined(raw, name) => book.joined(entry(raw, &format!("w{name}"))),
                Call::Left(raw) => book.left(id(raw)),
                Call::Begin => book.snapshot_begin(),
                Call::End => book.snapshot_end(),
                Call::Lost => book.lost("lost"),
                Call::Restored => book.restored(),
            };
            for news in news(&mut book) {
                let told = format!("{news:?}");
                prop_assert_eq!(ledger.take(news), Ok(()), "{}", told);
            }
            let shown = ledger.view.keys().filter(|id| Some(**id) != book.id()).copied().collect::<Vec<_>>();
            prop_assert!(shown.iter().all(|id| book.shows(*id)));
        }
    }
}
