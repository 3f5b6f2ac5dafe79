//! Why a connection did not come up, in Sinew's words: what is wrong and what the operator changes.

use super::record::RecordError;
use super::verifier::date;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use std::fmt;
use std::io;

/// Why a connection did not become a [`Stream`](super::tls::Stream); `reason` is a stable short word for counters and logs.
#[derive(Debug, thiserror::Error)]
#[error("{reason}: {text}")]
pub struct TlsError {
    pub reason: TlsFailure,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsFailure {
    /// Not TLS at all, or not TLS 1.3, or not our ALPN.
    NotTls,
    /// No certificate, another cluster's, expired, or without a `sinew://` name.
    Untrusted,
    /// The socket broke or closed.
    Io,
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsFailure::NotTls => "not TLS",
            TlsFailure::Untrusted => "untrusted",
            TlsFailure::Io => "io",
        })
    }
}

impl TlsError {
    pub(super) fn not_tls(text: impl Into<String>) -> Self {
        Self { reason: TlsFailure::NotTls, text: text.into() }
    }

    pub(super) fn untrusted(text: impl Into<String>) -> Self {
        Self { reason: TlsFailure::Untrusted, text: text.into() }
    }

    /// For an error of the handshake itself, where a plain socket error is an answer too.
    pub(super) fn from_handshake(error: &io::Error) -> Self {
        explain_io(error).unwrap_or_else(|| {
            let text = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the peer closed the connection during the TLS handshake".into(),
                _ => format!("the connection broke during the TLS handshake: {error}"),
            };
            Self { reason: TlsFailure::Io, text }
        })
    }
}

/// What an error of a read or write on a [`Stream`](super::tls::Stream) says about TLS; `None` when it is about the socket alone.
///
/// The dialling side finishes its handshake before the accepting side has looked at its certificate, so a refusal reaches
/// the dialler as an error of its first read, not of `connect`.
pub fn explain_io(error: &io::Error) -> Option<TlsError> {
    let error = error.get_ref()?;
    let error = match error.downcast_ref::<RecordError>() {
        Some(RecordError::Alert(alert)) => return Some(refused_by_peer(*alert)),
        Some(other) => return Some(TlsError::not_tls(format!("the peer breaks the TLS protocol: {other}"))),
        None => error.downcast_ref::<Error>()?,
    };
    Some(match error {
        Error::NoCertificatesPresented => TlsError::untrusted(
            "the peer presented no certificate: it is not a server of any Sinew cluster, or a tool like a browser or a port scanner",
        ),
        Error::InvalidCertificate(problem) => TlsError::untrusted(refused_by_us(problem)),
        Error::AlertReceived(alert) => refused_by_peer(*alert),
        Error::NoApplicationProtocol => TlsError::not_tls(
            "the peer speaks TLS but none of the protocols of this port; check that it dials the right port (servers and registries have different ones)",
        ),
        Error::PeerIncompatible(
            PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => TlsError::not_tls("the peer offers only TLS 1.2 or older and Sinew speaks TLS 1.3, so it is not a Sinew server"),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => TlsError::not_tls(
            "the peer does not speak TLS, so it is not a Sinew server (a plain HTTP server, perhaps); check the address and port",
        ),
        other => {
            TlsError::not_tls(format!("the peer breaks the TLS protocol ({other}), so it is not a Sinew server or the data was damaged"))
        }
    })
}

/// Our own verdict on the peer's certificate.
fn refused_by_us(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "the peer's certificate is signed by another cluster's key; give both servers the same cluster.key_file, or add the peer's authority to cluster.trust here".into()
        }
        CertificateError::ExpiredContext { time, not_after } => format!(
            "the peer's certificate expired on {} and today is {}; issue a new one with `sinew keygen issue`, or set this machine's clock",
            date(*not_after),
            date(*time)
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "the peer's certificate is valid only from {} and today is {}; set the clocks of both machines",
            date(*not_before),
            date(*time)
        ),
        CertificateError::ApplicationVerificationFailure => {
            "the peer's certificate does not carry exactly one `sinew://GROUP/NAME`; issue it with `sinew keygen issue`".into()
        }
        CertificateError::InvalidPurpose => {
            "the peer's certificate is not made for connections between servers (extended key usage); issue it with `sinew keygen issue`".into()
        }
        CertificateError::BadSignature => {
            "the peer does not hold the private key of the certificate it presents; its cluster.key belongs to another certificate, or the certificate was stolen".into()
        }
        CertificateError::BadEncoding => "the peer's certificate is damaged; issue it again with `sinew keygen issue`".into(),
        other => format!("the peer's certificate cannot be used ({other}); issue it again with `sinew keygen issue`"),
    }
}

/// The peer's verdict on us: a TLS alert is all it says.
fn refused_by_peer(alert: AlertDescription) -> TlsError {
    match alert {
        AlertDescription::UnknownCA => TlsError::untrusted(
            "the peer does not trust our certificate: the two servers use different cluster keys; give both the same cluster.key_file, or add our authority to cluster.trust there",
        ),
        AlertDescription::CertificateExpired => TlsError::untrusted(
            "the peer says that our certificate is expired or not valid yet; issue a new one with `sinew keygen issue`, or set the peer's clock",
        ),
        AlertDescription::AccessDenied => TlsError::untrusted(
            "the peer says that our certificate does not carry exactly one `sinew://GROUP/NAME`; issue it with `sinew keygen issue`",
        ),
        AlertDescription::DecryptError => TlsError::untrusted(
            "the peer says that our signature does not fit our certificate: cluster.key and cluster.cert do not belong together",
        ),
        AlertDescription::CertificateRequired => TlsError::untrusted("the peer says that we presented no certificate"),
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown => {
            TlsError::untrusted(format!("the peer refuses our certificate ({alert:?}); issue it again with `sinew keygen issue`"))
        }
        AlertDescription::NoApplicationProtocol => TlsError::not_tls(
            "the peer speaks TLS but not this protocol; check that the right port is dialled (servers and registries have different ones)",
        ),
        AlertDescription::ProtocolVersion => {
            TlsError::not_tls("the peer does not speak TLS 1.3, so it is not a Sinew server; check the address and port")
        }
        other => {
            TlsError::not_tls(format!("the peer ended the TLS handshake with the alert {other:?}, so it is probably not a Sinew server"))
        }
    }
}
