//! A network that misbehaves on purpose: a TCP proxy between a dialer and an acceptor.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long a pump waits for bytes before it looks around.
const GLANCE: Duration = Duration::from_millis(20);

/// What the proxy does to connections; all may be changed at any time.
#[derive(Default)]
pub(crate) struct Faults {
    /// Each connection ends after so many bytes at most; 0: never.
    pub(crate) cut_within: AtomicU64,
    /// Nothing gets through, and nobody is told: neither what is open nor what is new.
    pub(crate) silent: AtomicBool,
    /// Nothing gets from the acceptor to the dialer, and nobody is told.
    pub(crate) deaf_dialer: AtomicBool,
    /// What was done, by kind.
    pub(crate) closed: AtomicU64,
    pub(crate) reset: AtomicU64,
    pub(crate) flipped: AtomicU64,
}

/// Ends with its last connection after it was dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) faults: Arc<Faults>,
    over: Arc<AtomicBool>,
}

/// How one connection will end.
#[derive(Clone, Copy)]
enum Fate {
    /// The stream ends, for both sides.
    Close,
    /// Both sides get a reset.
    Reset,
    /// One bit arrives otherwise than it was sent, and TLS says so.
    Flip,
}

impl Faults {
    /// Connections that were ended on purpose.
    pub(crate) fn cuts(&self) -> u64 {
        [&self.closed, &self.reset, &self.flipped].iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Proxy {
    /// Forwards to `to`, for ever well until [`Proxy::faults`] say otherwise.
    pub(crate) fn start(to: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (faults, over) = (Arc::<Faults>::default(), Arc::<AtomicBool>::default());
        let (shared, ended) = (faults.clone(), over.clone());
        std::thread::spawn(move || {
            let mut rng = SmallRng::seed_from_u64(seed);
            for dialed in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(dialed) = dialed else { continue };
                let Ok(accepted) = TcpStream::connect(to) else { continue };
                forward(dialed, accepted, &shared, &ended, &mut rng);
            }
        });
        Self { address, faults, over }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn forward(dialed: TcpStream, accepted: TcpStream, faults: &Arc<Faults>, over: &Arc<AtomicBool>, rng: &mut SmallRng) {
    let most = faults.cut_within.load(Ordering::Relaxed);
    // Some end in the handshake, most under way, at any byte of either direction.
    let allowance = match rng.random_range(0..4) {
        _ if most == 0 => u64::MAX,
        0 => rng.random_range(1..most.min(8000)),
        _ => rng.random_range(1..most),
    };
    let fate = [Fate::Close, Fate::Reset, Fate::Flip][rng.random_range(0..3)];
    let left = Arc::new(AtomicU64::new(allowance));
    let pair = Arc::new([dialed, accepted]);
    for from in 0..2 {
        let (pair, left, faults, over) = (pair.clone(), left.clone(), faults.clone(), over.clone());
        std::thread::spawn(move || pump(&pair, from, &left, fate, &faults, &over));
    }
}

/// From one side of a connection to the other, until it ends.
fn pump(pair: &[TcpStream; 2], from: usize, left: &AtomicU64, fate: Fate, faults: &Faults, over: &AtomicBool) {
    let (mut source, mut sink) = (&pair[from], &pair[1 - from]);
    source.set_read_timeout(Some(GLANCE)).expect("a timeout that is allowed");
    let mut buffer = vec![0; 16 * 1024];
    while !over.load(Ordering::Relaxed) {
        if faults.silent.load(Ordering::Relaxed) || from == 1 && faults.deaf_dialer.load(Ordering::Relaxed) {
            // bounded wait: until the fault is over, or the test
            std::thread::sleep(GLANCE);
            continue;
        }
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        let before = left.fetch_sub(count as u64, Ordering::Relaxed);
        if before > count as u64 {
            if sink.write_all(&buffer[..count]).is_err() {
                break;
            }
            continue;
        }
        // The other direction may have used up the rest already.
        left.store(0, Ordering::Relaxed);
        let whole = (before as usize).min(count);
        match fate {
            Fate::Close => {
                let _ = sink.write_all(&buffer[..whole]);
                faults.closed.fetch_add(1, Ordering::Relaxed);
                break;
            }
            Fate::Reset => {
                let _ = sink.write_all(&buffer[..whole]);
                faults.reset.fetch_add(1, Ordering::Relaxed);
                for socket in pair {
                    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
                }
                break;
            }
            Fate::Flip => {
                buffer[whole.saturating_sub(1)] ^= 1 << (count % 8);
                faults.flipped.fetch_add(1, Ordering::Relaxed);
                left.store(u64::MAX, Ordering::Relaxed);
                if sink.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
        }
    }
    for socket in pair {
        let _ = socket.shutdown(Shutdown::Both);
    }
}
