//! Raw UDP: one datagram and one system call per message.

use super::in_words;
use crate::measure::{self, Connection};
use crate::settings::Settings;
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::time::Duration;

struct Udp {
    socket: UdpSocket,
    buffer: Vec<u8>,
}

impl Connection for Udp {
    type Error = io::Error;

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        match self.socket.send(message) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn receive(&mut self, _wait: bool, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        match self.socket.recv(&mut self.buffer) {
            Ok(length) => take(&self.buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn connect(settings: &Settings) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    if settings.is_server() {
        println!("ready {}", socket.local_addr()?.port());
        let (_, from) = socket.peek_from(&mut [0])?;
        socket.connect(from)?;
    } else {
        socket.connect(("127.0.0.1", settings.port))?;
    }
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    socket.set_nonblocking(settings.spin)?;
    Ok(socket)
}

pub(super) fn run(settings: &Settings) -> Result<(), String> {
    measure::run(settings, Udp { socket: connect(settings).map_err(in_words)?, buffer: vec![0; 1 << 16] })
}
