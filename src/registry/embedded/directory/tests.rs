use super::*;
use crate::config::Visibility;
use proptest::prelude::*;

const LEASE: Duration = Duration::from_millis(1000);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).unwrap()
}

fn registration(raw: u64, name: &str) -> Registration {
    Registration {
        id: id(raw),
        group: "world".into(),
        name: name.into(),
        host: "10.0.0.1".into(),
        port: 4000,
        visibility: Visibility::Internal,
        properties: BTreeMap::new(),
    }
}

fn identity(name: &str) -> PeerIdentity {
    PeerIdentity { group: "world".into(), name: name.into() }
}

fn settled() -> Directory {
    Directory::new(LEASE, Duration::ZERO, Duration::ZERO)
}

/// What `connection` is told by these outputs; `None` at its end for a close.
fn told(outputs: &[Output], connection: u64) -> Vec<Option<ToMember>> {
    let connection = ConnectionId(connection);
    let told = |output: &Output| match output {
        Output::Send { to, message } => to.contains(&connection).then(|| Some(message.clone())),
        Output::Close(closed) => (*closed == connection).then_some(None),
    };
    outputs.iter().filter_map(told).collect()
}

fn register(directory: &mut Directory, connection: u64, entry: Registration, fresh: bool, now: Duration) -> Vec<Output> {
    directory.connected(ConnectionId(connection), identity(&entry.name), now);
    directory.message(ConnectionId(connection), ToHost::Register { registration: entry, fresh }, now);
    directory.outputs()
}

fn accepted(outputs: &[Output], connection: u64) -> bool {
    matches!(told(outputs, connection).first(), Some(Some(ToMember::Registered { .. })))
}

#[test]
fn a_newcomer_sees_everybody_and_everybody_sees_it() {
    let mut directory = settled();
    assert!(accepted(&register(&mut directory, 1, registration(5, "w1"), true, ms(0)), 1));
    let outputs = register(&mut directory, 2, registration(6, "w2"), true, ms(0));
    let entries = vec![registration(5, "w1"), registration(6, "w2")];
    let expected = [ToMember::Registered { id: id(6), lease_ms: 1000 }, ToMember::Snapshot { entries, last: true, settled: true }];
    assert_eq!(told(&outputs, 2), expected.map(Some));
    assert_eq!(told(&outputs, 1), [Some(ToMember::Joined(registration(6, "w2")))]);
}

#[test]
fn a_look_shows_everybody_registers_nobody_and_is_no_news() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    // Under the very name that is registered.
    directory.connected(ConnectionId(2), identity("w1"), ms(0));
    directory.message(ConnectionId(2), ToHost::Look, ms(0));
    let outputs = directory.outputs();
    let snapshot = ToMember::Snapshot { entries: vec![registration(5, "w1")], last: true, settled: true };
    assert_eq!(told(&outputs, 2), [Some(snapshot), None]);
    assert_eq!(told(&outputs, 1), []);
    register(&mut directory, 3, registration(6, "w2"), true, ms(0));
    directory.tick(ms(1));
    assert_eq!(directory.connections.len(), 2, "who only looked is forgotten");
}

#[test]
fn only_the_proven_group_and_name_can_be_registered() {
    let mut directory = settled();
    directory.connected(ConnectionId(1), identity("thief"), ms(0));
    directory.message(ConnectionId(1), ToHost::Register { registration: registration(5, "login"), fresh: true }, ms(0));
    let told = told(&directory.outputs(), 1);
    let [Some(ToMember::Refused { reason }), None] = &told[..] else { panic!("{told:?}") };
    assert!(reason.contains("certificate is for group `world`, name `thief`, not for group `world`, name `login`"), "{reason}");
    assert!(directory.entries.is_empty());
}

#[test]
fn what_cannot_be_dialled_or_is_too_large_is_refused_with_a_sentence() {
    let long = "x".repeat(crate::registry::entry::MAX_TEXT_BYTES + 1);
    let flaws: [(&str, Registration); 5] = [
        ("port 0", Registration { port: 0, ..registration(5, "w1") }),
        ("server.host has 0 bytes", Registration { host: String::new(), ..registration(5, "w1") }),
        ("server.host has 256 bytes", Registration { host: long, ..registration(5, "w1") }),
        ("server.name has 0 bytes", registration(5, "")),
        (
            "server.properties hold 4097 bytes, more than 4096",
            Registration { properties: [("k".into(), "v".repeat(4096))].into(), ..registration(5, "w1") },
        ),
    ];
    for (sentence, entry) in flaws {
        let outputs = register(&mut settled(), 1, entry, true, ms(0));
        let told = told(&outputs, 1);
        let [Some(ToMember::Refused { reason }), None] = &told[..] else { panic!("{told:?}") };
        assert!(reason.contains(sentence), "{reason}");
    }
}

