//! A whole cluster of state machines under virtual time: thousands of seeded stories, each with its own topology, faults and delays.
//!
//! Every server is a real [`Cluster`]; its node task, the network and the registry are played here, on the contract that the node task
//! keeps. After every single step the order of events is judged (`judge.rs`); when the faults are over, the cluster must come
//! together again within a bounded time (`verdict.rs`). A failure prints its seed and the last steps of its trace:
//!
//! ```text
//! SINEW_SIM_SEED=1234 cargo test simulation     plays one story again, with its whole trace
//! SINEW_SIM_SEEDS=1000000 cargo test simulation plays that many
//! ```
//!
//! May use: the machine and its inputs. Must never know: a real clock, sockets, threads (other than to play several stories at once).

mod directory;
mod handshake;
mod judge;
mod network;
mod node;
mod plan;
mod verdict;
mod world;

use plan::Plan;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use world::World;

const SEEDS: u64 = 10_000;
const TRACE_LINES: usize = 150;

/// What happened how often: a simulation in which nothing happens proves nothing.
pub(super) type Coverage = BTreeMap<&'static str, u64>;

/// The steps of one story, oldest first; only kept when a failed story is played again.
#[derive(Clone, Default)]
pub(super) struct Trace(Option<Arc<Mutex<VecDeque<String>>>>);

impl Trace {
    fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    pub(super) fn add(&self, now: Duration, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            let mut lines = lines.lock().expect("no panic while holding it");
            lines.push_back(format!("{:>10.3} ms  {}", now.as_secs_f64() * 1000.0, line()));
        }
    }

    fn last(&self, count: usize) -> String {
        let Some(lines) = &self.0 else { return String::new() };
        let lines = lines.lock().expect("no panic while holding it");
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect::<Vec<_>>().join("\n")
    }
}

fn play(seed: u64, trace: &Trace) -> Result<Coverage, String> {
    let story = || {
        let mut world = World::new(Plan::draw(seed), seed, trace.clone());
        world.run()?;
        Ok(world.coverage)
    };
    catch_unwind(AssertUnwindSafe(story)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

fn report(seed: u64, lines: usize) -> String {
    let trace = Trace::kept();
    let outcome = play(seed, &trace);
    let plan = Plan::draw(seed);
    let what = outcome.err().unwrap_or_else(|| "passes".into());
    format!(
        "seed {seed}: {what}\n{plan}\n{}\nseed {seed}: {what}\nplay it again: SINEW_SIM_SEED={seed} cargo test simulation",
        trace.last(lines)
    )
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
fn a_cluster_keeps_its_promises_in_every_story() {
    if let Some(seed) = number("SINEW_SIM_SEED") {
        let text = report(seed, usize::MAX);
        println!("{text}");
        assert!(text.contains(": passes"), "seed {seed} fails");
        return;
    }
    let seeds = number("SINEW_SIM_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let coverage = Mutex::new(Coverage::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |cores| cores.get()) {
            scope.spawn(|| {
                let mut mine = Coverage::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failed.load(Ordering::Relaxed) != u64::MAX {
                        break;
                    }
                    match play(seed, &Trace::default()) {
                        Ok(seen) => seen.into_iter().for_each(|(what, times)| *mine.entry(what).or_default() += times),
                        Err(_) => _ = failed.fetch_min(seed, Ordering::Relaxed),
                    }
                }
                let mut coverage = coverage.lock().expect("no panic while holding it");
                mine.into_iter().for_each(|(what, times)| *coverage.entry(what).or_default() += times);
            });
        }
    });
    let failed = failed.into_inner();
    assert!(failed == u64::MAX, "{}", report(failed, TRACE_LINES));

    let coverage = coverage.into_inner().expect("no panic while holding it");
    println!("{coverage:#?}");
    if seeds >= SEEDS {
        for what in world::MUST_HAPPEN {
            assert!(coverage.get(what).is_some_and(|times| *times >= 50), "`{what}` happened in almost no story: {coverage:#?}");
        }
    }
}

#[test]
fn a_story_replays_exactly() {
    let mut lines = 0;
    for seed in 0..20 {
        let (first, second) = (Trace::kept(), Trace::kept());
        assert_eq!(play(seed, &first), play(seed, &second));
        assert_eq!(first.last(usize::MAX), second.last(usize::MAX));
        lines += first.last(usize::MAX).lines().count();
    }
    assert!(lines > 2000, "only {lines} lines in all: empty stories");
}
