//! Registries that the game connects itself: by events and calls, and by a connector that the program brings.

use super::files::Folder;
use sinew::error::{Error, ErrorCode, RegistryError};
use sinew::registry::Registration;
use sinew::registry::contract::Fixture;
use sinew::{Event, LeaveReason, SendMode, Server, ServerConfig, ServerId, StopReason};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

const GROUPS: &str = "registry.kind = 'external'\nlog.to = 'none'\nlimits.resume_window_ms = 100\nlimits.reconnect_attempts = 2\n\
                      limits.reconnect_max_ms = 200\n[groups.lobby]\nconnects_to = ['world']\n[groups.world]\nvisibility = 'external'\n[groups.chat]\n";

fn config(group: &str, name: &str) -> ServerConfig {
    ServerConfig::from_toml(&format!("server = {{ group = '{group}', name = '{name}', properties = {{ map = 'düne' }} }}\n{GROUPS}"))
        .expect("a good configuration")
}

/// The next event that `wanted` makes something of; all others are passed over.
fn next<T>(server: &Server, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        for event in server.poll(Duration::from_millis(20)).expect("it runs") {
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }
    panic!("{what} never came");
}

fn asked(server: &Server) -> Registration {
    next(server, "RegistryRegister", |event| if let Event::RegistryRegister { entry } = event { Some((**entry).clone()) } else { None })
}

/// A server that its game has registered.
fn registered(group: &str, name: &str) -> (Server, Registration) {
    let server = Server::start(config(group, name)).expect("started");
    let entry = asked(&server);
    server.registry().and_then(|registry| Ok(registry.registered(entry.id)?)).expect("asked");
    next(&server, "Started", |event| matches!(event, Event::Started { id } if *id == entry.id).then_some(()));
    (server, entry)
}

fn report(server: &Server, entry: &Registration) -> Result<(), RegistryError> {
    server.registry().expect("external").server_joined(entry.clone())
}

fn joined(server: &Server) -> ServerId {
    next(server, "ServerJoined", |event| if let Event::ServerJoined { server } = event { Some(server.id()) } else { None })
}

fn left(server: &Server) -> (ServerId, LeaveReason) {
    next(server, "ServerLeft", |event| if let Event::ServerLeft { server, reason } = event { Some((server.id(), *reason)) } else { None })
}

#[test]
fn servers_meet_by_what_their_games_report() {
    let ((lobby, lobby_entry), (world, world_entry)) = (registered("lobby", "l1"), registered("world", "w1"));
    assert_eq!((world_entry.host.as_str(), world_entry.properties["map"].as_str()), ("127.0.0.1", "düne"));
    // Everybody is told of everybody: itself, and a group that it may not see, are left out.
    let chat = Registration { id: ServerId::new(5).expect("an id"), group: "chat".into(), name: "c1".into(), ..world_entry.clone() };
    for server in [&lobby, &world] {
        for entry in [&chat, &lobby_entry, &world_entry] {
            report(server, entry).expect("good");
        }
    }
    assert_eq!((joined(&lobby), joined(&world)), (world_entry.id, lobby_entry.id));
    next(&lobby, "ServerConnected", |event| matches!(event, Event::ServerConnected { .. }).then_some(()));
    let remote = lobby.find(world_entry.id).expect("in view");
    assert_eq!(remote.properties(), world_entry.properties);
    assert!(lobby.find(chat.id).is_none() && lobby.find(lobby_entry.id).is_none());
    remote.send(1, b"hello", SendMode::Reliable).expect("connected");
    next(&world, "the message", |event| matches!(event, Event::Message { message, .. } if *message.payload == *b"hello").then_some(()));

    // The registry's word is a hint: a live link outlives it, and an outage too.
    let registry = lobby.registry().expect("external");
    registry.server_left(world_entry.id).expect("it had joined");
    registry.lost("the database is down").expect("registered");
    next(&lobby, "RegistryLost", |event| matches!(event, Event::RegistryLost { text } if text == "the database is down").then_some(()));
    assert!(lobby.find(world_entry.id).is_some());
    assert!(lobby.explain(world_entry.id).expect("in view").contains("registry: lost for 0 s"));
    registry.restored().expect("registered");
    next(&lobby, "RegistryRestored", |event| matches!(event, Event::RegistryRestored).then_some(()));

    // The goodbye is asked for before the end.
    world.stop();
    let mut goodbye = None;
    next(&world, "Stopped", |event| {
        if let Event::RegistryDeregister { id } = event {
            goodbye = Some(*id);
        }
        matches!(event, Event::Stopped { .. }).then_some(())
    });
    assert_eq!(goodbye, Some(world_entry.id));
    assert_eq!(left(&lobby).0, world_entry.id);
}

