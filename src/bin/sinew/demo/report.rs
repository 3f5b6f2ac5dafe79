//! What a server of the demo tells the demo: one line of plain words for each fact. Pure.
//!
//! ```text
//! started 81273940 43017             own id, port
//! joined 81273941 world-2            also connected, interrupted, resumed
//! disconnected 81273941 world-2 17 Lost: the connection was closed …      unacknowledged messages, reason and text
//! left 81273941 world-2 Expired
//! traffic 81273941 world-2 1204 1199         messages to and from this id, of all time
//! rates 802 1000213                  messages received within so many microseconds
//! trips 81273941 world-2 104,98,250          round trips in microseconds, since the last such line
//! violation the event Message about …
//! checked 40112 12                   messages and other events that were checked, of all time
//! quiet                              nothing more is sent but answers
//! stopped Requested
//! ```

use std::fmt;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    Started {
        id: u64,
        port: u16,
    },
    Joined(Remote),
    Connected(Remote),
    Interrupted(Remote),
    Resumed(Remote),
    Disconnected {
        remote: Remote,
        unacknowledged: u64,
        why: String,
    },
    Left {
        remote: Remote,
        why: String,
    },
    Traffic {
        remote: Remote,
        sent: u64,
        received: u64,
    },
    Rates {
        received: u64,
        micros: u64,
    },
    Trips {
        remote: Remote,
        micros: Vec<u32>,
    },
    Violation(String),
    Checked {
        messages: u64,
        events: u64,
    },
    /// Since the start: requests made, how many were answered, and how many ended without an answer.
    Requests {
        asked: u64,
        answered: u64,
        failed: u64,
    },
    Quiet,
    Stopped {
        why: String,
    },
}

/// A remote server: the id of this registration, and the name it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) id: u64,
    pub(super) name: String,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Started { id, port } => write!(f, "started {id} {port}"),
            Report::Joined(remote) => write!(f, "joined {remote}"),
            Report::Connected(remote) => write!(f, "connected {remote}"),
            Report::Interrupted(remote) => write!(f, "interrupted {remote}"),
            Report::Resumed(remote) => write!(f, "resumed {remote}"),
            Report::Disconnected { remote, unacknowledged, why } => {
                write!(f, "disconnected {remote} {unacknowledged} {}", one_line(why))
            }
            Report::Left { remote, why } => write!(f, "left {remote} {}", one_line(why)),
            Report::Traffic { remote, sent, received } => write!(f, "traffic {remote} {sent} {received}"),
            Report::Rates { received, micros } => write!(f, "rates {received} {micros}"),
            Report::Trips { remote, micros } => {
                let micros: Vec<String> = micros.iter().map(u32::to_string).collect();
                write!(f, "trips {remote} {}", micros.join(","))
            }
            Report::Violation(text) => write!(f, "violation {}", one_line(text)),
            Report::Checked { messages, events } => write!(f, "checked {messages} {events}"),
            Report::Requests { asked, answered, failed } => write!(f, "requests {asked} {answered} {failed}"),
            Report::Quiet => f.write_str("quiet"),
            Report::Stopped { why } => write!(f, "stopped {}", one_line(why)),
        }
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

impl Report {
    /// `None`: no line of a server of the demo.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = Words(rest);
        let report = match kind {
            "started" => Report::Started { id: words.number()?, port: words.number()? },
            "joined" => Report::Joined(words.remote()?),
            "connected" => Report::Connected(words.remote()?),
            "interrupted" => Report::Interrupted(words.remote()?),
            "resumed" => Report::Resumed(words.remote()?),
            "disconnected" => Report::Disconnected { remote: words.remote()?, unacknowledged: words.number()?, why: words.rest() },
            "left" => Report::Left { remote: words.remote()?, why: words.rest() },
            "traffic" => Report::Traffic { remote: words.remote()?, sent: words.number()?, received: words.number()? },
            "rates" => Report::Rates { received: words.number()?, micros: words.number()? },
            "trips" => {
                let remote = words.remote()?;
                Report::Trips { remote, micros: words.next()?.split(',').map(|trip| trip.parse().ok()).collect::<Option<_>>()? }
            }
            "violation" => Report::Violation(words.rest()),
            "checked" => Report::Checked { messages: words.number()?, events: words.number()? },
            "requests" => Report::Requests { asked: words.number()?, answered: words.number()?, failed: words.number()? },
            "quiet" => Report::Quiet,
            "stopped" => Report::Stopped { why: words.rest() },
            _ => return None,
        };
        words.0.is_empty().then_some(report)
    }
}

/// What is left of a line.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.next()?.parse().ok()
    }

    fn remote(&mut self) -> Option<Remote> {
        Some(Remote { id: self.number()?, name: self.next()?.to_string() })
    }

    fn rest(&mut self) -> String {
        std::mem::take(&mut self.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let remote = || Remote { id: 9_007_199_254_740_991, name: "world-2".into() };
        let all = [
            Report::Started { id: 1, port: 65_535 },
            Report::Joined(remote()),
            Report::Connected(remote()),
            Report::Interrupted(remote()),
            Report::Resumed(remote()),
            Report::Disconnected { remote: remote(), unacknowledged: 17, why: "Lost: its process ended".into() },
            Report::Left { remote: remote(), why: "Expired".into() },
            Report::Traffic { remote: remote(), sent: 3, received: 4 },
            Report::Rates { received: 802, micros: 1_000_213 },
            Report::Trips { remote: remote(), micros: vec![104, 98] },
            Report::Violation("message 5 came again".into()),
            Report::Checked { messages: 4, events: 2 },
            Report::Requests { asked: 9, answered: 7, failed: 2 },
            Report::Quiet,
            Report::Stopped { why: "Requested".into() },
        ];
        for report in all {
            assert_eq!(Report::parse(&report.to_string()), Some(report));
        }
    }

    #[test]
    fn a_text_stays_on_its_line() {
        assert_eq!(Report::Violation("two\nlines".into()).to_string(), "violation two lines");
    }

    #[test]
    fn other_lines_are_not_taken_for_reports() {
        for line in ["", "hello", "started", "started x 1", "started 1 70000", "joined 5", "quiet now", "trips 5 world-1 1,x"] {
            assert_eq!(Report::parse(line), None, "{line:?}");
        }
    }
}
