//! Fuzz targets: what members say to a host, and hosts to a member.

use super::directory::{ConnectionId, Directory, MAX_REGISTRATIONS, Output};
use super::membership::{Action, Membership};
use super::protocol::{self, MAX_FRAME, ToHost, ToMember};
use crate::config::Visibility;
use crate::id::ServerId;
#[cfg(test)]
use crate::registry::LeaveReason;
use crate::registry::contract::Ledger;
use crate::registry::ids::Ids;
use crate::registry::{Candidate, Command, Registration};
use crate::transport::identity::PeerIdentity;
use crate::wire::codec;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// So many connections at a time.
const CONNECTIONS: usize = 8;
const NAMES: [&str; 4] = ["w1", "w2", "w3", "w4"];

/// What is left of the input. Steps are bytes; messages lie in it as on the wire, with two bytes of length in front.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// `None` at the end, `Some(None)` for one that is malformed.
    fn message<T: DeserializeOwned>(&mut self) -> Option<Option<T>> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (body, rest) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
        self.0 = rest;
        Some(codec::decode(body, MAX_FRAME).ok())
    }
}

/// One connection as its member sees it.
struct Member {
    id: ConnectionId,
    registered: Option<ServerId>,
    view: BTreeMap<ServerId, Registration>,
    /// Pieces of a snapshot that is not complete.
    pieces: Option<Vec<Registration>>,
}

/// Members say anything at all, in any order. Nobody is told something after the connection was closed, everything that is said fits a frame, and
/// what members are told adds up to one view, the same for all.
pub(crate) fn host(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (lease, mut now) = (Duration::from_secs(3), Duration::ZERO);
    let settle = Duration::from_secs(u64::from(input.byte().unwrap_or(0) % 8));
    let mut directory = Directory::new(lease, settle, now);
    let mut members: [Option<Member>; CONNECTIONS] = Default::default();
    let mut connections = 0;
    while let Some(step) = input.byte() {
        let which = usize::from(step >> 2) % CONNECTIONS;
        now += [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(900), lease][usize::from(step >> 5) % 4];
        match (step % 4, &members[which]) {
            (0, None) => {
                connections += 1;
                let id = ConnectionId(connections);
                let name = NAMES[usize::from(input.byte().unwrap_or(0)) % NAMES.len()];
                directory.connected(id, PeerIdentity { group: "world".into(), name: name.into() }, now);
                members[which] = Some(Member { id, registered: None, view: BTreeMap::new(), pieces: None });
            }
            (1, Some(member)) => match input.message::<ToHost>() {
                Some(Some(message)) => directory.message(member.id, message, now),
                // As the host does with what is malformed.
                _ => {
                    directory.closed(member.id, now);
                    members[which] = None;
                }
            },
            (2, Some(member)) => {
                directory.closed(member.id, now);
                members[which] = None;
            }
            _ => directory.tick(now),
        }
        for output in directory.outputs() {
            match output {
                Output::Send { to, message } => {
                    assert!(protocol::frame(&message).len() <= 4 + MAX_FRAME, "{message:?} does not fit a frame");
                    for id in to {
                        let member = members.iter_mut().flatten().find(|member| member.id == id);
                        member.unwrap_or_else(|| panic!("{message:?} to a closed connection")).hear(&message);
                    }
                }
                Output::Close(id) => {
                    let closed = members.iter_mut().find(|member| member.as_ref().is_some_and(|member| member.id == id));
                    *closed.expect("an open connection") = None;
                }
            }
        }
        let mut views = members.iter().flatten().filter(|member| member.registered.is_some()).map(|member| &member.view);
        if let Some(first) = views.next() {
            assert!(views.all(|view| view == first), "two members see different clusters");
            let mut names: Vec<_> = first.values().map(|entry| (&entry.group, &entry.name)).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), first.len(), "two servers under one name");
        }
    }
}

impl Member {
    fn hear(&mut self, message: &ToMember) {
        match message.clone() {
            ToMember::Registered { id, .. } => {
                self.registered = Some(id);
                self.pieces = Some(Vec::new());
            }
            ToMember::Snapshot { entries, last, .. } => {
                // One that follows no registration answers a look.
                let Some(pieces) = self.pieces.as_mut() else { return };
                pieces.extend(entries);
                if last {
                    self.view = self.pieces.take().into_iter().flatten().map(|entry| (entry.id, entry)).collect();
                    assert!(self.registered.is_some_and(|own| self.view.contains_key(&own)), "a member that is not in the snapshot");
                }
            }
            ToMember::Joined(entry) => assert!(self.view.insert(entry.id, entry).is_none(), "joined twice"),
            ToMember::Left { id, .. } => {
                assert!(self.registered != Some(id), "told of its own leave");
                assert!(self.view.remove(&id).is_some(), "left, and was not there");
            }
            // It holds nothing any more.
            ToMember::Goodbye => self.registered = None,
            ToMember::Replaced { by } if self.registered.is_some_and(|own| own != by) => self.registered = None,
            ToMember::Draw { .. } | ToMember::Refused { .. } | ToMember::Replaced { .. } | ToMember::Settled | ToMember::KeepAlive => {}
        }
    }
}

/// Always the same, so that messages in the input can name the server's id.
fn ids() -> Ids {
    Ids::new(Duration::from_millis(1_800_000_000_000), 1)
}

