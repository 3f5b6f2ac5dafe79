//! When to ping, when to acknowledge, and when a silent link is given up. Pure: `now` comes in, steps come out.

use std::time::Duration;

/// Acknowledge at the latest this long after a message, or behind so many bytes: soon enough that what a game sends in a few frames does not fill
/// its outbox, and seldom enough to cost nothing.
const ACK_WITHIN: Duration = Duration::from_millis(10);
const ACK_BEHIND: u64 = 64 * 1024;

/// The times that govern a link, from `[limits]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) keep_alive: Duration,
    pub(crate) interrupted_after: Duration,
}

/// What the link must do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Ping {
        stamp: u64,
    },
    /// Unless it has gone along with something else already.
    Ack,
    /// End the link: nothing heard for too long.
    GiveUp,
}

/// The state of one started link.
#[derive(Debug)]
pub(crate) struct Session {
    pace: Pace,
    last_heard: Duration,
    given_up: bool,
    next_ping: Duration,
    first_stamp: u64,
    last_stamp: u64,
    /// Bytes that came since the last acknowledgement was due, and when the next one is.
    unacknowledged: u64,
    ack_at: Option<Duration>,
}

impl Session {
    pub(crate) fn new(pace: Pace, now: Duration) -> Self {
        let stamp = micros(now);
        Self {
            pace,
            last_heard: now,
            given_up: false,
            next_ping: now,
            first_stamp: stamp,
            last_stamp: stamp,
            unacknowledged: 0,
            ack_at: None,
        }
    }

    /// Bytes came.
    pub(crate) fn heard(&mut self, now: Duration) {
        self.last_heard = now;
    }

    /// So many bytes of messages came.
    pub(crate) fn received(&mut self, now: Duration, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.unacknowledged += bytes;
        let due = if self.unacknowledged >= ACK_BEHIND { now } else { now + ACK_WITHIN };
        self.ack_at = Some(self.ack_at.map_or(due, |at| at.min(due)));
    }

    /// The peer answers a ping. An error breaks the protocol.
    pub(crate) fn pong(&mut self, now: Duration, stamp: u64) -> Result<Duration, String> {
        if stamp < self.first_stamp || stamp > self.last_stamp {
            return Err(format!("a pong with stamp {stamp}, which was never sent"));
        }
        Ok(now.saturating_sub(Duration::from_micros(stamp)))
    }

    /// Nothing can be heard while this side does not read (its inbox is full): silence counts from `now` on.
    pub(crate) fn deaf(&mut self, now: Duration) {
        self.last_heard = now;
    }

    /// The next step that is due; call again until `None`.
    pub(crate) fn step(&mut self, now: Duration) -> Option<Step> {
        if self.ack_at.is_some_and(|at| at <= now) {
            self.ack_at = None;
            self.unacknowledged = 0;
            return Some(Step::Ack);
        }
        if self.next_ping <= now {
            self.next_ping = now + self.pace.keep_alive;
            self.last_stamp = micros(now);
            return Some(Step::Ping { stamp: self.last_stamp });
        }
        if !self.given_up && now >= self.silent_at() {
            self.given_up = true;
            return Some(Step::GiveUp);
        }
        None
    }

    /// When [`Session::step`] will have something to do, unless bytes come first.
    pub(crate) fn deadline(&self) -> Duration {
        [Some(self.next_ping), Some(self.silent_at()), self.ack_at].into_iter().flatten().min().unwrap_or(self.next_ping)
    }

    fn silent_at(&self) -> Duration {
        self.last_heard + self.pace.interrupted_after
    }
}

fn micros(now: Duration) -> u64 {
    now.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { keep_alive: Duration::from_secs(1), interrupted_after: Duration::from_secs(5) };

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn steps(session: &mut Session, now: Duration) -> Vec<Step> {
        std::iter::from_fn(|| session.step(now)).collect()
    }

    #[test]
    fn a_silent_link_is_given_up_once() {
        let mut session = Session::new(PACE, at(0));
        let mut seen = Vec::new();
        let mut now = at(0);
        while now < at(5000) {
            now = session.deadline();
            seen.extend(steps(&mut session, now));
        }
        assert_eq!(seen.iter().filter(|step| **step == Step::GiveUp).count(), 1);
        assert_eq!(seen.iter().filter(|step| matches!(step, Step::Ping { .. })).count(), 6, "one a second, the first at once");
        assert_eq!(now, at(5000));
    }

    #[test]
    fn a_byte_in_time_starts_the_silence_anew() {
        let mut session = Session::new(PACE, at(0));
        session.heard(at(4999));
        assert!(!steps(&mut session, at(9998)).contains(&Step::GiveUp));
        assert!(steps(&mut session, at(9999)).contains(&Step::GiveUp));
    }

    #[test]
    fn messages_are_acknowledged_once_within_ten_milliseconds() {
        let mut session = Session::new(PACE, at(0));
        steps(&mut session, at(0));
        session.received(at(100), 300);
        session.received(at(105), 200);
        assert_eq!(session.deadline(), at(110));
        assert_eq!(steps(&mut session, at(110)), [Step::Ack]);
        assert_eq!(steps(&mut session, at(120)), []);
    }

    #[test]
    fn many_bytes_are_acknowledged_at_once() {
        let mut session = Session::new(PACE, at(0));
        steps(&mut session, at(0));
        session.received(at(100), 65_000);
        assert_eq!(session.deadline(), at(110));
        session.received(at(101), 1000);
        assert_eq!(steps(&mut session, at(101)), [Step::Ack]);
        session.received(at(102), 1000);
        assert_eq!(session.deadline(), at(112), "counted anew");
    }

    #[test]
    fn forged_pongs_break_the_protocol() {
        let mut session = Session::new(PACE, at(50));
        steps(&mut session, at(50));
        assert!(session.pong(at(60), 49_999).is_err(), "from before the link");
        assert!(session.pong(at(60), 50_001).is_err(), "never sent");
        assert_eq!(session.pong(at(60), 50_000), Ok(at(10)));
    }

    #[test]
    fn a_side_that_does_not_read_does_not_call_its_peer_silent() {
        let mut session = Session::new(PACE, at(0));
        for second in 1..60 {
            session.deaf(at(second * 1000));
            assert!(!steps(&mut session, at(second * 1000)).contains(&Step::GiveUp));
        }
    }
}
