//! The stories that hurt clusters before, one by one. Each plays two or three machines by hand, on the node task's contract.

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
    LinkEnd { reason, text: String::new(), unacknowledged: 0 }
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
            reconnect_min: SECOND / 10,
            reconnect_max: SECOND * 5,
            reconnect_attempts: 3,
            drain: SECOND * 2,
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
        self.cluster.link_up(self.now, link);
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

    fn hello_to(&self, acceptor: &Server) -> Goal {
        self.cluster.goal(&acceptor.entry).expect("it is registered")
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
    let welcome = acceptor.cluster.welcome(&goal.hello, protocol).expect("it is registered");
    goal.check(&welcome, acceptor.passport()).expect("the welcome is in order");
    acceptor.link_up(link);
    dialer.link_up(dialled);
    link
}

/// A lobby (id 1) and a world (id 2) with a link, and everything reported; the numbers of the link on both sides.
fn connected() -> (Server, LinkId, Server, LinkId) {
    let (mut lobby, mut world) = (Server::new(1, "lobby", "l"), Server::new(2, "world", "w"));
    world.news(joined(&lobby));
    lobby.news(joined(&world));
    let (dialled, to) = lobby.dialled();
    assert_eq!(to, world.entry);
    let accepted = shake_hands(&mut lobby, dialled, &mut world);
    assert_eq!(lobby.actions(), [Action::Notify(Notice::Connected { id: id(2), link: dialled }), Action::Start { link: dialled }]);
    let joined = Notice::Joined { registration: lobby.entry.clone(), direction: Direction::Incoming };
    assert_eq!(world.notices(), [joined, Notice::Connected { id: id(1), link: accepted }]);
    (lobby, dialled, world, accepted)
}

#[test]
fn a_peer_that_restarts_on_the_same_port_is_found_again_before_the_registry_has_noticed() {
    let (mut lobby, link, world, _) = connected();
    drop(world);
    lobby.link_down(link, LinkEndReason::Lost);
    assert_eq!(lobby.notices(), [Notice::Disconnected { id: id(2), end: lost() }], "still listed: not left");

    // The new process answers at the old address, first without an id of its own, then with another one.
    lobby.wait();
    let (dial, to) = lobby.dialled();
    let mut restarted = Server::unregistered(3, "world", "w", |_| {});
    let goal = lobby.cluster.goal(&to).expect("it is registered");
    assert_eq!(restarted.admit(&lobby, &goal), Admission::Wait);
    restarted.news(News::Registered(restarted.entry.clone()));
    let Admission::Refuse(refusal) = restarted.admit(&lobby, &goal) else { panic!("server 3 is not server 2") };
    assert_eq!(refusal.code, RefusalCode::WrongServer);
    lobby.cluster.dial_failed(lobby.now, dial, Some(&refusal));
    assert_eq!(lobby.actions(), []);
    assert!(lobby.cluster.next_timeout().is_some_and(|at| at > lobby.now), "it tries again, but not at once");

    lobby.news(left(2, registry::LeaveReason::Replaced));
    assert_eq!(lobby.notices(), [Notice::Left { id: id(2), reason: LeaveReason::Replaced }]);
    assert_eq!(lobby.cluster.next_timeout(), None, "server 2 is not dialled any more");
    restarted.news(joined(&lobby));
    lobby.news(joined(&restarted));
    let (dial, _) = lobby.dialled();
    shake_hands(&mut lobby, dial, &mut restarted);
    assert_eq!(lobby.notices(), [Notice::Connected { id: id(3), link: dial }]);
}

#[test]
fn a_peer_that_left_is_not_dialled_any_more_and_its_link_is_closed() {
    let (mut lobby, link, world, _) = connected();
    lobby.news(left(2, registry::LeaveReason::Deregistered));
    assert_eq!(lobby.actions(), [], "it may flush what it has queued");
    lobby.wait();
    assert_eq!(lobby.now, SECOND * 2, "limits.drain_ms later");
    assert_eq!(lobby.actions(), [Action::Close { link, goodbye: Goodbye::YouLeft }]);
    let closed = end(LinkEndReason::Closed(Goodbye::YouLeft));
    lobby.link_down(link, closed.reason);
    assert_eq!(closed.disconnect_reason(), DisconnectReason::PeerLeft);
    assert_eq!(
        lobby.notices(),
        [Notice::Disconnected { id: id(2), end: closed }, Notice::Left { id: id(2), reason: LeaveReason::Stopped }]
    );
    lobby.news(joined(&world));
    lobby.news(News::Snapshot(vec![lobby.entry.clone(), world.entry.clone()]));
    assert_eq!(lobby.actions(), [], "late news do not bring it back");
    assert_eq!(lobby.cluster.next_timeout(), None);
}

