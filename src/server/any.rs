//! One server of a group, whichever is meant: in turn, the least loaded, or the one that a key belongs to.

use super::shared::Shared;
use crate::cluster::DisconnectReason;
use crate::error::{Error, RequestFailure};
use crate::event::Event;
use crate::id::{RequestId, ServerId};
use crate::link::{Again, Ask, Asker, ConnectionState, Ended, Peer, Pick, Readiness, Unsent, check_timeout};
use crate::message::Delivery;
use crate::server::RemoteServer;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How one server of a group is chosen.
///
/// Servers that are not connected, `starting` or `draining` are passed over, and this server is never chosen itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy<'a> {
    /// Each in turn.
    RoundRobin,
    /// The least full by its property `load` (as a share of its `capacity`, where it tells one). Between two words of a server each piece of work
    /// that this server sends it counts as 1, so tell the load in pieces of work: players, matches, jobs. Untold, it is 0.
    LeastLoaded,
    /// The one this key belongs to (1 byte or more): the same for the same key, on every server, whatever its id, as long as the names of the
    /// servers that can be chosen are the same. A server that comes takes over its share and no other key moves; the keys of one that goes are
    /// spread over the rest. One whose link is interrupted is still chosen.
    Key(&'a [u8]),
}

impl Policy<'_> {
    fn check(self) -> Result<(), Error> {
        match self {
            Policy::Key([]) => Err(Error::InvalidArgument("a key of length 0 belongs to no server; give it at least one byte".into())),
            _ => Ok(()),
        }
    }

    fn kept(self) -> Pick {
        match self {
            Policy::RoundRobin => Pick::RoundRobin,
            Policy::LeastLoaded => Pick::LeastLoaded,
            Policy::Key(key) => Pick::Key(key.into()),
        }
    }

    fn allows(self, peer: &Peer) -> bool {
        let state = peer.state();
        let reachable = state == ConnectionState::Connected || state == ConnectionState::Interrupted && matches!(self, Policy::Key(_));
        reachable && peer.work.readiness() == Readiness::Ready
    }
}

fn policy(pick: &Pick) -> Policy<'_> {
    match pick {
        Pick::RoundRobin => Policy::RoundRobin,
        Pick::LeastLoaded => Policy::LeastLoaded,
        Pick::Key(key) => Policy::Key(key),
    }
}

/// Whose turn was last, by group.
pub(super) type Turns = BTreeMap<String, ServerId>;

/// The server to send to. Errors: `UnknownGroup`, `NoCandidate`.
fn choose(shared: &Shared, group: &str, policy: Policy<'_>, tried: &[ServerId]) -> Result<Arc<Peer>, Error> {
    shared.check_group(group)?;
    let peers = shared.peers.read();
    let members = || peers.values().filter(|peer| &*peer.group == group);
    let candidates = || members().filter(|peer| policy.allows(peer) && !tried.contains(&peer.id));
    let chosen = match policy {
        Policy::RoundRobin => {
            let mut turns = shared.turns.lock();
            let last = turns.get(group).copied();
            let next = candidates().find(|peer| last.is_none_or(|last| peer.id > last)).or_else(|| candidates().next());
            if let Some(next) = next {
                match turns.get_mut(group) {
                    Some(turn) => *turn = next.id,
                    None => drop(turns.insert(group.into(), next.id)),
                }
            }
            next
        }
        Policy::LeastLoaded => candidates().min_by(|a, b| a.work.fullness().total_cmp(&b.work.fullness())),
        Policy::Key(key) => candidates().max_by_key(|peer| (weight(&peer.name, key), &peer.name)),
    };
    let chosen = chosen.cloned();
    chosen.ok_or_else(|| {
        let connected = members().filter(|peer| peer.state() == ConnectionState::Connected).count();
        Error::NoCandidate { group: group.into(), seen: members().count(), connected }
    })
}

/// Rendezvous hashing (Thaler and Ravishankar, 1998): a key belongs to the server with the highest weight for it.
fn weight(name: &str, key: &[u8]) -> u64 {
    xxh3_64_with_seed(key, xxh3_64(name.as_bytes()))
}

/// It cannot be sent there now; elsewhere perhaps.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::QueueFull { .. } | Error::NotConnected(_) | Error::UnknownServer(_) | Error::TooManyRequests { .. })
}

