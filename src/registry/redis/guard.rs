//! What is let through from a server that may be anything: answers in Redis's protocol (RESP2), of bounded size.
//!
//! The parser behind it reserves memory for as many elements as an array announces, so that is looked at before it is believed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of all answers to what was asked at once.
const MOST_BYTES: usize = 64 << 20;
/// Elements of all arrays in them.
const MOST_ELEMENTS: usize = 1 << 20;
/// Bytes of a line that is no text: a sign, 20 digits and the end of the line.
const MOST_HEADER: usize = 32;
/// Bytes of an error or a status.
const MOST_LINE: usize = 16 << 10;
/// Bytes of it that are quoted.
const MOST_QUOTED: usize = 80;

/// When a connection last had something to say.
#[derive(Debug)]
pub(super) struct Heard {
    began: Instant,
    ms: AtomicU64,
}

impl Heard {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), ms: AtomicU64::new(0) })
    }

    pub(super) fn since(&self, when: Instant) -> bool {
        Duration::from_millis(self.ms.load(Ordering::Relaxed)) > when.saturating_duration_since(self.began)
    }

    fn now(&self) {
        self.ms.store(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A connection to such a server.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    heard: Arc<Heard>,
    scanner: Scanner,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, heard: Arc<Heard>) -> Self {
        Self { stream, heard, scanner: Scanner::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        let read = &into.filled()[before..];
        if !read.is_empty() {
            self.heard.now();
        }
        Poll::Ready(self.scanner.scan(read).map_err(|flaw| io::Error::new(io::ErrorKind::InvalidData, flaw)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.scanner.asked();
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Follows the answers byte by byte. Pure.
#[derive(Debug, Default)]
struct Scanner {
    line: Vec<u8>,
    /// Bytes of a value, and of the end of its line, that are still to come.
    body: usize,
    bytes: usize,
    elements: usize,
}

impl Scanner {
    /// What comes from now on answers something new.
    fn asked(&mut self) {
        (self.bytes, self.elements) = (0, 0);
    }

    /// Errors: half a sentence.
    fn scan(&mut self, mut read: &[u8]) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(read.len());
        if self.bytes > MOST_BYTES {
            return Err(format!("it answers with more than {MOST_BYTES} bytes"));
        }
        while !read.is_empty() {
            if self.body > 0 {
                let skipped = self.body.min(read.len());
                self.body -= skipped;
                read = &read[skipped..];
                continue;
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let (part, rest) = read.split_at(end.map_or(read.len(), |end| end + 1));
            read = rest;
            let kept = part.len().min(MOST_LINE + 1 - self.line.len().min(MOST_LINE));
            self.line.extend_from_slice(&part[..kept]);
            let most = match self.line.first() {
                Some(b'+' | b'-') => MOST_LINE,
                Some(b':' | b'$' | b'*') => MOST_HEADER,
                _ => return Err(self.foreign()),
            };
            if self.line.len() > most {
                return Err(self.foreign());
            }
            if end.is_some() {
                self.header()?;
                self.line.clear();
            }
        }
        Ok(())
    }

    /// A line is complete.
    fn header(&mut self) -> Result<(), String> {
        let digits = std::str::from_utf8(&self.line[1..]).map(str::trim_end).unwrap_or_default();
        match (self.line[0], digits.parse::<i64>()) {
            (b'+' | b'-', _) | (b':', Ok(_)) | (b'$' | b'*', Ok(-1)) => Ok(()),
            (b'$', Ok(bytes @ 0..)) => {
                self.body = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_add(2);
                if self.body > MOST_BYTES { Err(format!("it announces a value of {bytes} bytes")) } else { Ok(()) }
            }
            (b'*', Ok(elements @ 0..)) => {
                self.elements = self.elements.saturating_add(usize::try_from(elements).unwrap_or(usize::MAX));
                if self.elements > MOST_ELEMENTS { Err(format!("it announces {elements} values")) } else { Ok(()) }
            }
            _ => Err(self.foreign()),
        }
    }

    fn foreign(&self) -> String {
        if self.line.starts_with(&[0x15, 0x03]) {
            return "it speaks TLS; set registry.tls = true".into();
        }
        let said = String::from_utf8_lossy(&self.line[..self.line.len().min(MOST_QUOTED)]);
        let said: String = said.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("it says \"{said}\", which is not Redis's protocol; is another product at this port?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(chunks: &[&[u8]]) -> Result<(), String> {
        let mut scanner = Scanner::default();
        chunks.iter().try_for_each(|chunk| scanner.scan(chunk))
    }

    #[test]
    fn answers_pass_however_they_are_cut() {
        let answers = b"+OK\r\n:-12\r\n$-1\r\n*-1\r\n*2\r\n$5\r\na\r\nbc\r\n*1\r\n$0\r\n\r\n-ERR no\r\n";
        assert_eq!(scan(&[answers]), Ok(()));
        let bytes: Vec<&[u8]> = answers.chunks(1).collect();
        assert_eq!(scan(&bytes), Ok(()));
    }

    #[test]
    fn what_is_too_large_or_something_else_is_refused() {
        for (said, says) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "\"HTTP/1.1 400 Bad Request\""),
            (b"\x15\x03\x03\x00\x02\x02\x16", "registry.tls"),
            (b"*1000000000\r\n", "1000000000 values"),
            (b"*1000000\r\n*1000000\r\n", "1000000 values"),
            (b"$99999999999\r\n", "99999999999 bytes"),
            (b"$x\r\n", "$x"),
            (b"*-2\r\n", "*-2"),
            (b"%1\r\n", "%1"),
            (&[b"+".as_slice(), &[b'x'; MOST_LINE]].concat(), "xxx"),
            (&[b"$100000\r\n".as_slice(), &vec![b'x'; MOST_BYTES]].concat(), "more than"),
            (&[b'1'; 100], "111"),
        ] {
            let error = scan(&[said]).expect_err("refused");
            assert!(error.contains(says), "{error}");
        }
    }
}
