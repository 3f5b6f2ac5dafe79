//! What one server may see of another, in which order; and the numbers of the messages between them.

use std::time::{Duration, Instant};

/// Where one server stands with another, by its own events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Joined,
    Connected,
    Interrupted,
    Left,
}

/// What one server has said of another, which is one id.
pub(crate) struct Witness {
    state: State,
    /// Every event, with the time: for who must find out what went wrong.
    pub(crate) history: Vec<(Instant, String)>,
    /// The number that the next message must have.
    next: u64,
    /// Nothing has come in this session yet: what was under way when the last one ended may be missing.
    begins: bool,
    /// Numbers that never came.
    pub(crate) missing: u64,
    /// Sent, and not known to have arrived when a session ended: as many may be missing at the other side.
    pub(crate) unacknowledged: u64,
    heard: Option<Instant>,
    /// The last message, or where waiting for one began.
    last_message: Instant,
    longest_pause: Duration,
}

impl Witness {
    pub(crate) fn joined(now: Instant) -> Self {
        Self {
            state: State::Joined,
            history: vec![(now, "joined".into())],
            next: 0,
            begins: true,
            missing: 0,
            unacknowledged: 0,
            heard: None,
            last_message: now,
            longest_pause: Duration::ZERO,
        }
    }

    /// `Err`: it may not follow what was before.
    pub(crate) fn event(&mut self, now: Instant, word: &str, rest: &[&str]) -> Result<(), String> {
        self.history.push((now, [&[word], rest].concat().join(" ")));
        self.state = match (self.state, word) {
            // A lease may run out while the server lives.
            (State::Left, "joined") => State::Joined,
            (State::Joined, "connected") => {
                (self.begins, self.last_message) = (true, now);
                State::Connected
            }
            (State::Connected, "interrupted") => State::Interrupted,
            (State::Interrupted, "resumed") => State::Connected,
            (State::Connected | State::Interrupted, "disconnected") => {
                let count = rest.first().and_then(|count| count.parse::<u64>().ok()).ok_or("no count of what was not acknowledged")?;
                self.unacknowledged += count;
                State::Joined
            }
            (State::Joined, "left") => State::Left,
            (before, _) => return Err(format!("{word} follows {before:?}")),
        };
        Ok(())
    }

    /// Messages with these numbers.
    pub(crate) fn got(&mut self, now: Instant, first: u64, last: u64) -> Result<(), String> {
        if self.state != State::Connected {
            return Err(format!("message {first} while {:?}", self.state));
        }
        let expected = self.next;
        if first < expected || first > expected && !std::mem::take(&mut self.begins) {
            return Err(format!("message {first}, not {expected}"));
        }
        self.begins = false;
        self.missing += first - expected;
        self.next = last + 1;
        self.longest_pause = self.longest_pause.max(now - self.last_message);
        (self.heard, self.last_message) = (Some(now), now);
        Ok(())
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state == State::Connected
    }

    /// Messages arrived, or are known to be lost, up to this number.
    pub(crate) fn has_all(&self, count: u64) -> bool {
        self.next == count
    }

    /// Whether a message came since then.
    pub(crate) fn heard_since(&self, then: Instant) -> bool {
        self.heard.is_some_and(|heard| heard >= then)
    }

    /// [`Witness::pause`] counts from now on.
    pub(crate) fn restart_pause(&mut self) {
        (self.longest_pause, self.last_message) = (Duration::ZERO, Instant::now());
    }

    /// The longest time without a message.
    pub(crate) fn pause(&self) -> Duration {
        self.longest_pause.max(self.last_message.elapsed())
    }

    /// The events of this kind since then.
    pub(crate) fn events_since(&self, then: Instant, word: &str) -> usize {
        self.history.iter().filter(|(at, line)| *at >= then && line.starts_with(word)).count()
    }
}

/// The judge itself is judged: every rule, seen failing.
#[test]
fn what_is_wrong_is_seen() {
    let now = Instant::now();
    let after = |words: &[&str]| {
        let mut witness = Witness::joined(now);
        for word in words {
            witness.event(now, word, &["0"]).expect("allowed so far");
        }
        witness
    };
    for (before, word) in [
        (&["connected"][..], "connected"),
        (&["connected"], "left"),
        (&["connected"], "resumed"),
        (&["connected", "interrupted"], "connected"),
        (&["connected", "disconnected"], "resumed"),
        (&["left"], "connected"),
        (&[], "joined"),
        (&[], "interrupted"),
    ] {
        assert!(after(before).event(now, word, &["0"]).is_err(), "{before:?}, then {word}");
    }
    assert!(after(&[]).got(now, 0, 0).is_err(), "before connected");
    let mut witness = after(&["connected"]);
    witness.got(now, 0, 4).expect("in order");
    assert!(witness.got(now, 4, 4).is_err(), "twice");
    assert!(witness.got(now, 6, 6).is_err(), "one is missing");
    witness.event(now, "interrupted", &[]).expect("allowed");
    assert!(witness.got(now, 5, 5).is_err(), "while interrupted");
    witness.event(now, "resumed", &[]).expect("allowed");
    assert!(witness.got(now, 6, 6).is_err(), "lost by a link that resumed");
    witness.event(now, "disconnected", &["1"]).expect("allowed");
    witness.event(now, "connected", &[]).expect("allowed");
    assert!(witness.got(now, 4, 4).is_err(), "again in another session");
    witness.got(now, 6, 6).expect("one was lost with the session");
    assert_eq!((witness.missing, witness.unacknowledged), (1, 1));
}