#[test]
fn a_peer_that_left_while_it_is_dialled_is_given_up_and_a_late_link_is_closed() {
    let (mut lobby, world) = (Server::new(1, "lobby", "l"), Server::new(2, "world", "w"));
    lobby.news(joined(&world));
    let (link, _) = lobby.dialled();
    lobby.news(left(2, registry::LeaveReason::Deregistered));
    let given_up = Action::Close { link, goodbye: Goodbye::YouLeft };
    assert_eq!(lobby.actions(), [given_up, Action::Notify(Notice::Left { id: id(2), reason: LeaveReason::Stopped })]);
    lobby.link_up(link);
    assert!(matches!(lobby.actions()[..], [Action::Close { link: closed, .. }] if closed == link));
}

#[test]
fn when_both_groups_name_each_other_only_the_lower_id_dials() {
    let both = || topology(&[("lobby", &["world"]), ("world", &["lobby"])]);
    let mut low = Server::with(1, "world", "w", |settings| settings.topology = both());
    let mut high = Server::with(2, "lobby", "l", |settings| settings.topology = both());
    low.news(joined(&high));
    high.news(joined(&low));
    let joined = Notice::Joined { registration: low.entry.clone(), direction: Direction::Incoming };
    assert_eq!(high.notices(), [joined], "it waits to be dialled");
    let (dial, _) = low.dialled();
    let accepted = shake_hands(&mut low, dial, &mut high);
    assert_eq!(low.notices(), [Notice::Connected { id: id(2), link: dial }]);
    assert_eq!(high.notices(), [Notice::Connected { id: id(1), link: accepted }]);
}

#[test]
fn a_server_has_no_link_to_itself() {
    let mut chat = Server::new(1, "chat", "c");
    chat.news(joined(&Server::new(1, "chat", "c")));
    chat.news(News::Snapshot(vec![chat.entry.clone()]));
    assert_eq!(chat.actions(), [], "it is not its own peer");

    // Another server's entry leads here, by a wrong server.advertise.
    let elsewhere = Server::new(2, "chat", "d");
    let hello = chat.cluster.goal(&elsewhere.entry).expect("it is registered").hello;
    let Admission::Refuse(refusal) = chat.cluster.admit(&hello, Passport { group: "chat", name: "c" }) else { panic!("accepts itself") };
    assert_eq!(refusal.code, RefusalCode::WrongServer);
    assert!(refusal.text.contains("dialled itself; correct server.advertise"), "{}", refusal.text);
}

#[test]
fn the_newer_of_two_servers_with_one_name_wins_and_the_older_is_told() {
    let (mut lobby, link, mut ghost, accepted) = connected();
    let newer = Server::new(3, "world", "w");
    lobby.news(joined(&newer));
    let (dial, to) = lobby.dialled();
    assert_eq!(to, newer.entry);
    lobby.news(left(2, registry::LeaveReason::Replaced));
    assert_eq!(lobby.actions(), [Action::Close { link, goodbye: Goodbye::YouLeft }]);
    lobby.link_up(dial);
    assert_eq!(lobby.notices(), [Notice::Connected { id: id(3), link: dial }], "the newer need not wait for the ghost's link to end");
    lobby.link_down(link, LinkEndReason::Closed(Goodbye::YouLeft));
    assert_eq!(lobby.notices().last(), Some(&Notice::Left { id: id(2), reason: LeaveReason::Replaced }));

    ghost.news(News::Replaced { by: id(3) });
    assert_eq!(ghost.actions(), [Action::Deregister, Action::Close { link: accepted, goodbye: Goodbye::Replaced }]);
    ghost.link_down(accepted, LinkEndReason::Closed(Goodbye::Replaced));
    let stopped = ghost.notices().pop();
    assert!(matches!(&stopped, Some(Notice::Stopped { reason: StopReason::Replaced, text }) if text.contains("server 3")), "{stopped:?}");
    let refused = lobby.admit(&ghost, &ghost.hello_to(&lobby));
    assert!(matches!(refused, Admission::Refuse(_)), "{refused:?}");
}

