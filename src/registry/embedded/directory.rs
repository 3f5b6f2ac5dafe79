//! What one host of the embedded registry knows, and whom it tells what.
//!
//! Pure: connections, messages and `now` go in, [`Output`]s come out. Two rules carry everything:
//! an id names one registration for ever, and under one group and name the higher id wins.

use super::protocol::{self, ToHost, ToMember};
use crate::id::ServerId;
use crate::registry::departed::Departed;
use crate::registry::{LeaveReason, Registration, flaw};
use crate::transport::identity::PeerIdentity;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Entries one host holds at most.
pub(crate) const MAX_REGISTRATIONS: usize = 65_536;
/// Connections of one registration; the oldest goes for the next.
const MAX_CONNECTIONS_EACH: usize = 8;
/// A connection that holds no registration for this long is closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(10);

/// One connection to this host, never reused while the host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// What the host has to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    Send {
        to: Vec<ConnectionId>,
        message: ToMember,
    },
    /// After everything sent to it before is written.
    Close(ConnectionId),
}

/// The directory of one host.
#[derive(Debug)]
pub(crate) struct Directory {
    lease: Duration,
    settles_at: Duration,
    settled: bool,
    ticked: Duration,
    entries: BTreeMap<ServerId, Entry>,
    names: HashMap<(String, String), ServerId>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Ids that ended for good.
    departed: Departed<Departure>,
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Departure {
    /// Group and name: with several hosts two servers can draw one id, and the one that gives it up here may be the one that another host knows it by.
    of: (String, String),
    /// By whom it was replaced.
    by: Option<ServerId>,
}

#[derive(Debug)]
struct Entry {
    registration: Registration,
    /// Those it has come by, oldest first. Usually one; several when a member knows this host under several addresses, or came back before
    /// its old connection was noticed to be dead. None: the lease is running out.
    connections: Vec<ConnectionId>,
    /// When its last connection went.
    heard: Duration,
}

#[derive(Debug)]
struct Connection {
    identity: PeerIdentity,
    /// What it has registered; from then on it is told about everybody else.
    holds: Option<ServerId>,
    since: Duration,
    /// Last sign of life.
    heard: Duration,
}

impl Directory {
    /// Empty, started `now`. `settle`: for how long members of an earlier run of this host are given to come back.
    pub(crate) fn new(lease: Duration, settle: Duration, now: Duration) -> Self {
        Self {
            lease,
            settles_at: now + settle,
            settled: settle.is_zero(),
            ticked: now,
            entries: BTreeMap::new(),
            names: HashMap::new(),
            connections: BTreeMap::new(),
            departed: Departed::new(),
            outputs: Vec::new(),
        }
    }

    /// A member has proven who it is.
    pub(crate) fn connected(&mut self, connection: ConnectionId, identity: PeerIdentity, now: Duration) {
        self.connections.insert(connection, Connection { identity, holds: None, since: now, heard: now });
    }

    pub(crate) fn message(&mut self, from: ConnectionId, message: ToHost, now: Duration) {
        let Some(connection) = self.connections.get_mut(&from) else { return };
        connection.heard = now;
        let holds = connection.holds;
        match message {
            ToHost::Hello { .. } => self.refuse(from, "the hello was said twice; this is a bug in the connecting server's Sinew".into()),
            ToHost::Register { registration, fresh } => self.register(from, registration, fresh, now),
            ToHost::KeepAlive => self.send(from, ToMember::KeepAlive),
            ToHost::Suspect(id) => {
                if self.entries.get(&id).is_some_and(|entry| entry.connections.is_empty()) {
                    self.remove(id, LeaveReason::Expired);
                }
            }
            ToHost::Deregister => {
                if let Some(id) = holds {
                    self.release(id);
                    self.depart(id, None);
                    self.remove(id, LeaveReason::Deregistered);
                }
                self.send(from, ToMember::Goodbye);
            }
            ToHost::Look => {
                for piece in protocol::snapshot(self.entries.values().map(|entry| &entry.registration), self.settled) {
                    self.send(from, piece);
                }
                self.drop_connection(from);
            }
        }
    }

