//! What every registry owes a cluster, as a suite to run against a connector; also against one of your own.
//!
//! Write a [`Fixture`] that starts your registry and makes connectors to it, and call [`run_all`] (or the cases one by one) from an
//! async test on a tokio runtime with IO and time. A broken promise is a panic that says which, with everything the member was told.
//! All waits are bounded. May use only the [`Connector`] trait; must never know any one registry.

mod ledger;
mod member;

pub use ledger::Ledger;
pub use member::Member;

use super::{Connector, LeaveReason, News};
use crate::id::ServerId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// A crashed server must be gone this long after its lease has ended.
pub const EXPIRY_SLACK: Duration = Duration::from_secs(2);

/// Servers that come and go together in [`thousands_come_and_go`].
const WAVE: usize = 50;

/// The groups and names that the suite registers with a registry of [`Abilities::seats`].
pub const SEATS: [(&str, &str); 3] = [("world", "w1"), ("world", "w2"), ("chat", "c1")];

/// What a kind of registry can do; the suite leaves out the cases that need more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// The list is agreed beforehand ([`SEATS`]): nobody joins, nobody leaves.
    pub seats: bool,
    /// A server that is gone without a goodbye leaves after this long.
    pub lease: Option<Duration>,
    /// [`Fixture::stop`] and [`Fixture::start`] work, and the registry forgets everything in between.
    pub restarts: bool,
    /// [`Fixture::pause`] and [`Fixture::resume`] work: the registry stands still, and forgets nothing.
    pub pauses: bool,
    /// [`Fixture::delay`] works.
    pub delays: bool,
    /// Servers that may register at the same moment. At least 3.
    pub crowd: usize,
    /// Servers that come and go while others watch.
    pub churn: usize,
}

impl Default for Abilities {
    /// A registry of which nothing is expected but that it registers and tells of joins and goodbyes.
    fn default() -> Self {
        Self { seats: false, lease: None, restarts: false, pauses: false, delays: false, crowd: 3, churn: 10 }
    }
}

/// One registry under test. Each case gets a fresh one.
pub trait Fixture {
    fn abilities(&self) -> Abilities;

    /// A connector for the server that will register under `group` and `name`, attached to this registry.
    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector>;

    /// Ends the registry as a crash would. Called only with [`Abilities::restarts`].
    fn stop(&mut self) -> impl Future<Output = ()>;

    /// Starts it again at the same place, empty.
    fn start(&mut self) -> impl Future<Output = ()>;

    /// Lets it stand still, as `SIGSTOP` does: its sockets stay open and nothing is answered. Called only with [`Abilities::pauses`].
    fn pause(&mut self) {}

    /// Lets it go on.
    fn resume(&mut self) {}

    /// From now on whatever it says takes this long to arrive. Called only with [`Abilities::delays`].
    fn delay(&mut self, _by: Duration) {}
}

/// Every case, each against a fresh fixture.
pub async fn run_all<F: Fixture>(fixture: impl AsyncFn() -> F) {
    registers_and_sees_itself(&mut fixture().await).await;
    everybody_agrees_on_the_ids(&mut fixture().await).await;
    joins_and_goodbyes_are_seen_by_all(&mut fixture().await).await;
    a_dropped_server_says_goodbye(&mut fixture().await).await;
    a_newer_server_of_the_same_name_replaces_the_older(&mut fixture().await).await;
    a_crashed_server_expires(&mut fixture().await).await;
    a_frozen_server_comes_back_by_itself(&mut fixture().await).await;
    a_reported_failure_harms_nobody_alive(&mut fixture().await).await;
    a_restarted_registry_keeps_ids_and_sees_nobody_leave(&mut fixture().await).await;
    an_outage_is_told_once(&mut fixture().await).await;
    a_registry_that_starts_late_is_waited_for(&mut fixture().await).await;
    a_paused_registry_harms_nobody(&mut fixture().await).await;
    a_slow_registry_is_only_slow(&mut fixture().await).await;
    a_crowd_registers_at_once(&mut fixture().await).await;
    thousands_come_and_go(&mut fixture().await).await;
    properties_arrive_as_they_are(&mut fixture().await).await;
}

