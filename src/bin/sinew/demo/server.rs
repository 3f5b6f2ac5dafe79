//! `sinew demo-server`: one server of the demo, a game of its own as far as Sinew is concerned.
//!
//! It uses nothing but the public API: messages at a steady rate to everybody it is connected with, now and then a request, an answer to
//! every request, and a check of everything that comes in. What it sees it says on stdout ([`super::report`]); Sinew's log goes to stderr.

use super::leash;
use super::order::{Order, Sequence, Step};
use super::report::{Remote, Report};
use sinew::{Error, Event, Reader, RemoteServer, RequestId, SendMode, Server, ServerConfig, Writer};
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The demo's messages and requests. All are reliable and carry: sender's id, receiver's id, number, time stamp, filler. The answer to a request is the
/// same again.
const STATE: u16 = 1;
const ECHO: u16 = 2;

/// Size of a state message, about what a game sends about one object.
const STATE_BYTES: usize = 64;
/// One request for so many state messages.
const STATES_PER_REQUEST: u64 = 10;
/// How long its answer is waited for.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// After a pause (of the whole machine, say) so many messages are made up for, no more.
const MOST_BEHIND: u32 = 50;
/// How often the running numbers are told.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// The same while nothing more is sent and the demo waits for the last messages to arrive.
const REPORT_QUIET: Duration = Duration::from_millis(50);
/// A restarted server waits so long for its port: the system may lend it to an outgoing connection meanwhile.
const PORT_PATIENCE: Duration = Duration::from_secs(2);

/// One server of `sinew demo`. Commands come in on stdin: `quiet`, `talk`, `stop`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server's configuration.
    file: PathBuf,

    /// State messages per second to each connected server.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// A directory to remove when stdin ends.
    #[arg(long, value_name = "DIR")]
    leash: Option<PathBuf>,

    /// End with an error soon after the start: how the demo shows a broken server is tested with this.
    #[arg(long = "break", hide = true)]
    broken: bool,
}

/// Runs until `stop`, the end of stdin, or a failure, which goes to stderr as a sentence.
pub(crate) fn run(args: ServerArgs) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            // The demo may be gone, and nobody reads stderr any more.
            let _ = writeln!(std::io::stderr(), "sinew demo-server: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn serve(args: ServerArgs) -> Result<(), String> {
    let commands = leash::hold(args.leash).map_err(|error| format!("cannot watch stdin: {error}"))?;
    let config = ServerConfig::from_file(&args.file).map_err(|error| error.to_string())?;
    let server = start(config).map_err(|error| error.to_string())?;
    let mut game = Game::new(&server);
    let pace = Duration::from_secs(1) / args.rate;
    let mut next_send = Instant::now() + pace;
    let mut next_report = Instant::now() + REPORT_EVERY;
    let mut ticks: u64 = 0;
    loop {
        let now = Instant::now();
        match server.poll(next_send.min(next_report).saturating_duration_since(now)) {
            Ok(events) => events.into_iter().try_for_each(|event| game.event(event))?,
            Err(Error::Stopped) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
        for command in commands.try_iter() {
            match command.as_str() {
                "quiet" => game.quiet()?,
                "talk" => game.quiet = false,
                "stop" => server.stop(),
                _ => return Err(format!("`{command}` is no command of a demo server; they are: quiet, talk, stop")),
            }
        }
        let now = Instant::now();
        if now >= next_send {
            ticks += 1;
            game.send_states(ticks.is_multiple_of(STATES_PER_REQUEST))?;
            next_send = (next_send + pace).max(now.checked_sub(pace * MOST_BEHIND).unwrap_or(now));
        }
        if now >= next_report {
            game.report()?;
            if args.broken {
                return Err("told to fail (--break)".into());
            }
            next_report = now + if game.quiet { REPORT_QUIET } else { REPORT_EVERY };
        }
    }
}

fn start(config: ServerConfig) -> Result<Server, Error> {
    let give_up = Instant::now() + PORT_PATIENCE;
    loop {
        match Server::start(config.clone()) {
            Err(Error::AddressInUse { .. }) if Instant::now() < give_up => std::thread::sleep(Duration::from_millis(50)),
            result => return result,
        }
    }
}

struct Game<'a> {
    server: &'a Server,
    id: u64,
    quiet: bool,
    peers: HashMap<u64, Peer>,
    order: Order,
    /// Time stamps in messages count from here.
    epoch: Instant,
    reported: Instant,
    received: u64,
    messages: u64,
    events: u64,
    /// Requests that have not ended.
    open: HashSet<RequestId>,
    asked: u64,
    answered: u64,
    failed: u64,
}