/// Gives something to one server of the group, and says to which. One that takes nothing now is passed over, except by key.
fn give<T>(
    shared: &Shared,
    group: &str,
    policy: Policy<'_>,
    mut tried: Vec<ServerId>,
    mut to: impl FnMut(&Arc<Peer>) -> Result<T, Error>,
) -> Result<(Arc<Peer>, T), Error> {
    let mut before = None;
    loop {
        let peer = choose(shared, group, policy, &tried).map_err(|error| before.take().unwrap_or(error))?;
        match to(&peer) {
            Ok(taken) => {
                peer.work.give();
                return Ok((peer, taken));
            }
            Err(error) if is_passing(&error) && !matches!(policy, Policy::Key(_)) => {
                tried.push(peer.id);
                before = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sends to one server of the group, and says to which.
pub(super) fn send(
    shared: &Shared,
    group: &str,
    policy: Policy<'_>,
    tag: u16,
    payload: &[u8],
    delivery: Delivery,
) -> Result<Arc<Peer>, Error> {
    policy.check()?;
    give(shared, group, policy, Vec::new(), |peer| peer.send(tag, delivery, payload)).map(|(peer, ())| peer)
}

/// The same with a request, which up to `retries` more servers get if it fails.
pub(super) fn request(shared: &Shared, group: &str, policy: Policy<'_>, retries: u32, ask: Ask<'_>) -> Result<RequestId, Error> {
    policy.check()?;
    check_timeout(ask.timeout)?;
    let again = (retries > 0).then(|| {
        Box::new(Again {
            group: group.into(),
            pick: policy.kept(),
            tag: ask.tag,
            delivery: ask.delivery,
            payload: ask.payload.into(),
            timeout: ask.timeout,
            left: retries,
            tried: Vec::new(),
            shown: None,
        })
    });
    attempt(shared, group, policy, Vec::new(), Ask { again, ..ask }).map_err(|unsent| unsent.error)
}

fn attempt(shared: &Shared, group: &str, policy: Policy<'_>, tried: Vec<ServerId>, ask: Ask<'_>) -> Result<RequestId, Box<Unsent>> {
    let Ask { tag, delivery, payload, timeout, asker, again } = ask;
    // Goes along with each try, and comes back from one that fails.
    let mut kept = (asker, again);
    let sent = give(shared, group, policy, tried, |peer| {
        let (asker, again) = std::mem::replace(&mut kept, (Asker::Game, None));
        peer.request(Ask { tag, delivery, payload, timeout, asker, again }).map_err(|unsent| {
            kept = (unsent.asker, unsent.again);
            unsent.error
        })
    });
    match sent {
        Ok((_, request)) => Ok(request),
        Err(error) => Err(Box::new(Unsent { error, asker: kept.0, again: kept.1 })),
    }
}

/// A request has failed: it is tried elsewhere if that was wished, or who asked is told.
pub(super) fn conclude(shared: &Shared, ended: Ended) {
    let Ended { request, peer, mut asker, again, failure } = ended;
    let final_word = matches!(failure, RequestFailure::Cancelled | RequestFailure::Stopping) || shared.is_stopping();
    if let Some(mut again) = again.filter(|again| again.left > 0 && !final_word) {
        again.left -= 1;
        again.tried.push(peer.id);
        again.shown = Some(request);
        let (group, pick, payload, tried) = (again.group.clone(), again.pick.clone(), again.payload.clone(), again.tried.clone());
        let (tag, delivery, timeout) = (again.tag, again.delivery, again.timeout);
        let ask = Ask { tag, delivery, payload: &payload, timeout, asker, again: Some(again) };
        match attempt(shared, &group, policy(&pick), tried, ask) {
            Ok(_) => return,
            Err(unsent) => asker = unsent.asker,
        }
    }
    shared.commons.requests.tally.failed.fetch_add(1, Ordering::Relaxed);
    match asker {
        Asker::Game => shared.queue.push(Event::RequestFailed { server: RemoteServer::new(peer), request, failure }),
        // Who asked may have lost interest.
        Asker::Future(sender) => drop(sender.send((peer, Err(failure)))),
    }
}

/// The session with this server is over: so is everything it was asked, and who asked is told before that.
pub(super) fn conclude_all_to(shared: &Shared, peer: &Peer, reason: DisconnectReason) {
    let failure = match reason {
        _ if shared.is_stopping() => RequestFailure::Stopping,
        DisconnectReason::PeerStopped | DisconnectReason::PeerLeft => RequestFailure::Left,
        _ => RequestFailure::Disconnected,
    };
    let requests = &shared.commons.requests;
    let _alone = shared.concluding.lock();
    for ended in requests.ended().into_iter().chain(requests.end_all_to(peer, failure)) {
        conclude(shared, ended);
    }
}

/// Nothing more will be answered: what is left of requests ends before the event `Stopped`.
pub(super) fn conclude_all(shared: &Shared) {
    let _alone = shared.concluding.lock();
    for ended in shared.commons.requests.end_all() {
        conclude(shared, ended);
    }
}

/// Tells who asked of every request that ends without an answer, until it is aborted.
pub(super) async fn keep(shared: Arc<Shared>) {
    loop {
        shared.commons.requests.look().await;
        let _alone = shared.concluding.lock();
        for ended in shared.commons.requests.ended() {
            conclude(&shared, ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_spread_evenly_and_only_those_of_a_server_that_goes_move() {
        let names: Vec<String> = (0..16).map(|number| format!("world-{number}")).collect();
        let owner = |names: &[String], key: u64| {
            let key = key.to_le_bytes();
            names.iter().max_by_key(|name| weight(name, &key)).cloned().unwrap()
        };
        let mut counts = BTreeMap::new();
        for key in 0..100_000 {
            let (before, after) = (owner(&names, key), owner(&names[1..], key));
            assert!(before == after || before == names[0], "key {key} moved from {before} to {after}");
            *counts.entry(before).or_insert(0u32) += 1;
        }
        let fullest = counts.values().max().unwrap();
        assert!(counts.len() == 16 && f64::from(*fullest) < 1.15 * 100_000.0 / 16.0, "{counts:?}");
    }

    #[test]
    fn a_weight_is_for_ever() {
        // What every server of a cluster must agree on, whatever its version; as the reference implementation has it, through Python's xxhash.
        assert_eq!([weight("w1", b"player-1"), weight("w2", b"player-1")], [11_220_843_510_910_613_652, 5_848_041_179_571_190_041]);
    }
}
