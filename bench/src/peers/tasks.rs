//! How an application thread talks through a stream that tasks write and read: two queues of batches.
//!
//! The application thread appends to a shared buffer; a task swaps that with an empty one and writes it. Another task reads and
//! hands whole batches over, and the application thread walks them.

use crate::frames::{self, BATCH, READ};
use crate::measure::Connection;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

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

/// The application thread's end.
pub(super) struct Application {
    outbox: Arc<Outbox>,
    inbox: Arc<Inbox>,
    batches: VecDeque<Bytes>,
}

impl Application {
    pub(super) fn start(
        runtime: &Runtime,
        read_half: impl AsyncRead + Unpin + Send + 'static,
        write_half: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (outbox, inbox) = (Arc::new(Outbox::default()), Arc::new(Inbox::default()));
        runtime.spawn(write(outbox.clone(), write_half));
        let reading = inbox.clone();
        runtime.spawn(async move {
            // Whatever the reason: the driver has ended the other side.
            _ = read(&reading, read_half).await;
            lock(&reading.batches).ended = true;
            reading.filled.notify_one();
        });
        Application { outbox, inbox, batches: VecDeque::new() }
    }
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