#[test]
fn an_id_of_somebody_else_is_drawn_again() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    let outputs = register(&mut directory, 2, registration(5, "w2"), true, ms(0));
    assert_eq!(told(&outputs, 2), [Some(ToMember::Draw { above: id(5) })]);
    directory.message(ConnectionId(2), ToHost::Register { registration: registration(6, "w2"), fresh: true }, ms(0));
    assert!(accepted(&directory.outputs(), 2));
}

#[test]
fn an_id_that_somebody_else_has_given_up_is_drawn_again() {
    let mut directory = settled();
    // As when another host has given 5 to w2, and told w1 to draw anew.
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    directory.message(ConnectionId(1), ToHost::Register { registration: registration(6, "w1"), fresh: true }, ms(0));
    directory.outputs();
    let outputs = register(&mut directory, 2, registration(5, "w2"), true, ms(0));
    assert_eq!(told(&outputs, 2), [Some(ToMember::Draw { above: id(5) })]);
}

#[test]
fn a_fresh_registration_takes_the_name_and_the_older_is_told() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    register(&mut directory, 2, registration(6, "w2"), true, ms(0));
    let outputs = register(&mut directory, 3, registration(7, "w1"), true, ms(0));
    assert_eq!(told(&outputs, 1), [Some(ToMember::Replaced { by: id(7) })]);
    let left = ToMember::Left { id: id(5), reason: LeaveReason::Replaced };
    assert_eq!(told(&outputs, 2), [Some(left), Some(ToMember::Joined(registration(7, "w1")))]);
    // Its connection hears nothing more, and its id never comes back.
    assert_eq!(told(&register(&mut directory, 4, registration(8, "w4"), true, ms(0)), 1), []);
    let outputs = register(&mut directory, 5, registration(5, "w1"), false, ms(0));
    assert_eq!(told(&outputs, 5), [Some(ToMember::Replaced { by: id(7) })]);
}

#[test]
fn a_fresh_one_with_a_clock_behind_draws_above_the_holder() {
    let mut directory = settled();
    register(&mut directory, 1, registration(9, "w1"), true, ms(0));
    let outputs = register(&mut directory, 2, registration(5, "w1"), true, ms(0));
    assert_eq!(told(&outputs, 2), [Some(ToMember::Draw { above: id(9) })]);
    assert_eq!(told(&outputs, 1), []);
}

#[test]
fn after_a_restart_the_higher_of_two_returning_ids_wins_in_either_order() {
    for order in [[5, 7], [7, 5]] {
        let mut directory = Directory::new(LEASE, LEASE, ms(0));
        let mut outputs = register(&mut directory, order[0], registration(order[0], "w1"), false, ms(0));
        outputs.extend(register(&mut directory, order[1], registration(order[1], "w1"), false, ms(0)));
        assert!(told(&outputs, 5).contains(&Some(ToMember::Replaced { by: id(7) })));
        assert!(!told(&outputs, 7).contains(&Some(ToMember::Replaced { by: id(5) })));
        assert_eq!(directory.entries.keys().collect::<Vec<_>>(), [&id(7)]);
    }
}

#[test]
fn a_lost_connection_has_a_lease_to_come_back() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    register(&mut directory, 2, registration(6, "w2"), true, ms(0));
    directory.closed(ConnectionId(1), ms(100));
    let run = |directory: &mut Directory, from: u64, to: u64| {
        for now in (from..to).step_by(100) {
            directory.message(ConnectionId(2), ToHost::KeepAlive, ms(now));
            directory.tick(ms(now));
        }
        let mut told = told(&directory.outputs(), 2);
        told.retain(|message| *message != Some(ToMember::KeepAlive));
        told
    };
    assert_eq!(run(&mut directory, 100, 1000), []);
    let outputs = register(&mut directory, 3, registration(5, "w1"), false, ms(1000));
    assert!(accepted(&outputs, 3));
    assert_eq!(told(&outputs, 2), [], "nobody hears of a return within the lease");
    directory.closed(ConnectionId(3), ms(1000));
    assert_eq!(run(&mut directory, 1000, 1900), []);
    assert_eq!(run(&mut directory, 1900, 2101), [Some(ToMember::Left { id: id(5), reason: LeaveReason::Expired })]);
    // A lease that ran out is not final.
    let outputs = register(&mut directory, 4, registration(5, "w1"), false, ms(2200));
    assert!(accepted(&outputs, 4));
    assert_eq!(told(&outputs, 2), [Some(ToMember::Joined(registration(5, "w1")))]);
}