struct Peer {
    handle: RemoteServer,
    connected: bool,
    sent: u64,
    received: u64,
    sequence: Sequence,
    trips: Vec<u32>,
}

impl<'a> Game<'a> {
    fn new(server: &'a Server) -> Self {
        let now = Instant::now();
        Self {
            server,
            id: 0,
            quiet: false,
            peers: HashMap::new(),
            order: Order::default(),
            epoch: now,
            reported: now,
            received: 0,
            messages: 0,
            events: 0,
            open: HashSet::new(),
            asked: 0,
            answered: 0,
            failed: 0,
        }
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Message { server, message } => return self.message(&server, message.tag, &message.payload),
            Event::Request { request } => {
                self.message(&request.server().clone(), request.tag(), request.payload())?;
                return match request.reply(request.payload()) {
                    // Who asked has given up, or will ask again.
                    Ok(())
                    | Err(Error::UnknownRequest { .. } | Error::NotConnected(_) | Error::UnknownServer(_) | Error::QueueFull { .. }) => {
                        Ok(())
                    }
                    Err(error) => Err(format!("cannot answer {}: {error}", request.server().name())),
                };
            }
            Event::Reply { request, reply } => {
                self.ended(request)?;
                self.answered += 1;
                let stamp = fields(&reply.payload).filter(|(sender, ..)| *sender == self.id).map(|(.., stamp)| stamp);
                match (stamp, self.peers.get_mut(&reply.server.id().get())) {
                    (Some(stamp), Some(peer)) => {
                        let trip = self.epoch.elapsed().saturating_sub(Duration::from_micros(stamp)).as_micros();
                        peer.trips.push(u32::try_from(trip).unwrap_or(u32::MAX));
                    }
                    (None, _) => self.violation(format!("{} answered with something else than was asked", reply.server.name()))?,
                    (_, None) => {}
                }
            }
            Event::RequestFailed { request, .. } => {
                self.ended(request)?;
                self.failed += 1;
            }
            Event::Started { id } => {
                if self.id != 0 {
                    self.violation(format!("a second id, {id}, was given to server {}", self.id))?;
                }
                self.id = id.get();
                say(&Report::Started { id: id.get(), port: self.server.info().port })?;
            }
            Event::ServerJoined { server } => {
                self.step(&server, Step::Joined)?;
                say(&Report::Joined(remote(&server)))?;
                let peer = Peer {
                    handle: server.clone(),
                    connected: false,
                    sent: 0,
                    received: 0,
                    sequence: Sequence::default(),
                    trips: Vec::new(),
                };
                self.peers.insert(server.id().get(), peer);
            }
            Event::ServerConnected { server } => {
                self.step(&server, Step::Connected)?;
                say(&Report::Connected(remote(&server)))?;
                if let Some(peer) = self.peers.get_mut(&server.id().get()) {
                    peer.connected = true;
                    peer.sequence.connected();
                }
            }
            Event::ServerInterrupted { server } => {
                self.step(&server, Step::Interrupted)?;
                say(&Report::Interrupted(remote(&server)))?;
            }
            Event::ServerResumed { server } => {
                self.step(&server, Step::Resumed)?;
                say(&Report::Resumed(remote(&server)))?;
            }
            Event::ServerDisconnected { server, reason, text, unacknowledged } => {
                self.step(&server, Step::Disconnected)?;
                if let Some(peer) = self.peers.get_mut(&server.id().get()) {
                    peer.connected = false;
                }
                let why = format!("{reason:?}: {text}");
                say(&Report::Disconnected { remote: remote(&server), unacknowledged, why })?;
            }
            Event::ServerLeft { server, reason } => {
                self.step(&server, Step::Left)?;
                if let Some(mut peer) = self.peers.remove(&server.id().get()) {
                    peer.report()?;
                }
                say(&Report::Left { remote: remote(&server), why: format!("{reason:?}") })?;
            }
            Event::Stopped { reason, text } => {
                self.report()?;
                say(&Report::Stopped { why: format!("{reason:?}: {text}") })?;
            }
            _ => {}
        }
        self.events += 1;
        Ok(())
    }

    fn ended(&mut self, request: RequestId) -> Result<(), String> {
        match self.open.remove(&request) {
            true => Ok(()),
            false => self.violation(format!("request {request} ended for the second time, or was never made")),
        }
    }

    /// A message, or the same as a request.
    fn message(&mut self, server: &RemoteServer, tag: u16, payload: &[u8]) -> Result<(), String> {
        self.step(server, Step::Message)?;
        self.messages += 1;
        // A user's own server may say what it wants.
        if !(STATE..=ECHO).contains(&tag) {
            return Ok(());
        }
        let from = server.id().get();
        let Some((sender, receiver, number, _)) = fields(payload) else {
            return self.violation(format!("a message of {} with other fields than were sent", server.name()));
        };
        if (sender, receiver) != (from, self.id) {
            let text = format!("a message from server {sender} to server {receiver} came to server {} on the link of {from}", self.id);
            return self.violation(text);
        }
        let Some(peer) = self.peers.get_mut(&from) else { return Ok(()) };
        peer.received += 1;
        self.received += 1;
        peer.sequence.message(number).or_else(|text| self.violation(format!("from {}: {text}", server.name())))
    }

    fn step(&mut self, server: &RemoteServer, step: Step) -> Result<(), String> {
        self.order.step(server.id().get(), step).or_else(|text| self.violation(format!("{text} ({})", server.name())))
    }

    fn violation(&self, text: String) -> Result<(), String> {
        say(&Report::Violation(text))
    }

    fn send_states(&mut self, request_too: bool) -> Result<(), String> {
        if self.quiet {
            return Ok(());
        }
        let stamp = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        for peer in self.peers.values_mut().filter(|peer| peer.connected) {
            peer.send(self.id, stamp)?;
            if request_too && let Some(request) = peer.ask(self.id, stamp)? {
                self.open.insert(request);
                self.asked += 1;
            }
        }
        Ok(())
    }

    fn quiet(&mut self) -> Result<(), String> {
        self.quiet = true;
        say(&Report::Quiet)
    }

    fn report(&mut self) -> Result<(), String> {
        for peer in self.peers.values_mut() {
            peer.report()?;
        }
        say(&Report::Checked { messages: self.messages, events: self.events })?;
        say(&Report::Requests { asked: self.asked, answered: self.answered, failed: self.failed })?;
        let micros = u64::try_from(self.reported.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.reported = Instant::now();
        say(&Report::Rates { received: std::mem::take(&mut self.received), micros })
    }
}