#[test]
fn where_ids_are_seats_the_peers_tell_the_older_server_that_it_is_replaced() {
    let seats = |settings: &mut Settings| settings.ids_are_seats = true;
    let mut world = Server::with(2, "world", "w", seats);
    let mut older = Server::with(1, "lobby", "l", seats);
    let mut newer = Server::with(1, "lobby", "l", |settings| (settings.ids_are_seats, settings.incarnation) = (true, 9));
    world.news(joined(&older));
    for lobby in [&mut older, &mut newer] {
        lobby.news(joined(&world));
    }
    let (dial, _) = older.dialled();
    let first = shake_hands(&mut older, dial, &mut world);
    let (dial, _) = newer.dialled();
    let second = shake_hands(&mut newer, dial, &mut world);
    assert!(world.actions().contains(&Action::Close { link: first, goodbye: Goodbye::Superseded }));
    world.link_down(first, LinkEndReason::Closed(Goodbye::Superseded));
    assert_eq!(world.notices().last(), Some(&Notice::Connected { id: id(1), link: second }));

    older.link_down(LinkId(1), LinkEndReason::Goodbye(Goodbye::Superseded));
    older.wait();
    let (dial, _) = older.dialled();
    let Admission::Refuse(refusal) = world.admit(&older, &older.hello_to(&world)) else { panic!("accepts the older server") };
    assert_eq!(refusal.code, RefusalCode::Replaced);
    older.cluster.dial_failed(older.now, dial, Some(&refusal));
    assert!(matches!(older.actions().last(), Some(Action::Notify(Notice::Stopped { reason: StopReason::Replaced, .. }))));
}

#[test]
fn two_handshakes_at_once_end_in_exactly_one_link() {
    let (mut lobby, mut world) = (Server::new(1, "lobby", "l"), Server::new(2, "world", "w"));
    world.news(joined(&lobby));
    lobby.news(joined(&world));
    let (first_dial, _) = lobby.dialled();
    let goal = lobby.hello_to(&world);
    let Admission::Accept { link: first, .. } = world.admit(&lobby, &goal) else { panic!("refused") };
    assert_eq!(world.notices().len(), 1, "joined");

    // The first connection breaks on the dialer's side only; its confirm is still on the way.
    lobby.cluster.dial_failed(lobby.now, first_dial, None);
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let second = shake_hands(&mut lobby, dial, &mut world);
    world.link_up(first);
    let given_up = Action::Close { link: first, goodbye: Goodbye::Superseded };
    let up = [Action::Notify(Notice::Connected { id: id(1), link: second }), Action::Start { link: second }];
    assert_eq!(world.actions(), [&[given_up.clone()], &up[..], &[given_up]].concat());
    assert_eq!(lobby.notices(), [Notice::Connected { id: id(2), link: dial }]);
}

#[test]
fn a_dial_against_the_direction_of_the_topology_is_refused() {
    let (mut lobby, _, world, _) = connected();
    let Admission::Refuse(refusal) = lobby.admit(&world, &world.hello_to(&lobby)) else { panic!("the world does not dial the lobby") };
    assert_eq!(refusal.code, RefusalCode::Reversed);
}

#[test]
fn a_link_that_one_side_believes_in_gives_way_to_a_newer_one() {
    let (mut lobby, link, mut world, old) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let new = shake_hands(&mut lobby, dial, &mut world);
    assert_eq!(world.actions(), [Action::Close { link: old, goodbye: Goodbye::Superseded }], "the new one waits for the old one's end");
    let closed = end(LinkEndReason::Closed(Goodbye::Superseded));
    world.link_down(old, closed.reason);
    assert_eq!(world.notices(), [Notice::Disconnected { id: id(1), end: closed }, Notice::Connected { id: id(1), link: new }]);
}

#[test]
fn losing_the_registry_keeps_every_link() {
    let (mut lobby, link, world, _) = connected();
    lobby.news(News::Lost("no route".into()));
    assert_eq!(lobby.notices(), [Notice::RegistryLost("no route".into())]);
    lobby.link_down(link, LinkEndReason::Lost);
    assert_eq!(lobby.notices().len(), 1, "disconnected, not left");
    lobby.wait();
    let (dial, to) = lobby.dialled();
    assert_eq!(to, world.entry, "the last view is kept");
    lobby.link_up(dial);
    assert_eq!(lobby.notices().len(), 1, "connected");

    lobby.news(News::Restored);
    lobby.news(News::Registered(lobby.entry.clone()));
    let newcomer = Server::new(5, "world", "x");
    lobby.news(News::Snapshot(vec![lobby.entry.clone(), world.entry.clone(), newcomer.entry.clone()]));
    let actions = lobby.actions();
    assert_eq!(actions[0], Action::Notify(Notice::RegistryRestored));
    assert!(matches!(&actions[1], Action::Notify(Notice::Joined { registration, .. }) if registration.id == id(5)), "{actions:?}");
    assert!(matches!(&actions[2..], [Action::Dial { to, .. }] if to.id == id(5)), "only the difference: {actions:?}");
}

