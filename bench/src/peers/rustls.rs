//! Raw rustls over a blocking socket, one thread, batched: what the cipher allows.

use super::{in_words, tcp, tls};
use crate::frames::{self, BATCH, Frames, READ};
use crate::measure::{self, Connection};
use crate::settings::Settings;
use rustls::{ClientConnection, ServerConnection};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

struct Tls {
    session: rustls::Connection,
    /// Behind a buffer, because rustls reads a few KiB at a time.
    stream: BufReader<TcpStream>,
    batch: Vec<u8>,
    frames: Frames,
}

impl Connection for Tls {
    type Error = io::Error;

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        frames::append(&mut self.batch, message);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.session.writer().write_all(&self.batch)?;
        self.batch.clear();
        while self.session.wants_write() {
            match self.session.write_tls(self.stream.get_mut()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
                other => _ = other?,
            }
        }
        Ok(())
    }

    fn receive(&mut self, _wait: bool, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        match self.stream.fill_buf() {
            Ok([]) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            other => _ = other?,
        }
        while !self.stream.buffer().is_empty() {
            self.session.read_tls(&mut self.stream)?;
            let plaintext = self.session.process_new_packets().map_err(io::Error::other)?.plaintext_bytes_to_read();
            let mut left = plaintext;
            while left > 0 {
                let count = self.session.reader().read(self.frames.room())?;
                self.frames.walk(count, &mut take);
                left -= count;
            }
        }
        Ok(())
    }
}

pub(super) fn run(settings: &Settings) -> Result<(), String> {
    let mut stream = tcp::connect(settings).map_err(in_words)?;
    let mut session: rustls::Connection = if settings.is_server() {
        ServerConnection::new(Arc::new(tls::server(settings)?)).map_err(in_words)?.into()
    } else {
        ClientConnection::new(Arc::new(tls::client(settings)?), tls::server_name()?).map_err(in_words)?.into()
    };
    session.set_buffer_limit(None);
    while session.is_handshaking() {
        session.complete_io(&mut stream).map_err(in_words)?;
    }
    stream.set_nonblocking(settings.spin).map_err(in_words)?;
    let stream = BufReader::with_capacity(READ, stream);
    measure::run(settings, Tls { session, stream, batch: Vec::with_capacity(2 * BATCH), frames: Frames::new() })
}