/// A server gets an id, then a view that it is in itself.
pub async fn registers_and_sees_itself(fixture: &mut impl Fixture) {
    let mut member = Member::start(fixture, "world", "w1");
    member.until("has its first view", Member::has_view).await;
    let own = member.own().clone();
    assert_eq!((own.group.as_str(), own.name.as_str()), ("world", "w1"));
    assert!(!own.host.is_empty() && own.port != 0, "nobody can dial {own:?}");
    assert_eq!(member.view().get(&own.id), Some(&own));
    member.leave().await;
}

/// All servers know each other under the same ids, and no id twice.
pub async fn everybody_agrees_on_the_ids(fixture: &mut impl Fixture) {
    let mut members = SEATS.map(|(group, name)| Member::start(fixture, group, name));
    for member in &mut members {
        member.until("sees all three", |member| member.has_view() && member.view().len() == 3).await;
    }
    let ids = members.iter().map(Member::id).collect::<BTreeSet<_>>();
    assert_eq!(ids.len(), 3, "an id was given twice");
    for member in &members {
        assert_eq!(member.view(), members[0].view(), "two servers see different clusters");
        assert_eq!(member.view().keys().copied().collect::<BTreeSet<_>>(), ids);
    }
    for member in members {
        member.leave().await;
    }
}

/// Joins and goodbyes reach everybody; a goodbye at once, and as what it is.
pub async fn joins_and_goodbyes_are_seen_by_all(fixture: &mut impl Fixture) {
    if fixture.abilities().seats {
        return;
    }
    let mut first = Member::registered(fixture, "world", "w1").await;
    let mut second = Member::registered(fixture, "chat", "c1").await;
    let third = Member::registered(fixture, "world", "w2").await;
    let id = third.id();
    for member in [&mut first, &mut second] {
        member.until("sees the third join", |member| member.view().contains_key(&id)).await;
    }
    third.leave().await;
    for member in [&mut first, &mut second] {
        member.until("sees the third leave", |member| !member.view().contains_key(&id)).await;
        member.assert_left(id, LeaveReason::Deregistered);
    }
    let again = Member::registered(fixture, "world", "w2").await;
    assert_ne!(again.id(), id, "an id was given again");
    first.until("sees the new one", |member| member.view().contains_key(&again.id())).await;
    for member in [first, second, again] {
        member.leave().await;
    }
}

/// Closing the command channel is a goodbye too.
pub async fn a_dropped_server_says_goodbye(fixture: &mut impl Fixture) {
    let mut watcher = Member::registered(fixture, "chat", "c1").await;
    let mut member = Member::registered(fixture, "world", "w1").await;
    let id = member.id();
    watcher.until("sees the other", |watcher| watcher.view().contains_key(&id)).await;
    member.close_commands();
    member.ended().await;
    if !fixture.abilities().seats {
        watcher.until("sees it leave", |watcher| !watcher.view().contains_key(&id)).await;
        watcher.assert_left(id, LeaveReason::Deregistered);
    }
    watcher.leave().await;
}

/// A restart under the same name: the ghost leaves as replaced, before the new one joins, and is told so if it still lives.
pub async fn a_newer_server_of_the_same_name_replaces_the_older(fixture: &mut impl Fixture) {
    if fixture.abilities().seats {
        return;
    }
    let mut watcher = Member::registered(fixture, "chat", "c1").await;
    let mut older = Member::registered(fixture, "world", "w1").await;
    let old = older.id();
    watcher.until("sees the older", |watcher| watcher.view().contains_key(&old)).await;
    let newer = Member::registered(fixture, "world", "w1").await;
    let new = newer.id();
    assert_ne!(new, old);
    assert!(!newer.view().contains_key(&old), "the newer one sees its own ghost");
    watcher.until("sees the newer", |watcher| watcher.view().contains_key(&new)).await;
    watcher.assert_left(old, LeaveReason::Replaced);
    older.until("is told", |older| older.replaced_by() == Some(new)).await;
    older.leave().await;

    // The same when the older one has crashed: nobody waits for its lease.
    newer.crash().await;
    let newest = Member::registered(fixture, "world", "w1").await;
    let newest_id = newest.id();
    watcher.until("sees the newest", |watcher| watcher.view().contains_key(&newest_id)).await;
    assert!(!watcher.view().contains_key(&new));
    newest.leave().await;
    watcher.leave().await;
}

