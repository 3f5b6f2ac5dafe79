//! Frames and control messages, written down a second time: a change of the library's own definitions that changes the wire fails here.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) const CONTROL: u8 = 0;
pub(crate) const MESSAGE: u8 = 1;
pub(crate) const BEGIN: u8 = 2;
pub(crate) const CONTINUE: u8 = 3;
pub(crate) const MAX_BODY_BYTES: usize = 65_528;
pub(crate) const MAX_CONTROL_BYTES: usize = 64 * 1024;

/// `len: u32, kind: u8, flags: u8, tag: u16`, little-endian.
pub(crate) fn header(len: u32, kind: u8, flags: u8, tag: u16) -> [u8; 8] {
    let mut header = [0; 8];
    header[..4].copy_from_slice(&len.to_le_bytes());
    header[4] = kind;
    header[5] = flags;
    header[6..].copy_from_slice(&tag.to_le_bytes());
    header
}

pub(crate) fn frame(kind: u8, flags: u8, tag: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = header(body.len() as u32, kind, flags, tag).to_vec();
    frame.extend_from_slice(body);
    frame
}

pub(crate) fn message(tag: u16, payload: &[u8]) -> Vec<u8> {
    frame(MESSAGE, 0, tag, payload)
}

/// The roles of a message, where the flags have them.
pub(crate) const REQUEST: u8 = 1 << 3;
pub(crate) const REPLY: u8 = 2 << 3;
pub(crate) const REFUSAL: u8 = 3 << 3;

/// A request or an answer: number, time limit or code, payload.
pub(crate) fn asking(role: u8, number: u64, code: u32, payload: &[u8]) -> Vec<u8> {
    frame(MESSAGE, role, 7, &[&number.to_le_bytes()[..], &code.to_le_bytes(), payload].concat())
}

/// The first fragment of a message of `total` bytes.
pub(crate) fn begin(flags: u8, tag: u16, total: u32, first: &[u8]) -> Vec<u8> {
    frame(BEGIN, flags, tag, &[&total.to_le_bytes(), first].concat())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Control {
    Hello(Hello),
    Welcome(Welcome),
    Refused(Refusal),
    Confirm,
    Confirmed,
    Ping { stamp: u64 },
    Pong { stamp: u64 },
    Ack { received: u64 },
    Goodbye(Goodbye),
    DatagramsWanted,
    Datagrams { binding: [u8; 32] },
    DatagramsBound,
    Resume { received: u64 },
    Properties { all: BTreeMap<String, String> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol_min: u16,
    pub(crate) protocol_max: u16,
    pub(crate) cluster: String,
    pub(crate) from: Claim,
    pub(crate) to: u64,
    pub(crate) terms: Terms,
    pub(crate) session: u64,
    pub(crate) resume: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) protocol: u16,
    pub(crate) from: Claim,
    pub(crate) terms: Terms,
    pub(crate) resumed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) id: u64,
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) incarnation: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) app_version: String,
    pub(crate) mixed_app_versions: bool,
    pub(crate) dialer_visibility: Option<Visibility>,
    pub(crate) acceptor_visibility: Option<Visibility>,
    pub(crate) dialer_connects_to_acceptor: bool,
    pub(crate) acceptor_connects_to_dialer: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Visibility {
    Internal,
    External,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: RefusalCode,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum RefusalCode {
    Protocol,
    Cluster,
    Identity,
    WrongServer,
    AppVersion,
    Topology,
    Unlisted,
    Replaced,
    Unavailable,
    Malformed,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Goodbye {
    Stopped,
    YouLeft,
    Superseded,
}

impl Control {
    /// Without the header.
    pub(crate) fn body(&self) -> Vec<u8> {
        bincode::serde::encode_to_vec(self, bincode::config::standard()).expect("encodes")
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        frame(CONTROL, 0, 0, &self.body())
    }

    pub(crate) fn parse(body: &[u8]) -> Self {
        let (control, used) =
            bincode::serde::decode_from_slice(body, bincode::config::standard()).expect("the server's own words are well formed");
        assert_eq!(used, body.len(), "nothing behind {control:?}");
        control
    }
}
