//! Several registries at once: a cluster that moves from one to another while the game runs.
//!
//! The server is registered in each of them under the same id, and believes their union, exactly as it does with several hosts of the embedded
//! registry ([`Union`]): who is listed anywhere is there, a goodbye seen anywhere is final. A registry that is lost is no loss to the server
//! while another one is there.

use super::embedded::{Change, Union};
use super::ids::Ids;
use super::{Candidate, Command, Connector, HostStatus, News, Registration, Wires, hand_over};
use crate::config::ConfigError;
use crate::id::ServerId;
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Once one registry has this server, the others are waited for this long before its id is told: until then it can still change.
const ANNOUNCE_WAIT: Duration = Duration::from_secs(1);
/// For how long the word of a registry that is lost stands: the others may not know everybody yet.
const GRACE: Duration = Duration::from_secs(10);
/// News of one registry that are not looked at yet; it waits.
const NEWS: usize = 64;
/// News the server has not taken yet; then the registries wait, so that memory stays bounded.
const PENDING_NEWS: usize = 1024;
const COMMANDS: usize = 16;

/// Makes the connector for one of the registries.
pub(super) type Make = Box<dyn FnMut() -> Result<Box<dyn Connector>, ConfigError> + Send>;

pub(super) struct Merged {
    make: Vec<Make>,
    hosts: watch::Sender<Vec<HostStatus>>,
}

impl Merged {
    pub(super) fn new(make: Vec<Make>) -> Self {
        Self { make, hosts: watch::Sender::new(Vec::new()) }
    }
}

impl Connector for Merged {
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, me, wires))
    }

    fn hosts(&self) -> Option<watch::Receiver<Vec<HostStatus>>> {
        Some(self.hosts.subscribe())
    }
}

async fn run(mut merged: Merged, mut me: Candidate, mut wires: Wires) {
    let mut ids = Ids::from_clock();
    let started = Instant::now();
    let fixed = me.id.is_some();
    loop {
        let id = *me.id.get_or_insert_with(|| ids.draw(started.elapsed(), None));
        match attempt(&mut merged, &me, id, &mut wires, fixed).await {
            Attempt::Over => return,
            // Somebody was before us; the server has not been told our id, so it can be another.
            Attempt::Again { above } => me.id = Some(ids.draw(started.elapsed(), Some(above.max(id)))),
        }
    }
}

enum Attempt {
    Over,
    Again { above: ServerId },
}