#[test]
fn a_lease_that_ran_out_keeps_a_live_link_and_the_member_leaves_with_it() {
    let (mut lobby, link, _, _) = connected();
    lobby.news(left(2, registry::LeaveReason::Expired));
    lobby.news(News::Snapshot(vec![lobby.entry.clone()]));
    assert_eq!(lobby.actions(), []);
    assert_eq!(lobby.cluster.next_timeout(), None);
    lobby.news(News::Registered(lobby.entry.clone()));
    lobby.link_down(link, LinkEndReason::Silent);
    let expired = Notice::Left { id: id(2), reason: LeaveReason::Expired };
    assert_eq!(lobby.notices(), [Notice::Disconnected { id: id(2), end: end(LinkEndReason::Silent) }, expired]);
}

#[test]
fn a_hello_before_the_registrys_news_waits_and_then_succeeds() {
    let (mut lobby, mut world) = (Server::new(1, "lobby", "l"), Server::unregistered(2, "world", "w", |_| {}));
    lobby.news(joined(&world));
    let (dial, _) = lobby.dialled();
    let goal = lobby.hello_to(&world);
    assert_eq!(world.admit(&lobby, &goal), Admission::Wait, "it does not know its own id");
    world.news(News::Registered(world.entry.clone()));
    assert_eq!(world.admit(&lobby, &goal), Admission::Wait, "it does not know the dialer");
    world.news(joined(&lobby));
    shake_hands(&mut lobby, dial, &mut world);
    assert!(matches!(world.notices()[..], [Notice::Started { .. }, Notice::Joined { .. }, Notice::Connected { .. }]));
}

#[test]
fn servers_with_different_topologies_both_name_the_group_that_differs() {
    let mut lobby = Server::new(1, "lobby", "l");
    let both = topology(&[("lobby", &["world"]), ("world", &["lobby"])]);
    let mut world = Server::with(2, "world", "w", |settings| settings.topology = both);
    lobby.news(joined(&world));
    world.news(joined(&lobby));
    let goal = lobby.hello_to(&world);
    let Admission::Refuse(refused) = world.admit(&lobby, &goal) else { panic!("they differ") };
    assert_eq!(refused.code, RefusalCode::Topology);
    let expected = "group `world`: connects_to names `lobby` on the accepting server but not on the dialing one";
    assert!(refused.text.contains(expected), "{}", refused.text);

    let welcome = world.cluster.welcome(&goal.hello, 1).expect("it is registered");
    assert_eq!(goal.check(&welcome, world.passport()), Err(refused), "word for word the same");
}

#[test]
fn servers_with_different_app_versions_both_name_them_unless_both_allow_it() {
    let mut lobby = Server::new(1, "lobby", "l");
    let mut world = Server::with(2, "world", "w", |settings| (settings.app_version, settings.mixed_app_versions) = ("2.0".into(), true));
    lobby.news(joined(&world));
    world.news(joined(&lobby));
    let goal = lobby.hello_to(&world);
    let Admission::Refuse(refused) = world.admit(&lobby, &goal) else { panic!("only one side allows it") };
    assert_eq!(refused.code, RefusalCode::AppVersion);
    assert!(refused.text.contains("dialing server has app version `1.0`, the accepting one `2.0`"), "{}", refused.text);
    let welcome = world.cluster.welcome(&goal.hello, 1).expect("it is registered");
    assert_eq!(goal.check(&welcome, world.passport()), Err(refused), "word for word the same");

    let mut goal = goal;
    goal.hello.terms.mixed_app_versions = true;
    assert!(matches!(world.admit(&lobby, &goal), Admission::Accept { .. }));
    assert_eq!(goal.check(&welcome, world.passport()), Ok(()));
}

