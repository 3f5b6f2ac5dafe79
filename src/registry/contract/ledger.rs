//! The rules that every sequence of news must keep, whatever the registry.

use crate::id::ServerId;
use crate::registry::{LeaveReason, News, Registration};
use std::collections::{BTreeMap, BTreeSet};

/// The view that news add up to. Each piece is checked against all before it:
/// the own registration never changes; nobody joins twice, leaves without having joined, or comes back after a final leave; this server
/// itself is in its view and never leaves it; losses and returns alternate; nothing follows a replacement.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The registration it was told to have.
    pub own: Option<Registration>,
    /// Who is in the cluster, by id.
    pub view: BTreeMap<ServerId, Registration>,
    /// Whether the first snapshot is there.
    pub has_view: bool,
    /// Whether the registry is out of reach now.
    pub lost: bool,
    /// How often the registry was lost.
    pub outages: usize,
    /// How often it was told to be registered.
    pub registrations: usize,
    /// Who took this server's name.
    pub replaced_by: Option<ServerId>,
    /// Ids that left as deregistered or replaced.
    pub gone_for_good: BTreeSet<ServerId>,
}

impl Ledger {
    /// Adds one piece. Errors: the rule it breaks.
    pub fn take(&mut self, news: News) -> Result<(), &'static str> {
        ensure(self.replaced_by.is_none(), "news after the replacement")?;
        match news {
            News::Registered(own) => {
                ensure(self.own.as_ref().is_none_or(|before| *before == own), "its own registration changed")?;
                self.registrations += 1;
                self.own = Some(own);
            }
            News::Snapshot(entries) => {
                let count = entries.len();
                ensure(self.own.as_ref().is_some_and(|own| entries.contains(own)), "it is not in its own view")?;
                self.view = entries.into_iter().map(|entry| (entry.id, entry)).collect();
                ensure(self.view.len() == count, "the snapshot lists an id twice")?;
                ensure(self.view.keys().all(|id| !self.gone_for_good.contains(id)), "the snapshot lists somebody who is gone for good")?;
                self.has_view = true;
            }
            News::Joined(entry) => {
                ensure(self.has_view, "a join before the first view")?;
                ensure(!self.gone_for_good.contains(&entry.id), "a server came back after it was gone for good")?;
                ensure(self.view.insert(entry.id, entry).is_none(), "a server joined twice")?;
            }
            News::Left { id, reason } => {
                ensure(self.own.as_ref().is_none_or(|own| own.id != id), "it was told that it has left itself")?;
                ensure(self.view.remove(&id).is_some(), "somebody left who was not there")?;
                if reason != LeaveReason::Expired {
                    self.gone_for_good.insert(id);
                }
            }
            News::Lost(text) => {
                ensure(!text.is_empty(), "a loss without a word why")?;
                ensure(!std::mem::replace(&mut self.lost, true), "a loss was told twice")?;
                self.outages += 1;
            }
            News::Restored => ensure(std::mem::replace(&mut self.lost, false), "a return without a loss")?,
            News::Replaced { by } => self.replaced_by = Some(by),
            News::IdTaken => ensure(self.own.is_none(), "its id was taken when it was registered already")?,
        }
        Ok(())
    }
}

fn ensure(kept: bool, rule: &'static str) -> Result<(), &'static str> {
    if kept { Ok(()) } else { Err(rule) }
}