/// A server that is gone without a word leaves when its lease ends, and not for good: it was a hint.
pub async fn a_crashed_server_expires(fixture: &mut impl Fixture) {
    let Some(lease) = fixture.abilities().lease else { return };
    let mut watcher = Member::registered(fixture, "chat", "c1").await;
    let member = Member::registered(fixture, "world", "w1").await;
    let id = member.id();
    watcher.until("sees the other", |watcher| watcher.view().contains_key(&id)).await;
    member.crash().await;
    watcher.within(lease + EXPIRY_SLACK).until("sees it leave", |watcher| !watcher.view().contains_key(&id)).await;
    watcher.assert_left(id, LeaveReason::Expired);
    watcher.leave().await;
}

/// A process that stood still for three leases (a debugger, a machine that was moved) was gone for the others; it comes back by itself, and
/// nobody ever sees two of it.
pub async fn a_frozen_server_comes_back_by_itself(fixture: &mut impl Fixture) {
    let Some(lease) = fixture.abilities().lease else { return };
    let mut watcher = Member::registered(fixture, "chat", "c1").await;
    let mut member = Member::start_apart(fixture, "world", "w1");
    member.until("has its first view", Member::has_view).await;
    let id = member.id();
    watcher.until("sees the other", |watcher| watcher.view().contains_key(&id)).await;
    let began = Instant::now();
    let frozen = member.freeze();
    watcher.within(lease + EXPIRY_SLACK).until("sees it leave", |watcher| !watcher.view().contains_key(&id)).await;
    watcher.assert_left(id, LeaveReason::Expired);
    watcher.for_a_while((began + 3 * lease).saturating_duration_since(Instant::now())).await;
    drop(frozen);
    watcher.until("sees it again", |watcher| watcher.view().values().any(|entry| entry.name == "w1")).await;
    member.until("knows that it is there", |member| !member.is_lost()).await;
    watcher.for_a_while(lease).await;
    assert_eq!(watcher.view().len(), 2, "seen twice: {:#?}", watcher.view());
    assert_eq!(member.replaced_by(), None);
    member.leave().await;
    watcher.until("sees it leave", |watcher| watcher.view().len() == 1).await;
    watcher.leave().await;
}

/// Reporting that a server cannot be dialled takes out a dead one, and never one that is alive (or a seat).
pub async fn a_reported_failure_harms_nobody_alive(fixture: &mut impl Fixture) {
    let lease = fixture.abilities().lease;
    let mut reporter = Member::start(fixture, "chat", "c1");
    let alive = Member::registered(fixture, "world", "w1").await;
    let dead = Member::registered(fixture, "world", "w2").await;
    let (alive_id, dead_id) = (alive.id(), dead.id());
    reporter.until("sees both", |reporter| [alive_id, dead_id].iter().all(|id| reporter.view().contains_key(id))).await;
    reporter.report_failure(alive_id).await;
    if let Some(lease) = lease {
        dead.crash().await;
        reporter.report_failure(dead_id).await;
        reporter.within(lease + EXPIRY_SLACK).until("sees the dead leave", |reporter| !reporter.view().contains_key(&dead_id)).await;
    } else {
        reporter.report_failure(dead_id).await;
        dead.leave().await;
    }
    assert!(reporter.view().contains_key(&alive_id), "a living server was taken out by a report");
    alive.leave().await;
    reporter.leave().await;
    assert_ne!(alive_id, dead_id);
}

