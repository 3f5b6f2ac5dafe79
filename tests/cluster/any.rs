//! Work for whichever server of a group is meant.

use crate::support::{PATIENCE, Seen, start, start_host, until};
use sinew::{Error, Event, Policy, Readiness, RequestFailure, SendMode};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A lobby that is connected with so many worlds, `w0`, `w1`, ….
fn fleet(count: usize) -> (Seen, Vec<Seen>) {
    let (mut lobby, registry) = start_host("lobby", "l1", "");
    let mut worlds: Vec<Seen> = (0..count).map(|number| start("world", &format!("w{number}"), &registry)).collect();
    worlds.iter_mut().for_each(|world| drop(world.connected("l1")));
    until("everybody is connected", || {
        lobby.unread.extend(lobby.server.poll(Duration::ZERO).expect("nobody else polls"));
        lobby.server.stats().connected == count
    });
    (lobby, worlds)
}

fn send(lobby: &Seen, policy: Policy<'_>) -> String {
    let chosen = lobby.server.send_any("world", policy, 1, b"work", SendMode::Reliable).expect("somebody is there");
    chosen.name().to_string()
}

/// Waits until the lobby's view of every world is this.
fn all_say(lobby: &Seen, is: impl Fn(&sinew::RemoteServer) -> bool) {
    until("what the worlds say arrives", || {
        lobby.server.poll(Duration::ZERO).expect("nobody else polls").for_each(drop);
        lobby.server.group("world").expect("a group").members().iter().all(&is)
    });
}

#[test]
fn each_in_turn_gets_the_same_share() {
    let (lobby, worlds) = fleet(5);
    let mut shares: BTreeMap<String, usize> = BTreeMap::new();
    (0..100).for_each(|_| *shares.entry(send(&lobby, Policy::RoundRobin)).or_default() += 1);
    assert!(shares.len() == 5 && shares.values().all(|share| *share == 20), "{shares:?}");
    drop(worlds);
}

#[test]
fn the_least_loaded_is_chosen_and_the_load_evens_out() {
    let (lobby, worlds) = fleet(4);
    // Loads that differ by far, told in the same unit as the work.
    let mut loads = [0.0, 500.0, 1000.0, 2500.0];
    for (world, load) in worlds.iter().zip(loads) {
        world.server.set_load(load).expect("a number");
    }
    all_say(&lobby, |world| world.load().is_some());
    let deadline = Instant::now() + PATIENCE;
    let mut sent = 0;
    while sent < 10_000 {
        assert!(Instant::now() < deadline, "{sent} were sent");
        for _ in 0..1000 {
            let name = send(&lobby, Policy::LeastLoaded);
            loads[name[1..].parse::<usize>().expect("w and a number")] += 1.0;
        }
        sent += 1000;
        // As games do: what they have now, a few times a second.
        for (world, load) in worlds.iter().zip(loads) {
            world.server.set_load(load).expect("a number");
        }
        all_say(&lobby, |world| world.load() == Some(loads[world.name()[1..].parse::<usize>().expect("w and a number")]));
    }
    let (least, most) = loads.iter().fold((f64::MAX, 0.0_f64), |(least, most), load| (least.min(*load), most.max(*load)));
    assert!(most - least <= 0.1 * (14_000.0 / 4.0), "{loads:?}");
}

#[test]
fn capacity_makes_a_share_of_the_load() {
    let (lobby, worlds) = fleet(2);
    for (world, capacity) in worlds.iter().zip(["100", "300"]) {
        world.server.set_properties([("load", Some("0")), ("capacity", Some(capacity))]).expect("numbers");
    }
    all_say(&lobby, |world| world.capacity().is_some());
    let given = (0..200).filter(|_| send(&lobby, Policy::LeastLoaded) == "w1").count();
    assert!((148..=152).contains(&given), "{given} of 200 to the one that can take three times as much");
}

#[test]
fn a_key_always_leads_to_the_same_server_and_moves_only_when_that_goes() {
    let (mut lobby, mut worlds) = fleet(4);
    let keys: Vec<String> = (0..500).map(|number| format!("player-{number}")).collect();
    let owners = |lobby: &Seen| keys.iter().map(|key| send(lobby, Policy::Key(key.as_bytes()))).collect::<Vec<_>>();
    let before = owners(&lobby);
    assert_eq!(owners(&lobby), before);
    let gone = worlds.remove(2);
    drop(gone);
    lobby.left("w2");
    for (before, after) in before.iter().zip(owners(&lobby)) {
        assert!(*before == after || before == "w2", "{before} to {after}");
    }
}

