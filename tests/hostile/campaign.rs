//! A list of misbehaviours against one server, each from an address of its own, so that what the log says of each can be told apart.

use crate::client::{Line, Target, gullible};
use crate::field::{ALPN, AT_ONCE, FLAT, Field};
use crate::wire::Control;
use rustls_pki_types::ServerName;
use sinew::Rejection;
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Far from what anything takes here that is refused at once, and short enough to wait for those that are not.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);

/// Connections of one flood, well over twice [`PER_SECOND`].
const FLOOD: usize = 100;

/// `limits.connects_per_address` of the target.
const PER_SECOND: usize = 16;

/// Rounds whose memory is compared with that of the first one, which fills the allocator's pools.
const ROUNDS: u64 = 2;

type Deed = Arc<dyn Fn(Target) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// One thing that is not right.
#[derive(Clone)]
pub(crate) struct Misdeed {
    name: &'static str,
    end: End,
    deed: Deed,
}

#[derive(Clone, Copy)]
pub(crate) enum End {
    /// One connection, counted under this reason and logged with this sentence.
    Rejected(Rejection, &'static str),
    /// [`FLOOD`] connections at once. Those over the limit are throttled; those under it are rejected for what they say.
    Flood,
    /// Not a connection: dropped without a word.
    Ignored,
}

impl Misdeed {
    /// `deed` returns when the server has closed, or panics.
    pub(crate) fn new<F>(name: &'static str, end: End, deed: impl Fn(Target) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name, end, deed: Arc::new(move |target| Box::pin(deed(target))) }
    }

    /// These bytes over TCP, and then silence until the server closes.
    pub(crate) fn raw(name: &'static str, reason: Rejection, says: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Vec<u8> = bytes.into();
        Self::new(name, End::Rejected(reason, says), move |target: Target| {
            let bytes = bytes.clone();
            async move {
                let mut line = target.tcp().await;
                line.write(&bytes).await;
                line.ended().await;
            }
        })
    }

