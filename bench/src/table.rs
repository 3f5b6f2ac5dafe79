//! The table of the medians, as Markdown.

use crate::catalogue::Peer;
use crate::measurements::{Measurements, shown};
use std::fmt::Write;

const COLUMNS: &[&str] = &[
    "what",
    "encrypted",
    "64 B, M msg/s",
    "CPU s per M msg",
    "1 KiB, M msg/s",
    "16 KiB, MB/s",
    "256 KiB, MB/s",
    "RTT blocking p50 / p99 / p99.9, µs",
    "RTT spinning p50 / p99 / p99.9, µs",
    "unreliable 64 B, M msg/s (loss)",
    "unreliable RTT blocking p50 / p99, µs",
    "spinning p50 / p99, µs",
    "1,000 requests under way: M requests/s",
    "CPU s per M requests",
    "p50 / p99 / p99.9, µs",
    "one request at a time p50 / p99 / p99.9, µs",
    "receiver stalls: peak RSS sender / receiver, MB (lost)",
];

/// Three significant digits.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        magnitude if magnitude >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn row(measurements: &Measurements, peer: &Peer) -> Vec<String> {
    let median = |case: &str, value: &str| measurements.median(peer.name, case, value);
    let scaled = |case: &str, value: &str, scale: f64| median(case, value).map_or("–".to_owned(), |number| short(number / scale));
    let times = |case: &str, names: &[&str]| {
        let all: Option<Vec<String>> = names.iter().map(|name| median(case, name).map(|number| short(number / 1e3))).collect();
        all.map_or("–".to_owned(), |all| all.join(" / "))
    };
    let unreliable = median("unreliable-64", "messages_per_second").zip(median("unreliable-64", "loss"));
    let megabytes = |value: &str| median("stall", value).map(|kib| short(kib / 1024.0));
    let stall = match (megabytes("sender_peak_kib"), megabytes("receiver_peak_kib"), median("stall", "lost")) {
        (Some(sender), _, _) if median("stall", "grows").is_some() => format!("over {sender} and growing"),
        (Some(sender), Some(receiver), Some(lost)) => format!("{sender} / {receiver} ({lost})"),
        _ => "–".to_owned(),
    };
    vec![
        if peer.name == "sinew" { format!("**{}**", peer.what) } else { peer.what.to_owned() },
        if peer.encrypted { "yes" } else { "no" }.to_owned(),
        scaled("reliable-64", "messages_per_second", 1e6),
        scaled("reliable-64", "cpu_seconds_per_million", 1.0),
        scaled("reliable-1024", "messages_per_second", 1e6),
        scaled("reliable-16384", "bytes_per_second", 1e6),
        scaled("reliable-262144", "bytes_per_second", 1e6),
        times("rtt-blocking", &["p50_ns", "p99_ns", "p999_ns"]),
        times("rtt-spinning", &["p50_ns", "p99_ns", "p999_ns"]),
        unreliable.map_or("–".to_owned(), |(rate, loss)| format!("{} ({:.1} %)", short(rate / 1e6), loss * 100.0)),
        times("unreliable-rtt-blocking", &["p50_ns", "p99_ns"]),
        times("unreliable-rtt-spinning", &["p50_ns", "p99_ns"]),
        scaled("requests", "requests_per_second", 1e6),
        scaled("requests", "cpu_seconds_per_million", 1.0),
        times("requests", &["p50_ns", "p99_ns", "p999_ns"]),
        times("requests-single", &["p50_ns", "p99_ns", "p999_ns"]),
        stall,
    ]
}

pub(crate) fn markdown(measurements: &Measurements, peers: &[Peer]) -> String {
    let mut text = format!("| {} |\n|{}\n", COLUMNS.join(" | "), "---|".repeat(COLUMNS.len()));
    for peer in shown(measurements, peers) {
        _ = writeln!(text, "| {} |", row(measurements, peer).join(" | "));
    }
    for peer in peers {
        let times = ["p50_ns", "p99_ns", "p999_ns"].map(|name| measurements.median(peer.name, "lanes", name));
        if let [Some(p50), Some(p99), Some(p999)] = times.map(|time| time.map(|nanoseconds| short(nanoseconds / 1e6))) {
            let what = "64 B to and fro on lane 1 while messages of 16 MiB stream on lane 0, p50 / p99 / p99.9";
            _ = writeln!(text, "\n{}: {what}: {p50} / {p99} / {p999} ms", peer.what);
        }
    }
    text
}
