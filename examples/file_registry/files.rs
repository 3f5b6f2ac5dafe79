//! A registry without a service: a folder that all servers share, with one file for each of them.
//!
//! A file appears whole (it is written beside its place and renamed), is touched three times per lease, and is removed at the goodbye. One that has
//! not been touched for a lease belongs to a server that crashed. The clocks of the machines must agree to a fraction of the lease.

use sinew::ServerId;
use sinew::registry::{Candidate, Command, Connector, LeaveReason, News, Registration, Wires, fresh_id, local_address};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, SystemTime};
use tokio::time::MissedTickBehavior;

/// News that wait for the server; while there are more, nobody else is looked at.
const MOST_PENDING: usize = 1024;
/// Of one file; a registration has at most 4 KiB of properties.
const MOST_BYTES: u64 = 65_536;

/// The connector: give it to `Server::start_with_connector`.
pub(crate) struct Files {
    folder: PathBuf,
    lease: Duration,
}

impl Files {
    pub(crate) fn new(folder: PathBuf, lease: Duration) -> Self {
        Self { folder, lease }
    }
}

impl Connector for Files {
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, me, wires))
    }
}

async fn run(files: Files, me: Candidate, mut wires: Wires) {
    let mut ticks = tokio::time::interval(files.lease / 6);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pending = VecDeque::new();
    let mut member = Some(Member::new(files, me));
    loop {
        tokio::select! {
            command = wires.commands.recv() => match command {
                Some(Command::ReportFailure(suspect)) => {
                    apart(&mut member, move |member| member.look_at(suspect)).await;
                }
                Some(Command::Deregister) | None => break,
            },
            room = wires.news.reserve(), if !pending.is_empty() => match room {
                Ok(room) => {
                    if let Some(news) = pending.pop_front() {
                        room.send(news);
                    }
                }
                // The server is gone.
                Err(_) => break,
            },
            _ = ticks.tick() => {
                let look = pending.len() < MOST_PENDING;
                pending.extend(apart(&mut member, move |member| member.step(look)).await.unwrap_or_default());
            }
        }
    }
    apart(&mut member, |member| member.goodbye()).await;
}

/// Files may be slow (a network, a disk that sleeps): never on the threads that serve the sockets.
async fn apart<T: Send + 'static>(member: &mut Option<Member>, work: impl FnOnce(&mut Member) -> T + Send + 'static) -> Option<T> {
    let mut taken = member.take()?;
    let (back, result) = tokio::task::spawn_blocking(move || {
        let result = work(&mut taken);
        (taken, result)
    })
    .await
    .ok()?;
    *member = Some(back);
    Some(result)
}

/// One server's side of the folder.
struct Member {
    files: Files,
    me: Candidate,
    own: Option<Registration>,
    touched: SystemTime,
    /// The server has been told its registration and its first view.
    announced: bool,
    lost: bool,
    /// A newer server has the name.
    replaced: bool,
    /// Until then a file that is missing means nothing: everybody's may have been.
    settles_at: SystemTime,
    /// What has been read; a file never changes what it says.
    read: HashMap<ServerId, Registration>,
    /// Everybody else who is shown.
    shown: Listing,
    gone: BTreeSet<ServerId>,
}

/// Everybody whose file is there, and when it was touched last.
type Listing = BTreeMap<ServerId, (Registration, SystemTime)>;

impl Member {
    fn new(files: Files, me: Candidate) -> Self {
        let long_ago = SystemTime::UNIX_EPOCH;
        Self {
            files,
            me,
            own: None,
            touched: long_ago,
            announced: false,
            lost: false,
            replaced: false,
            settles_at: long_ago,
            read: HashMap::new(),
            shown: Listing::new(),
            gone: BTreeSet::new(),
        }
    }

