//! What the peers in Rust measure with; the counterpart for those in C is `peers/common.h`, and the two print the same lines.

use crate::settings::Settings;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Of all threads of this process, in user space and in the kernel.
fn cpu_microseconds() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for a `rusage`, and zeroed memory is one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let microseconds = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
}

/// `VmHWM` or `VmRSS` of a process (a number or `self`), in KiB; 0 when it has ended.
pub(crate) fn memory_kib(process: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn peak_kib() -> u64 {
    memory_kib("self", "VmHWM")
}

/// For what must not happen again before the driver ends this process.
fn rest() -> ! {
    loop {
        thread::park();
    }
}

/// Rates: a warm-up, then a window of `seconds` in which messages and CPU time are counted.
#[derive(Debug, Default)]
struct Meter {
    began: Option<Instant>,
    from: Option<(Instant, u64, u64, u64)>,
    done: bool,
}

impl Meter {
    fn update(&mut self, settings: &Settings, messages: u64, sequence: u64, disorder: u64) {
        if self.done {
            return;
        }
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        match self.from {
            None if (now - began).as_secs_f64() >= settings.warmup => {
                self.from = Some((Instant::now(), cpu_microseconds(), messages, sequence));
            }
            Some((from, cpu, from_messages, from_sequence)) if (now - from).as_secs_f64() >= settings.seconds => {
                self.done = true;
                println!(
                    "result total={messages} messages={} ns={} cpu_us={} sequences={} disorder={disorder} rss_kib={}",
                    messages - from_messages,
                    (now - from).as_nanos(),
                    cpu_microseconds() - cpu,
                    sequence - from_sequence,
                    peak_kib()
                );
            }
            _ => {}
        }
    }
}

/// In the first 8 bytes of the last message of the stall test, beside the number of messages before it.
const FINAL_MESSAGE: u64 = 1 << 63;

fn sequence_of(message: &[u8]) -> Option<u64> {
    message.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn put_sequence(message: &mut [u8], sequence: u64) {
    if let Some(place) = message.first_chunk_mut() {
        *place = sequence.to_le_bytes();
    }
}

#[derive(Debug, Default)]
struct Receiver {
    meter: Meter,
    messages: u64,
    next: u64,
    disorder: u64,
    /// How many messages were sent, once the last one is here.
    total: Option<u64>,
    first: Option<Instant>,
    stalled: bool,
}

impl Receiver {
    fn receive(&mut self, message: &[u8]) {
        match sequence_of(message) {
            // quinn's stream begins with an empty one.
            None => self.disorder += u64::from(!message.is_empty()),
            Some(sequence) if sequence & FINAL_MESSAGE != 0 => self.total = Some(sequence & !FINAL_MESSAGE),
            Some(sequence) => {
                self.disorder += u64::from(sequence != self.next);
                self.next = self.next.max(sequence + 1);
                self.messages += 1;
            }
        }
    }

    /// After each batch of messages: takes the time, or stops receiving for a while in the test of that.
    fn batch_end(&mut self, settings: &Settings) {
        if settings.test != "stall" {
            let disorder = if settings.is_unreliable() { 0 } else { self.disorder };
            self.meter.update(settings, self.messages, self.next, disorder);
            return;
        }
        let first = *self.first.get_or_insert_with(Instant::now);
        if !self.stalled && first.elapsed() > Duration::from_millis(200) {
            self.stalled = true;
            thread::sleep(Duration::from_secs_f64(settings.seconds));
        }
        if let Some(total) = self.total.take() {
            let lost = total as i64 - self.messages as i64;
            println!("result received={} lost={lost} disorder={} rss_kib={}", self.messages, self.disorder, peak_kib());
        }
    }
}

/// More than a game server can hold: a sender that got here grows for as long as it is let.
const TOO_MUCH_KIB: u64 = 2 << 20;

#[derive(Debug, Default)]
struct Sender {
    meter: Meter,
    next: u64,
    acknowledged: u64,
    began: Option<Instant>,
}

impl Sender {
    /// After each message sent. False when the stall test is over.
    fn sent_one(&mut self, settings: &Settings) -> bool {
        self.next += 1;
        if settings.test == "stall" {
            let began = *self.began.get_or_insert_with(Instant::now);
            if self.next.is_multiple_of(4096) || settings.size > 4096 {
                if memory_kib("self", "VmRSS") > TOO_MUCH_KIB {
                    println!("result sent={} grows=1 rss_kib={}", self.next, peak_kib());
                    rest();
                }
                return began.elapsed().as_secs_f64() < settings.seconds + 1.0;
            }
        } else if self.next.is_multiple_of(if settings.size <= 1024 { 256 } else { 1 }) {
            self.meter.update(settings, self.next, self.next, 0);
        }
        true
    }
}

#[derive(Debug)]
struct RoundTrips {
    nanoseconds: Vec<u64>,
    began: Instant,
    cpu: u64,
    lost: u64,
}

impl RoundTrips {
    fn new() -> Self {
        // Touched once, so that no page faults while measuring.
        let mut nanoseconds = vec![1; 1 << 22];
        nanoseconds.clear();
        RoundTrips { nanoseconds, began: Instant::now(), cpu: 0, lost: 0 }
    }

    fn add(&mut self, settings: &Settings, sent: Instant) {
        let now = Instant::now();
        let elapsed = (now - self.began).as_secs_f64();
        if elapsed < settings.warmup {
            self.cpu = cpu_microseconds();
            return;
        }
        if self.nanoseconds.len() < self.nanoseconds.capacity() {
            self.nanoseconds.push((now - sent).as_nanos() as u64);
        }
        if elapsed >= settings.warmup + settings.seconds {
            let cpu = cpu_microseconds() - self.cpu;
            self.nanoseconds.sort_unstable();
            let all = &self.nanoseconds;
            println!(
                "result round_trips={} p50_ns={} p99_ns={} p999_ns={} max_ns={} lost={} cpu_us={cpu} rss_kib={}",
                all.len(),
                all[all.len() / 2],
                all[all.len() * 99 / 100],
                all[all.len() * 999 / 1000],
                all[all.len() - 1],
                self.lost,
                peak_kib()
            );
            rest();
        }
    }
}

/// How an application thread talks with the other one; each measured peer in Rust is one of these.
pub(crate) trait Connection {
    type Error: std::fmt::Display;

    /// Queues or sends one message.
    fn send(&mut self, message: &[u8]) -> Result<(), Self::Error>;

    /// Nothing follows for now: what was queued must go.
    fn flush(&mut self) -> Result<(), Self::Error>;

    /// Hands over what has come. `wait`: sleeps until something has, or (where messages can be lost) for some milliseconds.
    fn receive(&mut self, wait: bool, take: impl FnMut(&[u8])) -> Result<(), Self::Error>;
}

/// The application thread of either role. Ends only with an error.
pub(crate) fn run<C: Connection>(settings: &Settings, connection: C) -> Result<(), String> {
    let result = match (settings.is_server(), settings.is_round_trip()) {
        (true, true) => echo(settings, connection),
        (true, false) => receive_all(settings, connection),
        (false, true) => ping(settings, connection),
        (false, false) => send_all(settings, connection),
    };
    result.map_err(|error| error.to_string())
}

fn echo<C: Connection>(settings: &Settings, mut connection: C) -> Result<(), C::Error> {
    let mut answer = Vec::with_capacity(settings.size);
    loop {
        answer.clear();
        connection.receive(!settings.spin, |message| {
            answer.clear();
            answer.extend_from_slice(message);
        })?;
        if !answer.is_empty() {
            connection.send(&answer)?;
            connection.flush()?;
        }
    }
}

fn receive_all<C: Connection>(settings: &Settings, mut connection: C) -> Result<(), C::Error> {
    let mut receiver = Receiver::default();
    let mut told = 0;
    loop {
        connection.receive(true, |message| receiver.receive(message))?;
        // See `wait_for_window`.
        if settings.test == "unreliable" && receiver.next - told >= settings.window / 8 {
            told = receiver.next;
            connection.send(&told.to_le_bytes())?;
            connection.flush()?;
        }
        receiver.batch_end(settings);
    }
}

fn ping<C: Connection>(settings: &Settings, mut connection: C) -> Result<(), C::Error> {
    let mut message = vec![0; settings.size];
    let mut trips = RoundTrips::new();
    for sequence in 0u64.. {
        let sent = Instant::now();
        put_sequence(&mut message, sequence);
        connection.send(&message)?;
        connection.flush()?;
        let mut answered = false;
        while !answered && sent.elapsed() < Duration::from_secs(1) {
            connection.receive(!settings.spin, |answer| answered |= sequence_of(answer) == Some(sequence))?;
        }
        if answered {
            trips.add(settings, sent);
        } else {
            trips.lost += 1;
        }
    }
    Ok(())
}

/// Unreliable messages know no back-pressure, so the application brings its own, the same for every library: the receiver says now
/// and then how far it is, and the sender keeps at most `window` messages under way. What is not answered within 5 ms counts as lost.
fn wait_for_window<C: Connection>(settings: &Settings, sender: &mut Sender, connection: &mut C) -> Result<(), C::Error> {
    if sender.next - sender.acknowledged < settings.window {
        return Ok(());
    }
    connection.flush()?;
    let began = Instant::now();
    while sender.next - sender.acknowledged >= settings.window {
        if began.elapsed() > Duration::from_millis(5) {
            sender.acknowledged = sender.next;
        }
        let (next, acknowledged) = (sender.next, &mut sender.acknowledged);
        connection.receive(true, |message| {
            if let Some(sequence) = sequence_of(message).filter(|sequence| *sequence <= next) {
                *acknowledged = sequence.max(*acknowledged);
            }
        })?;
    }
    Ok(())
}

fn send_all<C: Connection>(settings: &Settings, mut connection: C) -> Result<(), C::Error> {
    let mut message = vec![0; settings.size];
    let mut sender = Sender::default();
    loop {
        if settings.is_unreliable() {
            wait_for_window(settings, &mut sender, &mut connection)?;
        }
        put_sequence(&mut message, sender.next);
        connection.send(&message)?;
        if !sender.sent_one(settings) {
            break;
        }
    }
    put_sequence(&mut message, sender.next | FINAL_MESSAGE);
    connection.send(&message)?;
    connection.flush()?;
    println!("result sent={} rss_kib={}", sender.next, peak_kib());
    rest()
}