    fn connections(&self) -> u64 {
        match self.end {
            End::Rejected(..) => 1,
            End::Flood => FLOOD as u64,
            End::Ignored => 0,
        }
    }
}

/// The scene of a campaign.
pub(crate) fn field() -> Field {
    Field::new(DEADLINE, &format!("limits.connects_per_address = {PER_SECOND}"))
}

/// Commits every misdeed several times, while the honest server goes on talking: each is closed in time, counted by its reason, logged once with
/// its sentence, told to no game, and leaves no memory behind.
pub(crate) fn wage(field: &mut Field, misdeeds: Vec<Misdeed>) {
    assert!(misdeeds.len() >= 60, "{} misbehaviours are not enough of them", misdeeds.len());
    let already = field.target.stats().rejected;
    round(field, &misdeeds);
    count(field, &misdeeds, 1, already);
    read_log(field, &misdeeds);
    let before = crate::field::resident();
    for done in 0..ROUNDS {
        round(field, &misdeeds);
        count(field, &misdeeds, done + 2, already);
    }
    let grown = crate::field::resident().saturating_sub(before);
    assert!(grown < FLAT, "{grown} bytes more after {ROUNDS} rounds of {} misbehaviours", misdeeds.len());
    assert!(field.events.is_empty(), "the game was told {:?}", field.events);
}

/// An address of this machine for each place in the list.
fn source(place: usize) -> IpAddr {
    IpAddr::from([127, 1, (place / 250) as u8, (place % 250) as u8 + 1])
}

fn round(field: &mut Field, misdeeds: &[Misdeed]) {
    let target = field.target();
    let misdeeds = misdeeds.to_vec();
    let task = field.runtime.spawn(async move {
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let mut under_way = JoinSet::new();
        for (place, misdeed) in misdeeds.into_iter().enumerate() {
            let (slots, target) = (slots.clone(), Target { source: source(place), ..target.clone() });
            under_way.spawn(async move {
                let _slot = slots.acquire().await;
                (misdeed.name, tokio::spawn((misdeed.deed)(target)).await.is_ok())
            });
        }
        under_way.join_all().await
    });
    let failed: Vec<_> = field.meanwhile(task).into_iter().filter(|(_, fine)| !fine).collect();
    assert!(failed.is_empty(), "did not end as it should: {failed:?}");
}

/// Nothing is counted twice, nothing is left out, and every reason has at least what is sure to be its.
fn count(field: &mut Field, misdeeds: &[Misdeed], rounds: u64, already: [u64; Rejection::ALL.len()]) {
    let total = already.iter().sum::<u64>() + rounds * misdeeds.iter().map(Misdeed::connections).sum::<u64>();
    let mut sure: BTreeMap<_, _> = Rejection::ALL.into_iter().zip(already).collect();
    for misdeed in misdeeds {
        let reason = match misdeed.end {
            End::Rejected(reason, _) => reason,
            End::Flood => Rejection::Throttled,
            End::Ignored => continue,
        };
        *sure.entry(reason).or_default() += rounds;
    }
    field.until("all are counted", |field| field.target.stats().rejected.iter().sum::<u64>() >= total);
    let stats = field.target.stats();
    let counts = Rejection::ALL.map(|reason| (reason, stats.rejected(reason), sure[&reason]));
    let fits = counts.iter().all(|(_, counted, sure)| counted >= sure) && stats.rejected.iter().sum::<u64>() == total;
    assert!(fits, "{total} expected; reason, counted, at least: {counts:?}\n{:#?}", field.warnings);
}

/// Of each address and reason there is one line, and it says what was wrong.
fn read_log(field: &Field, misdeeds: &[Misdeed]) {
    let mut wrong = Vec::new();
    for (place, misdeed) in misdeeds.iter().enumerate() {
        let from = format!("rejected a connection from {}:", source(place));
        let lines: Vec<_> = field.warnings.iter().filter(|line| line.contains(&from)).collect();
        let fits = match misdeed.end {
            End::Rejected(_, says) => matches!(lines[..], [line] if line.contains(says)),
            End::Flood => lines.iter().filter(|line| line.contains("limits.connects_per_address")).count() == 1 && lines.len() <= 2,
            End::Ignored => lines.is_empty(),
        };
        if !fits {
            wrong.push((misdeed.name, lines));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let short = |line: &String| line.len() < 1000 && !line.contains(char::is_control);
    assert!(field.warnings.iter().all(short), "one line each, of bounded length: {:#?}", field.warnings);
}

/// Many connections at once from one address.
pub(crate) async fn flood(target: Target) {
    let mut lines = JoinSet::new();
    for _ in 0..FLOOD {
        let mut line = target.tcp().await;
        lines.spawn(async move {
            line.write(b"flood").await;
            line.ended().await;
        });
    }
    lines.join_all().await;
}

/// Every byte that an honest server sends to get a link, up to its hello.
pub(crate) fn capture(field: &mut Field) -> Vec<u8> {
    let target = field.target();
    let config = gullible(Some(field.keys.shown("lobby", "honest")), &[ALPN]);
    let hello = Control::Hello(target.hello(4711, "honest")).frame();
    let task = field.runtime.spawn(async move {
        let tap = Tap { socket: target.connect().await, sent: Vec::new() };
        let name = ServerName::try_from("anything").expect("a name");
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tap).await.expect("this side takes any server");
        stream.write_all(&hello).await.expect("written");
        stream.flush().await.expect("written");
        let sent = stream.get_ref().0.sent.clone();
        Line::over(stream, target.deadline * 2).ended().await;
        sent
    });
    let sent = field.meanwhile(task);
    field.until("counted", |field| field.target.stats().rejected(Rejection::Refused) == 1);
    sent
}

/// A socket that keeps what is written to it.
struct Tap {
    socket: TcpStream,
    sent: Vec<u8>,
}

impl AsyncRead for Tap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))?;
        self.sent.extend(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
