//! The stories that hurt clusters before, one by one. Each plays two or three machines by hand, on the node task's contract.
//!
//! May use: the machine and its inputs. Must never know: the simulation, sockets, a clock.

mod admission;
mod links;
mod members;
mod renewals;
mod sessions;

use super::*;
use crate::config::GroupSection;
use crate::id::ServerId;
use crate::registry::{self, News, Registration};
use crate::wire::control::{Goodbye, Refusal, RefusalCode};
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

struct Server {
    cluster: Cluster,
    entry: Registration,
    now: Duration,
}

fn topology(groups: &[(&str, &[&str])]) -> Topology {
    let section = |to: &[&str]| GroupSection { connects_to: to.iter().map(|name| name.to_string()).collect(), ..GroupSection::default() };
    Topology::new(groups.iter().map(|(name, to)| (name.to_string(), section(to))).collect())
}

/// The lobby dials the world; chat servers dial each other.
fn usual() -> Topology {
    topology(&[("lobby", &["world"]), ("world", &[]), ("chat", &["chat"])])
}

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).expect("a valid id")
}

fn lost() -> LinkEnd {
    end(LinkEndReason::Lost)
}

fn end(reason: LinkEndReason) -> LinkEnd {
    LinkEnd { reason, text: String::new() }
}

fn joined(server: &Server) -> News {
    News::Joined(server.entry.clone())
}

fn left(raw: u64, reason: registry::LeaveReason) -> News {
    News::Left { id: id(raw), reason }
}

impl Server {
    fn new(raw: u64, group: &str, name: &str) -> Self {
        Self::with(raw, group, name, |_| {})
    }

    /// Registered, with settings of its own.
    fn with(raw: u64, group: &str, name: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let mut server = Self::unregistered(raw, group, name, change);
        server.news(News::Registered(server.entry.clone()));
        assert_eq!(server.notices(), [Notice::Started { id: id(raw) }]);
        server
    }

    fn unregistered(raw: u64, group: &str, name: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            cluster: "test".into(),
            group: group.into(),
            name: name.into(),
            app_version: "1.0".into(),
            mixed_app_versions: false,
            topology: usual(),
            incarnation: raw,
            pace: ClusterPace {
                reconnect_min: SECOND / 10,
                reconnect_max: SECOND * 5,
                reconnect_attempts: 3,
                resume_window: SECOND * 10,
                drain: SECOND * 2,
            },
            ids_are_seats: false,
            seed: raw,
        };
        change(&mut settings);
        let entry = Registration {
            id: id(raw),
            group: group.into(),
            name: name.into(),
            host: "localhost".into(),
            port: 4000,
            visibility: crate::config::Visibility::Internal,
            properties: BTreeMap::new(),
        };
        Self { cluster: Cluster::new(settings), entry, now: Duration::ZERO }
    }

    fn passport(&self) -> Passport<'_> {
        Passport { group: &self.entry.group, name: &self.entry.name }
    }

    fn news(&mut self, news: News) {
        self.cluster.news(self.now, news);
    }

    fn link_up(&mut self, link: LinkId) {
        self.cluster.link_up(self.now, link, false);
    }

    fn link_down(&mut self, link: LinkId, reason: LinkEndReason) {
        self.cluster.link_down(self.now, link, end(reason));
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.cluster.next_action()).collect()
    }

    /// What the game is told; nothing else may be wanted but the start of links.
    fn notices(&mut self) -> Vec<Notice> {
        let notice = |action| match action {
            Action::Notify(notice) => Some(notice),
            Action::Start { .. } => None,
            other => panic!("unexpected {other:?}"),
        };
        self.actions().into_iter().filter_map(notice).collect()
    }

    /// The one dial that is wanted, among notices.
    fn dialled(&mut self) -> (LinkId, Registration) {
        let dials: Vec<_> = self
            .actions()
            .into_iter()
            .filter_map(|action| match action {
                Action::Dial { link, to } => Some((link, to)),
                _ => None,
            })
            .collect();
        let [dial] = &dials[..] else { panic!("not one dial: {dials:?}") };
        dial.clone()
    }

    /// Lets time pass until the machine wants to be called, and calls it.
    fn wait(&mut self) {
        self.now = self.cluster.next_timeout().expect("it waits for something");
        self.cluster.timeout(self.now);
    }

    /// What the dial that is under way begins with, or would if there were one.
    fn hello_to(&self, acceptor: &Server) -> Goal {
        let dial = self.cluster.links.iter().find(|(_, held)| held.member == acceptor.entry.id).map_or(LinkId(1), |(link, _)| *link);
        self.cluster.goal(dial, &acceptor.entry).expect("it is registered")
    }

    /// Answers the hello of `dialer`.
    fn admit(&mut self, dialer: &Server, goal: &Goal) -> Admission {
        self.cluster.admit(&goal.hello, dialer.passport())
    }
}

/// Both halves of a handshake that succeeds; the acceptor's number of the link.
fn shake_hands(dialer: &mut Server, dialled: LinkId, acceptor: &mut Server) -> LinkId {
    let goal = dialer.hello_to(acceptor);
    let admission = acceptor.admit(dialer, &goal);
    let Admission::Accept { link, protocol } = admission else { panic!("{admission:?}") };
    let welcome = acceptor.cluster.welcome(&goal.hello, link, protocol).expect("it is registered");
    goal.check(&welcome, acceptor.passport()).expect("the welcome is in order");
    acceptor.cluster.link_up(acceptor.now, link, welcome.resumed);
    dialer.cluster.link_up(dialer.now, dialled, welcome.resumed);
    link
}

/// A lobby (id 1) and a world (id 2) with a link, and everything reported; the numbers of the link on both sides.
fn connected() -> (Server, LinkId, Server, LinkId) {
    connected_with(|_| {})
}

/// The same, and no session outlives its link.
fn connected_without_resume() -> (Server, LinkId, Server, LinkId) {
    connected_with(|settings| settings.pace.resume_window = Duration::ZERO)
}

fn connected_with(change: impl Fn(&mut Settings)) -> (Server, LinkId, Server, LinkId) {
    let (mut lobby, mut world) = (Server::with(1, "lobby", "l", &change), Server::with(2, "world", "w", &change));
    world.news(joined(&lobby));
    lobby.news(joined(&world));
    let (dialled, to) = lobby.dialled();
    assert_eq!(to, world.entry);
    let accepted = shake_hands(&mut lobby, dialled, &mut world);
    assert_eq!(
        lobby.actions(),
        [Action::Notify(Notice::Connected { id: id(2), link: dialled }), Action::Start { link: dialled, resumes: false }]
    );
    let joined = Notice::Joined { registration: lobby.entry.clone(), direction: Direction::Incoming };
    assert_eq!(world.notices(), [joined, Notice::Connected { id: id(1), link: accepted }]);
    (lobby, dialled, world, accepted)
}
