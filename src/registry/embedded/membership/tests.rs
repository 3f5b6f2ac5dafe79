use super::*;
use crate::config::Visibility;
use crate::registry::LeaveReason;
use std::collections::BTreeMap;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9));

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).unwrap()
}

fn membership(hosts: usize) -> Membership {
    let me = Candidate {
        id: None,
        group: "world".into(),
        name: "w1".into(),
        host: String::new(),
        port: 4000,
        visibility: Visibility::External,
        properties: BTreeMap::new(),
    };
    let addresses = (0..hosts).map(|host| format!("h{host}:4100")).collect::<Vec<_>>();
    Membership::new(me, &addresses, Ids::new(Duration::from_secs(1_800_000_000), 7))
}

fn news(membership: &mut Membership) -> Vec<News> {
    membership.actions().into_iter().filter_map(|action| if let Action::News(news) = action { Some(news) } else { None }).collect()
}

/// The registrations that were just sent, by host.
fn registrations(membership: &mut Membership) -> Vec<(usize, Registration, bool)> {
    let sent = |action| match action {
        Action::Send { host, message: ToHost::Register { registration, fresh } } => Some((host, registration, fresh)),
        _ => None,
    };
    membership.actions().into_iter().filter_map(sent).collect()
}

fn accept(membership: &mut Membership, host: usize, own: &Registration, now: Duration) {
    membership.message(host, ToMember::Registered { id: own.id, lease_ms: 1000 }, now);
    membership.message(host, ToMember::Snapshot { entries: vec![own.clone()], last: true, settled: true }, now);
}

/// Registered and announced at every host.
fn established(hosts: usize) -> (Membership, Registration) {
    let mut membership = membership(hosts);
    (0..hosts).for_each(|host| membership.connected(host, HERE, ms(0)));
    let own = registrations(&mut membership)[0].1.clone();
    (0..hosts).for_each(|host| accept(&mut membership, host, &own, ms(0)));
    assert_eq!(news(&mut membership), [News::Registered(own.clone()), News::Snapshot(vec![own.clone()])]);
    (membership, own)
}

#[test]
fn an_empty_host_is_the_address_by_which_the_registry_is_reached() {
    let mut membership = membership(2);
    membership.connected(0, HERE, ms(0));
    membership.connected(1, "127.0.0.1".parse().unwrap(), ms(0));
    let sent = registrations(&mut membership);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].1, sent[1].1, "an id stands for one registration");
    assert_eq!((sent[0].1.host.as_str(), sent[0].2), ("10.0.0.9", true));
}

#[test]
fn an_id_is_announced_only_when_no_reachable_host_can_object_any_more() {
    let mut membership = membership(3);
    (0..2).for_each(|host| membership.connected(host, HERE, ms(0)));
    let first = registrations(&mut membership)[0].1.clone();
    accept(&mut membership, 0, &first, ms(10));
    assert_eq!(news(&mut membership), []);
    membership.message(1, ToMember::Draw { above: first.id }, ms(20));
    let again = registrations(&mut membership);
    assert_eq!(again.iter().map(|(host, _, fresh)| (*host, *fresh)).collect::<Vec<_>>(), [(0, true), (1, true)]);
    let second = again[0].1.clone();
    assert!(second.id > first.id);
    // A late answer about the first id decides nothing.
    accept(&mut membership, 1, &first, ms(30));
    membership.message(0, ToMember::Draw { above: first.id }, ms(30));
    accept(&mut membership, 0, &second, ms(40));
    accept(&mut membership, 1, &second, ms(50));
    assert_eq!(news(&mut membership), [], "the third host has not been tried yet");
    membership.disconnected(2, "connection refused".into(), ms(60));
    assert_eq!(news(&mut membership), [News::Registered(second.clone()), News::Snapshot(vec![second])]);
}

#[test]
fn a_host_that_does_not_answer_is_not_waited_for_longer_than_a_second() {
    let mut membership = membership(2);
    membership.connected(0, HERE, ms(0));
    let own = registrations(&mut membership)[0].1.clone();
    accept(&mut membership, 0, &own, ms(100));
    assert_eq!(membership.deadline(), Some(ms(1100)));
    membership.tick(ms(1100));
    assert_eq!(news(&mut membership).len(), 2);
}

