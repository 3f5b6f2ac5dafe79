//! Raw TCP, blocking: what the kernel allows.

use super::in_words;
use crate::frames::{self, BATCH, Frames};
use crate::measure::{self, Connection};
use crate::settings::Settings;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Connects, or says where and accepts one connection.
pub(super) fn connect(settings: &Settings) -> io::Result<TcpStream> {
    let stream = if settings.is_server() {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        println!("ready {}", listener.local_addr()?.port());
        listener.accept()?.0
    } else {
        TcpStream::connect(("127.0.0.1", settings.port))?
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads; nothing there is nothing read. The end of the stream is an error: the driver ends both sides.
pub(super) fn read(stream: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    match stream.read(into) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

struct Tcp {
    stream: TcpStream,
    /// Otherwise each message is a write of its own.
    batched: bool,
    batch: Vec<u8>,
    frames: Frames,
}

impl Connection for Tcp {
    type Error = io::Error;

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        frames::append(&mut self.batch, message);
        if !self.batched || self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.batch)?;
        self.batch.clear();
        Ok(())
    }

    fn receive(&mut self, _wait: bool, take: impl FnMut(&[u8])) -> io::Result<()> {
        let count = read(&mut self.stream, self.frames.room())?;
        self.frames.walk(count, take);
        Ok(())
    }
}

pub(super) fn run(settings: &Settings, batched: bool) -> Result<(), String> {
    let stream = connect(settings).map_err(in_words)?;
    // The other side sleeps, or not, in `read`.
    stream.set_nonblocking(settings.spin).map_err(in_words)?;
    measure::run(settings, Tcp { stream, batched, batch: Vec::with_capacity(2 * BATCH), frames: Frames::new() })
}