#[test]
fn a_member_may_come_by_several_addresses_of_one_host() {
    let mut directory = settled();
    let mut outputs = register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    outputs.extend(register(&mut directory, 2, registration(5, "w1"), true, ms(0)));
    assert!(accepted(&outputs, 1) && accepted(&outputs, 2));
    assert!(!told(&outputs, 1).contains(&None), "the first connection must live on");
    directory.closed(ConnectionId(1), ms(10));
    let mut outputs = Vec::new();
    for now in (0..3000).step_by(100) {
        directory.message(ConnectionId(2), ToHost::KeepAlive, ms(now));
        directory.tick(ms(now));
        outputs.extend(directory.outputs());
    }
    assert!(told(&outputs, 2).iter().all(|message| *message == Some(ToMember::KeepAlive)));
    // Connections that are made faster than they are noticed to be dead do not pile up.
    for connection in 3..50 {
        register(&mut directory, connection, registration(5, "w1"), false, ms(3000));
    }
    assert_eq!(directory.connections.len(), MAX_CONNECTIONS_EACH);
}

#[test]
fn a_silent_connection_is_closed_and_its_entry_expires() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    let mut outputs = Vec::new();
    for now in (0..=1000).step_by(100) {
        directory.tick(ms(now));
        outputs.extend(directory.outputs());
    }
    assert_eq!(told(&outputs, 1), [None]);
    assert!(directory.entries.is_empty());
}

#[test]
fn a_host_that_stood_still_blames_nobody() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    directory.tick(ms(100));
    directory.tick(ms(60_000));
    assert!(directory.outputs().is_empty());
    assert_eq!(directory.entries.len(), 1);
}

#[test]
fn a_suspect_expires_at_once_only_without_a_connection() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    register(&mut directory, 2, registration(6, "w2"), true, ms(0));
    directory.message(ConnectionId(2), ToHost::Suspect(id(5)), ms(10));
    directory.message(ConnectionId(2), ToHost::Suspect(id(77)), ms(10));
    assert!(directory.outputs().is_empty());
    directory.closed(ConnectionId(1), ms(20));
    directory.message(ConnectionId(2), ToHost::Suspect(id(5)), ms(30));
    assert_eq!(told(&directory.outputs(), 2), [Some(ToMember::Left { id: id(5), reason: LeaveReason::Expired })]);
}

#[test]
fn a_goodbye_is_answered_told_and_final() {
    let mut directory = settled();
    register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    register(&mut directory, 2, registration(6, "w2"), true, ms(0));
    directory.message(ConnectionId(1), ToHost::Deregister, ms(10));
    let outputs = directory.outputs();
    assert_eq!(told(&outputs, 1), [Some(ToMember::Goodbye)]);
    assert_eq!(told(&outputs, 2), [Some(ToMember::Left { id: id(5), reason: LeaveReason::Deregistered })]);
    let outputs = register(&mut directory, 3, registration(5, "w1"), false, ms(20));
    assert!(matches!(told(&outputs, 3)[..], [Some(ToMember::Refused { .. }), None]));
}

#[test]
fn settling_is_told_once_and_idle_connections_are_closed() {
    let mut directory = Directory::new(LEASE, ms(2000), ms(0));
    let outputs = register(&mut directory, 1, registration(5, "w1"), true, ms(0));
    assert!(matches!(told(&outputs, 1)[1], Some(ToMember::Snapshot { settled: false, .. })));
    directory.connected(ConnectionId(2), identity("idle"), ms(0));
    let mut outputs = Vec::new();
    for now in (0..=10_000).step_by(100) {
        directory.message(ConnectionId(1), ToHost::KeepAlive, ms(now));
        directory.tick(ms(now));
        outputs.extend(directory.outputs());
    }
    assert_eq!(told(&outputs, 1).iter().filter(|message| **message == Some(ToMember::Settled)).count(), 1);
    assert_eq!(told(&outputs, 2), [None]);
}

