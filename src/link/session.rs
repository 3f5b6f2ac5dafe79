//! When to ping, when to acknowledge, when a silent peer is interrupted and when it is given up. Pure: `now` comes in, steps come out.

use std::time::Duration;

/// Acknowledge at the latest this long after a reliable message (DESIGN §8 of the resume protocol asks for 10 ms).
const ACK_WITHIN: Duration = Duration::from_millis(10);

/// The times that govern a link, from `[limits]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) keep_alive: Duration,
    pub(crate) interrupted_after: Duration,
    pub(crate) resume_window: Duration,
}

/// What the link must do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Ping {
        stamp: u64,
    },
    Ack(Tally),
    /// Tell the game: nothing heard for a while.
    Interrupted,
    /// End the link: nothing heard for too long.
    GiveUp,
}

/// Reliable messages, counted from the start of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    /// Of their payloads.
    pub(crate) bytes: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, messages: u64, bytes: u64) {
        self.messages += messages;
        self.bytes += bytes;
    }
}

/// The state of one started link.
#[derive(Debug)]
pub(crate) struct Session {
    pace: Pace,
    last_heard: Duration,
    interrupted: bool,
    given_up: bool,
    next_ping: Duration,
    first_stamp: u64,
    last_stamp: u64,
    received: Tally,
    acknowledged: Tally,
    ack_at: Option<Duration>,
    /// Reliable messages of ours that the peer has acknowledged.
    delivered: Tally,
}

impl Session {
    pub(crate) fn new(pace: Pace, now: Duration) -> Self {
        let stamp = micros(now);
        Self {
            pace,
            last_heard: now,
            interrupted: false,
            given_up: false,
            next_ping: now,
            first_stamp: stamp,
            last_stamp: stamp,
            received: Tally::default(),
            acknowledged: Tally::default(),
            ack_at: None,
            delivered: Tally::default(),
        }
    }

    /// Bytes came. True: the link was interrupted and is not any more.
    pub(crate) fn heard(&mut self, now: Duration) -> bool {
        self.last_heard = now;
        std::mem::take(&mut self.interrupted)
    }

    /// Reliable messages came.
    pub(crate) fn received(&mut self, now: Duration, reliable: Tally) {
        self.received.add(reliable.messages, reliable.bytes);
        if reliable.messages > 0 && self.ack_at.is_none() {
            self.ack_at = Some(now + ACK_WITHIN);
        }
    }

    /// The peer acknowledges; `sent` is how many it can have seen. An error breaks the protocol.
    pub(crate) fn acknowledged(&mut self, received: Tally, sent: Tally) -> Result<(), String> {
        let check = |what: &str, received: u64, sent: u64, before: u64| match received < before || received > sent {
            true => Err(format!("acknowledged {received} {what}, but {sent} were sent and {before} acknowledged before")),
            false => Ok(()),
        };
        check("messages", received.messages, sent.messages, self.delivered.messages)?;
        check("bytes", received.bytes, sent.bytes, self.delivered.bytes)?;
        self.delivered = received;
        Ok(())
    }

    /// The peer answers a ping. An error breaks the protocol.
    pub(crate) fn pong(&mut self, now: Duration, stamp: u64) -> Result<Duration, String> {
        if stamp < self.first_stamp || stamp > self.last_stamp {
            return Err(format!("a pong with stamp {stamp}, which was never sent"));
        }
        Ok(now.saturating_sub(Duration::from_micros(stamp)))
    }

    /// The last acknowledgement, beside this side's goodbye.
    pub(crate) fn final_ack(&mut self) -> Tally {
        self.ack_at = None;
        self.acknowledged = self.received;
        self.received
    }

    /// Nothing can be heard while this side does not read (its inbox is full): silence counts from `now` on.
    pub(crate) fn deaf(&mut self, now: Duration) {
        self.last_heard = now;
    }

    /// The next step that is due; call again until `None`.
    pub(crate) fn step(&mut self, now: Duration) -> Option<Step> {
        if self.ack_at.is_some_and(|at| at <= now) {
            self.ack_at = None;
            if self.received != self.acknowledged {
                self.acknowledged = self.received;
                return Some(Step::Ack(self.received));
            }
        }
        if self.next_ping <= now {
            self.next_ping = now + self.pace.keep_alive;
            self.last_stamp = micros(now);
            return Some(Step::Ping { stamp: self.last_stamp });
        }
        if !self.interrupted && now >= self.last_heard + self.pace.interrupted_after {
            self.interrupted = true;
            return Some(Step::Interrupted);
        }
        if self.interrupted && !self.given_up && now >= self.give_up_at() {
            self.given_up = true;
            return Some(Step::GiveUp);
        }
        None
    }

