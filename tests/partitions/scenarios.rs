//! What happens to the six, one thing after another, and what must hold.

use crate::fleet::{Fleet, name};
use crate::network::side_of;
use std::time::{Duration, Instant};

/// A partition heals within this, by itself.
const HEALED_WITHIN: Duration = Duration::from_secs(5);
/// Where nothing is wrong a message comes every 50 ms. Longer than this nobody may wait for one, on a busy machine either.
const FLOWS: Duration = Duration::from_secs(2);

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn registries(fleet: &Fleet) -> String {
    format!("{} registry host{}", fleet.hosts.len(), if fleet.hosts.len() == 1 { "" } else { "s" })
}

/// All six find each other.
pub(crate) fn mesh(fleet: &mut Fleet) {
    let began = Instant::now();
    let took = fleet.wait("all 15 links are up", began, Fleet::all_up);
    println!("6 servers, 15 links: up in {}", seconds(took));
    fleet.wait("everybody hears everybody", began, |fleet| fleet.all_heard(began));
}

/// Half of the cluster does not reach the other half for so long.
pub(crate) fn partition(fleet: &mut Fleet, time: u64) {
    let cut = Instant::now();
    fleet.restart_pauses();
    fleet.network.cut();
    fleet.run_for(Duration::from_secs(time));
    flows_in_each_half(fleet);
    for word in ["interrupted", "disconnected", "left"] {
        let count = fleet.events_since(cut, word, Some(false));
        fleet.check(count == 0, || format!("{word} {count} times in the halves of a partition"));
    }
    // 5 s of silence, then 10 s in which the session may go on.
    for (at, about, witness) in fleet.pairs().filter(|(at, about, _)| side_of(*at) != side_of(*about)) {
        fleet.check(witness.is_some_and(|witness| witness.events_since(cut, "disconnected") == 1), || {
            format!("{} has not noticed that {} is out of reach", name(at), name(about))
        });
    }
    let mended = Instant::now();
    fleet.network.mend();
    let took = fleet.wait("all 15 links are up again", mended, Fleet::all_up);
    println!("{}: a partition of {time} s: healed in {}", registries(fleet), seconds(took));
    fleet.check(took < HEALED_WITHIN, || format!("a partition needs {} to heal", seconds(took)));
    fleet.wait("everybody hears everybody", mended, |fleet| fleet.all_heard(mended));
    flows_in_each_half(fleet);
}

fn flows_in_each_half(fleet: &Fleet) {
    for (at, from, witness) in fleet.pairs().filter(|(at, from, _)| side_of(*at) == side_of(*from)) {
        let pause = witness.map_or(Duration::MAX, |witness| witness.pause());
        fleet.check(pause < FLOWS, || format!("{} heard nothing from {} for {pause:?}", name(at), name(from)));
    }
}

/// Shorter than the silence after which a link counts as broken.
pub(crate) fn short_cut(fleet: &mut Fleet) {
    let (heard, _, _) = cut_for(fleet, 3);
    println!("a cut of 3 s: everybody heard everybody again after {}", seconds(heard));
}

/// Longer than that, and shorter than a session waits: here sessions must really go on.
pub(crate) fn longer_cut(fleet: &mut Fleet) {
    let (heard, interrupted, resumed) = cut_for(fleet, 7);
    println!("a cut of 7 s: everybody heard everybody again after {}, {interrupted} interrupted, {resumed} resumed", seconds(heard));
    // Nine links, both sides of each.
    fleet.check(interrupted == 18 && resumed == 18, || format!("{interrupted} of 18 interrupted, {resumed} resumed"));
}