#[test]
fn neither_side_talks_to_a_server_that_is_not_who_it_says() {
    let (mut lobby, _, mut world, _) = connected();
    let goal = lobby.hello_to(&world);
    let stranger = Passport { group: "world", name: "other" };
    assert!(matches!(world.cluster.admit(&goal.hello, stranger), Admission::Refuse(Refusal { code: RefusalCode::Identity, .. })));
    let mut welcome = world.cluster.welcome(&goal.hello, 1).expect("it is registered");
    assert_eq!(goal.check(&welcome, stranger).map_err(|refusal| refusal.code), Err(RefusalCode::Identity));
    welcome.from.id = id(7);
    assert_eq!(goal.check(&welcome, world.passport()).map_err(|refusal| refusal.code), Err(RefusalCode::WrongServer));
    welcome = world.cluster.welcome(&goal.hello, 2).expect("it is registered");
    assert_eq!(goal.check(&welcome, world.passport()).map_err(|refusal| refusal.code), Err(RefusalCode::Protocol));

    let mut foreign = goal.hello.clone();
    foreign.cluster = "other".into();
    assert!(matches!(world.cluster.admit(&foreign, lobby.passport()), Admission::Refuse(Refusal { code: RefusalCode::Cluster, .. })));
    (foreign.cluster, foreign.protocol_min, foreign.protocol_max) = ("test".into(), 2, 9);
    assert!(matches!(world.cluster.admit(&foreign, lobby.passport()), Admission::Refuse(Refusal { code: RefusalCode::Protocol, .. })));

    // A right name under an id that the registry knows as somebody else.
    lobby.entry.name = "other".into();
    (foreign.protocol_min, foreign.from.name) = (1, "other".into());
    assert!(matches!(world.cluster.admit(&foreign, lobby.passport()), Admission::Refuse(Refusal { code: RefusalCode::Identity, .. })));
    assert_eq!(world.actions(), [], "none of this leaves a trace");
}

#[test]
fn a_server_that_has_left_for_good_is_refused() {
    let (lobby, _, mut world, old) = connected();
    world.news(left(1, registry::LeaveReason::Replaced));
    let Admission::Refuse(refusal) = world.admit(&lobby, &lobby.hello_to(&world)) else { panic!("replaced") };
    assert_eq!(refusal.code, RefusalCode::Replaced);
    world.link_down(old, LinkEndReason::Closed(Goodbye::YouLeft));
    let Admission::Refuse(refusal) = world.admit(&lobby, &lobby.hello_to(&world)) else { panic!("gone") };
    assert_eq!(refusal.code, RefusalCode::Unlisted);
}

#[test]
fn a_peer_that_moved_is_dialled_at_its_new_address_at_once() {
    let (mut lobby, mut world) = (Server::new(1, "lobby", "l"), Server::new(2, "world", "w"));
    lobby.news(joined(&world));
    for _ in 0..8 {
        let (dial, _) = lobby.dialled();
        lobby.cluster.dial_failed(lobby.now, dial, None);
        _ = lobby.actions();
        lobby.wait();
    }
    let (dial, _) = lobby.dialled();
    lobby.cluster.dial_failed(lobby.now, dial, None);
    lobby.news(joined(&world));
    assert_eq!(lobby.actions(), [], "the same news again change nothing");
    world.entry.port = 5000;
    lobby.news(joined(&world));
    let (dial, to) = lobby.dialled();
    assert_eq!(to, world.entry);
    lobby.cluster.dial_failed(lobby.now, dial, None);
    assert!(lobby.cluster.next_timeout().is_some_and(|at| at <= lobby.now + SECOND / 5), "its failures are forgotten");
}

#[test]
fn groups_that_are_not_connected_are_told_so() {
    let (lobby, mut chat) = (Server::new(1, "lobby", "l"), Server::new(2, "chat", "c"));
    let Admission::Refuse(Refusal { code, text }) = chat.admit(&lobby, &lobby.hello_to(&chat)) else { panic!("not connected") };
    assert!(code == RefusalCode::Topology && text.contains("groups `lobby` and `chat` are not connected"), "{text}");
}

#[test]
fn stopping_ends_every_link_then_everybody_leaves_then_stopped_comes_last() {
    let (mut lobby, link, world, _) = connected();
    let other = Server::new(3, "world", "x");
    lobby.news(joined(&other));
    let (dial, _) = lobby.dialled();
    lobby.cluster.stop(StopReason::Requested, "bye".into());
    assert_eq!(
        lobby.actions(),
        [
            Action::Deregister,
            Action::Close { link, goodbye: Goodbye::Stopped },
            Action::Close { link: dial, goodbye: Goodbye::Stopped },
            Action::Notify(Notice::Left { id: id(3), reason: LeaveReason::Stopping }),
        ]
    );
    lobby.news(joined(&world));
    assert_eq!(lobby.actions(), [], "no more news");
    let Admission::Refuse(refusal) = lobby.admit(&other, &other.hello_to(&lobby)) else { panic!("it is stopping") };
    assert_eq!(refusal.code, RefusalCode::Unavailable);
    let closed = end(LinkEndReason::Closed(Goodbye::Stopped));
    lobby.link_down(link, closed.reason);
    let last = Notice::Stopped { reason: StopReason::Requested, text: "bye".into() };
    assert_eq!(
        lobby.notices(),
        [Notice::Disconnected { id: id(2), end: closed }, Notice::Left { id: id(2), reason: LeaveReason::Stopping }, last]
    );
}