/// A registry that forgets everything: its members come back under their ids, and nobody who is alive is seen to leave.
pub async fn a_restarted_registry_keeps_ids_and_sees_nobody_leave(fixture: &mut impl Fixture) {
    if !fixture.abilities().restarts || fixture.abilities().lease.is_none() {
        return;
    }
    let mut members = Vec::new();
    for (group, name) in SEATS {
        members.push(Member::registered(fixture, group, name).await);
    }
    let ids = members.iter().map(Member::id).collect::<Vec<_>>();
    let dead = Member::registered(fixture, "world", "w3").await;
    let dead_id = dead.id();
    for member in &mut members {
        member.until("sees all four", |member| member.view().len() == 4).await;
    }
    fixture.stop().await;
    dead.crash().await;
    fixture.start().await;
    for member in &mut members {
        // That the dead one leaves shows that the registry judges again; whoever else it missed would have left with it.
        member.until("sees the dead one leave", |member| !member.view().contains_key(&dead_id)).await;
        member.assert_left(dead_id, LeaveReason::Expired);
        let left = member.history().iter().filter(|news| matches!(news, News::Left { .. })).count();
        assert_eq!(left, 1, "somebody who is alive was seen to leave: {:?}", member.history());
    }
    let newcomer = Member::registered(fixture, "world", "w4").await;
    assert!(ids.iter().all(|id| newcomer.view().contains_key(id)), "the restarted registry gave out other ids");
    for (member, id) in members.iter_mut().zip(&ids) {
        member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
        assert_eq!(member.id(), *id);
    }
    newcomer.leave().await;
    for member in members {
        member.leave().await;
    }
}

/// While the registry is away the view stays; the outage is one `Lost` and one `Restored`, and the id stays too.
pub async fn an_outage_is_told_once(fixture: &mut impl Fixture) {
    if !fixture.abilities().restarts {
        return;
    }
    let mut member = Member::registered(fixture, "world", "w1").await;
    let mut other = Member::registered(fixture, "world", "w2").await;
    let (id, other_id) = (member.id(), other.id());
    for member in [&mut member, &mut other] {
        member.until("sees both", |member| member.view().len() == 2).await;
    }
    fixture.stop().await;
    for member in [&mut member, &mut other] {
        member.until("is told of the loss", Member::is_lost).await;
        assert_eq!(member.view().len(), 2, "the view must outlive the registry");
    }
    fixture.start().await;
    for member in [&mut member, &mut other] {
        member.until("is registered again", |member| !member.is_lost() && member.registrations() == 2).await;
    }
    let newcomer = Member::registered(fixture, "chat", "c1").await;
    member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
    assert_eq!((member.outages(), member.id()), (1, id));
    assert!(member.view().contains_key(&other_id));
    for member in [member, other, newcomer] {
        member.leave().await;
    }
}

/// A server may start before its registry: one `Lost`, then everything as usual.
pub async fn a_registry_that_starts_late_is_waited_for(fixture: &mut impl Fixture) {
    if !fixture.abilities().restarts {
        return;
    }
    fixture.stop().await;
    let mut member = Member::start(fixture, "world", "w1");
    member.until("is told that there is none", Member::is_lost).await;
    fixture.start().await;
    member.until("is registered", Member::has_view).await;
    assert_eq!(member.outages(), 1);
    assert!(!member.is_lost());
    member.leave().await;
}

/// A registry that stands still for two leases: an outage like any other, and nobody who is alive is seen to leave.
pub async fn a_paused_registry_harms_nobody(fixture: &mut impl Fixture) {
    let Abilities { pauses: true, lease: Some(lease), .. } = fixture.abilities() else { return };
    let mut members = Vec::new();
    for (group, name) in SEATS {
        members.push(Member::registered(fixture, group, name).await);
    }
    for member in &mut members {
        member.until("sees all three", |member| member.view().len() == 3).await;
    }
    let began = Instant::now();
    fixture.pause();
    for member in &mut members {
        member.until("is told of the loss", Member::is_lost).await;
    }
    members[0].for_a_while((began + 2 * lease).saturating_duration_since(Instant::now())).await;
    fixture.resume();
    for member in &mut members {
        member.until("is registered again", |member| !member.is_lost()).await;
    }
    let newcomer = Member::registered(fixture, "world", "w4").await;
    for member in &mut members {
        member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
        // Whoever comes back late has been waited for.
        member.for_a_while(lease).await;
        let left = member.history().iter().filter(|news| matches!(news, News::Left { .. })).count();
        assert_eq!((left, member.view().len()), (0, 4), "somebody was seen to leave: {:?}", member.history());
        assert_eq!(member.outages(), 1);
    }
    newcomer.leave().await;
    for member in members {
        member.leave().await;
    }
}

