//! Control messages: the handshake, keep-alives, acknowledgements and the goodbye.
//!
//! The order of variants and fields *is* the wire format (bincode): append, never reorder. See `WIRE.md`.

use super::codec;
use super::frame::{HEADER_BYTES, Header, MAX_CONTROL_BYTES};
use crate::config::Visibility;
use crate::id::ServerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Control {
    /// Dialer → acceptor, first frame.
    Hello(Hello),
    /// Acceptor → dialer: the hello is accepted.
    Welcome(Welcome),
    /// Acceptor → dialer instead of a welcome, or either side's last word before closing during the handshake.
    Refused(Refusal),
    /// Dialer → acceptor: the welcome is accepted; the acceptor may report `connected`.
    Confirm,
    /// Acceptor → dialer: the confirm has arrived; the dialer may report `connected`.
    Confirmed,
    /// Any time after the handshake; the answer is a [`Control::Pong`] with the same stamp.
    Ping {
        stamp: u64,
    },
    Pong {
        stamp: u64,
    },
    /// How many bytes of message frames have been received in this session.
    Ack {
        received: u64,
    },
    /// Nothing follows from this side.
    Goodbye(Goodbye),
    /// Acceptor → dialer: please connect for datagrams.
    DatagramsWanted,
    /// Dialer → acceptor: the datagram connection whose keys give these bytes is this link's.
    Datagrams {
        binding: [u8; 32],
    },
    /// Acceptor → dialer: found it; unreliable messages may go there.
    DatagramsBound,
    /// Both, the first frame of a link that goes on with a session: how many bytes of message frames have been received in it.
    Resume {
        received: u64,
    },
    /// All properties of the sender as they are now.
    Properties {
        all: BTreeMap<String, String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol_min: u16,
    pub(crate) protocol_max: u16,
    pub(crate) cluster: String,
    pub(crate) from: Claim,
    /// The server the dialer wants to reach.
    pub(crate) to: ServerId,
    pub(crate) terms: Terms,
    /// The number of the session that begins, unless one goes on: the dialer never uses it again.
    pub(crate) session: u64,
    /// The session that the dialer wants to go on with.
    pub(crate) resume: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Welcome {
    /// The version both speak from here on.
    pub(crate) protocol: u16,
    pub(crate) from: Claim,
    pub(crate) terms: Terms,
    /// The session that the dialer named goes on.
    pub(crate) resumed: bool,
}

/// Who a server says it is; checked against its certificate and the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) id: ServerId,
    pub(crate) group: String,
    pub(crate) name: String,
    /// Greater for a later start of the same server: tells a restarted server from its ghost where both have one id, which is a seat or was kept on disk.
    pub(crate) incarnation: u64,
}

/// What both servers must agree on before they talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) app_version: String,
    /// Peers of another app version are welcome.
    pub(crate) mixed_app_versions: bool,
    pub(crate) topology: LinkTopology,
}

/// The part of the topology that concerns one link, as one of the two servers has it configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LinkTopology {
    pub(crate) dialer_visibility: Option<Visibility>,
    pub(crate) acceptor_visibility: Option<Visibility>,
    pub(crate) dialer_connects_to_acceptor: bool,
    pub(crate) acceptor_connects_to_dialer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) code: RefusalCode,
    /// One sentence for the other side's log: what differs and the cure.
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum RefusalCode {
    /// No common protocol version.
    Protocol,
    /// Another cluster name.
    Cluster,
    /// The certificate is for another group or name than claimed.
    Identity,
    /// Not the server the dialer is looking for.
    WrongServer,
    AppVersion,
    Topology,
    /// The registry does not list the dialer.
    Unlisted,
    /// A newer server runs under this name.
    Replaced,
    /// This server is stopping, or has too many handshakes under way.
    Unavailable,
    /// Something that is not the next step of a handshake.
    Malformed,
    /// By the topology the acceptor dials the dialer.
    Reversed,
}

impl Refusal {
    /// One line of at most 500 characters, fit for a log.
    pub(crate) fn bounded(self) -> Self {
        let text = self.text.chars().filter(|c| !c.is_control()).take(500).collect();
        Self { text, ..self }
    }
}

impl RefusalCode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            RefusalCode::Protocol => "protocol version",
            RefusalCode::Cluster => "cluster name",
            RefusalCode::Identity => "identity",
            RefusalCode::WrongServer => "wrong server",
            RefusalCode::AppVersion => "app version",
            RefusalCode::Topology => "topology",
            RefusalCode::Unlisted => "not in the registry",
            RefusalCode::Replaced => "replaced",
            RefusalCode::Unavailable => "unavailable",
            RefusalCode::Malformed => "malformed handshake",
            RefusalCode::Reversed => "the other side dials",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Goodbye {
    /// The sender stops for good.
    Stopped,
    /// The sender's registry says that the receiver has left.
    YouLeft,
    /// The sender has a newer link to the same server.
    Superseded,
    /// The sender stops for good because a newer server runs under its name.
    Replaced,
    /// By the sender's topology the two do not see each other any more.
    Unrelated,
}

impl Control {
    /// Appends the whole frame, header included.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        codec::encode(self, out);
        let len = out.len() - start - HEADER_BYTES;
        debug_assert!(len <= MAX_CONTROL_BYTES);
        out[start..start + HEADER_BYTES].copy_from_slice(&Header::Control { len }.to_bytes());
    }

    /// Reads the body of a control frame. The text says what is wrong with it.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        codec::decode(body, MAX_CONTROL_BYTES).map_err(|error| format!("malformed control message: {error}"))
    }
}