#[test]
fn a_server_that_is_not_there_is_asked_about() {
    let (lobby, own) = registered("lobby", "l1");
    // Nobody listens on port 1.
    let ghost = Registration { id: ServerId::new(5).expect("an id"), group: "world".into(), name: "w1".into(), port: 1, ..own };
    report(&lobby, &ghost).expect("good");
    let suspect = next(&lobby, "RegistryConnectionFailure", |event| match event {
        Event::RegistryConnectionFailure { server } => Some(server.id()),
        _ => None,
    });
    assert_eq!(suspect, ghost.id);
    lobby.registry().and_then(|registry| Ok(registry.server_left(suspect)?)).expect("it had joined");
    assert_eq!(left(&lobby), (ghost.id, LeaveReason::Expired));
}

#[test]
fn the_higher_id_of_a_name_wins_and_ends_its_predecessor() {
    let (lobby, own) = registered("lobby", "l1");
    let world =
        |raw| Registration { id: ServerId::new(raw).expect("an id"), group: "world".into(), name: "w1".into(), port: 1, ..own.clone() };
    report(&lobby, &world(5)).expect("good");
    assert_eq!(joined(&lobby), world(5).id);
    report(&lobby, &world(6)).expect("good");
    assert_eq!(left(&lobby), (world(5).id, LeaveReason::Replaced));
    assert_eq!(joined(&lobby), world(6).id);

    let successor = Registration { id: ServerId::new(own.id.get() + 1).expect("an id"), ..own.clone() };
    report(&lobby, &successor).expect("good");
    let reason = next(&lobby, "Stopped", |event| if let Event::Stopped { reason, .. } = event { Some(*reason) } else { None });
    assert_eq!(reason, StopReason::Replaced);
    assert_eq!(report(&lobby, &world(6)), Err(RegistryError::Stopped));
}

#[test]
fn other_registries_take_no_reports_and_no_connectors() {
    let text = GROUPS.replace("'external'\nlog", "'embedded'\nlog");
    let config = ServerConfig::from_toml(&format!("server.group = 'world'\n{text}")).expect("a good configuration");
    let server = Server::start(config.clone()).expect("started");
    let refused = server.registry().expect_err("not external");
    assert!(matches!(&refused, Error::Registry(RegistryError::NotExternal)) && refused.code() == ErrorCode::InvalidState);
    let refused = Server::start_with_connector(config, Folder::new().connector("world", "w1")).err().expect("not external").to_string();
    assert!(refused.contains("registry.kind"), "{refused}");
}

#[test]
fn a_program_brings_its_own_connector() {
    let mut folder = Folder::new();
    let mut start = |group, name| Server::start_with_connector(config(group, name), folder.connector(group, name)).expect("started");
    let (lobby, world) = (start("lobby", "l1"), start("world", "w1"));
    let id = joined(&lobby);
    next(&lobby, "ServerConnected", |event| matches!(event, Event::ServerConnected { .. }).then_some(()));
    lobby.send(id, 1, b"hello", SendMode::Reliable).expect("connected");
    next(&world, "the message", |event| matches!(event, Event::Message { .. }).then_some(()));
    assert!(lobby.registry().is_err(), "its connector is asked, not its game");
    drop(world);
    assert_eq!(left(&lobby).0, id);
}