#[test]
fn a_loss_is_told_once_naming_every_address_its_error_and_the_cure() {
    let (mut membership, own) = established(2);
    for host in 0..2 {
        membership.disconnected(host, "the connection was closed".into(), ms(100));
    }
    assert_eq!(news(&mut membership), [], "a broken connection is dialled again first");
    for _ in 0..3 {
        for host in 0..2 {
            membership.disconnected(host, format!("refused by {host}"), ms(200));
        }
    }
    let told = news(&mut membership);
    let [News::Lost(text)] = &told[..] else { panic!("{told:?}") };
    assert!(text.contains("h0:4100 (refused by 0), h1:4100 (refused by 1)"), "{text}");
    assert!(text.contains("sinew registry --listen") && text.contains("registry.addresses"), "{text}");

    membership.connected(1, HERE, ms(300));
    let back = registrations(&mut membership);
    assert_eq!(back, [(1, own.clone(), false)], "the same id, not fresh");
    accept(&mut membership, 1, &own, ms(300));
    assert_eq!(news(&mut membership), [News::Restored, News::Registered(own)]);
}

#[test]
fn losing_one_of_two_hosts_is_no_news() {
    let (mut membership, _) = established(2);
    for now in 1..10 {
        membership.disconnected(0, "connection refused".into(), ms(now));
    }
    assert_eq!(news(&mut membership), []);
}

#[test]
fn what_the_host_says_is_told_rather_than_how_the_socket_ended() {
    let mut membership = membership(1);
    membership.connected(0, HERE, ms(0));
    membership.message(0, ToMember::Refused { reason: "this registry serves cluster `a`".into() }, ms(0));
    membership.disconnected(0, "the connection was closed".into(), ms(1));
    let told = news(&mut membership);
    let [News::Lost(text)] = &told[..] else { panic!("{told:?}") };
    assert!(text.contains("h0:4100 (refused: this registry serves cluster `a`)"), "{text}");
}

#[test]
fn a_replaced_server_gives_up_and_only_a_goodbye_is_left_to_do() {
    let (mut membership, _) = established(2);
    membership.message(0, ToMember::Replaced { by: id(1 << 52) }, ms(10));
    assert_eq!(membership.actions(), [Action::GiveUp, Action::News(News::Replaced { by: id(1 << 52) })]);
    membership.message(1, ToMember::Replaced { by: id(1 << 52) }, ms(10));
    membership.disconnected(0, "closed".into(), ms(10));
    assert_eq!(membership.actions(), []);
    membership.command(Command::Deregister, ms(20));
    assert_eq!(membership.actions(), [Action::Finish]);
}

#[test]
fn a_server_that_sees_its_own_name_under_a_higher_id_is_replaced() {
    let (mut membership, own) = established(2);
    membership.message(1, ToMember::Joined(Registration { id: id(1 << 52), ..own }), ms(10));
    assert_eq!(membership.actions(), [Action::GiveUp, Action::News(News::Replaced { by: id(1 << 52) })]);
}

#[test]
fn a_goodbye_waits_for_every_connected_host_but_not_for_long() {
    let (mut membership, _) = established(3);
    membership.disconnected(2, "broken".into(), ms(0));
    membership.command(Command::Deregister, ms(100));
    let goodbye = |host| Action::Send { host, message: ToHost::Deregister };
    assert_eq!(membership.actions(), [goodbye(0), goodbye(1)]);
    membership.message(0, ToMember::Goodbye, ms(110));
    assert_eq!(membership.actions(), []);
    assert_eq!(membership.deadline(), Some(ms(1100)));
    membership.tick(ms(1100));
    assert_eq!(membership.actions(), [Action::Finish]);
}