/// One thing that can happen to a host.
#[derive(Debug, Clone)]
enum Happening {
    Register { connection: u64, name: usize, raw: u64, fresh: bool },
    Message { connection: u64, message: usize, about: u64 },
    Closed { connection: u64 },
    Later { ms: u64 },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..12u64, 0..4usize, 1..20u64, any::<bool>())
            .prop_map(|(connection, name, raw, fresh)| Happening::Register { connection, name, raw, fresh }),
        3 => (0..12u64, 0..3usize, 1..20u64).prop_map(|(connection, message, about)| Happening::Message { connection, message, about }),
        1 => (0..12u64).prop_map(|connection| Happening::Closed { connection }),
        2 => (0..400u64).prop_map(|ms| Happening::Later { ms }),
    ]
}

fn holds(directory: &Directory, connection: u64) -> bool {
    directory.connections.get(&ConnectionId(connection)).is_some_and(|connection| connection.holds.is_some())
}

proptest! {
    /// Whoever follows what it is told has exactly the directory, names and ids are unique, and what ended for good stays away.
    #[test]
    fn every_member_can_follow(happenings in proptest::collection::vec(happening(), 0..200)) {
        const NAMES: [&str; 4] = ["w0", "w1", "w2", "w3"];
        let mut directory = settled();
        let mut now = ms(0);
        let mut open = BTreeMap::<u64, &str>::new();
        let mut views = BTreeMap::<u64, BTreeMap<ServerId, Registration>>::new();
        let mut ended = Vec::new();
        for happening in happenings {
            match happening {
                Happening::Register { connection, name, raw, fresh } => {
                    let name = *open.entry(connection).or_insert_with(|| {
                        directory.connected(ConnectionId(connection), identity(NAMES[name]), now);
                        NAMES[name]
                    });
                    let registration = registration(raw, name);
                    directory.message(ConnectionId(connection), ToHost::Register { registration, fresh }, now);
                }
                Happening::Message { connection, message, about } => {
                    let message = [ToHost::KeepAlive, ToHost::Suspect(id(about)), ToHost::Deregister][message].clone();
                    directory.message(ConnectionId(connection), message, now);
                }
                Happening::Closed { connection } => {
                    directory.closed(ConnectionId(connection), now);
                    open.remove(&connection);
                    views.remove(&connection);
                }
                Happening::Later { ms: later } => {
                    now += ms(later);
                    directory.tick(now);
                }
            }
            for output in directory.outputs() {
                match output {
                    Output::Send { to, message } => for ConnectionId(connection) in to {
                        match message.clone() {
                            ToMember::Snapshot { entries, .. } => {
                                prop_assert!(entries.iter().all(|entry| !ended.contains(&entry.id)));
                                views.insert(connection, entries.into_iter().map(|entry| (entry.id, entry)).collect());
                            }
                            ToMember::Joined(entry) => {
                                prop_assert!(!ended.contains(&entry.id));
                                prop_assert!(views.get_mut(&connection).unwrap().insert(entry.id, entry).is_none());
                            }
                            ToMember::Left { id, reason } => {
                                prop_assert!(views.get_mut(&connection).unwrap().remove(&id).is_some());
                                if reason != LeaveReason::Expired && !ended.contains(&id) {
                                    ended.push(id);
                                }
                            }
                            _ => {}
                        }
                    },
                    Output::Close(ConnectionId(connection)) => {
                        open.remove(&connection);
                        views.remove(&connection);
                    }
                }
            }
            // Whoever holds nothing any more, because it was replaced or has said goodbye, is told nothing any more.
            views.retain(|connection, _| holds(&directory, *connection));
            let truth = directory.entries.iter().map(|(id, entry)| (*id, entry.registration.clone())).collect::<BTreeMap<_, _>>();
            for view in views.values() {
                prop_assert_eq!(view, &truth);
            }
            let mut names = truth.values().map(|entry| &entry.name).collect::<Vec<_>>();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), truth.len());
            prop_assert_eq!(directory.names.len(), truth.len());
            for (connection, state) in &directory.connections {
                let holds = |entry: &Entry| entry.connections.contains(connection);
                let holders = directory.entries.iter().filter(|(_, entry)| holds(entry)).map(|(id, _)| *id).collect::<Vec<_>>();
                prop_assert_eq!(Vec::from_iter(state.holds), holders, "who holds what disagrees");
            }
        }
    }
}
