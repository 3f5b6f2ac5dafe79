//! What the game has reported, checked call by call. Pure: calls go in, [`News`] come out.
//!
//! A call is taken whole or refused whole. Under one group and name the higher id is shown; what it replaced stays known to the game's calls
//! until the game says that it has left, and is never shown again.

use crate::config::is_name;
use crate::error::RegistryError;
use crate::id::ServerId;
use crate::registry::departed::Departed;
use crate::registry::entry::{Name, name};
use crate::registry::{Candidate, LeaveReason, News, Registration, flaw};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Most servers that may be reported at the same time.
const MOST_SERVERS: usize = 65_536;
/// News that may wait for the server; more than a whole directory, so that one is taken at once.
const MOST_PENDING: usize = MOST_SERVERS + 1024;
/// Of a text that says why; what is longer is cut.
const MOST_TEXT_BYTES: usize = 4096;

type Taken = Result<(), RegistryError>;

/// How it stands with the registration.
#[derive(Debug)]
enum Own {
    /// The connector has not begun.
    Unasked,
    /// The game has been asked to register this server, and has not answered.
    Asked(Box<Registration>),
    /// It could not; it is asked again.
    Failed(Box<Registration>),
    Registered(Box<Registration>),
}

#[derive(Debug)]
pub(super) struct Book {
    own: Own,
    /// Everybody the game has reported, this server and those who were replaced included.
    known: BTreeMap<ServerId, Registration>,
    /// Who is shown under each name.
    names: HashMap<Name, ServerId>,
    departed: Departed<()>,
    /// Reported since the snapshot began.
    snapshot: Option<BTreeSet<ServerId>>,
    lost: bool,
    /// Nothing follows: stopped, or replaced.
    over: bool,
    pending: VecDeque<News>,
}

impl Book {
    pub(super) fn new() -> Self {
        Self {
            own: Own::Unasked,
            known: BTreeMap::new(),
            names: HashMap::new(),
            departed: Departed::new(),
            snapshot: None,
            lost: false,
            over: false,
            pending: VecDeque::new(),
        }
    }

    /// The game is asked to register this server, for the first time or again.
    pub(super) fn ask(&mut self, me: &Candidate, id: ServerId) -> Option<Registration> {
        if self.over || matches!(self.own, Own::Registered(_)) {
            return None;
        }
        let Candidate { group, name, host, port, visibility, properties, .. } = me.clone();
        let own = Registration { id, group, name, host, port, visibility, properties };
        self.own = Own::Asked(Box::new(own.clone()));
        Some(own)
    }

    /// The game could not be asked, or could not do what it was asked for.
    pub(super) fn unregistered(&mut self, text: &str) {
        if !matches!(self.own, Own::Registered(_)) {
            self.tell_loss(text);
        }
    }