#[test]
fn who_is_draining_starting_or_gone_gets_nothing_and_no_candidate_is_a_clear_answer() {
    let (mut lobby, mut worlds) = fleet(2);
    worlds[0].server.set_readiness(Readiness::Draining).expect("a word");
    all_say(&lobby, |world| (world.name() == "w0") == (world.readiness() == Readiness::Draining));
    assert!((0..10).all(|_| send(&lobby, Policy::RoundRobin) == "w1"));
    worlds[1].server.set_readiness(Readiness::Starting).expect("a word");
    all_say(&lobby, |world| world.readiness() != Readiness::Ready);
    for policy in [Policy::RoundRobin, Policy::LeastLoaded, Policy::Key(b"k")] {
        let error = lobby.server.send_any("world", policy, 1, b"", SendMode::Reliable).expect_err("nobody is ready");
        assert!(error.to_string().contains("2 in view, of them 2 connected"), "{error}");
        assert!(matches!(lobby.server.request_any("world", policy, 1, b"").retries(3).start(), Err(Error::NoCandidate { .. })));
    }
    worlds[0].server.set_property("state", None).expect("removed");
    all_say(&lobby, |world| (world.name() == "w0") == (world.readiness() == Readiness::Ready));
    assert_eq!(send(&lobby, Policy::Key(b"k")), "w0");
    worlds.remove(0);
    lobby.left("w0");
    assert!(matches!(
        lobby.server.send_any("world", Policy::RoundRobin, 1, b"", SendMode::Reliable),
        Err(Error::NoCandidate { seen: 1, .. })
    ));
    assert!(matches!(lobby.server.send_any("nobody", Policy::RoundRobin, 1, b"", SendMode::Reliable), Err(Error::UnknownGroup { .. })));
    assert!(matches!(lobby.server.send_any("world", Policy::Key(b""), 1, b"", SendMode::Reliable), Err(Error::InvalidArgument(_))));
}

#[test]
fn a_failed_request_goes_elsewhere_only_if_asked_and_keeps_its_number() {
    let (mut lobby, mut worlds) = fleet(3);
    let request = lobby.server.request_any("world", Policy::RoundRobin, 7, b"job").start().expect("somebody is there");
    let mut asked = 0;
    until("somebody is asked", || {
        for world in &mut worlds {
            if let Ok(question) = world.wait_for(Duration::from_millis(1), question) {
                question.refuse().expect("who asked waits");
                asked += 1;
            }
        }
        asked == 1
    });
    assert_eq!(lobby.outcome(request).expect_err("not tried again"), RequestFailure::Refused);

    // Two fail, the third answers.
    let request = lobby.server.request_any("world", Policy::RoundRobin, 7, b"job").retries(5).start().expect("somebody is there");
    let mut refused = Vec::new();
    until("all have been asked", || {
        for (number, world) in worlds.iter_mut().enumerate() {
            if let Ok(question) = world.wait_for(Duration::from_millis(1), question) {
                assert_eq!(question.payload()[..], *b"job");
                assert!(!refused.contains(&number), "nobody is asked twice");
                match refused.len() {
                    0 => question.refuse().expect("who asked waits"),
                    1 => drop(question),
                    _ => question.reply(b"done").expect("who asked waits"),
                }
                refused.push(number);
            }
        }
        refused.len() == 3
    });
    let reply = lobby.outcome(request).expect("the third answered");
    assert_eq!((reply.server.name(), &reply.payload[..]), (format!("w{}", refused[2]).as_str(), &b"done"[..]));

    // All fail: the last failure is told, once.
    let request = lobby.server.request_any("world", Policy::LeastLoaded, 7, b"job").retries(5).start().expect("somebody is there");
    let mut asked = 0;
    until("all have been asked", || {
        asked += worlds.iter_mut().filter_map(|world| world.wait_for(Duration::from_millis(1), question).ok()).count();
        asked == 3
    });
    assert_eq!(lobby.outcome(request).expect_err("nobody would"), RequestFailure::NoHandler);

    // A retried one can be cancelled by the number it had from the beginning.
    let request = lobby.server.request_any("world", Policy::RoundRobin, 7, b"job").retries(5).start().expect("somebody is there");
    let mut held = Vec::new();
    until("a second one is asked", || {
        for world in &mut worlds {
            if let Ok(question) = world.wait_for(Duration::from_millis(1), question) {
                if held.is_empty() {
                    question.refuse().expect("who asked waits");
                }
                held.push(question);
            }
        }
        held.len() == 2
    });
    lobby.server.cancel(request).expect("it waits");
    assert_eq!(lobby.outcome(request).expect_err("given up"), RequestFailure::Cancelled);
}

fn question(event: &Event) -> Option<sinew::Request> {
    match event {
        Event::Request { request } => Some(request.clone()),
        _ => None,
    }
}
