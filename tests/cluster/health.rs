//! What `GET /health` answers, in every state of a server.

use crate::support::{free_port, hosting, registry_at, start, until};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Any free port.
const HEALTH: &str = "health.listen = \"127.0.0.1:0\"\n";

/// Sends these bytes and reads the whole answer.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    answer
}

fn health(address: SocketAddr) -> (u16, serde_json::Value) {
    let answer = ask(address, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no HTTP: {answer}"));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.contains("application/json") && head.contains("no-store"), "{head}");
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

#[test]
fn it_says_starting_ready_and_registry_lost_and_comes_back() {
    let port = free_port();
    let more = format!("{HEALTH}health.registry_lost_ms = 0\n{}", registry_at(port));
    let mut lobby = start("lobby", "l1", &more);
    let address = lobby.server.health_address().expect("it was asked for");
    let (status, answer) = health(address);
    assert_eq!((status, &answer["state"], &answer["id"], &answer["name"]), (503, &"starting".into(), &0.into(), &"l1".into()));

    let host = start("mesh", "host", &hosting(port, 500, ""));
    lobby.wait("started", |event| matches!(event, sinew::Event::Started { .. }).then_some(()));
    let (status, answer) = health(address);
    assert_eq!((status, &answer["state"], &answer["registry_lost"]), (200, &"ready".into(), &serde_json::Value::Null));
    assert_eq!(answer["id"].as_u64(), lobby.server.info().id.map(|id| id.get()));
    assert!(answer["since_ms"].as_u64().is_some_and(|since| since < 20_000), "{answer}");

    drop(host);
    until("the registry is missed", || health(address).0 == 503);
    let (_, answer) = health(address);
    assert_eq!(answer["state"], "registry_lost");
    assert!(answer["registry_lost"].as_str().is_some_and(|why| why.contains(&port.to_string())), "{answer}");
    let _host = start("mesh", "host", &hosting(port, 500, ""));
    until("it is well again", || health(address).0 == 200);
}

#[test]
fn a_server_that_stops_says_draining_until_it_has() {
    let (world, registry) = crate::support::start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &format!("{HEALTH}{registry}"));
    let to_world = lobby.connected("w1");
    let address = lobby.server.health_address().expect("it was asked for");
    // The world does not poll, so what is sent cannot be flushed.
    while to_world.send(1, &[0; 60_000], sinew::SendMode::Reliable).is_ok() {}
    lobby.server.stop();
    let (status, answer) = health(address);
    assert_eq!((status, &answer["state"]), (503, &"draining".into()));
    drop(lobby);
    assert!(TcpStream::connect(address).is_err(), "nothing stays behind");
    drop(world);
}

#[test]
fn strangers_get_short_answers() {
    let server = start("lobby", "l1", HEALTH);
    let address = server.server.health_address().expect("it was asked for");
    assert!(ask(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404"));
    assert!(ask(address, "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx").starts_with("HTTP/1.1 405"));
    assert!(ask(address, "HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("\r\n\r\n"));
    assert!(ask(address, "garbage\r\n\r\n").starts_with("HTTP/1.1 400"));
    // More than it serves at a time, all silent: they are closed, and the next is served.
    let silent: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(address).expect("the system's queue")).collect();
    assert_eq!(health(address).0, 503);
    drop(silent);
}

#[test]
fn a_port_that_is_taken_is_an_error_of_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound");
    let text = crate::support::text(crate::support::TOPOLOGY, "lobby", "l1", &format!("health.listen = \"{address}\""));
    let error = crate::support::start_text(&text).err().expect("refused").to_string();
    assert!(error.contains("health.listen") && error.contains(&address.to_string()), "{error}");
}