    /// The attempt has failed and another one is due.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.own, Own::Failed(_)) && !self.over
    }

    pub(super) fn id(&self) -> Option<ServerId> {
        self.own().map(|own| own.id)
    }

    /// Whether this server is shown under its name.
    pub(super) fn shows(&self, id: ServerId) -> bool {
        self.known.get(&id).is_some_and(|entry| self.names.get(&name(entry)) == Some(&id))
    }

    pub(super) fn registered(&mut self, id: ServerId) -> Taken {
        self.open()?;
        let mut own = match &self.own {
            Own::Unasked => return Err(RegistryError::NotAsked),
            Own::Registered(own) if own.id == id => return Ok(()),
            Own::Registered(own) => return Err(RegistryError::AlreadyRegistered(own.id)),
            Own::Asked(own) | Own::Failed(own) => own.clone(),
        };
        self.room(3)?;
        own.id = id;
        self.pending.extend(std::mem::take(&mut self.lost).then_some(News::Restored));
        self.pending.extend([News::Registered((*own).clone()), News::Snapshot(vec![(*own).clone()])]);
        self.own = Own::Registered(own);
        Ok(())
    }

    pub(super) fn register_failed(&mut self, text: &str) -> Taken {
        self.open()?;
        match std::mem::replace(&mut self.own, Own::Unasked) {
            Own::Asked(own) => {
                self.own = Own::Failed(own);
                self.tell_loss(text);
                Ok(())
            }
            Own::Registered(own) => {
                let id = own.id;
                self.own = Own::Registered(own);
                Err(RegistryError::AlreadyRegistered(id))
            }
            own => {
                self.own = own;
                Err(RegistryError::NotAsked)
            }
        }
    }

    pub(super) fn joined(&mut self, entry: Registration) -> Taken {
        self.open()?;
        let own = self.own().ok_or(RegistryError::NotRegistered)?;
        if let Some(flaw) = flaw_of(&entry) {
            return Err(RegistryError::Flawed { id: entry.id, flaw });
        }
        let (id, own_id, called) = (entry.id, own.id, name(&entry));
        let ours = name(own) == called;
        if id == own_id && !ours {
            let flaw = format!("it is the id of this server itself, {}/{}", own.group, own.name);
            return Err(RegistryError::Flawed { id, flaw });
        }
        if let Some(known) = self.known.get(&id) {
            if !same(known, &entry) {
                return Err(RegistryError::Changed { id, group: known.group.clone(), name: known.name.clone() });
            }
            // In a snapshot everybody is reported again.
            return match self.snapshot.as_mut().is_some_and(|seen| seen.insert(id)) {
                true => Ok(()),
                false => Err(RegistryError::AlreadyJoined { id, group: entry.group, name: entry.name }),
            };
        }
        if self.known.len() >= MOST_SERVERS {
            return Err(RegistryError::TooMany(MOST_SERVERS));
        }
        self.room(2)?;
        self.known.insert(id, entry.clone());
        if let Some(seen) = &mut self.snapshot {
            seen.insert(id);
        }
        if ours {
            if id > own_id {
                self.over = true;
                self.pending.push_back(News::Replaced { by: id });
            }
        } else if !self.departed.contains(id) {
            self.show(called, entry);
        }
        Ok(())
    }

    fn show(&mut self, called: Name, entry: Registration) {
        match self.names.get(&called).copied() {
            Some(shown) if shown > entry.id => {
                self.departed.insert(entry.id, ());
                return;
            }
            Some(older) => {
                self.departed.insert(older, ());
                self.pending.push_back(News::Left { id: older, reason: LeaveReason::Replaced });
            }
            None => {}
        }
        self.names.insert(called, entry.id);
        self.pending.push_back(News::Joined(entry));
    }

    pub(super) fn left(&mut self, id: ServerId) -> Taken {
        self.open()?;
        self.own().ok_or(RegistryError::NotRegistered)?;
        if !self.known.contains_key(&id) {
            return Err(RegistryError::NotJoined(id));
        }
        self.room(1)?;
        self.forget(id);
        Ok(())
    }

    /// The registry's word is a hint: a live link outlives it, and the id may come back.
    fn forget(&mut self, id: ServerId) {
        if let Some(seen) = &mut self.snapshot {
            seen.remove(&id);
        }
        let Some(entry) = self.known.remove(&id) else { return };
        let called = name(&entry);
        if self.names.get(&called) == Some(&id) {
            self.names.remove(&called);
            self.pending.push_back(News::Left { id, reason: LeaveReason::Expired });
        }
    }

    pub(super) fn snapshot_begin(&mut self) -> Taken {
        self.open()?;
        self.own().ok_or(RegistryError::NotRegistered)?;
        if self.snapshot.is_some() {
            return Err(RegistryError::SnapshotOpen);
        }
        self.snapshot = Some(BTreeSet::new());
        Ok(())
    }

    pub(super) fn snapshot_end(&mut self) -> Taken {
        self.open()?;
        self.own().ok_or(RegistryError::NotRegistered)?;
        let seen = self.snapshot.as_ref().ok_or(RegistryError::NoSnapshot)?;
        let gone: Vec<ServerId> = self.known.keys().filter(|id| !seen.contains(id)).copied().collect();
        self.room(gone.len())?;
        self.snapshot = None;
        gone.into_iter().for_each(|id| self.forget(id));
        Ok(())
    }

    /// Once per outage.
    pub(super) fn lost(&mut self, text: &str) -> Taken {
        self.open()?;
        self.own().ok_or(RegistryError::NotRegistered)?;
        self.room(1)?;
        self.tell_loss(text);
        Ok(())
    }

    pub(super) fn restored(&mut self) -> Taken {
        self.open()?;
        let own = self.own().cloned().ok_or(RegistryError::NotRegistered)?;
        self.room(2)?;
        if std::mem::take(&mut self.lost) {
            self.pending.extend([News::Restored, News::Registered(own)]);
        }
        Ok(())
    }

    /// Every call is refused from now on; what waits is still handed over.
    pub(super) fn close(&mut self) {
        self.over = true;
    }

    pub(super) fn has_news(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(super) fn next_news(&mut self) -> Option<News> {
        self.pending.pop_front()
    }

    fn tell_loss(&mut self, text: &str) {
        if self.over || std::mem::replace(&mut self.lost, true) {
            return;
        }
        let text = &text[..text.floor_char_boundary(MOST_TEXT_BYTES)];
        let text = if text.is_empty() { "the game's registry connector gives no reason" } else { text };
        self.pending.push_back(News::Lost(text.to_owned()));
    }

    fn own(&self) -> Option<&Registration> {
        if let Own::Registered(own) = &self.own { Some(own) } else { None }
    }

    fn open(&self) -> Taken {
        if self.over { Err(RegistryError::Stopped) } else { Ok(()) }
    }

    fn room(&self, news: usize) -> Taken {
        if self.pending.len() + news <= MOST_PENDING { Ok(()) } else { Err(RegistryError::Full(self.pending.len())) }
    }
}

/// Visibility is not reported: it is what the configuration says of the group.
fn same(known: &Registration, entry: &Registration) -> bool {
    let details = |of: &Registration| (of.group.clone(), of.name.clone(), of.host.clone(), of.port);
    details(known) == details(entry) && known.properties == entry.properties
}

/// What is wrong with an entry, as half a sentence.
fn flaw_of(entry: &Registration) -> Option<String> {
    for (what, text) in [("group", &entry.group), ("name", &entry.name)] {
        if !is_name(text) {
            return Some(format!("its {what} {:?} is not 1 to 63 characters of a-z A-Z 0-9 _ . -", shown(text)));
        }
    }
    if entry.host.chars().any(|character| character.is_control() || character.is_whitespace() || "[]/".contains(character)) {
        return Some(format!("its host {:?} is no host name or address; an IPv6 address stands without brackets", shown(&entry.host)));
    }
    flaw(entry)
}

fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(100)]
}

#[cfg(test)]
mod tests;