#[test]
fn a_goodbye_is_final() {
    let (mut lobby, link, world, _) = connected();
    let goodbye = end(LinkEndReason::Goodbye(Goodbye::Stopped));
    lobby.link_down(link, goodbye.reason);
    let stopped = Notice::Left { id: id(2), reason: LeaveReason::Stopped };
    assert_eq!(lobby.notices(), [Notice::Disconnected { id: id(2), end: goodbye }, stopped]);
    lobby.news(joined(&world));
    assert_eq!(lobby.actions(), []);
}

#[test]
fn news_that_come_late_do_not_revive_a_server_that_is_saying_goodbye() {
    let (mut lobby, link, world, _) = connected();
    lobby.news(left(2, registry::LeaveReason::Deregistered));
    lobby.news(joined(&world));
    lobby.wait();
    assert_eq!(lobby.actions(), [Action::Close { link, goodbye: Goodbye::YouLeft }]);
}

#[test]
fn a_forgotten_server_leaves_when_its_last_handshake_fails() {
    let (lobby, _, mut world, old) = connected();
    let goal = lobby.hello_to(&world);
    let Admission::Accept { link: pending, .. } = world.admit(&lobby, &goal) else { panic!("refused") };
    world.news(left(1, registry::LeaveReason::Expired));
    world.link_down(old, LinkEndReason::Lost);
    assert_eq!(world.notices(), [Notice::Disconnected { id: id(1), end: lost() }], "a handshake is under way");
    world.link_down(pending, LinkEndReason::Lost);
    assert_eq!(world.notices(), [Notice::Left { id: id(1), reason: LeaveReason::Expired }]);
}

#[test]
fn links_that_do_not_hold_are_dialled_ever_more_slowly_and_reported() {
    let (mut lobby, mut link, _, _) = connected();
    let mut reported = 0;
    for _ in 0..20 {
        lobby.link_down(link, LinkEndReason::Lost);
        reported += lobby.actions().iter().filter(|action| **action == Action::ReportFailure(id(2))).count();
        lobby.wait();
        link = lobby.dialled().0;
        lobby.link_up(link);
        assert_eq!(lobby.notices().len(), 1, "connected");
    }
    assert_eq!(reported, 1, "once, after reconnect_attempts");
    assert!(lobby.now > SECOND * 30, "20 links in {:?}", lobby.now);

    // A link that holds is forgiven.
    lobby.now += SECOND * 5;
    lobby.link_down(link, LinkEndReason::Lost);
    assert!(lobby.cluster.next_timeout().is_some_and(|at| at <= lobby.now + SECOND / 10));
}

#[test]
fn a_new_id_starts_the_links_over() {
    let mut chat = Server::new(1, "chat", "a");
    let (peer, other) = (Server::new(2, "chat", "b"), Server::new(3, "chat", "c"));
    chat.news(joined(&peer));
    let (link, _) = chat.dialled();
    chat.link_up(link);
    chat.news(joined(&other));
    let failed = chat.dialled().0;
    chat.cluster.dial_failed(chat.now, failed, None);
    assert!(chat.cluster.next_timeout().is_some());
    assert!(chat.actions().is_empty());

    // Server 9 now: both others have lower ids and dial from here on.
    chat.entry.id = id(9);
    chat.news(News::Registered(chat.entry.clone()));
    let closed = Action::Close { link, goodbye: Goodbye::Superseded };
    assert_eq!(chat.actions(), [Action::Notify(Notice::Started { id: id(9) }), closed]);
    chat.link_down(link, LinkEndReason::Closed(Goodbye::Superseded));
    assert_eq!(chat.notices().len(), 1, "disconnected");
    assert!(chat.cluster.next_timeout().is_some_and(|at| at >= chat.now + 2 * SECOND), "nobody to dial; a knock can wait");
}
