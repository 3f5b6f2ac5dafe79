//! Links that break, come back, cross each other or do not hold.

use super::*;

#[test]
fn a_peer_that_restarts_on_the_same_port_is_found_again_before_the_registry_has_noticed() {
    let (mut lobby, link, world, _) = connected_without_resume();
    drop(world);
    lobby.link_down(link, LinkEndReason::Lost);
    assert_eq!(lobby.notices(), [Notice::Disconnected { id: id(2), end: lost() }], "still listed: not left");

    // The new process answers at the old address, first without an id of its own, then with another one.
    lobby.wait();
    let (dial, to) = lobby.dialled();
    let mut restarted = Server::unregistered(3, "world", "w", |_| {});
    let goal = lobby.cluster.goal(dial, &to).expect("it is registered");
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
    let (connected, start) =
        (Action::Notify(Notice::Connected { id: id(1), link: second }), Action::Start { link: second, resumes: false });
    assert_eq!(world.actions(), [given_up.clone(), connected, start, given_up]);
    assert_eq!(lobby.notices(), [Notice::Connected { id: id(2), link: dial }]);
}

#[test]
fn a_link_that_one_side_believes_in_gives_way_to_a_newer_one() {
    let (mut lobby, link, mut world, old) = connected_without_resume();
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
fn links_that_do_not_hold_are_dialled_ever_more_slowly_and_reported() {
    let (mut lobby, mut link, _, _) = connected_without_resume();
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
