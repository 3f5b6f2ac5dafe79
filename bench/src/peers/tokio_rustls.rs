//! tokio and rustls, batched, with tasks and queues: what a good team would build for itself, and what Sinew is held against.
//!
//! The application thread appends to a shared buffer; a task swaps that with an empty one and writes it. Another task reads and
//! hands whole batches over, and the application thread walks them.

use super::{in_words, tcp, tls};
use crate::frames::{self, BATCH, READ};
use crate::measure::{self, Connection};
use crate::settings::Settings;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// Bytes that may wait in either queue.
const LIMIT: usize = 4 << 20;

#[derive(Default)]
struct Outbox {
    waiting: Mutex<Vec<u8>>,
    room: Condvar,
    filled: Notify,
}

#[derive(Default)]
struct Inbox {
    batches: Mutex<Batches>,
    filled: Condvar,
    room: Notify,
}

#[derive(Default)]
struct Batches {
    waiting: VecDeque<Bytes>,
    bytes: usize,
    ended: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(outbox: Arc<Outbox>, mut stream: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut batch = Vec::with_capacity(LIMIT);
    loop {
        std::mem::swap(&mut batch, &mut lock(&outbox.waiting));
        if batch.is_empty() {
            outbox.filled.notified().await;
            continue;
        }
        outbox.room.notify_one();
        for chunk in batch.chunks(BATCH) {
            stream.write_all(chunk).await?;
        }
        stream.flush().await?;
        batch.clear();
    }
}

async fn read(inbox: &Inbox, mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ.max(frames::needed(&buffer)));
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let whole = frames::walk(&buffer, |_| {});
        if whole == 0 {
            continue;
        }
        let batch = buffer.split_to(whole).freeze();
        loop {
            let waiting = {
                let mut batches = lock(&inbox.batches);
                if batches.bytes < LIMIT {
                    batches.bytes += batch.len();
                    batches.waiting.push_back(batch);
                    inbox.filled.notify_one();
                    break;
                }
                inbox.room.notified()
            };
            waiting.await;
        }
    }
}

struct Application {
    outbox: Arc<Outbox>,
    inbox: Arc<Inbox>,
    batches: VecDeque<Bytes>,
}

impl Connection for Application {
    type Error = io::Error;

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut waiting = lock(&self.outbox.waiting);
        while waiting.len() >= LIMIT {
            waiting = self.outbox.room.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let was_empty = waiting.is_empty();
        frames::append(&mut waiting, message);
        drop(waiting);
        if was_empty {
            self.outbox.filled.notify_one();
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn receive(&mut self, wait: bool, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        {
            let mut batches = lock(&self.inbox.batches);
            while wait && batches.waiting.is_empty() && !batches.ended {
                batches = self.inbox.filled.wait(batches).unwrap_or_else(PoisonError::into_inner);
            }
            if batches.ended {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if batches.waiting.is_empty() {
                return Ok(());
            }
            std::mem::swap(&mut self.batches, &mut batches.waiting);
            batches.bytes = 0;
            self.inbox.room.notify_one();
        }
        for batch in self.batches.drain(..) {
            frames::walk(&batch, &mut take);
        }
        Ok(())
    }
}

async fn connect(settings: &Settings, stream: std::net::TcpStream) -> Result<TlsStream<tokio::net::TcpStream>, String> {
    stream.set_nonblocking(true).map_err(in_words)?;
    let stream = tokio::net::TcpStream::from_std(stream).map_err(in_words)?;
    if settings.is_server() {
        let acceptor = TlsAcceptor::from(Arc::new(tls::server(settings)?));
        acceptor.accept(stream).await.map(TlsStream::Server).map_err(in_words)
    } else {
        let connector = TlsConnector::from(Arc::new(tls::client(settings)?));
        connector.connect(tls::server_name()?, stream).await.map(TlsStream::Client).map_err(in_words)
    }
}

pub(super) fn run(settings: &Settings) -> Result<(), String> {
    let stream = tcp::connect(settings).map_err(in_words)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build().map_err(in_words)?;
    let stream = runtime.block_on(connect(settings, stream))?;
    let (read_half, write_half) = tokio::io::split(stream);
    let (outbox, inbox) = (Arc::new(Outbox::default()), Arc::new(Inbox::default()));
    runtime.spawn(write(outbox.clone(), write_half));
    let reading = inbox.clone();
    runtime.spawn(async move {
        let result = read(&reading, read_half).await;
        lock(&reading.batches).ended = true;
        reading.filled.notify_one();
        result
    });
    measure::run(settings, Application { outbox, inbox, batches: VecDeque::new() })
}
