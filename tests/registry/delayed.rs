//! A way to a registry on which every answer takes its time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// Forwards every connection to one address. What comes back is held for a while; the order stays.
pub(crate) struct Delayed {
    pub(crate) address: SocketAddr,
    delay_ms: Arc<AtomicU64>,
    /// How often all connections were cut.
    cuts: watch::Sender<u64>,
    /// New connections are taken, and nothing of theirs goes further.
    held: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Delayed {
    /// To be called on a tokio runtime.
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("any free port");
        listener.set_nonblocking(true).expect("a socket of ours");
        let address = listener.local_addr().expect("it is bound");
        let listener = TcpListener::from_std(listener).expect("a runtime");
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = delay_ms.clone();
        let (cuts, held) = (watch::Sender::new(0), watch::Sender::new(false));
        let (cut, hold) = (cuts.subscribe(), held.subscribe());
        let task = tokio::spawn(async move {
            // Ends with this task.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((from, _)) = listener.accept().await {
                let (delay, mut cut, mut hold) = (delay.clone(), cut.clone(), hold.clone());
                cut.mark_unchanged();
                connections.spawn(async move {
                    let forwarded = async {
                        if hold.wait_for(|held| !held).await.is_ok() {
                            forward(from, target, delay).await;
                        }
                    };
                    tokio::select! {
                        () = forwarded => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { address, delay_ms, cuts, held, task }
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on, or no longer: connections that come are taken, and nothing is answered.
    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub(crate) fn delay(&self, by: Duration) {
        self.delay_ms.store(u64::try_from(by.as_millis()).expect("a short delay"), Ordering::Relaxed);
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(from: TcpStream, target: SocketAddr, delay_ms: Arc<AtomicU64>) {
    // A target that refuses is a connection that closes.
    let Ok(to) = TcpStream::connect(target).await else { return };
    let (_, _) = (from.set_nodelay(true), to.set_nodelay(true));
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (from.into_split(), to.into_split());
    let there = async { tokio::io::copy(&mut near_in, &mut far_out).await };
    let (held, mut due) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let back = async {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = far_in.read(&mut chunk).await {
            let at = Instant::now() + Duration::from_millis(delay_ms.load(Ordering::Relaxed));
            if held.send((at, chunk[..count].to_vec())).is_err() {
                break;
            }
        }
        drop(held);
    };
    let delivery = async {
        while let Some((at, bytes)) = due.recv().await {
            sleep_until(at).await;
            if near_out.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ = there => {}
        ((), ()) = async { tokio::join!(back, delivery) } => {}
    }
}
