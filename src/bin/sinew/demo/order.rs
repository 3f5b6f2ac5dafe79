//! What a game may rely on, checked by every server of the demo about every other one. Pure.

use std::collections::HashMap;

/// What happened to a remote server, without what it was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Joined,
    Connected,
    Message,
    Interrupted,
    Resumed,
    Disconnected,
    Left,
}

/// How far the story of one remote server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chapter {
    Unknown,
    Apart,
    Connected,
    Interrupted,
    Gone,
}

/// The order of events of each remote server:
/// `joined → (connected → (message | interrupted → resumed)… → disconnected)… → left`, and then never a word of that id.
#[derive(Debug, Default)]
pub(super) struct Order {
    chapters: HashMap<u64, Chapter>,
}

impl Order {
    /// The next event about the server `id`. `Err`: it may not come here; the sentence says after what it came.
    pub(super) fn step(&mut self, id: u64, step: Step) -> Result<(), String> {
        let chapter = self.chapters.entry(id).or_insert(Chapter::Unknown);
        let next = match (*chapter, step) {
            (Chapter::Unknown, Step::Joined) => Chapter::Apart,
            (Chapter::Apart, Step::Connected) => Chapter::Connected,
            (Chapter::Connected, Step::Message) => Chapter::Connected,
            (Chapter::Connected, Step::Interrupted) => Chapter::Interrupted,
            (Chapter::Interrupted, Step::Resumed) => Chapter::Connected,
            (Chapter::Connected | Chapter::Interrupted, Step::Disconnected) => Chapter::Apart,
            (Chapter::Apart, Step::Left) => Chapter::Gone,
            (before, step) => return Err(format!("the event {step:?} about server {id} came when it was {before:?}")),
        };
        *chapter = next;
        Ok(())
    }
}

/// The numbers on the reliable messages of one remote server: one after the other within a connection, and never one again that
/// was there before. What a lost connection took with it is missing between two connections.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The number that must come next, or at least that.
    next: u64,
    /// A message has come in this connection.
    begun: bool,
}

impl Sequence {
    pub(super) fn connected(&mut self) {
        self.begun = false;
    }

    /// `Err`: a message is missing, doubled or out of order.
    pub(super) fn message(&mut self, number: u64) -> Result<(), String> {
        let expected = self.next;
        let fits = if self.begun { number == expected } else { number >= expected };
        // After a mistake the count goes on from here, so that one mistake is told once.
        self.next = number + 1;
        self.begun = true;
        match fits {
            true => Ok(()),
            false if number < expected => Err(format!("message {number} came again or too late: {expected} was next")),
            false => Err(format!("message {number} came, but {expected} was next: {} are missing", number - expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(steps: &[Step]) -> Result<(), String> {
        let mut order = Order::default();
        steps.iter().try_for_each(|step| order.step(7, *step))
    }

    #[test]
    fn a_whole_life_is_in_order() {
        use Step::*;
        let life = [Joined, Connected, Message, Interrupted, Resumed, Message, Disconnected, Connected, Interrupted, Disconnected, Left];
        assert_eq!(story(&life), Ok(()));
        assert_eq!(story(&[Joined, Left]), Ok(()), "never connected");
    }

    #[test]
    fn every_other_order_is_told() {
        use Step::*;
        let wrong: &[&[Step]] = &[
            &[Connected],
            &[Message],
            &[Joined, Joined],
            &[Joined, Message],
            &[Joined, Disconnected],
            &[Joined, Connected, Connected],
            &[Joined, Connected, Left],
            &[Joined, Connected, Resumed],
            &[Joined, Connected, Interrupted, Message],
            &[Joined, Connected, Disconnected, Message],
            &[Joined, Left, Joined],
            &[Joined, Left, Left],
        ];
        for steps in wrong {
            assert!(story(steps).is_err(), "{steps:?} passes");
        }
        assert_eq!(story(&[Joined, Message]), Err("the event Message about server 7 came when it was Apart".into()));
    }

    #[test]
    fn a_gap_a_double_and_a_swap_are_told_within_a_connection() {
        let mut sequence = Sequence::default();
        assert_eq!([0, 1, 2].map(|number| sequence.message(number)), [Ok(()), Ok(()), Ok(())]);
        assert_eq!(sequence.message(5), Err("message 5 came, but 3 was next: 2 are missing".into()));
        assert_eq!(sequence.message(5), Err("message 5 came again or too late: 6 was next".into()));
        assert_eq!(sequence.message(6), Ok(()));
    }

    #[test]
    fn a_lost_connection_may_lose_messages_but_never_repeat_them() {
        let mut sequence = Sequence::default();
        assert_eq!([0, 1].map(|number| sequence.message(number)), [Ok(()), Ok(())]);
        sequence.connected();
        assert_eq!([7, 8].map(|number| sequence.message(number)), [Ok(()), Ok(())]);
        sequence.connected();
        assert!(sequence.message(8).is_err());
    }
}
