//! The member of a mixed cluster in Rust; README.md tells what it does.

use sinew::{Error, Event, RemoteServer, SendMode, Server, ServerConfig, ServerId};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, registry, count, peers] = arguments.as_slice() else { wrong("it is called as: member NAME REGISTRY COUNT PEERS") };
    let (Ok(count), Ok(peers)) = (count.parse(), peers.parse()) else { wrong("COUNT and PEERS are numbers") };
    if let Err(error) = run(name, registry, count, peers) {
        wrong(&error.to_string());
    }
}

/// How far it is with one of the others.
struct Peer {
    remote: RemoteServer,
    sent: u32,
    received: u32,
}

fn run(name: &str, registry: &str, count: u32, peers: usize) -> Result<(), Error> {
    let config = format!(
        "server = {{ group = 'mixed', name = '{name}' }}\ngroups.mixed.connects_to = ['mixed']\nregistry.addresses = ['{registry}']\nlog.level = 'error'\n"
    );
    let server = Server::start(ServerConfig::from_toml(&config)?)?;
    let input_ended = watch_input();
    let mut open: BTreeMap<ServerId, Peer> = BTreeMap::new();
    let (mut verified, mut conductor_left, mut stopping) = (false, false, false);
    loop {
        for event in server.poll(Duration::from_millis(20))? {
            match event {
                Event::ServerJoined { server } => println!("joined {}", server.name()),
                Event::ServerConnected { server } => {
                    println!("connected {}", server.name());
                    if open.len() < peers {
                        open.insert(server.id(), Peer { remote: server, sent: 0, received: 0 });
                    }
                }
                Event::Message { server, message } => match open.get_mut(&server.id()) {
                    Some(peer) => receive(peer, message.tag, &message.payload, count),
                    None => wrong(&format!("a message of {}, with which nothing was agreed", server.name())),
                },
                Event::ServerDisconnected { server, text, .. } if !verified && open.contains_key(&server.id()) => {
                    wrong(&format!("{} is disconnected: {text}", server.name()));
                }
                Event::ServerLeft { server, .. } => {
                    println!("left {}", server.name());
                    conductor_left |= server.name() == "conductor";
                }
                Event::Stopped { .. } => {
                    println!("stopped");
                    return Ok(());
                }
                _ => {}
            }
        }
        for peer in open.values_mut() {
            send(peer, count)?;
        }
        if !verified && open.len() == peers && open.values().all(|peer| peer.sent == count && peer.received == count) {
            verified = true;
            println!("verified");
        }
        let over = if name == "conductor" { input_ended.load(Ordering::Acquire) } else { verified && conductor_left };
        if over && !stopping {
            stopping = true;
            server.stop();
        }
    }
}

/// As much as there is room for; the next poll ends at `Writable`, or after its time.
fn send(peer: &mut Peer, count: u32) -> Result<(), Error> {
    while peer.sent < count {
        match peer.remote.send(tag(peer.sent), &payload(peer.sent), SendMode::Reliable) {
            Ok(()) => peer.sent += 1,
            Err(Error::QueueFull { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn receive(peer: &mut Peer, received_tag: u16, received: &[u8], count: u32) {
    let number = peer.received;
    if number == count || received_tag != tag(number) || received != payload(number) {
        wrong(&format!("message {number} of {}: tag {received_tag}, {received:?}", peer.remote.name()));
    }
    peer.received += 1;
}

fn tag(number: u32) -> u16 {
    number as u16
}

fn payload(number: u32) -> Vec<u8> {
    let pattern = (0..number % 100).map(|index| number.wrapping_add(7 * index) as u8);
    number.to_le_bytes().into_iter().chain(pattern).collect()
}

fn watch_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let told = ended.clone();
    std::thread::spawn(move || {
        // Whether it ends or breaks, nobody conducts any more.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::Release);
    });
    ended
}

fn wrong(what: &str) -> ! {
    println!("wrong: {what}");
    std::process::exit(1);
}