#[test]
fn an_announced_id_is_never_given_up_for_a_host_that_objects() {
    let (mut membership, own) = established(2);
    membership.disconnected(1, "broken".into(), ms(10));
    membership.connected(1, HERE, ms(20));
    membership.actions();
    membership.message(1, ToMember::Draw { above: own.id }, ms(30));
    assert_eq!(membership.actions(), [Action::Disconnect { host: 1 }]);
    membership.message(0, ToMember::Left { id: own.id, reason: LeaveReason::Expired }, ms(40));
    assert_eq!(membership.actions(), []);
}

#[test]
fn a_host_that_refuses_every_draw_is_given_a_rest() {
    let mut membership = membership(1);
    membership.connected(0, HERE, ms(0));
    let mut draws = 0;
    while let Some((_, own, _)) = registrations(&mut membership).pop() {
        draws += 1;
        assert!(draws < 100, "it never stops");
        membership.message(0, ToMember::Draw { above: own.id }, ms(0));
    }
    assert_eq!(draws, MAX_DRAWS + 1);
}

#[test]
fn an_endless_snapshot_is_cut_off() {
    let mut membership = membership(1);
    membership.connected(0, HERE, ms(0));
    let own = registrations(&mut membership)[0].1.clone();
    membership.message(0, ToMember::Registered { id: own.id, lease_ms: 1000 }, ms(0));
    let entries = vec![own; MAX_SNAPSHOT / 4 + 1];
    for _ in 0..4 {
        membership.message(0, ToMember::Snapshot { entries: entries.clone(), last: false, settled: true }, ms(0));
    }
    assert!(membership.actions().contains(&Action::Disconnect { host: 0 }));
    assert!(membership.hosts[0].pieces.is_empty());
}

#[test]
fn a_host_that_lists_too_much_or_what_nobody_can_register_is_left() {
    let entry = |raw: u64| Registration {
        id: id(raw),
        group: "world".into(),
        name: format!("n{raw}"),
        host: "10.0.0.1".into(),
        port: 4000,
        visibility: Visibility::Internal,
        properties: BTreeMap::new(),
    };
    let left = |membership: &mut Membership| membership.actions().contains(&Action::Disconnect { host: 0 });

    let (mut flawed, _) = established(1);
    flawed.message(0, ToMember::Joined(entry(1)), ms(1));
    assert!(!left(&mut flawed));
    flawed.message(0, ToMember::Joined(Registration { port: 0, ..entry(2) }), ms(1));
    assert!(left(&mut flawed));

    let (mut renamed, _) = established(1);
    renamed.message(0, ToMember::Joined(entry(1)), ms(1));
    renamed.message(0, ToMember::Joined(entry(1)), ms(1));
    assert!(!left(&mut renamed));
    renamed.message(0, ToMember::Joined(Registration { name: "other".into(), ..entry(1) }), ms(1));
    assert!(left(&mut renamed));

    let (mut flooded, _) = established(1);
    for raw in 1..MAX_SNAPSHOT as u64 {
        flooded.message(0, ToMember::Joined(entry(raw)), ms(1));
    }
    assert!(!left(&mut flooded), "with this server itself as many as it may");
    flooded.message(0, ToMember::Joined(entry(MAX_SNAPSHOT as u64)), ms(1));
    assert!(left(&mut flooded));
}

#[test]
fn an_id_that_was_given_is_never_fresh_so_a_newer_server_of_the_name_is_told() {
    let mut membership = membership(1);
    membership.me.id = Some(id(5));
    membership.connected(0, HERE, ms(0));
    let [(_, own, fresh)] = &registrations(&mut membership)[..] else { panic!("one registration") };
    assert_eq!((own.id, *fresh), (id(5), false));
    membership.message(0, ToMember::Replaced { by: id(6) }, ms(1));
    assert_eq!(news(&mut membership), [News::Replaced { by: id(6) }]);
}

#[test]
fn an_id_that_was_given_and_stands_for_another_server_is_told_before_it_is_announced() {
    let mut membership = membership(1);
    membership.me.id = Some(id(5));
    membership.connected(0, HERE, ms(0));
    membership.message(0, ToMember::Draw { above: id(5) }, ms(1));
    let told = news(&mut membership);
    assert!(matches!(&told[..], [News::IdTaken, News::Lost(_)]), "{told:?}");
}
