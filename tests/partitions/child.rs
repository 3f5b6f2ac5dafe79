//! A server in a process and a namespace of its own: this very test executable, run again. It sends to everybody it is connected with and
//! says what happens, one line each; the parent judges (`judge.rs` reads the lines).
//!
//! | line | what it says |
//! |---|---|
//! | `@started ID` | registered |
//! | `@joined ID NAME`, `connected`, `interrupted`, `resumed`, `disconnected`, `left` | that event of that server, in order with the next |
//! | `@got ID NAME FIRST LAST` | reliable messages with these numbers, one after another |
//! | `@sent ID NAME COUNT` | asked to be quiet: so many were numbered for it |
//! | `@log …` | anything else |

use crate::network::Network;
use sinew::{Error, Event, RemoteServer, SendMode, Server, ServerConfig};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CONFIGURATION: &str = "SINEW_TEST_PARTITIONS_CHILD";
/// Each connected server is sent a message this often.
const PERIOD: Duration = Duration::from_millis(50);

/// In the child process that [`Child::start`] made: serves, and never returns.
pub(crate) fn serve_if_child() {
    let Ok(text) = std::env::var(CONFIGURATION) else { return };
    let quiet = Arc::new(AtomicBool::new(false));
    let told = quiet.clone();
    std::thread::spawn(move || {
        // The only word is to be quiet; behind it the child ends with the parent, however that ends.
        let mut lines = std::io::stdin().lines();
        let word = lines.next().and_then(Result::ok);
        told.store(word.is_some(), Ordering::Relaxed);
        if word.is_some() {
            let _ = lines.next();
        }
        std::process::exit(0);
    });
    let config = ServerConfig::load(&text, "the child's configuration", std::iter::empty()).expect("a configuration");
    serve(&Server::start(config).expect("the server starts"), &quiet)
}

/// A remote server, as the sender knows it.
struct To {
    server: RemoteServer,
    /// The number of the next message; never used again, so that the receiver sees what is missing and what comes twice.
    next: u64,
    connected: bool,
}

fn serve(server: &Server, quiet: &AtomicBool) -> ! {
    let mut known: BTreeMap<u64, To> = BTreeMap::new();
    let mut at = Instant::now();
    let mut told = false;
    loop {
        for line in events(server, &mut known) {
            say(&line);
        }
        if quiet.load(Ordering::Relaxed) {
            if !std::mem::replace(&mut told, true) {
                known.values().for_each(|to| say(&format!("sent {} {} {}", to.server.id(), to.server.name(), to.next)));
            }
        } else if at.elapsed() >= PERIOD {
            at = Instant::now();
            known.values_mut().filter(|to| to.connected).for_each(send);
        }
    }
}

fn send(to: &mut To) {
    // Mostly small, sometimes more than a packet.
    let mut payload = vec![to.next as u8; if to.next.is_multiple_of(16) { 5000 } else { 64 }];
    payload[..8].copy_from_slice(&to.next.to_le_bytes());
    match to.server.send(1, &payload, SendMode::Reliable) {
        Ok(()) => to.next += 1,
        // It is down, and the event that says so is still to be polled.
        Err(Error::NotConnected(_) | Error::UnknownServer(_)) => {}
        Err(error) => say(&format!("log not sent to {}: {error}", to.server.name())),
    }
}

fn events(server: &Server, known: &mut BTreeMap<u64, To>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut run: Option<(RemoteServer, u64, u64)> = None;
    for event in server.poll(Duration::from_millis(10)).expect("only this thread polls") {
        if let Event::Message { server, message } = &event {
            let number = u64::from_le_bytes(message.payload[..8].try_into().expect("eight bytes"));
            run = match run.take() {
                Some((from, first, last)) if from.id() == server.id() && last + 1 == number => Some((from, first, number)),
                earlier => {
                    lines.extend(earlier.map(got));
                    Some((server.clone(), number, number))
                }
            };
            continue;
        }
        lines.extend(run.take().map(got));
        let mut connected = |server: &RemoteServer, connected| {
            let to = known.entry(server.id().get()).or_insert_with(|| To { server: server.clone(), next: 0, connected });
            (to.server, to.connected) = (server.clone(), connected);
        };
        let about = |word: &str, server: &RemoteServer| format!("{word} {} {}", server.id(), server.name());
        lines.push(match event {
            Event::Started { id, .. } => format!("started {id}"),
            Event::ServerJoined { server } => about("joined", &server),
            Event::ServerConnected { server } => {
                connected(&server, true);
                about("connected", &server)
            }
            Event::ServerInterrupted { server } => about("interrupted", &server),
            Event::ServerResumed { server } => about("resumed", &server),
            Event::ServerDisconnected { server, unacknowledged, .. } => {
                connected(&server, false);
                format!("{} {unacknowledged}", about("disconnected", &server))
            }
            Event::ServerLeft { server, reason } => format!("{} {reason:?}", about("left", &server)),
            other => format!("log {other:?}"),
        });
    }
    lines.extend(run.map(got));
    lines
}

fn got((from, first, last): (RemoteServer, u64, u64)) -> String {
    format!("got {} {} {first} {last}", from.id(), from.name())
}

/// In one piece, and begun anew: the test harness has words of its own on standard output.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A parent that does not listen any more ends this process anyway.
    let _ = out.write_all(format!("\n@{}\n", line.replace('\n', " ")).as_bytes()).and_then(|()| out.flush());
}

/// A running child; killed when it is dropped.
pub(crate) struct Child {
    process: std::process::Child,
    to: ChildStdin,
}

impl Child {
    /// In the namespace of this server; `text`: its configuration. `test`: the full name of the test this is called from.
    pub(crate) fn start(network: &Network, test: &str, server: usize, text: &str) -> (Self, ChildStdout) {
        let executable = std::env::current_exe().expect("the running executable has a path");
        let mut command: Command = network.command(server, &executable);
        command.args(["--exact", test, "--nocapture"]).env(CONFIGURATION, text);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`ip` runs");
        let (to, from) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        (Self { process, to }, from)
    }

    /// The child sends nothing new from now on.
    pub(crate) fn quiet(&mut self) {
        self.to.write_all(b"quiet\n").expect("the child runs");
    }

    /// The process is gone, without a goodbye, when this returns.
    pub(crate) fn kill(&mut self) {
        // It may have been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The lines of a child, until it ends.
pub(crate) fn lines(from: ChildStdout) -> impl Iterator<Item = String> {
    BufReader::new(from).lines().map_while(Result::ok).filter_map(|line| Some(line.strip_prefix('@')?.to_owned()))
}