    /// The connection is gone; what it held lives on for a lease.
    pub(crate) fn closed(&mut self, connection: ConnectionId, now: Duration) {
        self.forget(connection, now);
    }

    /// Ends leases. To be called several times per lease.
    pub(crate) fn tick(&mut self, now: Duration) {
        // A host that itself stood still (a paused machine) heard nobody, which says nothing about them.
        if now.saturating_sub(self.ticked) > self.lease / 2 {
            self.entries.values_mut().for_each(|entry| entry.heard = now);
            self.connections.values_mut().for_each(|connection| connection.heard = now);
        }
        self.ticked = now;
        let over = |c: &Connection| match c.holds {
            Some(_) => now.saturating_sub(c.heard) >= self.lease,
            None => now.saturating_sub(c.since) >= IDLE_CONNECTION,
        };
        let over = self.connections.iter().filter(|(_, c)| over(c)).map(|(id, c)| (*id, c.heard)).collect::<Vec<_>>();
        for (connection, heard) in over {
            // It lives as long as the lease after the last word, however late the silence is noticed.
            self.forget(connection, heard);
            self.outputs.push(Output::Close(connection));
        }
        let expired = |entry: &Entry| entry.connections.is_empty() && now.saturating_sub(entry.heard) >= self.lease;
        let expired = self.entries.iter().filter(|(_, entry)| expired(entry)).map(|(id, _)| *id).collect::<Vec<_>>();
        expired.into_iter().for_each(|id| self.remove(id, LeaveReason::Expired));
        if !self.settled && now >= self.settles_at {
            self.settled = true;
            self.tell_all_but(None, ToMember::Settled);
        }
    }

    /// What is to be done because of the calls since the last one, in order.
    pub(crate) fn outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    fn register(&mut self, from: ConnectionId, registration: Registration, fresh: bool, now: Duration) {
        let Some(connection) = self.connections.get(&from) else { return };
        if let Some(flaw) = flaw(&registration).or_else(|| mismatch(&registration, &connection.identity)) {
            return self.refuse(from, flaw);
        }
        let id = registration.id;
        let name = (registration.group.clone(), registration.name.clone());
        match self.departed.get(id) {
            Some(departure) if departure.of != name => return self.send(from, ToMember::Draw { above: id }),
            Some(Departure { by: Some(by), .. }) => {
                let by = *by;
                return self.send(from, ToMember::Replaced { by });
            }
            Some(Departure { by: None, .. }) => return self.refuse(from, format!("registration {id} has ended; register anew")),
            None => {}
        }
        let holder = self.names.get(&name).copied();
        if holder != Some(id) && self.entries.contains_key(&id) {
            return self.send(from, ToMember::Draw { above: id });
        }
        match holder {
            Some(holder) if holder > id && fresh => return self.send(from, ToMember::Draw { above: holder }),
            Some(holder) if holder > id => return self.send(from, ToMember::Replaced { by: holder }),
            Some(holder) if holder == id => return self.welcome(from, id),
            Some(holder) => self.replace(holder, id, from),
            None if self.entries.len() >= MAX_REGISTRATIONS => {
                return self.refuse(from, format!("the registry is full: {MAX_REGISTRATIONS} servers are registered"));
            }
            None => {}
        }
        tracing::info!(%id, group = %name.0, name = %name.1, host = %registration.host, port = registration.port, "joined");
        self.names.insert(name, id);
        self.entries.insert(id, Entry { registration: registration.clone(), connections: Vec::new(), heard: now });
        self.tell_all_but(Some(from), ToMember::Joined(registration));
        self.welcome(from, id);
    }

    fn replace(&mut self, old: ServerId, by: ServerId, from: ConnectionId) {
        self.depart(old, Some(by));
        for connection in self.release(old).into_iter().filter(|connection| *connection != from) {
            self.send(connection, ToMember::Replaced { by });
        }
        self.remove(old, LeaveReason::Replaced);
    }

