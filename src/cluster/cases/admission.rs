//! Who may have a link, and what the others are told.

use super::*;

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
    let hello = chat.hello_to(&elsewhere).hello;
    let Admission::Refuse(refusal) = chat.cluster.admit(&hello, Passport { group: "chat", name: "c" }) else { panic!("accepts itself") };
    assert_eq!(refusal.code, RefusalCode::WrongServer);
    assert!(refusal.text.contains("dialled itself; correct server.advertise"), "{}", refusal.text);
}

#[test]
fn a_dial_against_the_direction_of_the_topology_is_refused() {
    let (mut lobby, _, world, _) = connected();
    let Admission::Refuse(refusal) = lobby.admit(&world, &world.hello_to(&lobby)) else { panic!("the world does not dial the lobby") };
    assert_eq!(refusal.code, RefusalCode::Reversed);
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

    let welcome = world.cluster.welcome(&goal.hello, LinkId(1), 1).expect("it is registered");
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
    let welcome = world.cluster.welcome(&goal.hello, LinkId(1), 1).expect("it is registered");
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
    let mut welcome = world.cluster.welcome(&goal.hello, LinkId(1), 1).expect("it is registered");
    assert_eq!(goal.check(&welcome, stranger).map_err(|refusal| refusal.code), Err(RefusalCode::Identity));
    welcome.from.id = id(7);
    assert_eq!(goal.check(&welcome, world.passport()).map_err(|refusal| refusal.code), Err(RefusalCode::WrongServer));
    welcome = world.cluster.welcome(&goal.hello, LinkId(1), 2).expect("it is registered");
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
fn groups_that_are_not_connected_are_told_so() {
    let (lobby, mut chat) = (Server::new(1, "lobby", "l"), Server::new(2, "chat", "c"));
    let Admission::Refuse(Refusal { code, text }) = chat.admit(&lobby, &lobby.hello_to(&chat)) else { panic!("not connected") };
    assert!(code == RefusalCode::Topology && text.contains("groups `lobby` and `chat` are not connected"), "{text}");
}
