//! Watches the entries.
//!
//! etcd speaks on a watch only when something changes, and by itself each ten minutes. That costs nothing, and hides a connection that is dead. Three
//! things find that out without one request more: the system's probes of the connection (`http`) notice a machine or a network that is gone; the
//! renewals of this server's lease go to the same etcd server as the watch, so one that is not answered ends the watch, too, unless it speaks
//! ([`Places::left`]: a process that stands still); and an etcd server that has lost the others ends the watch by itself, because we ask for a leader.
//!
//! [`Places::left`]: super::places::Places::left

use super::wire::{Int, Streamed, Watched, below};
use super::{Etcd, Failure};
use crate::registry::LeaveReason;
use crate::registry::http::MOST_BYTES;
use crate::registry::store::{Changes, Store};
use reqwest::Response;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// One answer is waited for this long.
const PATIENCE: Duration = Duration::from_secs(5);
/// A watch that has lived this long is resumed where it broke, and once more if that fails at once (the connection it was given had broken with
/// the other one); then the whole directory is looked at again.
const SOUND: Duration = Duration::from_secs(1);

/// Why following ended.
enum End {
    /// It can be resumed.
    Broken(Failure),
    /// What happened meanwhile is not to be had any more.
    Over(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        End::Broken(failure)
    }
}

pub(super) async fn run(etcd: &Etcd, changes: &Changes) -> Failure {
    let mut anew = etcd.anew.subscribe();
    let label = etcd.gateway.http().label();
    let (found, mut seen) = match timeout(PATIENCE, etcd.range()).await {
        Ok(Ok(found)) => found,
        Ok(Err(failure)) => return failure,
        Err(_) => return silent(label),
    };
    changes.all(found).await;
    let (mut resumed, mut hasty) = (false, false);
    loop {
        let began = Instant::now();
        let end = tokio::select! {
            end = follow(etcd, &mut seen, changes) => end,
            // A watch that never broke is of the same store as what was looked at, even if that has dropped a lease.
            _ = anew.changed(), if resumed => End::Over(Failure(format!("{label} had forgotten this server"))),
        };
        let sound = began.elapsed() > SOUND;
        match end {
            End::Broken(_) if sound || (resumed && !hasty) => (resumed, hasty) = (true, !sound),
            End::Broken(failure) | End::Over(failure) => return failure,
        }
    }
}

fn silent(label: &str) -> Failure {
    Failure(format!("{label} does not answer within {} s; is it running?", PATIENCE.as_secs()))
}

/// Passes on what happens after the revision `seen`, which moves along.
async fn follow(etcd: &Etcd, seen: &mut Int, changes: &Changes) -> End {
    let gateway = &etcd.gateway;
    let mut create = below(&etcd.servers);
    create["start_revision"] = json!(Int(seen.0.saturating_add(1)));
    create["progress_notify"] = json!(true);
    // Large answers come in parts.
    create["fragment"] = json!(true);
    let request = json!({ "create_request": create });
    let opened = timeout(PATIENCE, gateway.open("watch", &request)).await;
    match opened {
        Ok(Ok((response, place))) => read(etcd, response, place, seen, changes).await,
        Ok(Err(refused)) => Failure::from(refused).into(),
        Err(_) => silent(gateway.http().label()).into(),
    }
}

async fn read(etcd: &Etcd, response: Response, mut place: usize, seen: &mut Int, changes: &Changes) -> End {
    let (gateway, label) = (&etcd.gateway, etcd.gateway.http().label());
    let mut lines = Lines { response, buffer: Vec::new(), looked: 0 };
    // When it must have said something.
    let mut due = Some(Instant::now() + PATIENCE);
    loop {
        let line = tokio::select! {
            line = lines.next(etcd) => line,
            left = gateway.places.left(place) => match left {
                // A renewal has failed there, and nothing else is asked: words that still come show that it was only slow.
                Some(now) => {
                    place = now;
                    due.get_or_insert(Instant::now() + etcd.lease());
                    continue;
                }
                // From now on the renewals say nothing about this server.
                None => return silent(label).into(),
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => return silent(label).into(),
        };
        due = None;
        let line = match line {
            Ok(line) => line,
            Err(failure) => return failure.into(),
        };
        let watched = match gateway.http().json(&line) {
            Ok(Streamed::<Watched> { result: Some(watched), error: None }) => watched,
            Ok(_) => return Failure::from(gateway.refusal(StatusCode::OK, place, &line)).into(),
            Err(failure) => return End::Over(failure),
        };
        if watched.compact_revision.0 > 0 {
            return End::Over(Failure(format!("{label} has dropped its history up to revision {}", watched.compact_revision.0)));
        }
        if watched.canceled {
            return Failure::from(gateway.meaning(&watched.cancel_reason, place)).into();
        }
        // A store that counts less than we have seen is another one, or one that was restored.
        if watched.created && watched.header.revision < *seen {
            return End::Over(Failure(format!("{label} has begun anew")));
        }
        let last = watched.events.last().map(|event| event.kv.mod_revision);
        for event in &watched.events {
            tell(etcd, event, changes).await;
        }
        match last {
            // The rest of that revision is still to come.
            Some(_) if watched.fragment => {}
            Some(revision) => *seen = (*seen).max(revision),
            // Progress. Not what comes with the creation: events before that revision follow.
            None if !watched.created => *seen = (*seen).max(watched.header.revision),
            None => {}
        }
    }
}

async fn tell(etcd: &Etcd, event: &super::wire::Event, changes: &Changes) {
    let key = String::from_utf8_lossy(&event.kv.key.0);
    let name = etcd.name_of(&key);
    if event.is_delete() {
        if let Some(name) = name {
            changes.unset(name, LeaveReason::Expired).await;
        }
        return;
    }
    let found = etcd.found(&key, &event.kv.value.0);
    // Somebody has written over this server's own entry what gives way to it: then it is missing.
    let own = etcd.own.lock().clone();
    let overwritten =
        own.filter(|(own, id)| name.as_ref() == Some(own) && found.as_ref().map_or(true, |found| found.registration.id < *id));
    changes.set(found).await;
    if let Some((own, _)) = overwritten {
        changes.unset(own, LeaveReason::Expired).await;
    }
}

/// An answer line by line.
struct Lines {
    response: Response,
    buffer: Vec<u8>,
    /// So many bytes of it hold no end of a line.
    looked: usize,
}

impl Lines {
    async fn next(&mut self, etcd: &Etcd) -> Result<Vec<u8>, Failure> {
        let (http, label) = (etcd.gateway.http(), etcd.gateway.http().label());
        loop {
            if let Some(end) = self.buffer[self.looked..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(self.looked + end + 1);
                self.looked = 0;
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            self.looked = self.buffer.len();
            match self.response.chunk().await {
                Ok(Some(chunk)) if self.buffer.len() + chunk.len() <= MOST_BYTES => self.buffer.extend_from_slice(&chunk),
                Ok(Some(_)) => return Err(Failure(format!("{label} answers with more than {MOST_BYTES} bytes"))),
                Ok(None) => return Err(Failure(format!("{label} has ended the watch"))),
                Err(error) => return Err(http.broken(&error)),
            }
        }
    }
}
