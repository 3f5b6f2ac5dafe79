//! What came out: one record per run, and the medians over the repetitions.

use crate::catalogue::{Case, Peer, Test};
use crate::pair::Values;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Reasons and numbers of every run, by peer and case.
#[derive(Debug, Default)]
pub(crate) struct Measurements {
    runs: BTreeMap<(String, String), Vec<Result<Values, String>>>,
}

impl Measurements {
    pub(crate) fn add(&mut self, peer: &str, case: Case, result: Result<Values, String>) {
        self.runs.entry((peer.to_owned(), case.name())).or_default().push(result);
    }

    /// The median of one number over the repetitions that succeeded.
    pub(crate) fn median(&self, peer: &str, case: &str, value: &str) -> Option<f64> {
        let runs = self.runs.get(&(peer.to_owned(), case.to_owned()))?;
        let mut values: Vec<f64> = runs.iter().flatten().filter_map(|values| values.get(value).copied()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 { Some(values[middle]) } else { Some((values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0) }
    }

    /// Why runs failed, one sentence for each peer and case.
    pub(crate) fn failures(&self) -> Vec<String> {
        let failed = |((peer, case), runs): (&(String, String), &Vec<Result<Values, String>>)| {
            let count = runs.iter().filter(|run| run.is_err()).count();
            let reason = runs.iter().find_map(|run| run.as_ref().err())?;
            Some(format!("{peer}, {case}: {count} of {} runs failed: {reason}", runs.len()))
        };
        self.runs.iter().filter_map(failed).collect()
    }

    pub(crate) fn to_json(&self) -> Value {
        let runs = self.runs.iter().map(|((peer, case), runs)| {
            let runs: Vec<Value> = runs
                .iter()
                .map(|run| match run {
                    Ok(values) => json!(values),
                    Err(sentence) => json!({ "error": sentence }),
                })
                .collect();
            json!({ "peer": peer, "case": case, "runs": runs })
        });
        Value::Array(runs.collect())
    }
}

/// The numbers of one run, from what the two sides said and the CPU time of a broker between them.
pub(crate) fn combine(case: Case, received: &Values, sent: &Values, broker_cpu_us: Option<f64>) -> Result<Values, String> {
    let number = |values: &Values, name: &str| values.get(name).copied().ok_or_else(|| format!("no `{name}` was reported"));
    let mut values = Values::new();
    let mut add = |name: &str, value: f64| _ = values.insert(name.to_owned(), value);
    match case.test {
        Test::Reliable | Test::Unreliable => {
            let (messages, nanoseconds) = (number(received, "messages")?, number(received, "ns")?);
            if number(received, "disorder")? != 0.0 {
                return Err("messages were lost or came out of order".to_owned());
            }
            add("messages_per_second", messages / nanoseconds * 1e9);
            add("bytes_per_second", messages * case.size as f64 / nanoseconds * 1e9);
            let per_message = |values: &Values| Ok::<f64, String>(number(values, "cpu_us")? / number(values, "messages")?.max(1.0));
            // Microseconds for one are seconds for a million. The broker's are those of its whole life, so they go with all messages.
            let total = number(received, "total")?.max(1.0);
            let broker = broker_cpu_us.map_or(0.0, |cpu| cpu / total);
            add("cpu_seconds_per_million", per_message(received)? + per_message(sent)? + broker);
            add("loss", 1.0 - messages / number(received, "sequences")?.max(1.0));
            add("receiver_peak_kib", number(received, "rss_kib")?);
            add("sender_peak_kib", number(sent, "rss_kib")?);
        }
        Test::RoundTrip | Test::UnreliableRoundTrip | Test::Lanes => {
            for name in ["p50_ns", "p99_ns", "p999_ns", "max_ns", "round_trips", "lost"] {
                add(name, number(sent, name)?);
            }
        }
        Test::Requests | Test::RequestsSingle => {
            let (wrong, unanswered) = (number(sent, "wrong")?, number(sent, "unanswered")?);
            if wrong != 0.0 || unanswered != 0.0 {
                return Err(format!("{wrong} answers were wrong or came twice, {unanswered} never came"));
            }
            let (messages, total) = (number(sent, "messages")?.max(1.0), number(sent, "total")?.max(1.0));
            add("requests_per_second", messages / number(sent, "ns")? * 1e9);
            let served = number(received, "cpu_us")? / number(received, "messages")?.max(1.0);
            let broker = broker_cpu_us.map_or(0.0, |cpu| cpu / total);
            add("cpu_seconds_per_million", number(sent, "cpu_us")? / messages + served + broker);
            add("answered", total);
            for name in ["p50_ns", "p99_ns", "p999_ns", "max_ns"] {
                add(name, number(sent, name)?);
            }
            add("receiver_peak_kib", number(received, "rss_kib")?);
            add("sender_peak_kib", number(sent, "rss_kib")?);
        }
        Test::Stall => {
            add("sender_peak_kib", number(sent, "rss_kib")?);
            add("sent", number(sent, "sent")?);
            if sent.contains_key("grows") {
                add("grows", 1.0);
            } else {
                add("receiver_peak_kib", number(received, "rss_kib")?);
                add("lost", number(received, "lost")?);
                add("disorder", number(received, "disorder")?);
            }
        }
    }
    Ok(values)
}

/// The peers that have anything to show.
pub(crate) fn shown<'a>(measurements: &Measurements, peers: &'a [Peer]) -> Vec<&'a Peer> {
    peers.iter().filter(|peer| measurements.runs.keys().any(|(name, _)| name == peer.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> Case {
        Case { test: Test::Reliable, size: 64, spin: false }
    }

    fn values(pairs: &[(&str, f64)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn medians_are_over_the_runs_that_succeeded() {
        let mut measurements = Measurements::default();
        for value in [5.0, 1.0, 3.0] {
            measurements.add("a", case(), Ok(values(&[("x", value)])));
        }
        measurements.add("a", case(), Err("broken".to_owned()));
        assert_eq!(measurements.median("a", "reliable-64", "x"), Some(3.0));
        measurements.add("a", case(), Ok(values(&[("x", 4.0)])));
        assert_eq!(measurements.median("a", "reliable-64", "x"), Some(3.5));
        assert_eq!(measurements.median("b", "reliable-64", "x"), None);
        assert_eq!(measurements.failures(), ["a, reliable-64: 1 of 5 runs failed: broken"]);
    }

    #[test]
    fn both_sides_and_the_broker_pay() {
        let common = [("messages", 1e6), ("ns", 5e8), ("sequences", 1e6), ("rss_kib", 1000.0)];
        let received = [&common[..], &[("cpu_us", 1e5), ("disorder", 0.0), ("total", 2e6)]].concat();
        let sent = [&common[..], &[("cpu_us", 2e5)]].concat();
        let combined = combine(case(), &values(&received), &values(&sent), Some(4e5)).unwrap();
        assert_eq!(combined["messages_per_second"], 2e6);
        assert!((combined["cpu_seconds_per_million"] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn every_request_is_answered_once_or_there_is_no_rate() {
        let case = Case { test: Test::Requests, size: 64, spin: false };
        let times = [("p50_ns", 1.0), ("p99_ns", 2.0), ("p999_ns", 3.0), ("max_ns", 4.0), ("rss_kib", 1000.0)];
        let client = |unanswered| {
            let counts = [("messages", 1e6), ("total", 2e6), ("ns", 5e8), ("cpu_us", 1e5), ("wrong", 0.0), ("unanswered", unanswered)];
            values(&[&times[..], &counts].concat())
        };
        let server = values(&[("messages", 2e6), ("cpu_us", 4e5), ("rss_kib", 1000.0)]);
        let combined = combine(case, &server, &client(0.0), Some(2e5)).unwrap();
        assert_eq!(combined["requests_per_second"], 2e6);
        assert!((combined["cpu_seconds_per_million"] - 0.4).abs() < 1e-9);
        assert!(combine(case, &server, &client(1.0), None).unwrap_err().contains("1 never came"));
    }

    #[test]
    fn a_rate_of_damaged_messages_is_no_rate() {
        let received = values(&[("messages", 1.0), ("ns", 1.0), ("disorder", 1.0)]);
        assert!(combine(case(), &received, &Values::new(), None).unwrap_err().contains("out of order"));
    }
}
