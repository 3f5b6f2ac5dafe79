use super::*;
use crate::config::Visibility;
use proptest::prelude::*;

const GRACE: Duration = Duration::from_secs(3);

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).unwrap()
}

/// Registration `raw` under a name of its own.
fn entry(raw: u64) -> Registration {
    named(raw, &format!("w{raw}"))
}

fn named(raw: u64, name: &str) -> Registration {
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

fn union(hosts: usize) -> Union {
    let mut union = Union::new(hosts);
    union.set_grace(GRACE);
    union
}

fn left(raw: u64, reason: LeaveReason) -> Change {
    Change::Left { id: id(raw), reason }
}

#[test]
fn one_host_is_simply_followed() {
    let mut union = union(1);
    union.snapshot(0, vec![entry(1), entry(2)], true);
    assert_eq!(union.changes(), [Change::Joined(entry(1)), Change::Joined(entry(2))]);
    union.joined(0, entry(3));
    union.left(0, id(1), LeaveReason::Deregistered);
    union.left(0, id(2), LeaveReason::Expired);
    assert_eq!(union.changes(), [Change::Joined(entry(3)), left(1, LeaveReason::Deregistered), left(2, LeaveReason::Expired)]);
    assert_eq!(union.view(), [entry(3)]);
    // Expired is a hint and may be taken back, a goodbye is not.
    union.joined(0, entry(1));
    union.joined(0, entry(2));
    assert_eq!(union.changes(), [Change::Joined(entry(2))]);
}

#[test]
fn who_is_missing_from_a_settled_snapshot_has_left() {
    let mut union = union(1);
    union.snapshot(0, vec![entry(1), named(2, "x")], true);
    union.changes();
    union.gone(0, Duration::ZERO);
    union.snapshot(0, vec![named(5, "x")], true);
    // The name tells that 2 was replaced while we were away.
    assert_eq!(union.changes(), [left(1, LeaveReason::Expired), left(2, LeaveReason::Replaced), Change::Joined(named(5, "x"))]);
}

#[test]
fn a_host_that_came_back_empty_only_adds_until_it_has_settled() {
    let mut union = union(1);
    union.snapshot(0, vec![entry(1), entry(2), entry(3)], true);
    union.changes();
    union.gone(0, Duration::ZERO);
    union.tick(GRACE * 10);
    union.snapshot(0, vec![entry(4)], false);
    assert_eq!(union.changes(), [Change::Joined(entry(4))]);
    union.joined(0, entry(1));
    // It has seen this one return and go: that it knows, settled or not.
    union.joined(0, entry(2));
    union.left(0, id(2), LeaveReason::Expired);
    assert_eq!(union.changes(), [left(2, LeaveReason::Expired)]);
    union.settled(0);
    assert_eq!(union.changes(), [left(3, LeaveReason::Expired)]);
    assert_eq!(union.view(), [entry(1), entry(4)]);
}

#[test]
fn one_host_is_enough_to_be_here_and_all_must_deny_it() {
    let mut union = union(2);
    union.snapshot(0, vec![entry(1), entry(2)], true);
    union.snapshot(1, vec![entry(1)], true);
    union.left(0, id(1), LeaveReason::Expired);
    assert_eq!(union.changes(), [Change::Joined(entry(1)), Change::Joined(entry(2))]);
    union.left(1, id(1), LeaveReason::Expired);
    union.left(0, id(2), LeaveReason::Expired);
    assert_eq!(union.changes(), [left(1, LeaveReason::Expired), left(2, LeaveReason::Expired)]);
}

#[test]
fn a_final_word_of_one_host_beats_the_lagging_view_of_another() {
    let mut union = union(2);
    union.snapshot(0, vec![entry(1), named(2, "x")], true);
    union.snapshot(1, vec![entry(1), named(2, "x")], true);
    union.changes();
    union.left(0, id(1), LeaveReason::Deregistered);
    union.left(0, id(2), LeaveReason::Replaced);
    union.joined(0, named(3, "x"));
    assert_eq!(union.changes(), [left(1, LeaveReason::Deregistered), left(2, LeaveReason::Replaced), Change::Joined(named(3, "x"))]);
    union.snapshot(1, vec![entry(1), named(2, "x")], true);
    union.joined(1, entry(1));
    assert_eq!(union.changes(), []);
}

#[test]
fn the_word_of_a_lost_host_stands_for_the_grace() {
    let mut union = union(2);
    union.snapshot(0, vec![entry(1), entry(2)], true);
    union.snapshot(1, vec![entry(2)], true);
    union.changes();
    union.gone(0, Duration::from_secs(10));
    assert_eq!(union.deadline(), Some(Duration::from_secs(10) + GRACE));
    union.tick(Duration::from_secs(12));
    assert_eq!(union.changes(), []);
    union.tick(Duration::from_secs(13));
    assert_eq!(union.changes(), [left(1, LeaveReason::Expired)]);
    assert_eq!(union.deadline(), None);
}

#[test]
fn with_no_host_left_the_view_stays_for_ever() {
    let mut union = union(2);
    union.snapshot(0, vec![entry(1)], true);
    union.snapshot(1, vec![entry(2)], true);
    union.changes();
    union.gone(0, Duration::ZERO);
    union.gone(1, Duration::ZERO);
    union.tick(Duration::from_secs(1_000_000));
    assert_eq!(union.changes(), []);
    assert_eq!(union.view(), [entry(1), entry(2)]);
}

#[test]
fn hosts_that_disagree_about_a_name_show_the_newer_and_give_the_older_back() {
    let mut union = union(2);
    union.snapshot(0, vec![named(1, "x")], true);
    union.snapshot(1, vec![named(2, "x")], true);
    assert_eq!(union.changes(), [Change::Joined(named(1, "x")), left(1, LeaveReason::Expired), Change::Joined(named(2, "x"))]);
    union.left(1, id(2), LeaveReason::Expired);
    assert_eq!(union.changes(), [left(2, LeaveReason::Expired), Change::Joined(named(1, "x"))]);
}

#[test]
fn this_server_is_always_in_its_own_view() {
    let mut union = union(1);
    union.snapshot(0, vec![named(1, "me"), entry(5)], true);
    union.pin(named(3, "me"));
    union.changes();
    assert_eq!(union.view(), [named(3, "me"), entry(5)]);
    union.snapshot(0, vec![entry(5)], true);
    union.left(0, id(3), LeaveReason::Expired);
    assert_eq!(union.changes(), []);
    assert_eq!(union.view(), [named(3, "me"), entry(5)]);
}

#[derive(Debug, Clone)]
enum Word {
    Snapshot { entries: Vec<(u64, u8)>, settled: bool },
    Joined(u64, u8),
    Left(u64, LeaveReason),
    Settled,
    Gone,
    Later(u64),
}

fn word() -> impl Strategy<Value = Word> {
    let entry = || (1..12u64, 0..4u8);
    let reason = prop_oneof![Just(LeaveReason::Expired), Just(LeaveReason::Deregistered), Just(LeaveReason::Replaced)];
    prop_oneof![
        2 => (proptest::collection::vec(entry(), 0..8), any::<bool>()).prop_map(|(entries, settled)| Word::Snapshot { entries, settled }),
        6 => entry().prop_map(|(raw, name)| Word::Joined(raw, name)),
        4 => (1..12u64, reason).prop_map(|(raw, reason)| Word::Left(raw, reason)),
        1 => Just(Word::Settled),
        1 => Just(Word::Gone),
        1 => (0..5000u64).prop_map(Word::Later),
    ]
}

/// An id stands for one name for ever, as hosts see to.
fn fixed_name(raw: u64, _name: u8) -> Registration {
    named(raw, &format!("x{}", raw % 4))
}

proptest! {
    /// Whatever the hosts say: changes add up to the view, names and ids are unique in it, what ended stays away,
    /// and once all hosts agree their word is the view.
    #[test]
    fn changes_add_up_to_the_view(words in proptest::collection::vec((0..3usize, word()), 0..150), last in proptest::collection::vec(1..40u64, 0..10)) {
        let mut union = union(3);
        let mut connected = [false; 3];
        let mut view = BTreeMap::new();
        let mut ended = BTreeSet::new();
        let mut now = Duration::ZERO;
        let agreed = last.iter().map(|raw| fixed_name(*raw, 0)).collect::<Vec<_>>();
        let end = (0..3).map(|host| (host, None));
        for (host, word) in words.into_iter().map(|(host, word)| (host, Some(word))).chain(end) {
            match word {
                None => union.snapshot(host, agreed.clone(), true),
                Some(Word::Snapshot { entries, settled }) => {
                    connected[host] = true;
                    union.snapshot(host, entries.into_iter().map(|(raw, name)| fixed_name(raw, name)).collect(), settled);
                }
                // Only a host that is connected can say anything.
                Some(Word::Later(ms)) => {
                    now += Duration::from_millis(ms);
                    union.tick(now);
                }
                Some(_) if !connected[host] => {}
                Some(Word::Joined(raw, name)) => union.joined(host, fixed_name(raw, name)),
                Some(Word::Left(raw, reason)) => union.left(host, id(raw), reason),
                Some(Word::Settled) => union.settled(host),
                Some(Word::Gone) => {
                    connected[host] = false;
                    union.gone(host, now);
                }
            }
            for change in union.changes() {
                match change {
                    Change::Joined(entry) => {
                        prop_assert!(!ended.contains(&entry.id), "{} came back", entry.id);
                        prop_assert!(view.values().all(|other: &Registration| other.name != entry.name), "a name twice");
                        prop_assert!(view.insert(entry.id, entry).is_none());
                    }
                    Change::Left { id, reason } => {
                        prop_assert!(view.remove(&id).is_some());
                        if reason != LeaveReason::Expired {
                            ended.insert(id);
                        }
                    }
                }
            }
            prop_assert_eq!(union.view(), view.values().cloned().collect::<Vec<_>>());
        }
        let mut highest = BTreeMap::new();
        for entry in agreed.into_iter().filter(|entry| !union.departed.contains(entry.id)) {
            let best = highest.entry(entry.name.clone()).or_insert_with(|| entry.clone());
            if entry.id > best.id {
                *best = entry;
            }
        }
        let mut expected = highest.into_values().collect::<Vec<_>>();
        expected.sort_by_key(|entry| entry.id);
        prop_assert_eq!(union.view(), expected);
    }
}
