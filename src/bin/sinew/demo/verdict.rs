//! What must have happened, whether it did, and the closing table.

use super::ledger::{Kill, Ledger, Pair};
use super::screen::{Mood, Screen, ms, thousands};
use std::time::Duration;

/// So many pairs are shown one by one; of more, the slowest.
const MOST_ROWS: usize = 16;
/// So many broken rules are quoted.
const MOST_VIOLATIONS: usize = 5;

/// One thing that must have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) passed: bool,
    pub(super) what: String,
    pub(super) detail: String,
}

fn check(passed: bool, what: impl Into<String>, detail: impl Into<String>) -> Check {
    Check { passed, what: what.into(), detail: detail.into() }
}

/// Everything that must have happened by the time nothing more is sent.
pub(super) fn checks(ledger: &Ledger) -> Vec<Check> {
    let (servers, pairs) = (ledger.names().count(), ledger.pairs().count());
    let slowest = |times: Vec<Option<Duration>>| times.into_iter().flatten().max().map(ms).unwrap_or_default();
    let seats = || ledger.seats.values();
    let registered = seats().filter(|seat| seat.registered_after.is_some()).count();
    let up = ledger.pairs().filter(|pair| ledger.is_up(pair)).count();
    let talked = ledger.pairs().filter(|(lobby, world)| ledger.flow(lobby, world).received > 0 && ledger.flow(world, lobby).received > 0);
    let talked = talked.count();
    let arrived: u64 =
        ledger.pairs().map(|(lobby, world)| ledger.flow(&lobby, &world).received + ledger.flow(&world, &lobby).received).sum();
    let mut all = vec![
        check(
            registered == servers,
            format!("{registered} of {servers} servers found the registry"),
            format!("slowest {}", slowest(seats().map(|seat| seat.registered_after).collect())),
        ),
        check(
            up == pairs,
            format!("{up} of {pairs} pairs are connected, as both sides say"),
            format!("slowest {}", slowest(seats().map(|seat| seat.connected_after).collect())),
        ),
        check(talked == pairs, format!("{talked} of {pairs} pairs talked in both directions"), format!("{} messages", thousands(arrived))),
    ];
    all.extend(kill_checks(&ledger.kills));
    let (messages, events) = ledger.checked();
    all.push(check(
        ledger.violations.is_empty() && messages > 0,
        "every event in order; no message missing, doubled or swapped",
        format!("{} checked", thousands(messages + events)),
    ));
    let asked = ledger.asked();
    all.push(check(
        ledger.all_answered() && asked > 0,
        "every request ended once, most with an answer",
        format!("{} requests", thousands(asked)),
    ));
    all.push(check(ledger.all_arrived(), "everything that living servers sent each other arrived", ""));
    all
}

fn kill_checks(kills: &[Kill]) -> Vec<Check> {
    let who = match kills {
        [only] => only.victim.clone(),
        many => format!("{} killed servers", many.len()),
    };
    let all = |holds: fn(&Kill) -> bool| !kills.is_empty() && kills.iter().all(holds);
    let times = Times::of(kills);
    vec![
        check(all(|kill| kill.all_saw(&kill.interrupted)), format!("{who}: interrupted, seen by every peer"), slowest(&times.interrupted)),
        check(
            all(|kill| kill.all_saw(&kill.disconnected)),
            format!("{who}: disconnected, seen by every peer"),
            slowest(&times.disconnected),
        ),
        check(all(|kill| kill.all_saw(&kill.left)), format!("{who}: left, seen by every peer"), slowest(&times.left)),
        check(all(|kill| kill.all_saw(&kill.joined)), format!("{who}: joined again, seen by every peer"), slowest(&times.joined)),
        check(all(|kill| kill.all_saw(&kill.connected)), format!("{who}: connected again with every peer"), slowest(&times.connected)),
    ]
}

fn slowest(times: &[Duration]) -> String {
    times.iter().max().map(|time| format!("slowest {}", ms(*time))).unwrap_or_default()
}

/// How long it took, over all kills and observers.
#[derive(Default)]
struct Times {
    interrupted: Vec<Duration>,
    disconnected: Vec<Duration>,
    left: Vec<Duration>,
    /// Of `left`: because the lease ran out, after the kill.
    expired: Vec<Duration>,
    /// Of `left`: because the restarted server took the name, after the restart.
    replaced: Vec<Duration>,
    joined: Vec<Duration>,
    connected: Vec<Duration>,
}

impl Times {
    fn of(kills: &[Kill]) -> Self {
        let mut times = Self::default();
        for kill in kills {
            let down = kill.restarted.map(|restarted| restarted.saturating_duration_since(kill.at)).unwrap_or_default();
            times.interrupted.extend(kill.interrupted.values());
            times.disconnected.extend(kill.disconnected.values());
            times.joined.extend(kill.joined.values());
            times.connected.extend(kill.connected.values());
            for (time, why) in kill.left.values() {
                times.left.push(*time);
                match why.as_str() {
                    "Replaced" => times.replaced.push(time.saturating_sub(down)),
                    _ => times.expired.push(*time),
                }
            }
        }
        times
    }
}