impl Peer {
    fn send(&mut self, own: u64, stamp: u64) -> Result<(), String> {
        let mut payload = self.payload(own, stamp);
        payload.write_raw(&[0; STATE_BYTES][payload.as_slice().len().min(STATE_BYTES)..]);
        let sent = self.handle.send(STATE, payload.as_slice(), SendMode::Reliable);
        self.taken(sent).map(drop)
    }

    fn ask(&mut self, own: u64, stamp: u64) -> Result<Option<RequestId>, String> {
        let payload = self.payload(own, stamp);
        let asked = self.handle.request(ECHO, payload.as_slice()).timeout(ANSWER_PATIENCE).start();
        self.taken(asked)
    }

    fn payload(&self, own: u64, stamp: u64) -> Writer {
        let mut payload = Writer::with_capacity(STATE_BYTES);
        payload.write_u64(own).write_u64(self.handle.id().get()).write_u64(self.sent).write_u64(stamp);
        payload
    }

    fn taken<T>(&mut self, outcome: Result<T, Error>) -> Result<Option<T>, String> {
        match outcome {
            // Only what was taken has a number, so that the receiver may expect every number.
            Ok(taken) => {
                self.sent += 1;
                Ok(Some(taken))
            }
            Err(Error::NotConnected(_) | Error::UnknownServer(_) | Error::QueueFull { .. } | Error::Stopped) => Ok(None),
            Err(error) => Err(format!("cannot send to {}: {error}", self.handle.name())),
        }
    }

    fn report(&mut self) -> Result<(), String> {
        say(&Report::Traffic { remote: remote(&self.handle), sent: self.sent, received: self.received })?;
        if self.trips.is_empty() {
            return Ok(());
        }
        say(&Report::Trips { remote: remote(&self.handle), micros: std::mem::take(&mut self.trips) })
    }
}

fn fields(payload: &[u8]) -> Option<(u64, u64, u64, u64)> {
    let mut reader = Reader::new(payload);
    Some((reader.read_u64().ok()?, reader.read_u64().ok()?, reader.read_u64().ok()?, reader.read_u64().ok()?))
}

fn remote(server: &RemoteServer) -> Remote {
    Remote { id: server.id().get(), name: server.name().to_string() }
}

/// Writes one line. Who cannot be told, because the demo is gone, has nothing more to do.
fn say(report: &Report) -> Result<(), String> {
    writeln!(std::io::stdout().lock(), "{report}").map_err(|error| format!("nobody reads what this server reports: {error}"))
}