    /// When [`Session::step`] will have something to do, unless bytes come first.
    pub(crate) fn deadline(&self) -> Duration {
        let silence = if self.interrupted { self.give_up_at() } else { self.last_heard + self.pace.interrupted_after };
        [Some(self.next_ping), Some(silence), self.ack_at].into_iter().flatten().min().unwrap_or(self.next_ping)
    }

    /// Of `sent` reliable messages, those not known to have arrived.
    pub(crate) fn unacknowledged(&self, sent: Tally) -> u64 {
        sent.messages - self.delivered.messages.min(sent.messages)
    }

    fn give_up_at(&self) -> Duration {
        self.last_heard + self.pace.interrupted_after + self.pace.resume_window
    }
}

fn micros(now: Duration) -> u64 {
    now.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace =
        Pace { keep_alive: Duration::from_secs(1), interrupted_after: Duration::from_secs(5), resume_window: Duration::from_secs(10) };

    fn tally(messages: u64) -> Tally {
        Tally { messages, bytes: messages * 100 }
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn steps(session: &mut Session, now: Duration) -> Vec<Step> {
        std::iter::from_fn(|| session.step(now)).collect()
    }

    #[test]
    fn a_silent_peer_is_interrupted_once_and_then_given_up() {
        let mut session = Session::new(PACE, at(0));
        let mut seen = Vec::new();
        let mut now = at(0);
        while !seen.iter().any(|(_, step)| *step == Step::GiveUp) {
            now = session.deadline();
            seen.extend(steps(&mut session, now).into_iter().map(|step| (now, step)));
        }
        let times = |wanted: Step| seen.iter().filter(|(_, step)| *step == wanted).map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(times(Step::Interrupted), [at(5000)]);
        assert_eq!(times(Step::GiveUp), [at(15_000)]);
        assert_eq!(seen.iter().filter(|(_, step)| matches!(step, Step::Ping { .. })).count(), 16, "one a second, the first at once");
        assert_eq!(now, at(15_000));
    }

    #[test]
    fn a_byte_in_time_resumes_and_starts_the_silence_anew() {
        let mut session = Session::new(PACE, at(0));
        assert!(!session.heard(at(4999)));
        assert!(!steps(&mut session, at(9000)).contains(&Step::Interrupted));
        assert!(steps(&mut session, at(9999)).contains(&Step::Interrupted));
        assert!(session.heard(at(19_998)), "resumed");
        assert!(!steps(&mut session, at(24_997)).contains(&Step::Interrupted));
    }

    #[test]
    fn messages_are_acknowledged_once_within_ten_milliseconds() {
        let mut session = Session::new(PACE, at(0));
        steps(&mut session, at(0));
        session.received(at(100), tally(3));
        session.received(at(105), tally(2));
        assert_eq!(session.deadline(), at(110));
        assert_eq!(steps(&mut session, at(110)), [Step::Ack(tally(5))]);
        assert_eq!(steps(&mut session, at(120)), []);
    }

    #[test]
    fn forged_acknowledgements_and_pongs_break_the_protocol() {
        let mut session = Session::new(PACE, at(50));
        assert!(session.acknowledged(tally(3), tally(2)).is_err(), "more than were sent");
        assert!(session.acknowledged(Tally { bytes: 201, ..tally(2) }, tally(2)).is_err(), "more bytes than were sent");
        assert!(session.acknowledged(tally(2), tally(2)).is_ok());
        assert!(session.acknowledged(tally(1), tally(2)).is_err(), "backwards");
        assert_eq!(session.unacknowledged(tally(5)), 3);
        assert!(session.pong(at(60), 49_999).is_err(), "from before the link");
        assert!(session.pong(at(60), 50_001).is_err(), "never sent");
        assert_eq!(session.pong(at(60), 50_000), Ok(at(10)));
    }

    #[test]
    fn a_side_that_does_not_read_does_not_call_its_peer_silent() {
        let mut session = Session::new(PACE, at(0));
        for second in 1..60 {
            session.deaf(at(second * 1000));
            assert!(!steps(&mut session, at(second * 1000)).contains(&Step::Interrupted));
        }
    }
}