async fn attempt(merged: &mut Merged, me: &Candidate, id: ServerId, wires: &mut Wires, fixed: bool) -> Attempt {
    let (to_us, mut arriving) = mpsc::channel(NEWS);
    let (mut hosts, mut commands) = (Vec::new(), Vec::new());
    // Ends with this future, before the channels do: a connector that is dropped leaves nothing behind and says no goodbye.
    let mut tasks = JoinSet::new();
    for (index, make) in merged.make.iter_mut().enumerate() {
        let connector = match make() {
            Ok(connector) => connector,
            // Its files have been removed since the start, perhaps: the others go on.
            Err(error) => {
                let _ = to_us.send((index, News::Lost(error.to_string()))).await;
                commands.push(None);
                continue;
            }
        };
        hosts.extend(connector.hosts());
        let (news_in, mut news) = mpsc::channel(NEWS);
        let (command, command_out) = mpsc::channel(COMMANDS);
        commands.push(Some(command));
        tasks.spawn(connector.run(me.clone(), Wires { news: news_in, commands: command_out }));
        let to_us = to_us.clone();
        tasks.spawn(async move {
            while let Some(news) = news.recv().await {
                if to_us.send((index, news)).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(to_us);
    let mut union = Merging::new(id, merged.make.len());
    let started = Instant::now();
    loop {
        let status = hosts.iter_mut().flat_map(|hosts| hosts.borrow_and_update().clone()).collect();
        merged.hosts.send_replace(status);
        let deadline = union.deadline().map(|deadline| started + deadline);
        tokio::select! {
            command = wires.commands.recv() => match command {
                Some(Command::ReportFailure(id)) => {
                    for to in commands.iter().flatten() {
                        // One that is so busy learns it by itself.
                        let _ = to.try_send(Command::ReportFailure(id));
                    }
                }
                Some(Command::Deregister) | None => break,
            },
            taken = hand_over(&wires.news, &mut union.pending), if !union.pending.is_empty() => {
                if !taken {
                    break;
                }
            }
            Some((index, news)) = arriving.recv(), if union.pending.len() < PENDING_NEWS && !union.over => {
                match union.news(index, news, started.elapsed()) {
                    Some(by) if !union.announced && !fixed => return Attempt::Again { above: by },
                    // Its own id stands for another server there: that is no successor.
                    Some(by) if by == id => union.id_taken(),
                    Some(by) => union.replaced(by),
                    None => {}
                }
            }
            () = sleep_until(deadline.unwrap_or(started)), if deadline.is_some() => union.tick(started.elapsed()),
        }
    }
    // Each says goodbye for itself, and ends; the news that are still on their way are nobody's.
    commands.iter_mut().for_each(|command| *command = None);
    drop(arriving);
    while tasks.join_next().await.is_some() {}
    Attempt::Over
}

/// What the server is told of all of them. Pure.
struct Merging {
    /// The id under which this server registers in all of them.
    me: ServerId,
    union: Union,
    registries: Vec<Registry>,
    own: Option<Registration>,
    /// When the first registry had this server.
    first: Option<Duration>,
    announced: bool,
    lost: bool,
    over: bool,
    pending: VecDeque<News>,
}

/// One of them.
#[derive(Default)]
struct Registry {
    view: BTreeMap<ServerId, Registration>,
    listed: bool,
    /// Why it cannot be reached.
    lost: Option<String>,
}

impl Registry {
    fn is_there(&self) -> bool {
        self.listed && self.lost.is_none()
    }
}

impl Merging {
    fn new(me: ServerId, count: usize) -> Self {
        let mut union = Union::new(count);
        union.set_grace(GRACE);
        let registries = std::iter::repeat_with(Registry::default).take(count).collect();
        Self { me, union, registries, own: None, first: None, announced: false, lost: false, over: false, pending: VecDeque::new() }
    }

    /// Who has replaced this server, if somebody has; its own id, if that is taken.
    fn news(&mut self, index: usize, news: News, now: Duration) -> Option<ServerId> {
        let registry = &mut self.registries[index];
        match news {
            News::Registered(own) => {
                self.own.get_or_insert(own);
            }
            News::Snapshot(entries) => {
                registry.view = entries.iter().map(|entry| (entry.id, entry.clone())).collect();
                (registry.listed, registry.lost) = (true, None);
                self.first.get_or_insert(now);
                self.union.snapshot(index, entries, true);
            }
            News::Joined(entry) => {
                registry.view.insert(entry.id, entry.clone());
                self.union.joined(index, entry);
            }
            News::Left { id, reason } => {
                registry.view.remove(&id);
                self.union.left(index, id, reason);
            }
            News::Lost(why) => {
                registry.lost = Some(why);
                self.union.gone(index, now);
            }
            News::Restored => {
                registry.lost = None;
                if registry.listed {
                    // What it does not list yet it may still have to learn again.
                    self.union.snapshot(index, registry.view.values().cloned().collect(), true);
                }
            }
            News::Replaced { by } => return Some(by),
            News::IdTaken => return Some(self.me),
        }
        self.tell(now);
        None
    }

    fn tick(&mut self, now: Duration) {
        self.union.tick(now);
        self.tell(now);
    }

    fn deadline(&self) -> Option<Duration> {
        let announce = self.first.filter(|_| !self.announced).map(|first| first + ANNOUNCE_WAIT);
        [announce, self.union.deadline()].into_iter().flatten().min()
    }

    fn id_taken(&mut self) {
        if !self.announced {
            self.pending.push_back(News::IdTaken);
        }
    }

    fn replaced(&mut self, by: ServerId) {
        self.over = true;
        self.pending.push_back(News::Replaced { by });
    }

    fn tell(&mut self, now: Duration) {
        let all_lost = self.registries.iter().all(|registry| registry.lost.is_some());
        if all_lost && !std::mem::replace(&mut self.lost, true) {
            let why: Vec<&str> = self.registries.iter().filter_map(|registry| registry.lost.as_deref()).collect();
            self.pending.push_back(News::Lost(why.join("; and ")));
        }
        let back = self.registries.iter().any(Registry::is_there);
        if !self.announced {
            let answered = self.registries.iter().all(|registry| registry.listed || registry.lost.is_some());
            let waited = self.first.is_some_and(|first| now >= first + ANNOUNCE_WAIT);
            let Some(own) = self.own.clone().filter(|_| back && (answered || waited)) else { return };
            self.announced = true;
            self.union.pin(own.clone());
            // What has changed so far is in the first view.
            self.union.changes();
            let restored = std::mem::take(&mut self.lost).then_some(News::Restored);
            self.pending.extend(restored.into_iter().chain([News::Registered(own), News::Snapshot(self.union.view())]));
        } else if back && std::mem::take(&mut self.lost) {
            self.pending.push_back(News::Restored);
            self.pending.extend(self.own.clone().map(News::Registered));
        }
        self.pending.extend(self.union.changes().into_iter().map(|change| match change {
            Change::Joined(entry) => News::Joined(entry),
            Change::Left { id, reason } => News::Left { id, reason },
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::LeaveReason;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn entry(raw: u64, name: &str) -> Registration {
        Registration {
            id: ServerId::new(raw).expect("an id"),
            group: "world".into(),
            name: name.into(),
            host: "10.0.0.1".into(),
            port: 4000,
            visibility: Default::default(),
            properties: BTreeMap::new(),
        }
    }

    fn told(merging: &mut Merging) -> Vec<News> {
        merging.pending.drain(..).collect()
    }

    /// In both registries: `me` in both, `a` in the first alone.
    fn both() -> Merging {
        let mut merging = Merging::new(entry(10, "me").id, 2);
        for index in 0..2 {
            assert_eq!(merging.news(index, News::Registered(entry(10, "me")), at(0)), None);
        }
        merging.news(0, News::Snapshot(vec![entry(10, "me"), entry(11, "a")]), at(0));
        assert_eq!(told(&mut merging), [], "the other one may still answer");
        merging.news(1, News::Snapshot(vec![entry(10, "me")]), at(0));
        assert_eq!(told(&mut merging), [News::Registered(entry(10, "me")), News::Snapshot(vec![entry(10, "me"), entry(11, "a")])]);
        merging
    }

    #[test]
    fn a_server_that_moves_from_one_to_the_other_is_always_there() {
        let mut merging = both();
        merging.news(1, News::Joined(entry(11, "a")), at(1));
        merging.news(0, News::Left { id: entry(11, "a").id, reason: LeaveReason::Expired }, at(2));
        assert_eq!(told(&mut merging), []);
        let gone = News::Left { id: entry(11, "a").id, reason: LeaveReason::Expired };
        merging.news(1, gone.clone(), at(3));
        assert_eq!(told(&mut merging), [gone]);
    }

    #[test]
    fn one_lost_registry_is_no_loss_and_its_word_stands_for_a_while() {
        let mut merging = both();
        merging.news(0, News::Lost("gone".into()), at(1));
        assert_eq!(told(&mut merging), []);
        merging.tick(at(1) + GRACE);
        assert_eq!(told(&mut merging), [News::Left { id: entry(11, "a").id, reason: LeaveReason::Expired }]);
        merging.news(1, News::Lost("gone, too".into()), at(20));
        assert_eq!(told(&mut merging), [News::Lost("gone; and gone, too".into())]);
        merging.news(1, News::Restored, at(21));
        merging.news(1, News::Registered(entry(10, "me")), at(21));
        assert_eq!(told(&mut merging), [News::Restored, News::Registered(entry(10, "me"))]);
    }

    #[test]
    fn a_registry_that_is_away_at_the_start_is_waited_for_a_moment() {
        let mut merging = Merging::new(entry(10, "me").id, 2);
        merging.news(0, News::Registered(entry(10, "me")), at(5));
        merging.news(0, News::Snapshot(vec![entry(10, "me")]), at(5));
        assert_eq!((told(&mut merging), merging.deadline()), (vec![], Some(at(6))));
        merging.tick(at(6));
        assert_eq!(told(&mut merging).len(), 2);
        merging.news(1, News::Lost("none".into()), at(7));
        assert_eq!(told(&mut merging), []);
    }

    #[test]
    fn an_id_that_is_taken_is_told_until_it_was_announced() {
        let mut merging = Merging::new(entry(10, "me").id, 2);
        assert_eq!(merging.news(0, News::IdTaken, at(0)), Some(entry(10, "me").id));
        merging.id_taken();
        assert_eq!(told(&mut merging), [News::IdTaken]);
        let mut merging = both();
        merging.news(1, News::IdTaken, at(1));
        merging.id_taken();
        assert_eq!(told(&mut merging), []);
    }

    #[test]
    fn a_goodbye_and_a_replacement_are_final_wherever_they_are_seen() {
        let mut merging = both();
        merging.news(1, News::Joined(entry(11, "a")), at(1));
        merging.news(0, News::Left { id: entry(11, "a").id, reason: LeaveReason::Deregistered }, at(1));
        assert_eq!(told(&mut merging), [News::Left { id: entry(11, "a").id, reason: LeaveReason::Deregistered }]);
        assert_eq!(merging.news(1, News::Replaced { by: entry(12, "me").id }, at(2)), Some(entry(12, "me").id));
    }
}