/// Everything works with a registry that takes half a second for each answer.
pub async fn a_slow_registry_is_only_slow(fixture: &mut impl Fixture) {
    if !fixture.abilities().delays {
        return;
    }
    fixture.delay(Duration::from_millis(500));
    let mut watcher = Member::registered(fixture, "chat", "c1").await;
    let member = Member::registered(fixture, "world", "w1").await;
    let id = member.id();
    watcher.until("sees it", |watcher| watcher.view().contains_key(&id)).await;
    watcher.for_a_while(fixture.abilities().lease.unwrap_or_default() * 2).await;
    assert!(watcher.view().contains_key(&id) && watcher.outages() == 0, "slow is not lost: {:?}", watcher.history());
    member.leave().await;
    watcher.until("sees it leave", |watcher| !watcher.view().contains_key(&id)).await;
    watcher.leave().await;
}

/// Many servers starting in the same moment all get in, each under an id of its own.
pub async fn a_crowd_registers_at_once(fixture: &mut impl Fixture) {
    let Abilities { seats, crowd, .. } = fixture.abilities();
    if seats {
        return;
    }
    let mut members = (0..crowd).map(|n| Member::start(fixture, "world", &format!("w{n}"))).collect::<Vec<_>>();
    for member in &mut members {
        // On a busy machine a crowd takes its time.
        member
            .within(Duration::from_secs(120))
            .until("sees the whole crowd", |member| member.has_view() && member.view().len() == crowd)
            .await;
    }
    let ids = members.iter().map(Member::id).collect::<BTreeSet<ServerId>>();
    assert_eq!(ids.len(), crowd, "an id was given twice");
    // On a busy machine a lease may have run out on the way; whoever it was is back soon, under the same id.
    for member in &mut members {
        member.until("sees the same cluster as the others", |member| member.view().keys().eq(&ids)).await;
    }
    for member in members {
        member.crash().await;
    }
}

/// Servers come and go, many at a time, and whoever watches misses none and sees none twice.
pub async fn thousands_come_and_go(fixture: &mut impl Fixture) {
    let Abilities { seats: false, churn, .. } = fixture.abilities() else { return };
    let mut watcher = Member::registered(fixture, "chat", "c1").await;
    let own = watcher.id();
    let mut ids = BTreeSet::new();
    for wave in 0..churn.div_ceil(WAVE) {
        let mut members: Vec<Member> = (0..WAVE).map(|n| Member::start(fixture, "world", &format!("w{}", wave * WAVE + n))).collect();
        for member in &mut members {
            member.until("is registered", Member::has_view).await;
            assert!(ids.insert(member.id()), "an id was given twice");
        }
        watcher.until("sees the whole wave", |watcher| watcher.view().len() == WAVE + 1).await;
        for member in members {
            member.leave().await;
        }
        watcher.until("sees the wave leave", |watcher| watcher.view().len() == 1).await;
    }
    assert_eq!(watcher.id(), own);
    watcher.leave().await;
}

/// Properties are the game's own: no character is special.
pub async fn properties_arrive_as_they_are(fixture: &mut impl Fixture) {
    if fixture.abilities().seats {
        return;
    }
    let odd = [
        "",
        " ",
        "a=b",
        "\"quoted\" 'twice'",
        "line\nbreak\r\n\ttab",
        "nul\0nul",
        "ünïcödé 世界 🐉",
        "{\"json\": [1]}",
        "../../etc",
        "%s%n$()",
    ];
    let mut properties = odd.iter().map(|text| (text.to_string(), text.chars().rev().collect())).collect::<BTreeMap<String, String>>();
    properties.insert("long".into(), "x".repeat(3000));
    let mut watcher = Member::registered(fixture, "chat", "c1").await;
    let mut member = Member::start_with(fixture, "world", "w1", properties.clone());
    member.until("is registered", Member::has_view).await;
    let id = member.id();
    assert_eq!(member.own().properties, properties);
    watcher.until("sees it", |watcher| watcher.view().contains_key(&id)).await;
    assert_eq!(watcher.view()[&id], *member.own());
    member.leave().await;
    watcher.leave().await;
}