    /// Keeps this server's file, and looks at the others'.
    fn step(&mut self, look: bool) -> Vec<News> {
        if self.replaced {
            return Vec::new();
        }
        let mut news = Vec::new();
        match self.keep().and_then(|()| if look { self.list().map(Some) } else { Ok(None) }) {
            Ok(listing) => {
                let own = self.own.clone();
                if std::mem::take(&mut self.lost) {
                    news.push(News::Restored);
                    news.extend(own.filter(|_| self.announced).map(News::Registered));
                    self.doubt(SystemTime::now());
                }
                if let Some(listing) = listing {
                    self.compare(&listing, &mut news);
                }
            }
            Err(error) if !std::mem::replace(&mut self.lost, true) => {
                let folder = self.files.folder.display();
                news.push(News::Lost(format!("the registry's folder {folder} cannot be used: {error}; is it there, and writable?")));
            }
            // Told already.
            Err(_) => {}
        }
        news
    }

    /// Puts this server's file, or touches it.
    fn keep(&mut self) -> io::Result<()> {
        let now = SystemTime::now();
        let Some(own) = self.own.clone() else { return self.register() };
        if age(self.touched, now) < self.files.lease / 3 {
            return Ok(());
        }
        match OpenOptions::new().write(true).open(self.path(own.id)).and_then(|file| file.set_modified(now)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.doubt(now);
                let mut file = File::create(self.draft(own.id))?;
                self.publish(&mut file, &own)?;
            }
            touched => touched?,
        }
        self.touched = now;
        Ok(())
    }

    /// The folder was away, or somebody has emptied it: whoever is missing is given the time to come back.
    fn doubt(&mut self, now: SystemTime) {
        self.settles_at = now + self.files.lease * 2;
    }

    fn register(&mut self) -> io::Result<()> {
        let Candidate { group, name, host, port, visibility, properties, .. } = self.me.clone();
        let host = if host.is_empty() { local_address().map_or("127.0.0.1".into(), |ip| ip.to_string()) } else { host };
        // A restart must get a higher id than it had before, also where the clock was set back.
        let same = |entry: &Registration| (&entry.group, &entry.name) == (&group, &name);
        let before = self.list()?.into_values().filter(|(entry, _)| same(entry)).map(|(entry, _)| entry.id.get()).max();
        let above = before.and_then(|id| ServerId::new(id + 1));
        let id = above.map_or_else(fresh_id, |above| above.max(fresh_id()));
        // Whoever makes the draft has the id; another one that has drawn the same draws again at the next step.
        let mut file = OpenOptions::new().write(true).create_new(true).open(self.draft(id))?;
        if self.path(id).exists() {
            return fs::remove_file(self.draft(id));
        }
        let own = Registration { id, group, name, host, port, visibility, properties };
        self.publish(&mut file, &own)?;
        self.own = Some(own);
        self.touched = SystemTime::now();
        Ok(())
    }

    fn publish(&self, draft: &mut File, own: &Registration) -> io::Result<()> {
        draft.write_all(&serde_json::to_vec(own)?)?;
        fs::rename(self.draft(own.id), self.path(own.id))
    }

    fn path(&self, id: ServerId) -> PathBuf {
        self.files.folder.join(format!("{id}.json"))
    }

    fn draft(&self, id: ServerId) -> PathBuf {
        self.files.folder.join(format!("{id}.draft"))
    }

    fn list(&mut self) -> io::Result<Listing> {
        let (mut listing, now) = (Listing::new(), SystemTime::now());
        for file in fs::read_dir(&self.files.folder)? {
            let file = file?;
            let name = file.file_name();
            let Some((id, kind)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            let Some(id) = id.parse().ok().and_then(ServerId::new) else { continue };
            // Whoever removes it while we look has said goodbye.
            let Ok(facts) = file.metadata() else { continue };
            let touched = facts.modified()?;
            if age(touched, now) > self.files.lease * 10 {
                // Everybody knows by now; if somebody else was faster, so be it.
                let _ = fs::remove_file(file.path());
                continue;
            }
            if kind != "json" || facts.len() > MOST_BYTES {
                continue;
            }
            if let Some(entry) = self.read.get(&id) {
                listing.insert(id, (entry.clone(), touched));
            } else if let Ok(text) = fs::read(file.path())
                && let Ok(entry) = serde_json::from_slice::<Registration>(&text)
                && entry.id == id
            {
                listing.insert(id, (entry, touched));
            }
        }
        self.read = listing.iter().map(|(id, (entry, _))| (*id, entry.clone())).collect();
        Ok(listing)
    }

    /// What has changed since the last look.
    fn compare(&mut self, listing: &Listing, news: &mut Vec<News>) {
        let Some(own) = self.own.clone() else { return };
        let now = SystemTime::now();
        if !listing.contains_key(&own.id) {
            self.doubt(now);
            // Put again at the next step.
            self.touched = SystemTime::UNIX_EPOCH;
        }
        let alive = |touched: &SystemTime| age(*touched, now) < self.files.lease;
        // Ordered by id, so the newest of each name stays.
        let newest: BTreeMap<_, _> = listing
            .values()
            .filter(|(entry, touched)| alive(touched) || entry.id == own.id)
            .map(|(entry, touched)| ((&entry.group, &entry.name), (entry, *touched)))
            .collect();
        if let Some((newer, _)) = newest.get(&(&own.group, &own.name)).filter(|(entry, _)| entry.id > own.id) {
            self.replaced = true;
            // It must learn its id first.
            if !std::mem::replace(&mut self.announced, true) {
                news.extend([News::Registered(own.clone()), News::Snapshot(vec![own.clone()])]);
            }
            news.push(News::Replaced { by: newer.id });
            return;
        }
        let others: Listing = newest
            .values()
            .filter(|(entry, _)| (&entry.group, &entry.name) != (&own.group, &own.name) && !self.gone.contains(&entry.id))
            .map(|(entry, touched)| (entry.id, ((*entry).clone(), *touched)))
            .collect();
        if !std::mem::replace(&mut self.announced, true) {
            let everybody = others.values().map(|(entry, _)| entry.clone()).chain([own.clone()]).collect();
            news.extend([News::Registered(own), News::Snapshot(everybody)]);
        } else {
            let mut left = Vec::new();
            for (&id, (entry, touched)) in self.shown.iter().filter(|(id, _)| !others.contains_key(id)) {
                let replaced = newest.get(&(&entry.group, &entry.name)).is_some_and(|(newer, _)| newer.id > id);
                let reason = match listing.get(&id) {
                    _ if replaced => LeaveReason::Replaced,
                    _ if now < self.settles_at => continue,
                    // It was removed while it was fresh: that is how servers say goodbye.
                    None if alive(touched) => LeaveReason::Deregistered,
                    _ => LeaveReason::Expired,
                };
                left.push((id, reason));
            }
            for (id, reason) in left {
                self.shown.remove(&id);
                if reason != LeaveReason::Expired {
                    self.gone.insert(id);
                }
                news.push(News::Left { id, reason });
            }
            let joined = others.iter().filter(|(id, _)| !self.shown.contains_key(id));
            news.extend(joined.map(|(_, (entry, _))| News::Joined(entry.clone())));
        }
        self.shown.extend(others);
    }

    /// Somebody cannot be dialled: the file of a server whose lease has ended goes at once.
    fn look_at(&mut self, suspect: ServerId) {
        let path = self.path(suspect);
        let touched = fs::metadata(&path).and_then(|facts| facts.modified());
        if touched.is_ok_and(|touched| age(touched, SystemTime::now()) >= self.files.lease) {
            // If somebody else was faster, so be it.
            let _ = fs::remove_file(path);
        }
    }

    fn goodbye(&mut self) {
        if let Some(own) = &self.own {
            // If the folder is gone, the lease says it.
            let _ = fs::remove_file(self.path(own.id));
        }
    }
}

/// Zero for a time in the future, which a clock that is a little ahead writes.
fn age(touched: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(touched).unwrap_or_default()
}
