//! Reads the stream of changes, and takes out whose lease has ended.

use super::link::{Link, text};
use super::words::unexpected;
use super::{Redis, possible};
use crate::registry::LeaveReason;
use crate::registry::store::{Changes, Failure};
use rand::Rng;
use redis::{Value, cmd};
use std::convert::Infallible;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::time::{sleep_until, timeout};

/// How long Redis waits for a change before it answers that there is none.
const BLOCK: Duration = Duration::from_secs(5);
/// Changes in one answer.
const AT_ONCE: usize = 64;
/// After the end of a lease the members wait this long, each a part of its own, before one takes the entry out.
const SPREAD: Duration = Duration::from_millis(500);

/// Where in the stream a reader is: when the stream began, and the number of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    began: u64,
    count: u64,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (began, count) = text.split_once('-')?;
        Some(Self { began: began.parse().ok()?, count: count.parse().ok()? })
    }

    /// Nothing is missing between the two.
    fn is_before(self, next: Place) -> bool {
        self.began == next.began && self.count.checked_add(1) == Some(next.count)
    }
}

pub(super) async fn watch(redis: &Redis, changes: &Changes) -> Failure {
    // Before the first look: what becomes of it is seen.
    let mut anew = redis.anew.subscribe();
    loop {
        tokio::select! {
            Err(failure) = follow(redis, changes) => return failure,
            // No failure: everything is looked at once more.
            _ = anew.changed() => {}
        }
    }
}

async fn follow(redis: &Redis, changes: &Changes) -> Result<Infallible, Failure> {
    let silent = || Failure(format!("{} does not answer; is it running?", redis.label));
    // Where the entry is renewed: of two that both hold themselves for the master, one would show what the other does not have.
    let dialled = async { redis.dialler.master(&redis.link().await?.address).await };
    let link = timeout(redis.patience, dialled).await.map_err(|_| silent())??;
    let snapshot = timeout(redis.patience.max(BLOCK), redis.snapshot(&link));
    let (last, found) = snapshot.await.map_err(|_| silent())??;
    let mut place = Place::parse(&last).ok_or_else(|| unexpected(&link.whom, "list"))?;
    changes.all(found).await;
    let mut the_dead = pin!(take_out_the_dead(redis));
    loop {
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(AT_ONCE).arg("BLOCK").arg(u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX));
        read.arg("STREAMS").arg(redis.changes()).arg(format!("{}-{}", place.began, place.count));
        let answer = timeout(BLOCK + redis.patience, link.ask(&read));
        let answer = tokio::select! {
            answer = answer => answer.map_err(|_| silent())??,
            Err(failure) = &mut the_dead => return Err(failure),
        };
        tell(redis, &link, changes, answer, &mut place).await?;
    }
}

/// Waits for ends of leases; whoever renews moves them on. Ends only when it fails.
async fn take_out_the_dead(redis: &Redis) -> Result<Infallible, Failure> {
    let mut next_end = redis.next_end.subscribe();
    loop {
        let due = *next_end.borrow_and_update() + rand::rng().random_range(SPREAD / 50..SPREAD);
        tokio::select! {
            // Told of a later one, mostly.
            _ = next_end.changed() => {}
            () = sleep_until(due.into()) => {
                timeout(redis.patience, redis.run("reap", None)).await.ok().transpose()?;
            }
        }
    }
}

/// What one XREAD has brought.
async fn tell(redis: &Redis, link: &Link, changes: &Changes, answer: Value, place: &mut Place) -> Result<(), Failure> {
    let unexpected = || unexpected(&link.whom, "XREAD");
    let entries = match answer {
        Value::Nil => return Ok(()),
        Value::Array(streams) => match streams.into_iter().next() {
            Some(Value::Array(stream)) => match stream.into_iter().nth(1) {
                Some(Value::Array(entries)) => entries,
                _ => return Err(unexpected()),
            },
            _ => return Err(unexpected()),
        },
        _ => return Err(unexpected()),
    };
    for entry in entries {
        let Value::Array(entry) = entry else { return Err(unexpected()) };
        let [id, Value::Array(fields)] = entry.as_slice() else { return Err(unexpected()) };
        let next = text(id).and_then(Place::parse).ok_or_else(unexpected)?;
        if !place.is_before(next) {
            return Err(Failure(format!(
                "{}: changes between {place:?} and {next:?} are lost; its directory is looked at anew",
                link.whom
            )));
        }
        *place = next;
        let field = |name: &str| {
            let value = fields.chunks_exact(2).find(|pair| text(&pair[0]) == Some(name)).map(|pair| &pair[1]);
            if let Some(Value::BulkString(bytes)) = value { &bytes[..] } else { &[] }
        };
        let Some(name) = possible(field("name")) else {
            changes.set(Err(redis.impossible("changes", field("name")))).await;
            continue;
        };
        match field("entry") {
            [] => {
                // Whoever took it out has looked when the next one is due.
                if let Some(wait) = std::str::from_utf8(field("next")).ok().and_then(|wait| wait.parse::<u32>().ok()) {
                    redis.next_end.send_replace(Instant::now() + Duration::from_millis(wait.into()));
                }
                changes.unset(name, LeaveReason::Expired).await;
            }
            json => changes.set(redis.found(&name.0, &name.1, json)).await,
        }
    }
    Ok(())
}