/// Hosts say anything at all, in any order. What the server is told keeps the contract of all registries, and no deadline stays in the past.
pub(crate) fn member(bytes: &[u8]) {
    let mut input = Input(bytes);
    let count = 1 + usize::from(input.byte().unwrap_or(0)) % 3;
    let addresses: Vec<String> = (1..=count).map(|host| format!("h{host}:1")).collect();
    let me = Candidate {
        id: None,
        group: "world".into(),
        name: "w1".into(),
        host: String::new(),
        port: 1,
        visibility: Visibility::Internal,
        properties: BTreeMap::new(),
    };
    let mut membership = Membership::new(me, &addresses, ids());
    let (mut now, mut ledger) = (Duration::ZERO, Ledger::default());
    let mut connected = vec![false; count];
    let mut leaving = false;
    while let Some(step) = input.byte() {
        let host = usize::from(step >> 3) % count;
        now += [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(600), Duration::from_secs(4)][usize::from(step >> 6)];
        if membership.deadline().is_some_and(|deadline| now >= deadline) {
            membership.tick(now);
            let late = membership.deadline().filter(|deadline| *deadline <= now);
            assert!(late.is_none() || leaving, "the deadline {late:?} is not later than {now:?}");
        }
        match step % 8 {
            0 if !connected[host] => {
                connected[host] = true;
                membership.connected(host, IpAddr::V4(Ipv4Addr::LOCALHOST), now);
            }
            0 | 1 => {
                connected[host] = false;
                membership.disconnected(host, "gone".into(), now);
            }
            2 if !leaving => {
                leaving = true;
                membership.command(Command::Deregister, now);
            }
            3 => membership.command(Command::ReportFailure(ServerId::new(7).expect("an id")), now),
            // A message may still come after this side has closed the connection.
            4.. => match input.message::<ToMember>() {
                Some(Some(message)) => membership.message(host, message, now),
                _ => {
                    connected[host] = false;
                    membership.disconnected(host, "malformed".into(), now);
                }
            },
            _ => {}
        }
        for action in membership.actions() {
            match action {
                Action::Send { host, message } => {
                    assert!(host < count);
                    assert!(protocol::frame(&message).len() <= 4 + MAX_FRAME);
                }
                Action::Disconnect { host } => assert!(host < count),
                Action::News(news) => {
                    let told = format!("{news:?}");
                    assert_eq!(ledger.take(news), Ok(()), "{told}");
                }
                Action::GiveUp => {}
                Action::Finish => return,
            }
        }
        assert!(ledger.view.len() <= 3 * MAX_REGISTRATIONS);
    }
}

/// Short lives, as members and hosts talk.
#[cfg(test)]
pub(crate) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let id = |id| ServerId::new(id).expect("an id");
    let entry = |id, name: &str| Registration {
        id,
        group: "world".into(),
        name: name.into(),
        host: "127.0.0.1".into(),
        port: 1,
        visibility: Visibility::Internal,
        properties: BTreeMap::new(),
    };
    fn said<T: serde::Serialize>(step: u8, message: &T) -> Vec<u8> {
        let mut body = Vec::new();
        codec::encode(message, &mut body);
        [&[step][..], &(body.len() as u16).to_le_bytes(), &body].concat()
    }
    // The host: two connections (0 and 4), then what they say (1 and 5).
    let register = |step, id, name, fresh| said(step, &ToHost::Register { registration: entry(id, name), fresh });
    let start = [5, 0, 0, 4, 1];
    let lives = [
        &start[..],
        &register(1, id(5), "w1", true),
        &register(5, id(6), "w2", true),
        &said(1, &ToHost::KeepAlive),
        &said(5, &ToHost::Suspect(id(5))),
        &[2, 99],
        &said(5, &ToHost::Suspect(id(5))),
        &said(5, &ToHost::Deregister),
    ];
    let rivals = [
        &[0, 0, 0, 4, 0][..],
        &register(1, id(5), "w1", true),
        &register(5, id(4), "w1", true),
        &register(5, id(9), "w1", false),
        &register(1, id(5), "w1", false),
        &register(5, id(10), "w1", true),
        &[99, 99, 99, 99],
    ];
    // The member: connections to one or two hosts (0 and 8), then what those say (4 and 12).
    let own = ids().draw(Duration::ZERO, None);
    let registered = |step, id| said(step, &ToMember::Registered { id, lease_ms: 3000 });
    let snapshot = |step, entries, settled| said(step, &ToMember::Snapshot { entries, last: true, settled });
    let one_host = [
        &[0, 0][..],
        &registered(4, own),
        &snapshot(4, vec![entry(own, "w1"), entry(id(5), "w2")], true),
        &said(4, &ToMember::Joined(entry(id(6), "w3"))),
        &said(4, &ToMember::Left { id: id(5), reason: LeaveReason::Deregistered }),
        &[3, 1, 193],
        &[0],
        &registered(4, own),
        &snapshot(4, vec![entry(own, "w1")], true),
        &[2],
        &said(4, &ToMember::Goodbye),
    ];
    let two_hosts = [
        &[1, 0, 8][..],
        &registered(4, own),
        &said(12, &ToMember::Draw { above: own }),
        &snapshot(4, vec![entry(own, "w1"), entry(id(5), "w2")], false),
        &said(4, &ToMember::Left { id: id(5), reason: LeaveReason::Expired }),
        &said(4, &ToMember::Settled),
        &[131, 131],
        &said(12, &ToMember::Refused { reason: "full".into() }),
        &said(4, &ToMember::KeepAlive),
        &said(4, &ToMember::Replaced { by: id(1 << 52) }),
    ];
    vec![
        ("registry-host", "lives", lives.concat()),
        ("registry-host", "rivals", rivals.concat()),
        ("registry-member", "one-host", one_host.concat()),
        ("registry-member", "two-hosts", two_hosts.concat()),
    ]
}