/// Cuts the cable; no session may end of it, so the judge lets no message be missing. Answers how long after the end of the cut everybody
/// heard everybody, and how many links were interrupted and resumed.
fn cut_for(fleet: &mut Fleet, time: u64) -> (Duration, usize, usize) {
    let cut = Instant::now();
    fleet.network.cut();
    fleet.run_for(Duration::from_secs(time));
    let mended = Instant::now();
    fleet.network.mend();
    let heard = fleet.wait("everybody hears everybody", mended, |fleet| fleet.all_heard(mended));
    no_link_drops(fleet, cut, &format!("a cut of {time} s"));
    fleet.check(heard < HEALED_WITHIN, || format!("a cut of {time} s needs {} to heal", seconds(heard)));
    (heard, fleet.events_since(cut, "interrupted", None), fleet.events_since(cut, "resumed", None))
}

fn no_link_drops(fleet: &Fleet, since: Instant, what: &str) {
    for word in ["disconnected", "left"] {
        let count = fleet.events_since(since, word, None);
        fleet.check(count == 0, || format!("{word} {count} times by {what}"));
    }
}

/// One registry host is down for so long, and the other one, too, for the second half of it. The links of the others stay, also when the
/// cable loses and delays packets meanwhile.
pub(crate) fn registry_down(fleet: &mut Fleet, time: u64) {
    let down = Instant::now();
    fleet.kill(fleet.hosts[0]);
    lossy_cable(fleet, Duration::from_secs(time) / 2);
    fleet.kill(fleet.hosts[1]);
    fleet.run_for((Duration::from_secs(time)).saturating_sub(down.elapsed()));
    no_link_drops(fleet, down, "a registry that is down");
    let since = Instant::now();
    fleet.wait("those without a registry hear each other", since, |fleet| fleet.all_heard(since));
    let back = Instant::now();
    fleet.hosts.iter().for_each(|host| fleet.restart(*host));
    let took = fleet.wait("all 15 links are up again", back, Fleet::all_up);
    println!("no registry for {time} s: no link dropped; both hosts were restarted and had all their links after {}", seconds(took));
    fleet.wait("everybody hears everybody", back, |fleet| fleet.all_heard(back));
    for server in (0..6).filter(|server| !fleet.hosts.contains(server)) {
        let pairs = fleet.pairs().filter(|(at, about, _)| *at == server && !fleet.hosts.contains(about));
        let dropped: usize = pairs.filter_map(|(_, _, witness)| witness).map(|witness| witness.events_since(down, "disconnected")).sum();
        fleet.check(dropped == 0, || format!("{} has lost {dropped} links when the registry came back", name(server)));
    }
}

/// 5 % of the packets are lost on the cable, and each takes 50 ms longer.
fn lossy_cable(fleet: &mut Fleet, time: Duration) {
    let began = Instant::now();
    match fleet.network.spoil("loss 5% delay 50ms") {
        Ok(()) => {
            fleet.run_for(time);
            fleet.network.unspoil();
            println!("5 % loss and 50 ms delay for {}: nothing lost", seconds(time));
        }
        Err(words) => {
            // Packets are lost all the same: whatever wants to pass in a twentieth of the time.
            println!("this machine's kernel has no netem ({words}); the cable is cut 20 times for a moment instead");
            for _ in 0..20 {
                fleet.network.cut();
                fleet.run_for(time / 400);
                fleet.network.mend();
                fleet.run_for(time / 20 - time / 400);
            }
        }
    }
    no_link_drops(fleet, began, "a lossy cable");
    let since = Instant::now();
    fleet.wait("everybody hears everybody", since, |fleet| fleet.all_heard(since));
}

/// Everybody stops sending; what was sent arrives, and no more is missing than the senders were told when sessions ended.
pub(crate) fn nothing_is_missing(fleet: &mut Fleet) {
    fleet.quiet();
    let began = Instant::now();
    fleet.wait("everything that was sent arrives", began, |fleet| fleet.all_arrived() == Some(true));
    for (pair, missing, unacknowledged) in fleet.losses() {
        fleet.check(missing <= unacknowledged, || format!("{pair}: {missing} messages missing, {unacknowledged} not acknowledged"));
    }
    let missing: u64 = fleet.losses().iter().map(|(_, missing, _)| missing).sum();
    println!("everything else has arrived, once and in order; {missing} messages were lost with sessions that ended, and all were told of");
}
