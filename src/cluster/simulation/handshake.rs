//! Both halves of the handshake, frame by frame, as the node's link tasks play them.

use super::network::{ConnectionId, Frame, Phase, Side};
use super::node::Held;
use super::world::{Inform, ProcessId, SECOND, World};
use crate::cluster::{Admission, LinkEndReason, Passport};
use crate::wire::control::{Refusal, RefusalCode, Welcome};

impl World {
    pub(super) fn frame(&mut self, connection: ConnectionId, side: Side, frame: Frame) {
        let this = &self.network.connections[connection];
        let phase = this.ends[side as usize].phase;
        if this.broken || phase == Phase::Gone {
            return;
        }
        match (side, phase, frame) {
            (Side::Acceptor, Phase::Open, Frame::Hello(hello)) => {
                self.network.connections[connection].hello = Some(*hello);
                self.ask(connection);
            }
            (Side::Dialer, Phase::Open, Frame::Welcome(welcome)) => self.welcomed(connection, &welcome),
            (Side::Acceptor, Phase::Agreed, Frame::Confirm) => {
                self.set_phase(connection, side, Phase::Up);
                self.send(connection, side, Frame::Confirmed);
                let resumes = self.network.connections[connection].resumes;
                self.tell(connection, side, SECOND / 500, Inform::LinkUp { resumes });
            }
            (Side::Dialer, Phase::Agreed, Frame::Confirmed) => {
                self.set_phase(connection, side, Phase::Up);
                let resumes = self.network.connections[connection].resumes;
                self.tell(connection, side, SECOND / 500, Inform::LinkUp { resumes });
            }
            (Side::Dialer, _, Frame::Refused(refusal)) => {
                self.trace.add(self.now, || format!("    refused: {}", refusal.text));
                self.count("refused");
                self.set_phase(connection, side, Phase::Gone);
                self.tell(connection, side, SECOND / 500, Inform::DialFailed(Some(refusal)));
            }
            (_, Phase::Started, Frame::Message) => self.message(connection, side),
            (_, Phase::Up, Frame::Message) => self.network.connections[connection].ends[side as usize].early += 1,
            (_, Phase::Up | Phase::Started, Frame::Goodbye(goodbye)) => self.end(connection, side, LinkEndReason::Goodbye(goodbye)),
            (_, _, Frame::End | Frame::Refused(_)) => self.end(connection, side, LinkEndReason::Lost),
            (side, phase, frame) => {
                let process = self.network.connections[connection].ends[side as usize].process;
                self.fail(process, format!("{frame:?} on connection {connection}, whose {side:?} is {phase:?}"));
            }
        }
    }

    /// The acceptor's half of the handshake.
    fn ask(&mut self, connection: ConnectionId) {
        let this = &self.network.connections[connection];
        let (dialer, process) = (this.ends[0].process, this.ends[1].process);
        let Some(hello) = this.hello.clone() else { return };
        let slot = &self.plan.slots[self.processes[dialer].slot];
        let passport = Passport { group: slot.group, name: &slot.name };
        self.processes[process].judge.hello = Some((hello.from.id, hello.from.incarnation));
        let returned = self.processes[process].judge.returned.len();
        match self.processes[process].cluster.admit(&hello, passport) {
            Admission::Accept { link, protocol } => {
                let actor = &mut self.processes[process];
                let welcome = actor.cluster.welcome(&hello, link, protocol);
                actor.waiting.remove(&connection);
                actor.held.insert(link, Held { connection, side: Side::Acceptor, started: false });
                let end = &mut self.network.connections[connection].ends[1];
                end.link = Some(link);
                end.phase = Phase::Agreed;
                self.network.connections[connection].resumes = welcome.as_ref().is_some_and(|welcome| welcome.resumed);
                match welcome {
                    Some(welcome) => self.send(connection, Side::Acceptor, Frame::Welcome(welcome)),
                    None => self.fail(process, "accepts before it is registered".into()),
                }
            }
            Admission::Refuse(refusal) => {
                self.processes[process].waiting.remove(&connection);
                self.set_phase(connection, Side::Acceptor, Phase::Gone);
                self.send(connection, Side::Acceptor, Frame::Refused(refusal));
            }
            Admission::Wait => {
                if self.processes[process].waiting.insert(connection) {
                    self.count("hello waited");
                }
                self.set_phase(connection, Side::Acceptor, Phase::Waiting);
            }
        }
        self.carry_out(process);
        let judge = &mut self.processes[process].judge;
        judge.hello = None;
        if judge.returned.len() > returned {
            self.count("came back after a goodbye");
            if self.has_ended_id(dialer) {
                self.count("came back under an ended id");
            }
        }
        if self.phase(connection, Side::Acceptor) == Phase::Agreed {
            self.processes[process].judge.shown(hello.from.id, hello.from.incarnation);
        }
    }

    pub(super) fn ask_waiting(&mut self, process: ProcessId) {
        for connection in self.processes[process].waiting.clone() {
            if self.processes[process].alive {
                self.ask(connection);
            }
        }
    }

    fn welcomed(&mut self, connection: ConnectionId, welcome: &Welcome) {
        let this = &self.network.connections[connection];
        let slot = &self.plan.slots[self.processes[this.ends[1].process].slot];
        match this.goal.check(welcome, Passport { group: slot.group, name: &slot.name }) {
            Ok(()) => {
                self.set_phase(connection, Side::Dialer, Phase::Agreed);
                self.send(connection, Side::Dialer, Frame::Confirm);
            }
            Err(refusal) => {
                self.set_phase(connection, Side::Dialer, Phase::Gone);
                self.send(connection, Side::Dialer, Frame::Refused(refusal.clone()));
                self.tell(connection, Side::Dialer, SECOND / 500, Inform::DialFailed(Some(refusal)));
            }
        }
    }

    pub(super) fn handshake_deadline(&mut self, connection: ConnectionId, side: Side) {
        match self.phase(connection, side) {
            Phase::Up | Phase::Started | Phase::Gone => return,
            Phase::Waiting => {
                let refusal = Refusal { code: RefusalCode::Unlisted, text: "not in the registry in time".into() };
                self.send(connection, side, Frame::Refused(refusal));
            }
            Phase::Connecting | Phase::Open | Phase::Agreed => {}
        }
        self.end(connection, side, LinkEndReason::Lost);
        self.send(connection, side, Frame::End);
    }
}
