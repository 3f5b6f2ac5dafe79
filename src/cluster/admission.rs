//! Who may have a link: both ends check the other's claim before anything is reported.
//!
//! The same rules on both sides, so both logs name the same difference.

use super::{LinkId, topology};
use crate::registry::Registration;
use crate::wire::PROTOCOL;
use crate::wire::control::{Claim, Hello, Refusal, RefusalCode, Terms, Welcome};

/// The answer to a hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go on with the handshake under this number.
    Accept {
        link: LinkId,
        protocol: u16,
    },
    Refuse(Refusal),
    /// The registry has not told us about the dialer yet (or about ourselves); ask again after the next news.
    Wait,
}

/// Group and name that the other side's certificate proves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passport<'a> {
    pub(crate) group: &'a str,
    pub(crate) name: &'a str,
}

/// A refusal's sentence goes into two logs and may repeat what the other side calls itself: one line, of bounded length.
pub(super) fn refuse(code: RefusalCode, text: String) -> Refusal {
    Refusal { code, text }.bounded()
}

/// What needs no knowledge of the cluster's members: version, cluster name, certificate.
pub(super) fn check_hello(hello: &Hello, cluster: &str, proven: Passport<'_>) -> Result<u16, Refusal> {
    let (oldest, newest) = (*PROTOCOL.start(), *PROTOCOL.end());
    let protocol = hello.protocol_max.min(newest);
    if protocol < oldest || protocol < hello.protocol_min {
        let text = format!(
            "the dialing server speaks protocol versions {} to {}, the accepting one {oldest} to {newest}; update the older one",
            hello.protocol_min, hello.protocol_max
        );
        return Err(refuse(RefusalCode::Protocol, text));
    }
    if hello.cluster != cluster {
        let text = format!(
            "the dialing server is of cluster `{}`, the accepting one of `{cluster}`; correct cluster.name on one of them",
            hello.cluster
        );
        return Err(refuse(RefusalCode::Cluster, text));
    }
    check_claim(&hello.from, proven)?;
    Ok(protocol)
}

/// The dialer's side: is the one who answered the one the registry promised?
pub(super) fn check_welcome(welcome: &Welcome, expected: &Registration, proven: Passport<'_>) -> Result<(), Refusal> {
    if !PROTOCOL.contains(&welcome.protocol) {
        let text = format!("the acceptor chose protocol version {}, which was not offered", welcome.protocol);
        return Err(refuse(RefusalCode::Protocol, text));
    }
    check_claim(&welcome.from, proven)?;
    let found = &welcome.from;
    if (found.id, &found.group, &found.name) != (expected.id, &expected.group, &expected.name) {
        let text = format!(
            "dialled server {} ({}/{}) but {} ({}/{}) answered; the registry's entry is older than that process, or server.advertise is wrong",
            expected.id, expected.group, expected.name, found.id, found.group, found.name
        );
        return Err(refuse(RefusalCode::WrongServer, text));
    }
    Ok(())
}

fn check_claim(claim: &Claim, proven: Passport<'_>) -> Result<(), Refusal> {
    if (claim.group.as_str(), claim.name.as_str()) == (proven.group, proven.name) {
        return Ok(());
    }
    let text = format!(
        "a server that says it is {}/{} shows a certificate for {}/{}; issue it the right one with `sinew keygen issue`",
        claim.group, claim.name, proven.group, proven.name
    );
    Err(refuse(RefusalCode::Identity, text))
}

/// App version and topology must agree. A side is its group and what it said; the text is the same on both.
pub(super) fn check_terms(dialer: (&str, &Terms), acceptor: (&str, &Terms)) -> Result<(), Refusal> {
    let (dialing, accepting) = (dialer.1, acceptor.1);
    if dialing.app_version != accepting.app_version && !(dialing.mixed_app_versions && accepting.mixed_app_versions) {
        let text = format!(
            "the dialing server has app version `{}`, the accepting one `{}`; update the older one, or set cluster.mixed_app_versions = true on both",
            dialing.app_version, accepting.app_version
        );
        return Err(refuse(RefusalCode::AppVersion, text));
    }
    match topology::difference(dialer.0, acceptor.0, dialing.topology, accepting.topology) {
        None => Ok(()),
        Some(text) => Err(refuse(RefusalCode::Topology, format!("the two servers have different topologies: {text}"))),
    }
}

/// Whether a registry's entry agrees with a claim (the id is the key they were matched by).
pub(super) fn check_entry(claim: &Claim, entry: &Registration) -> Result<(), Refusal> {
    if (&claim.group, &claim.name) == (&entry.group, &entry.name) {
        return Ok(());
    }
    let text =
        format!("server {} is {}/{} in the registry but claims to be {}/{}", claim.id, entry.group, entry.name, claim.group, claim.name);
    Err(refuse(RefusalCode::Identity, text))
}
