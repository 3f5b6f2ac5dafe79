use super::*;

const GRACE: Duration = Duration::from_secs(5);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).expect("an id")
}

fn record(raw: u64, name: &str) -> Record {
    Record::new(Registration {
        id: id(raw),
        group: "world".into(),
        name: name.into(),
        host: "10.0.0.1".into(),
        port: 4000,
        visibility: Default::default(),
        properties: BTreeMap::new(),
    })
}

fn joined(raw: u64, name: &str) -> Change {
    Change::Joined(record(raw, name).registration)
}

fn left(raw: u64, reason: LeaveReason) -> Change {
    Change::Left { id: id(raw), reason }
}

/// Server 10, named `me`, which sees 11 (`a`) and 12 (`b`).
fn view() -> View {
    let mut view = View::new(record(10, "me").registration, GRACE);
    view.all(vec![record(10, "me"), record(11, "a"), record(12, "b")], at(0));
    assert_eq!(view.changes(), [joined(11, "a"), joined(12, "b")]);
    view
}

fn named(name: &str) -> Name {
    ("world".into(), name.into())
}

#[test]
fn who_is_gone_from_a_store_that_is_sure_has_expired_at_once_and_may_come_back() {
    let mut view = view();
    view.unset(&named("a"), LeaveReason::Expired, at(1));
    assert_eq!(view.changes(), [left(11, LeaveReason::Expired)]);
    view.set(record(11, "a"));
    assert_eq!(view.changes(), [joined(11, "a")]);
    view.all(vec![record(10, "me"), record(12, "b")], at(2));
    assert_eq!(view.changes(), [left(11, LeaveReason::Expired)]);
}

#[test]
fn after_an_outage_everybody_is_given_the_time_to_come_back() {
    let mut view = view();
    view.doubt(at(10));
    view.all(vec![record(10, "me")], at(10));
    view.unset(&named("b"), LeaveReason::Expired, at(12));
    assert_eq!((view.changes(), view.deadline()), (vec![], Some(at(15))));
    view.set(record(12, "b"));
    view.tick(at(15));
    assert_eq!(view.changes(), [left(11, LeaveReason::Expired)]);
    view.unset(&named("b"), LeaveReason::Expired, at(15));
    assert_eq!(view.changes(), [left(12, LeaveReason::Expired)], "it is sure again");
}

#[test]
fn a_goodbye_is_final_and_believed_even_from_a_store_that_is_not_sure() {
    let mut view = view();
    view.doubt(at(1));
    view.set(record(11, "a").goodbye());
    view.unset(&named("b"), LeaveReason::Deregistered, at(1));
    assert_eq!(view.changes(), [left(11, LeaveReason::Deregistered), left(12, LeaveReason::Deregistered)]);
    view.all(vec![record(11, "a"), record(12, "b").goodbye()], at(2));
    assert_eq!(view.changes(), [], "a report that came late");
    view.set(record(13, "a"));
    assert_eq!(view.changes(), [joined(13, "a")], "the next of that name is another");
}

#[test]
fn under_one_name_the_higher_id_wins_whatever_the_order() {
    let mut view = view();
    view.set(record(20, "a"));
    assert_eq!(view.changes(), [left(11, LeaveReason::Replaced), joined(20, "a")]);
    view.set(record(15, "a"));
    view.set(record(11, "a"));
    assert_eq!(view.changes(), []);
    view.all(vec![record(10, "me"), record(12, "b"), record(11, "a"), record(20, "a")], at(1));
    assert_eq!(view.changes(), []);
}

#[test]
fn a_newer_server_of_this_name_ends_it_and_an_older_one_does_not() {
    let mut view = view();
    view.set(record(9, "me"));
    assert_eq!(view.changes(), []);
    view.set(record(13, "me"));
    view.set(record(14, "c"));
    view.unset(&named("a"), LeaveReason::Expired, at(1));
    assert_eq!(view.changes(), [Change::Replaced { by: id(13) }]);
}

#[test]
fn an_id_under_two_names_changes_nothing() {
    let mut view = view();
    view.set(record(11, "b"));
    view.set(record(11, "c"));
    view.set(record(10, "c"));
    assert_eq!(view.changes(), []);
    assert_eq!(view.snapshot().len(), 3);
}

#[test]
fn a_store_cannot_grow_the_view_without_bound() {
    let mut view = view();
    for raw in 0..MOST_SERVERS as u64 + 10 {
        view.set(record(1000 + raw, &format!("n{raw}")));
    }
    assert_eq!(view.snapshot().len(), MOST_SERVERS + 1);
}