    /// Confirms the registration and shows everything; from here on the connection hears of every change.
    ///
    /// The same registration over one more connection stays what it was at first: an id stands for one thing for ever.
    fn welcome(&mut self, connection: ConnectionId, id: ServerId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if !entry.connections.contains(&connection) {
            entry.connections.push(connection);
        }
        let oldest = (entry.connections.len() > MAX_CONNECTIONS_EACH).then(|| entry.connections[0]);
        if let Some(oldest) = oldest {
            self.drop_connection(oldest);
        }
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.holds = Some(id);
        }
        let lease_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        self.send(connection, ToMember::Registered { id, lease_ms });
        for piece in protocol::snapshot(self.entries.values().map(|entry| &entry.registration), self.settled) {
            self.send(connection, piece);
        }
    }

    fn remove(&mut self, id: ServerId, reason: LeaveReason) {
        let Some(Entry { registration: Registration { group, name, .. }, .. }) = self.entries.remove(&id) else { return };
        tracing::info!(%id, %group, %name, ?reason, "left");
        self.names.remove(&(group, name));
        self.tell_all_but(None, ToMember::Left { id, reason });
    }

    /// Its id ends for good.
    fn depart(&mut self, id: ServerId, by: Option<ServerId>) {
        if let Some(Entry { registration: Registration { group, name, .. }, .. }) = self.entries.get(&id) {
            self.departed.insert(id, Departure { of: (group.clone(), name.clone()), by });
        }
    }

    fn refuse(&mut self, connection: ConnectionId, reason: String) {
        if let Some(Connection { identity, .. }) = self.connections.get(&connection) {
            tracing::warn!(%identity.group, %identity.name, %reason, "registration refused");
        }
        self.send(connection, ToMember::Refused { reason });
        self.drop_connection(connection);
    }

    /// The connections of a registration hold nothing any more and hear nothing of the others.
    fn release(&mut self, id: ServerId) -> Vec<ConnectionId> {
        let connections = self.entries.get_mut(&id).map(|entry| std::mem::take(&mut entry.connections)).unwrap_or_default();
        for connection in &connections {
            if let Some(connection) = self.connections.get_mut(connection) {
                connection.holds = None;
            }
        }
        connections
    }

    /// The connection is no more; what it held was alive at `heard`.
    fn forget(&mut self, connection: ConnectionId, heard: Duration) {
        let holds = self.connections.remove(&connection).and_then(|c| c.holds);
        if let Some(entry) = holds.and_then(|id| self.entries.get_mut(&id)) {
            entry.connections.retain(|other| *other != connection);
            entry.heard = entry.heard.max(heard);
        }
    }

    fn drop_connection(&mut self, connection: ConnectionId) {
        if let Some(heard) = self.connections.get(&connection).map(|c| c.heard) {
            self.forget(connection, heard);
            self.outputs.push(Output::Close(connection));
        }
    }

    fn send(&mut self, to: ConnectionId, message: ToMember) {
        self.outputs.push(Output::Send { to: vec![to], message });
    }

    fn tell_all_but(&mut self, except: Option<ConnectionId>, message: ToMember) {
        let hears = |(id, c): &(&ConnectionId, &Connection)| c.holds.is_some() && Some(**id) != except;
        let to = self.connections.iter().filter(hears).map(|(id, _)| *id).collect::<Vec<_>>();
        if !to.is_empty() {
            self.outputs.push(Output::Send { to, message });
        }
    }
}

fn mismatch(registration: &Registration, identity: &PeerIdentity) -> Option<String> {
    let Registration { group, name, .. } = registration;
    (*group != identity.group || *name != identity.name).then(|| {
        let PeerIdentity { group: proven_group, name: proven_name, .. } = identity;
        format!(
            "the certificate is for group `{proven_group}`, name `{proven_name}`, not for group `{group}`, name `{name}`; \
             register as that, or issue a certificate for this server"
        )
    })
}

#[cfg(test)]
mod tests;
