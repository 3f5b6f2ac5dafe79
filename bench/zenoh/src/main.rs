//! zenoh as a peer of Sinew's bench: two peers that know each other's address, a publisher and a subscriber on each side.

#[path = "../../src/measure.rs"]
mod measure;
#[path = "../../src/settings.rs"]
#[allow(dead_code, reason = "the driver uses the rest")]
mod settings;

use measure::Connection;
use settings::Settings;
use std::collections::VecDeque;
use std::net::{TcpListener, UdpSocket};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use zenoh::Wait;
use zenoh::bytes::ZBytes;
use zenoh::pubsub::Publisher;
use zenoh::qos::CongestionControl;

/// Bytes that may wait for the application thread; zenoh's thread waits then, and so does the sender.
const LIMIT: usize = 8 << 20;

#[derive(Default)]
struct Inbox {
    waiting: Mutex<(VecDeque<ZBytes>, usize)>,
    filled: Condvar,
    room: Condvar,
}

type Waiting<'a> = MutexGuard<'a, (VecDeque<ZBytes>, usize)>;

impl Inbox {
    fn lock(&self) -> Waiting<'_> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, message: ZBytes, may_wait: bool) {
        let mut waiting = self.lock();
        while may_wait && waiting.1 >= LIMIT {
            waiting = self.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.1 += message.len();
        waiting.0.push_back(message);
        if waiting.0.len() == 1 {
            self.filled.notify_one();
        }
    }
}

struct Zenoh {
    publisher: Publisher<'static>,
    inbox: Arc<Inbox>,
    taken: VecDeque<ZBytes>,
}

impl Connection for Zenoh {
    type Error = zenoh::Error;

    fn send(&mut self, message: &[u8]) -> zenoh::Result<()> {
        self.publisher.put(message).wait()
    }

    fn flush(&mut self) -> zenoh::Result<()> {
        Ok(())
    }

    fn receive(&mut self, wait: bool, mut take: impl FnMut(&[u8])) -> zenoh::Result<()> {
        let mut waiting = self.inbox.lock();
        if wait && waiting.0.is_empty() {
            waiting = self.inbox.filled.wait_timeout(waiting, Duration::from_millis(5)).unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut self.taken, &mut waiting.0);
        waiting.1 = 0;
        drop(waiting);
        self.inbox.room.notify_one();
        for message in self.taken.drain(..) {
            take(&message.to_bytes());
        }
        Ok(())
    }
}

fn endpoint(settings: &Settings, port: u16) -> String {
    match settings.variant.as_str() {
        "zenoh-tls" => format!("tls/localhost:{port}"),
        "zenoh-udp" => format!("udp/127.0.0.1:{port}"),
        _ => format!("tcp/127.0.0.1:{port}"),
    }
}

fn free_port(settings: &Settings) -> std::io::Result<u16> {
    let any = ("127.0.0.1", 0);
    let address = if settings.variant == "zenoh-udp" { UdpSocket::bind(any)?.local_addr() } else { TcpListener::bind(any)?.local_addr() };
    Ok(address?.port())
}

fn run(settings: &Settings) -> zenoh::Result<()> {
    let port = if settings.is_server() { free_port(settings)? } else { settings.port };
    let mut config = zenoh::Config::default();
    let (place, other) = if settings.is_server() { ("listen", "connect") } else { ("connect", "listen") };
    config.insert_json5("mode", "\"peer\"")?;
    config.insert_json5("scouting/multicast/enabled", "false")?;
    config.insert_json5(&format!("{place}/endpoints"), &format!("[\"{}\"]", endpoint(settings, port)))?;
    config.insert_json5(&format!("{other}/endpoints"), "[]")?;
    if settings.variant == "zenoh-tls" {
        config.insert_json5("transport/link/tls/root_ca_certificate", &format!("{:?}", settings.cert))?;
        config.insert_json5("transport/link/tls/listen_certificate", &format!("{:?}", settings.cert))?;
        config.insert_json5("transport/link/tls/listen_private_key", &format!("{:?}", settings.key))?;
    }
    let session = zenoh::open(config).wait()?;
    let (mine, others) = if settings.is_server() { ("bench/server", "bench/client") } else { ("bench/client", "bench/server") };
    let inbox = Arc::new(Inbox::default());
    let to = inbox.clone();
    let may_wait = !settings.is_unreliable();
    let _subscriber = session.declare_subscriber(mine).callback(move |sample| to.push(sample.payload().clone(), may_wait)).wait()?;
    let congestion = if settings.is_unreliable() { CongestionControl::Drop } else { CongestionControl::Block };
    // `express` sends at once instead of gathering: better for round trips, worse for rates.
    let publisher = session.declare_publisher(others).congestion_control(congestion).express(settings.is_round_trip()).wait()?;
    if settings.is_server() {
        println!("ready {port}");
    }
    while !publisher.matching_status().wait()?.matching() {
        thread::sleep(Duration::from_millis(10));
    }
    measure::run(settings, Zenoh { publisher, inbox, taken: VecDeque::new() }).map_err(Into::into)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = Settings::from_arguments(&arguments).and_then(|settings| run(&settings).map_err(|error| error.to_string()));
    if let Err(sentence) = result {
        eprintln!("{sentence}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
