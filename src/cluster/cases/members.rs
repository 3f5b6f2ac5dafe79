//! Who is a member: the registry against the links, goodbyes, namesakes, stopping.

use super::*;

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
fn losing_the_registry_keeps_every_link() {
    let (mut lobby, link, world, _) = connected_without_resume();
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
fn with_the_registry_the_members_are_within_reach_again_and_are_dialled_soon() {
    let (mut lobby, link, _, _) = connected_without_resume();
    lobby.news(News::Lost("no route".into()));
    lobby.link_down(link, LinkEndReason::Lost);
    for _ in 0..20 {
        lobby.wait();
        let (dial, _) = lobby.dialled();
        lobby.cluster.dial_failed(lobby.now, dial, None);
    }
    let soon = lobby.now + SECOND / 10;
    assert!(lobby.cluster.next_timeout() > Some(soon), "patience has run out");
    lobby.news(News::Restored);
    assert!(lobby.cluster.next_timeout() <= Some(soon));
    // And so it is when a dial is under way that began too early.
    lobby.wait();
    let (dial, _) = lobby.dialled();
    lobby.cluster.dial_failed(lobby.now, dial, None);
    assert!(lobby.cluster.next_timeout() <= Some(lobby.now + SECOND / 5));
}

#[test]
fn a_lease_that_ran_out_keeps_a_live_link_and_the_member_leaves_with_it() {
    let (mut lobby, link, _, _) = connected_without_resume();
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
    let (lobby, _, mut world, old) = connected_without_resume();
    let goal = lobby.hello_to(&world);
    let Admission::Accept { link: pending, .. } = world.admit(&lobby, &goal) else { panic!("refused") };
    world.news(left(1, registry::LeaveReason::Expired));
    world.link_down(old, LinkEndReason::Lost);
    assert_eq!(world.notices(), [Notice::Disconnected { id: id(1), end: lost() }], "a handshake is under way");
    world.link_down(pending, LinkEndReason::Lost);
    assert_eq!(world.notices(), [Notice::Left { id: id(1), reason: LeaveReason::Expired }]);
}

/// `server` as it was, and its later start under the same id; nobody has told it of anybody yet.
fn started_again(server: &Server, incarnation: u64) -> Server {
    let Registration { id, group, name, .. } = &server.entry;
    Server::with(id.get(), group, name, |settings| settings.incarnation = incarnation)
}

#[test]
fn a_later_start_under_the_same_id_comes_back_after_a_goodbye() {
    let (lobby, _, mut world, old) = connected();
    world.link_down(old, LinkEndReason::Goodbye(Goodbye::Stopped));
    assert_eq!(world.notices().last(), Some(&Notice::Left { id: id(1), reason: LeaveReason::Stopped }));
    let refused = world.admit(&lobby, &lobby.hello_to(&world));
    assert!(matches!(refused, Admission::Refuse(Refusal { code: RefusalCode::Unlisted, .. })), "not the one that said it: {refused:?}");
    world.news(joined(&lobby));
    assert_eq!(world.actions(), [], "nor the registry");

    let mut again = started_again(&lobby, 9);
    again.news(joined(&world));
    let (dial, _) = again.dialled();
    let link = shake_hands(&mut again, dial, &mut world);
    let back = Notice::Joined { registration: lobby.entry.clone(), direction: Direction::Incoming };
    assert_eq!(world.notices(), [back, Notice::Connected { id: id(1), link }]);

    world.link_down(link, LinkEndReason::Goodbye(Goodbye::Stopped));
    assert_eq!(world.notices().last(), Some(&Notice::Left { id: id(1), reason: LeaveReason::Stopped }));
    let refused = world.admit(&again, &again.hello_to(&world));
    assert!(matches!(refused, Admission::Refuse(_)), "each goodbye is final for its start: {refused:?}");
    assert_eq!(world.actions(), []);
}

#[test]
fn where_this_side_dials_a_later_start_is_known_by_its_knock() {
    let (mut lobby, link, world, _) = connected();
    lobby.cluster.welcomed(link, 2);
    lobby.link_down(link, LinkEndReason::Goodbye(Goodbye::Stopped));
    lobby.notices();
    let again = started_again(&world, 3);
    let Admission::Refuse(refusal) = lobby.admit(&again, &again.hello_to(&lobby)) else { panic!("the world does not dial the lobby") };
    assert_eq!(refusal.code, RefusalCode::Reversed);
    let actions = lobby.actions();
    assert!(
        matches!(&actions[..], [Action::Notify(Notice::Joined { registration, .. }), Action::Dial { to, .. }]
            if *registration == world.entry && *to == world.entry),
        "{actions:?}"
    );
}

#[test]
fn nobody_comes_back_who_cannot_be_told_from_what_was_before() {
    // It never shook hands with this server: any start of it may be the one that left.
    let (mut world, lobby) = (Server::new(2, "world", "w"), Server::new(1, "lobby", "l"));
    world.news(joined(&lobby));
    world.news(left(1, registry::LeaveReason::Deregistered));
    world.notices();
    let refused = world.admit(&lobby, &started_again(&lobby, 9).hello_to(&world));
    assert!(matches!(refused, Admission::Refuse(Refusal { code: RefusalCode::Unlisted, .. })), "{refused:?}");

    // Another server has its name now.
    let (lobby, _, mut world, old) = connected();
    world.link_down(old, LinkEndReason::Goodbye(Goodbye::Stopped));
    world.news(joined(&Server::new(5, "lobby", "l")));
    world.notices();
    let again = started_again(&lobby, 9);
    assert!(matches!(world.admit(&again, &again.hello_to(&world)), Admission::Refuse(_)));

    // It calls itself something else.
    let (lobby, _, mut world, old) = connected();
    world.link_down(old, LinkEndReason::Goodbye(Goodbye::Stopped));
    world.notices();
    let other = Server::with(1, "lobby", "other", |settings| settings.incarnation = 9);
    assert!(matches!(world.admit(&other, &other.hello_to(&world)), Admission::Refuse(_)));
    assert!(lobby.entry.id == other.entry.id && world.actions().is_empty());
}

#[test]
fn what_the_registry_says_of_one_that_left_counts_when_it_comes_back() {
    for (word, stays) in [(None, true), (Some(left(1, registry::LeaveReason::Expired)), false)] {
        let (lobby, _, mut world, old) = connected_without_resume();
        world.link_down(old, LinkEndReason::Goodbye(Goodbye::Stopped));
        world.notices();
        word.into_iter().for_each(|word| world.news(word));
        assert_eq!(world.actions(), []);
        let again = started_again(&lobby, 9);
        let goal = again.hello_to(&world);
        let Admission::Accept { link, .. } = world.admit(&again, &goal) else { panic!("refused") };
        world.link_down(link, LinkEndReason::Lost);
        let notices = world.notices();
        assert_eq!(notices.len(), if stays { 1 } else { 2 }, "listed: {stays}; {notices:?}");
        // News of its first life may still be on their way; it can only come back by itself.
        world.news(joined(&lobby));
        assert_eq!(world.notices(), []);
        assert!(matches!(world.admit(&again, &goal), Admission::Accept { .. }));
    }
}
