//! What is left of a server that has been dropped: nothing. One test, so that nothing else runs in this process.

#![cfg(target_os = "linux")]

#[path = "cluster/ports.rs"]
mod ports;

use ports::free_port;
use sinew::{Event, Server, ServerConfig};
use std::time::{Duration, Instant};

const ROUNDS: usize = 200;

fn start(group: &str, name: &str, more: &str) -> Server {
    let text = format!(
        "server.group = \"{group}\"\nserver.name = \"{name}\"\nlog.to = \"none\"\n{more}\n[groups.world]\n[groups.lobby]\nconnects_to = [\"world\"]\n"
    );
    let config = ServerConfig::load(&text, "text", std::iter::empty()).expect("a good configuration");
    Server::start(config).unwrap_or_else(|error| panic!("{name} does not start: {error}"))
}

fn connected(server: &Server) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "no connection");
        if server.poll(left).expect("only this thread polls").any(|event| matches!(event, Event::ServerConnected { .. })) {
            return;
        }
    }
}

/// A registry host and a second server, connected, then dropped; the second one first, the host first, or after a `stop`.
///
/// The ports are the same in every round: a server that is dropped gives them back at once.
fn round(number: usize, [registry, world, lobby]: [u16; 3]) {
    let listen = |port: u16| format!("server.listen = \"127.0.0.1:{port}\"");
    let hosting = format!("registry.host = true\nregistry.listen = \"127.0.0.1:{registry}\"\n{}", listen(world));
    let host = start("world", "w", &hosting);
    let lobby = start("lobby", "l", &format!("registry.addresses = [\"127.0.0.1:{registry}\"]\n{}", listen(lobby)));
    connected(&host);
    connected(&lobby);
    match number % 3 {
        0 => drop((lobby, host)),
        1 => drop((host, lobby)),
        _ => {
            host.stop();
            lobby.stop();
        }
    }
}

/// Names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("/proc is there");
    // A thread may end between the two looks.
    tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok()).map(|name| name.trim().to_string()).collect()
}

/// Where this process's descriptors lead, the one of the look itself excepted.
fn descriptors() -> Vec<String> {
    let open = std::fs::read_dir("/proc/self/fd").expect("/proc is there");
    let to = |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_link(entry.ok()?.path()).ok();
    let mut open: Vec<String> = open.filter_map(to).map(|path| path.to_string_lossy().into_owned()).collect();
    open.retain(|path| !path.contains("/proc/"));
    open
}

#[test]
fn two_hundred_servers_that_came_and_went_leave_no_thread_socket_or_file() {
    let ports = [free_port(), free_port(), free_port()];
    let (threads_before, before) = (threads().len(), descriptors());
    let began = Instant::now();
    for number in 0..ROUNDS {
        round(number, ports);
        // A thread that has been joined may show for a moment yet: the kernel wakes who joins it before it takes its entry away.
        let deadline = Instant::now() + Duration::from_secs(5);
        while threads().iter().any(|name| name.starts_with("sinew")) {
            assert!(Instant::now() < deadline, "round {number} leaves {:?}", threads());
            std::thread::yield_now();
        }
        let now = descriptors();
        assert_eq!(now.len(), before.len(), "round {number}: {now:?}, before: {before:?}");
    }
    assert_eq!(threads().len(), threads_before);
    println!("{ROUNDS} rounds of start, connect, drop of two servers: {:?} each", began.elapsed() / ROUNDS as u32);
}
