//! Following the service: one blocking query after the other.
//!
//! Each answer is the whole list; the steps from the last one to it are what is reported.

use super::Consul;
use super::directory::{Directory, Instance, Step};
use crate::registry::LeaveReason;
use crate::registry::store::{Changes, Failure};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A query without news is answered after this long: so often an idle member asks, and so late it notices an agent that has fallen silent
/// but for which its renewals are answered.
const WAIT: Duration = Duration::from_secs(20);
/// An agent passes on a new registration at once, as a rule. A list that lacks this server's own for so long will not have it.
const OWN_WAIT: Duration = Duration::from_secs(6);
/// After an answer, the next query waits a moment for further changes: every change is the whole list again, for everybody, and so the
/// longer the more entries there are. A change after a quiet while is seen at once.
const REST: Duration = Duration::from_millis(20);
const REST_PER_ENTRY: Duration = Duration::from_millis(10);
const MOST_REST: Duration = Duration::from_secs(2);

impl Consul {
    fn path(&self) -> String {
        format!("health/service/{}", self.service)
    }

    /// The service as it is now.
    pub(super) async fn shown(&self) -> Result<Directory, Failure> {
        let answer = self.api.follow(&self.path(), 0, Duration::ZERO).await?;
        let instances: Vec<Instance> = self.api.json(&answer)?;
        Ok(Directory::new(&self.service, &instances))
    }

    /// Until it fails, or another agent is used.
    pub(super) async fn follow(&self, changes: &Changes) -> Failure {
        let mut moves = self.api.moves();
        let followed = async {
            match self.query(changes).await {
                Err(failure) => failure,
                Ok(never) => match never {},
            }
        };
        tokio::select! {
            failure = followed => failure,
            _ = moves.changed() => Failure(format!("{}: an agent does not answer and is left for the next one", self.api.label())),
        }
    }

    async fn query(&self, changes: &Changes) -> Result<std::convert::Infallible, Failure> {
        let began = Instant::now();
        let mut last: Option<Directory> = None;
        let mut index = 0;
        loop {
            let wait = if last.is_some() { WAIT } else { OWN_WAIT.saturating_sub(began.elapsed()) };
            let answer = self.api.follow(&self.path(), index, wait).await?;
            let instances: Vec<Instance> = self.api.json(&answer)?;
            let next = Directory::new(&self.service, &instances);
            if answer.index < index {
                // Consul begins to count anew when its servers were restored from an older state: what is shown then is a first look.
                last = None;
                index = 0;
            } else {
                // 0 would not wait.
                index = answer.index.max(1);
            }
            let rest = (REST + REST_PER_ENTRY * u32::try_from(next.len()).unwrap_or(u32::MAX)).min(MOST_REST);
            match &last {
                Some(last) => self.tell(last.steps_to(&next), changes).await?,
                None if self.lists_own(&next) => changes.all(next.found()).await,
                // The agent has not passed it on yet.
                None if began.elapsed() < OWN_WAIT => {
                    sleep(rest).await;
                    continue;
                }
                None => return Err(self.blind()),
            }
            last = Some(next);
            sleep(rest).await;
        }
    }

    fn lists_own(&self, directory: &Directory) -> bool {
        let registered = self.kept.lock().registered;
        registered.is_none_or(|registered| directory.lists(registered.id))
    }

    fn blind(&self) -> Failure {
        Failure(format!(
            "{} has registered this server but does not show it under {}; may the token in registry.secret_file read that service and its \
             nodes, and is registry.datacenter the agent's own?",
            self.api.label(),
            self.service
        ))
    }

    async fn tell(&self, steps: Vec<Step>, changes: &Changes) -> Result<(), Failure> {
        let departed = match steps.iter().any(|step| matches!(step, Step::Vanished(..))) {
            true => self.claims.departed(&self.api).await?,
            false => Default::default(),
        };
        for step in steps {
            match step {
                Step::Set(found) => changes.set(found).await,
                Step::Lapsed(name) => changes.unset(name, LeaveReason::Expired).await,
                Step::Vanished(name, id) if departed.contains(&id) => changes.unset(name, LeaveReason::Deregistered).await,
                Step::Vanished(name, _) => changes.unset(name, LeaveReason::Expired).await,
            }
        }
        Ok(())
    }
}