/// Shows the checks; true: all passed.
pub(super) fn show_checks(screen: &Screen, ledger: &Ledger, checks: &[Check]) -> bool {
    for check in checks {
        screen.check(check.passed, &check.what, &check.detail);
    }
    for violation in ledger.violations.iter().take(MOST_VIOLATIONS) {
        screen.text(Mood::Bad, &format!("      {violation}"));
    }
    let more = ledger.violations.len().saturating_sub(MOST_VIOLATIONS);
    if more > 0 {
        screen.text(Mood::Bad, &format!("      and {more} more like these"));
    }
    for kill in &ledger.kills {
        let seen = [
            ("interrupted", kill.all_saw(&kill.interrupted)),
            ("disconnected", kill.all_saw(&kill.disconnected)),
            ("left", kill.all_saw(&kill.left)),
            ("joined", kill.all_saw(&kill.joined)),
            ("connected", kill.all_saw(&kill.connected)),
        ];
        let missing: Vec<&str> = seen.into_iter().filter(|(_, all)| !all).map(|(what, _)| what).collect();
        if !missing.is_empty() {
            screen.text(Mood::Bad, &format!("      {} (server {}): not every peer saw it {}", kill.victim, kill.id, missing.join(", ")));
        }
    }
    for (lobby, world) in ledger.pairs() {
        for (from, to) in [(&lobby, &world), (&world, &lobby)] {
            let flow = ledger.flow_now(from, to);
            if flow.sent != flow.received {
                let (sent, received) = (thousands(flow.sent), thousands(flow.received));
                screen.text(Mood::Bad, &format!("      {from} sent {sent} messages to {to}, which received {received}"));
            }
        }
    }
    checks.iter().all(|check| check.passed)
}

/// What each pair did, and how long leaving and coming back took.
pub(super) fn show_table(screen: &Screen, ledger: &Ledger) {
    let mut rows: Vec<Row> = ledger.pairs().map(|pair| Row::of(ledger, pair)).collect();
    let all = rows.len();
    if all > MOST_ROWS {
        rows.sort_by_key(|row| std::cmp::Reverse(row.p99));
        rows.truncate(MOST_ROWS);
    }
    let heading = format!(
        "  {:<20}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>11}",
        "messages", "sent →", "arrived", "← sent", "arrived", "RTT p50", "p99", "reconnect"
    );
    screen.text(Mood::Heading, &heading);
    rows.iter().for_each(|row| row.show(screen));
    if all > MOST_ROWS {
        screen.text(Mood::Quiet, &format!("  and {} pairs with a shorter p99", all - MOST_ROWS));
    }
    if ledger.kills.is_empty() {
        return;
    }
    let times = Times::of(&ledger.kills);
    screen.text(Mood::Plain, "");
    let heading = match ledger.kills.len() {
        1 => "one server killed".into(),
        kills => format!("{kills} servers killed"),
    };
    screen.text(Mood::Heading, &format!("  {heading:<38}{:>10}{:>10}{:>10}{:>10}", "seen", "median", "p99", "slowest"));
    for (what, mut times) in [
        ("interrupted, after the kill", times.interrupted),
        ("disconnected, after the kill", times.disconnected),
        ("left as its lease ran out, after the kill", times.expired),
        ("left as it was replaced, after the restart", times.replaced),
        ("joined again, after the restart", times.joined),
        ("connected again, after the restart", times.connected),
    ] {
        times.sort_unstable();
        let at = |share| quantile(&times, share).map(ms).unwrap_or_default();
        if !times.is_empty() {
            let seen = thousands(times.len() as u64);
            screen.text(Mood::Plain, &format!("  {what:<42}{seen:>6}{:>10}{:>10}{:>10}", at(0.5), at(0.99), at(1.0)));
        }
    }
}

struct Row {
    pair: String,
    there: [u64; 2],
    back: [u64; 2],
    p50: Option<Duration>,
    p99: Option<Duration>,
    reconnect: Option<Duration>,
}

impl Row {
    fn of(ledger: &Ledger, pair: Pair) -> Self {
        let (lobby, world) = &pair;
        let mut trips: Vec<Duration> =
            ledger.trips.get(&pair).into_iter().flatten().map(|micros| Duration::from_micros((*micros).into())).collect();
        trips.sort_unstable();
        let back_with = |victim: &str, observer: &str| {
            let kills = ledger.kills.iter().filter(|kill| kill.victim == *victim);
            kills.filter_map(|kill| kill.connected.get(observer).copied()).collect::<Vec<_>>()
        };
        let mut reconnects = back_with(world, lobby);
        reconnects.extend(back_with(lobby, world));
        reconnects.sort_unstable();
        let (there, back) = (ledger.flow(lobby, world), ledger.flow(world, lobby));
        Self {
            there: [there.sent, there.received],
            back: [back.sent, back.received],
            p50: quantile(&trips, 0.5),
            p99: quantile(&trips, 0.99),
            reconnect: quantile(&reconnects, 0.5),
            pair: format!("{lobby} ↔ {world}"),
        }
    }

    fn show(&self, screen: &Screen) {
        let [sent, arrived, sent_back, arrived_back] = [self.there[0], self.there[1], self.back[0], self.back[1]].map(thousands);
        let [p50, p99, reconnect] = [self.p50, self.p99, self.reconnect].map(|time| time.map_or("—".into(), ms));
        let line = format!("  {:<20}{sent:>10}{arrived:>10}{sent_back:>10}{arrived_back:>10}{p50:>10}{p99:>10}{reconnect:>11}", self.pair);
        screen.text(Mood::Plain, &line);
    }
}

/// The smallest of the sorted times that is not exceeded by this share of them.
fn quantile(sorted: &[Duration], share: f64) -> Option<Duration> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let at = |share| quantile(&times, share).map(|time| time.as_millis());
        assert_eq!([at(0.5), at(0.99), at(1.0)], [Some(100), Some(198), Some(200)]);
        assert_eq!(quantile(&times[..1], 0.5), Some(times[0]));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn nothing_seen_is_nothing_passed() {
        let ledger = Ledger::new(vec!["lobby-1".into()], vec!["world-1".into()]);
        let failed = checks(&ledger).into_iter().filter(|check| !check.passed).count();
        assert_eq!(failed, 10, "all but `everything sent arrived`, where nothing was sent");
    }
}
