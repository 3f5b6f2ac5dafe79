//! Sessions that outlive their links, and those that do not.

use super::*;

fn interrupted(raw: u64) -> Notice {
    Notice::Interrupted { id: id(raw), text: String::new() }
}

fn disconnected(raw: u64) -> Notice {
    Notice::Disconnected { id: id(raw), end: lost() }
}

#[test]
fn a_session_goes_on_over_a_new_link() {
    let (mut lobby, link, mut world, old) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    world.link_down(old, LinkEndReason::Silent);
    assert_eq!((lobby.notices(), world.notices()), (vec![interrupted(2)], vec![interrupted(1)]));
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let new = shake_hands(&mut lobby, dial, &mut world);
    let resumed = |id, link| [Action::Notify(Notice::Resumed { id, link }), Action::Start { link, resumes: true }];
    assert_eq!(lobby.actions(), resumed(id(2), dial));
    assert_eq!(world.actions(), resumed(id(1), new));
}

#[test]
fn a_side_that_has_not_noticed_the_break_goes_on_without_a_word_to_its_game() {
    let (mut lobby, link, mut world, old) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let new = shake_hands(&mut lobby, dial, &mut world);
    assert_eq!(world.actions(), [Action::Abandon { link: old }], "the new one waits for the old one's end");
    world.link_down(old, LinkEndReason::Closed(Goodbye::Superseded));
    assert_eq!(world.actions(), [Action::Start { link: new, resumes: true }]);
}

#[test]
fn the_next_link_may_break_too_while_the_old_one_is_being_abandoned() {
    let (mut lobby, link, mut world, old) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let second = shake_hands(&mut lobby, dial, &mut world);
    lobby.link_down(dial, LinkEndReason::Lost);
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let third = shake_hands(&mut lobby, dial, &mut world);
    let given_up = Action::Close { link: second, goodbye: Goodbye::Superseded };
    assert_eq!(world.actions(), [Action::Abandon { link: old }, given_up]);
    world.link_down(old, LinkEndReason::Lost);
    assert_eq!(world.actions(), [Action::Start { link: third, resumes: true }]);
}

#[test]
fn a_session_ends_when_its_time_is_up_and_the_next_link_begins_another() {
    let (mut lobby, link, mut world, old) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    world.link_down(old, LinkEndReason::Lost);
    let (mut dialled, since) = (None, lobby.now);
    while lobby.now < since + SECOND * 10 {
        lobby.wait();
        for action in lobby.actions() {
            match action {
                Action::Dial { link, .. } => {
                    lobby.cluster.dial_failed(lobby.now, link, None);
                    dialled = Some(link);
                }
                Action::Notify(Notice::Disconnected { id: gone, .. }) => assert_eq!((gone, lobby.now), (id(2), since + SECOND * 10)),
                Action::Notify(Notice::Interrupted { .. }) | Action::ReportFailure(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(dialled.is_some());
    _ = world.actions();
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let new = shake_hands(&mut lobby, dial, &mut world);
    assert_eq!(lobby.notices(), [Notice::Connected { id: id(2), link: dial }]);
    assert_eq!(world.notices(), [disconnected(1), Notice::Connected { id: id(1), link: new }], "the world still held the old one");
}

#[test]
fn a_restarted_server_knows_nothing_of_the_session() {
    let seats = |settings: &mut Settings| settings.ids_are_seats = true;
    let (mut lobby, link, _, _) = connected_with(seats);
    let mut restarted = Server::with(2, "world", "w", |settings| (settings.ids_are_seats, settings.incarnation) = (true, 9));
    restarted.news(joined(&lobby));
    _ = restarted.actions();
    lobby.link_down(link, LinkEndReason::Lost);
    lobby.wait();
    let (dial, _) = lobby.dialled();
    shake_hands(&mut lobby, dial, &mut restarted);
    assert_eq!(lobby.notices(), [disconnected(2), Notice::Connected { id: id(2), link: dial }]);
}

#[test]
fn a_session_that_only_one_side_wants_to_go_on_with_begins_anew() {
    let (mut lobby, link, mut world, old) = connected();
    world.link_down(old, LinkEndReason::Lost);
    lobby.link_down(link, LinkEndReason::Lost);
    (_, _) = (lobby.actions(), world.actions());
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let goal = lobby.hello_to(&world);
    let Admission::Accept { link: new, protocol } = world.admit(&lobby, &goal) else { panic!("refused") };
    assert!(world.cluster.welcome(&goal.hello, new, protocol).is_some_and(|welcome| welcome.resumed));
    // The world's time is up while the confirm is on its way.
    world.now += SECOND * 10;
    world.cluster.timeout(world.now);
    assert!(world.actions().contains(&Action::Notify(disconnected(1))));
    world.cluster.link_up(world.now, new, true);
    assert!(world.actions().contains(&Action::Close { link: new, goodbye: Goodbye::Superseded }));
    lobby.cluster.link_up(lobby.now, dial, true);
    lobby.link_down(dial, LinkEndReason::Lost);
    lobby.wait();
    let (dial, _) = lobby.dialled();
    let new = shake_hands(&mut lobby, dial, &mut world);
    assert_eq!(lobby.notices(), [disconnected(2), Notice::Connected { id: id(2), link: dial }]);
    // It may have been about to knock meanwhile.
    assert!(world.actions().contains(&Action::Notify(Notice::Connected { id: id(1), link: new })));
}

#[test]
fn a_lease_that_ran_out_does_not_end_a_session_but_a_farewell_does() {
    let (mut lobby, link, _, _) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    _ = lobby.actions();
    lobby.news(left(2, registry::LeaveReason::Expired));
    assert_eq!(lobby.actions(), []);
    lobby.news(left(2, registry::LeaveReason::Replaced));
    assert_eq!(lobby.notices(), [disconnected(2), Notice::Left { id: id(2), reason: LeaveReason::Replaced }]);

    let (mut lobby, link, _, _) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    lobby.news(left(2, registry::LeaveReason::Expired));
    _ = lobby.actions();
    while lobby.now < SECOND * 10 {
        lobby.wait();
        for action in lobby.actions() {
            if let Action::Dial { link, .. } = action {
                lobby.cluster.dial_failed(lobby.now, link, None);
            }
        }
    }
    assert_eq!(lobby.cluster.next_timeout(), None, "gone");
}

#[test]
fn a_goodbye_and_a_breach_end_a_session_with_its_link() {
    for reason in [LinkEndReason::Protocol, LinkEndReason::Goodbye(Goodbye::YouLeft)] {
        let (mut lobby, link, _, _) = connected();
        lobby.link_down(link, reason);
        assert_eq!(lobby.notices(), [Notice::Disconnected { id: id(2), end: end(reason) }]);
    }
}

#[test]
fn stopping_ends_a_session_without_a_link() {
    let (mut lobby, link, _, _) = connected();
    lobby.link_down(link, LinkEndReason::Lost);
    _ = lobby.actions();
    lobby.cluster.stop(StopReason::Requested, String::new());
    let left = Notice::Left { id: id(2), reason: LeaveReason::Stopping };
    let stopped = Notice::Stopped { reason: StopReason::Requested, text: String::new() };
    assert_eq!(lobby.actions(), [Action::Deregister, Action::Notify(disconnected(2)), Action::Notify(left), Action::Notify(stopped)]);
}
