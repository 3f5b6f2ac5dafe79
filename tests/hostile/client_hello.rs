//! The first message of TLS, taken apart, so that any part of it can be wrong.

use crate::client::gullible;
use crate::field::ALPN;
use rustls_pki_types::ServerName;
use std::sync::Arc;

pub(crate) const HANDSHAKE: u8 = 22;

pub(crate) const SUPPORTED_GROUPS: u16 = 10;
pub(crate) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(crate) const PROTOCOLS: u16 = 16;
pub(crate) const PRE_SHARED_KEY: u16 = 41;
pub(crate) const EARLY_DATA: u16 = 42;
pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
pub(crate) const COOKIE: u16 = 44;
pub(crate) const KEY_SHARE: u16 = 51;

#[derive(Clone)]
pub(crate) struct ClientHello {
    pub(crate) version: [u8; 2],
    pub(crate) random: Vec<u8>,
    pub(crate) session: Vec<u8>,
    pub(crate) suites: Vec<u8>,
    pub(crate) compression: Vec<u8>,
    pub(crate) extensions: Vec<(u16, Vec<u8>)>,
}

impl ClientHello {
    /// What a proper dialler says.
    pub(crate) fn genuine() -> Self {
        let name = ServerName::try_from("anything").expect("a name");
        let mut client = rustls::ClientConnection::new(Arc::new(gullible(None, &[ALPN])), name).expect("a client");
        let mut sent = Vec::new();
        client.write_tls(&mut sent).expect("written to memory");
        // The record's and the message's headers.
        let mut rest = &sent[9..];
        let version = [rest[0], rest[1]];
        let random = rest[2..34].to_vec();
        rest = &rest[34..];
        let session = counted(&mut rest, 1);
        let suites = counted(&mut rest, 2);
        let compression = counted(&mut rest, 1);
        let all = counted(&mut rest, 2);
        assert!(rest.is_empty());
        let (mut rest, mut extensions) = (&all[..], Vec::new());
        while let [high, low, ..] = rest {
            let kind = u16::from_be_bytes([*high, *low]);
            rest = &rest[2..];
            extensions.push((kind, counted(&mut rest, 2)));
        }
        Self { version, random, session, suites, compression, extensions }
    }

    pub(crate) fn without(mut self, kind: u16) -> Self {
        self.extensions.retain(|(other, _)| *other != kind);
        self
    }

    pub(crate) fn with(mut self, kind: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        match self.extensions.iter_mut().find(|(other, _)| *other == kind) {
            Some(extension) => extension.1 = body,
            None => self.extensions.push((kind, body)),
        }
        self
    }

    /// Without any header.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        for (kind, body) in &self.extensions {
            extensions.extend(kind.to_be_bytes());
            extensions.extend(prefixed(2, body));
        }
        let (session, suites) = (prefixed(1, &self.session), prefixed(2, &self.suites));
        [&self.version[..], &self.random, &session, &suites, &prefixed(1, &self.compression), &prefixed(2, &extensions)].concat()
    }

    /// As a handshake message.
    pub(crate) fn message(&self) -> Vec<u8> {
        handshake(1, &self.body())
    }

    /// As it goes over TCP.
    pub(crate) fn record(&self) -> Vec<u8> {
        record(HANDSHAKE, &self.message())
    }
}

/// Takes a length of `width` bytes and what it counts.
fn counted(rest: &mut &[u8], width: usize) -> Vec<u8> {
    let length = rest[..width].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (taken, left) = rest[width..].split_at(length);
    *rest = left;
    taken.to_vec()
}

/// `body` behind its length in `width` bytes.
pub(crate) fn prefixed(width: usize, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u64).to_be_bytes()[8 - width..], body].concat()
}

pub(crate) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &prefixed(3, body)[..]].concat()
}

pub(crate) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3], &prefixed(2, body)[..]].concat()
}
