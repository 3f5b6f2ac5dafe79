//! What a member and a host of the embedded registry say to each other, and how it is framed.
//!
//! A frame is its length (4 bytes, little-endian, at most [`MAX_FRAME`]) and one message through [`crate::wire::codec`].
//! A member says `Hello` and `Register` at once; everything after that may come in any order. Who only wants to see the directory
//! says `Look` instead. New variants go to the end; a change that old
//! members cannot read is a new ALPN.

use crate::id::ServerId;
use crate::registry::{LeaveReason, Registration};
use crate::transport::tls::explain_io;
use crate::wire::codec::{self, DecodeError};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// TLS's word for this protocol and its version.
pub(crate) const ALPN: &[u8] = b"sinew-registry/1";
/// Longest message in either direction, in bytes; snapshots travel in pieces.
pub(crate) const MAX_FRAME: usize = 64 * 1024;
/// A snapshot's piece is closed once it holds this many bytes: room for one more registration of the largest allowed size.
const CHUNK_BYTES: usize = 32 * 1024;

/// Member to host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToHost {
    /// First word: the cluster the member belongs to.
    Hello {
        cluster: String,
    },
    /// `fresh`: no registry has accepted this id yet and the member has drawn it itself, so it may still change it.
    Register {
        registration: Registration,
        fresh: bool,
    },
    KeepAlive,
    /// Dialling this server fails: is it really there?
    Suspect(ServerId),
    Deregister,
    /// Instead of a registration: show me the directory as it is now. The connection closes after the snapshot.
    Look,
}

/// Host to member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToMember {
    /// This registration stands at this host; a snapshot follows. `lease_ms`: silence after which the host forgets it.
    Registered {
        id: ServerId,
        lease_ms: u64,
    },
    /// The id cannot be had; register again with a higher one than `above`.
    Draw {
        above: ServerId,
    },
    /// The host will not have this member; the sentence says why. The connection closes.
    Refused {
        reason: String,
    },
    /// A newer server holds the name. Final.
    Replaced {
        by: ServerId,
    },
    /// A piece of the directory, with `last` on its end. While not `settled` the host has just started and
    /// members are still coming back: what is missing from it has not left.
    Snapshot {
        entries: Vec<Registration>,
        last: bool,
        settled: bool,
    },
    Joined(Registration),
    Left {
        id: ServerId,
        reason: LeaveReason,
    },
    /// From now on what this host does not list is not registered at it.
    Settled,
    KeepAlive,
    /// The answer to `Deregister`.
    Goodbye,
}

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    #[error("the connection was closed")]
    Closed,
    #[error("a message of {0} bytes is longer than {MAX_FRAME}")]
    TooLong(usize),
    #[error("a message is malformed: {0}")]
    Malformed(#[from] DecodeError),
}

impl FrameError {
    /// A stable short word for counters and rate-limited logs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            FrameError::Io(_) => "io",
            FrameError::Closed => "closed",
            FrameError::TooLong(_) => "too long",
            FrameError::Malformed(_) => "malformed",
        }
    }

    /// In words; what TLS has to say about a broken connection comes first.
    pub(crate) fn sentence(&self) -> String {
        match self {
            FrameError::Io(io) => explain_io(io).map_or_else(|| self.to_string(), |tls| tls.text),
            _ => self.to_string(),
        }
    }
}

/// One message as it goes over the wire, length included. Shared between all members that get it.
pub(crate) fn frame<T: Serialize>(message: &T) -> Bytes {
    let mut out = vec![0; 4];
    codec::encode(message, &mut out);
    // cannot fail: what we say ourselves is bounded by MAX_FRAME, far below 4 GiB
    let len = u32::try_from(out.len() - 4).expect("a frame's length");
    out[..4].copy_from_slice(&len.to_le_bytes());
    out.into()
}

/// Reads one message. Not cancel-safe: a future dropped half-way loses the stream's place.
pub(crate) async fn read_frame<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Result<T, FrameError> {
    let mut len = [0; 4];
    match from.read_exact(&mut len).await {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Err(FrameError::Closed),
        other => other?,
    };
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_FRAME {
        return Err(FrameError::TooLong(len));
    }
    buffer.resize(len, 0);
    from.read_exact(buffer).await?;
    Ok(codec::decode(buffer, MAX_FRAME)?)
}

/// The whole directory in pieces that fit a frame; at least one piece.
pub(crate) fn snapshot<'a>(entries: impl Iterator<Item = &'a Registration>, settled: bool) -> Vec<ToMember> {
    let mut pieces = Vec::new();
    let (mut piece, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        if bytes > CHUNK_BYTES {
            pieces.push(ToMember::Snapshot { entries: std::mem::take(&mut piece), last: false, settled });
            bytes = 0;
        }
        bytes += weight(entry);
        piece.push(entry.clone());
    }
    pieces.push(ToMember::Snapshot { entries: piece, last: true, settled });
    pieces
}

/// An upper bound of a registration's encoded size.
fn weight(entry: &Registration) -> usize {
    let texts = [&entry.group, &entry.name, &entry.host].into_iter().chain(entry.properties.iter().flat_map(|(k, v)| [k, v]));
    // Every text and the map have a length of at most 9 bytes; id, port and visibility fit the constant.
    32 + texts.map(|text| text.len() + 9).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Visibility;

    fn registration(id: u64, property: &str) -> Registration {
        Registration {
            id: ServerId::new(id).unwrap(),
            group: "world".into(),
            name: format!("w{id}"),
            host: "127.0.0.1".into(),
            port: 4000,
            visibility: Visibility::External,
            properties: [("map".to_string(), property.to_string())].into(),
        }
    }

    async fn read(bytes: &[u8]) -> Result<ToHost, FrameError> {
        read_frame(&mut &bytes[..], &mut Vec::new()).await
    }

    #[tokio::test]
    async fn a_frame_is_read_as_it_was_written() {
        let message = ToHost::Register { registration: registration(7, "ü\0\n\u{1f409}"), fresh: true };
        let bytes = frame(&message);
        assert_eq!(read(&bytes).await.unwrap(), message);
        assert!(matches!(read(&bytes[..bytes.len() - 1]).await, Err(FrameError::Io(_))));
        assert!(matches!(read(&[]).await, Err(FrameError::Closed)));
    }

    #[tokio::test]
    async fn forged_lengths_and_ids_are_refused() {
        assert!(matches!(read(&[0xff; 64]).await, Err(FrameError::TooLong(0xffff_ffff))));
        assert!(matches!(read(b"GET / HTTP/1.1\r\n\r\n").await, Err(FrameError::TooLong(_))));
        assert!(matches!(read(&[1, 0, 0, 0, 0x77]).await, Err(FrameError::Malformed(_))));
        // Suspect(0): no server has that id.
        assert!(matches!(read(&[2, 0, 0, 0, 3, 0]).await, Err(FrameError::Malformed(_))));
    }

    #[test]
    fn a_large_directory_travels_in_pieces_that_fit() {
        let entries = (1..=100).map(|id| registration(id, &"x".repeat(4096))).collect::<Vec<_>>();
        let pieces = snapshot(entries.iter(), true);
        assert!(pieces.len() > 1);
        let mut back = Vec::new();
        for (i, piece) in pieces.iter().enumerate() {
            assert!(frame(piece).len() <= MAX_FRAME);
            let ToMember::Snapshot { entries, last, settled: true } = piece else { panic!("{piece:?}") };
            assert_eq!(*last, i + 1 == pieces.len());
            back.extend(entries.iter().cloned());
        }
        assert_eq!(back, entries);
        assert_eq!(snapshot([].into_iter(), false).len(), 1);
    }
}
