//! A topology that changes under a running machine.

use super::*;

/// The lobby has nothing to do with the world.
fn apart() -> Topology {
    topology(&[("lobby", &[]), ("world", &[]), ("chat", &["chat"])])
}

fn renew(server: &mut Server, topology: Topology) {
    let pace = server.cluster.settings.pace.clone();
    server.cluster.renew(server.now, Renewal { topology, mixed_app_versions: false, pace });
}

#[test]
fn who_is_not_related_any_more_is_told_so_and_leaves_when_the_link_is_down() {
    let (mut lobby, link, _, _) = connected();
    renew(&mut lobby, apart());
    assert_eq!(lobby.actions(), [Action::Close { link, goodbye: Goodbye::Unrelated }]);
    let closed = LinkEndReason::Closed(Goodbye::Unrelated);
    lobby.link_down(link, closed);
    assert_eq!(
        lobby.notices(),
        [Notice::Disconnected { id: id(2), end: end(closed) }, Notice::Left { id: id(2), reason: LeaveReason::Unrelated }]
    );
    // The registry still lists it; related again, it joins without another word.
    renew(&mut lobby, usual());
    let actions = lobby.actions();
    assert!(matches!(&actions[..], [Action::Notify(Notice::Joined { .. }), Action::Dial { .. }]), "{actions:?}");
}

#[test]
fn who_is_related_again_before_its_link_is_down_stays() {
    let (mut lobby, link, _, _) = connected();
    renew(&mut lobby, apart());
    assert_eq!(lobby.actions().len(), 1, "closes");
    renew(&mut lobby, usual());
    lobby.link_down(link, LinkEndReason::Closed(Goodbye::Unrelated));
    let disconnected = Notice::Disconnected { id: id(2), end: end(LinkEndReason::Closed(Goodbye::Unrelated)) };
    assert_eq!(lobby.notices(), [disconnected], "not left");
    lobby.wait();
    assert_eq!(lobby.dialled().1.id, id(2));
}

#[test]
fn what_the_registry_says_of_the_unrelated_is_kept_for_later() {
    let mut chat = Server::new(3, "chat", "c");
    let world = Server::new(2, "world", "w");
    chat.news(joined(&world));
    assert_eq!(chat.actions(), [], "none of its business");
    let wider = topology(&[("lobby", &["world"]), ("world", &[]), ("chat", &["chat", "world"])]);
    renew(&mut chat, wider.clone());
    assert_eq!(chat.dialled().1, world.entry);

    // One that has left meanwhile does not join.
    let mut chat = Server::new(3, "chat", "c");
    chat.news(joined(&world));
    chat.news(left(2, registry::LeaveReason::Expired));
    renew(&mut chat, wider.clone());
    assert_eq!(chat.actions(), []);
    chat.news(News::Snapshot(vec![chat.entry.clone(), world.entry.clone()]));
    assert_eq!(chat.dialled().1, world.entry);
}

#[test]
fn a_link_stands_when_the_other_side_is_to_dial_from_now_on() {
    let (mut lobby, link, _, _) = connected();
    renew(&mut lobby, topology(&[("lobby", &[]), ("world", &["lobby"])]));
    assert_eq!(lobby.actions(), []);
    assert_eq!(lobby.cluster.direction_of(id(2)), Some(Direction::Incoming));
    lobby.link_down(link, LinkEndReason::Lost);
    assert!(matches!(&lobby.notices()[..], [Notice::Interrupted { .. }]));
}

#[test]
fn a_server_that_stops_is_not_renewed() {
    let (mut lobby, _, _, _) = connected();
    lobby.cluster.stop(StopReason::Requested, String::new());
    lobby.actions();
    renew(&mut lobby, apart());
    assert_eq!(lobby.actions(), []);
}
