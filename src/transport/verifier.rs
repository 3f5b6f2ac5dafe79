//! What both sides of a connection check about each other's certificate, and the cryptography they use.

use super::credentials::Credentials;
use super::identity::{PeerIdentity, URI_SCHEME};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use std::sync::Arc;
use webpki::{EndEntityCert, KeyUsage};

/// Lets in whoever has a certificate of a trusted authority with exactly one `sinew://GROUP/NAME` in it.
///
/// Host names play no part: servers move between machines and are dialled by address. Who is expected behind a name is the
/// caller's question, answered by the [`PeerIdentity`] a connection returns.
#[derive(Debug)]
pub(super) struct Verifier {
    credentials: Arc<Credentials>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(credentials: Arc<Credentials>, provider: &CryptoProvider) -> Self {
        Self { credentials, algorithms: provider.signature_verification_algorithms }
    }

    fn check(&self, leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>], now: UnixTime, usage: KeyUsage) -> Result<(), Error> {
        verify(leaf, intermediates, &self.credentials.authorities(), self.algorithms, now, usage).map_err(to_rustls)?;
        // Shown to the peer as the alert `access_denied`, which `failure` translates back.
        carried_name(leaf).map_err(|_| CertificateError::ApplicationVerificationFailure)?;
        Ok(())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(leaf, intermediates, now, KeyUsage::server_auth()).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(leaf, intermediates, now, KeyUsage::client_auth()).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The cryptography of every connection, handed to rustls explicitly: nothing is installed process-wide.
pub(super) fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    // AES-128 first: as strong as the X25519 and Ed25519 beside it (128 bits), in ten rounds per block where AES-256 takes fourteen.
    provider.cipher_suites = vec![
        aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
        aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
        aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    provider
}

/// The one name a certificate carries, or why it carries none.
pub(super) fn carried_name(certificate: &CertificateDer<'_>) -> Result<PeerIdentity, &'static str> {
    let parsed = EndEntityCert::try_from(certificate).map_err(|_| "its certificate is damaged")?;
    let mut names = parsed.valid_uri_names().filter(|uri| uri.starts_with(URI_SCHEME));
    match (names.next(), names.next()) {
        (Some(uri), None) => PeerIdentity::from_uri(uri).ok_or("the `sinew://` name in its certificate is not `sinew://GROUP/NAME`"),
        (Some(_), Some(_)) => Err("its certificate carries more than one `sinew://GROUP/NAME`"),
        (None, _) => Err("its certificate carries no `sinew://GROUP/NAME`, so it was not issued to a Sinew server"),
    }
}

/// Whether the first certificate of `chain` leads to one of `authorities`; an empty chain does not.
pub(super) fn check_chain(
    chain: &[CertificateDer<'static>],
    authorities: &[TrustAnchor<'static>],
    provider: &CryptoProvider,
    time: UnixTime,
    usage: KeyUsage,
) -> Result<(), webpki::Error> {
    let (leaf, intermediates) = chain.split_first().ok_or(webpki::Error::UnknownIssuer)?;
    verify(leaf, intermediates, authorities, provider.signature_verification_algorithms, time, usage)
}

pub(super) fn anchor(certificate: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, webpki::Error> {
    webpki::anchor_from_trusted_cert(certificate).map(|anchor| anchor.to_owned())
}

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    // cannot fail: a constant, named after its TLS version
    let suite = aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256.tls13().expect("TLS 1.3");
    suite.common.hash_provider.hash(bytes).as_ref().to_vec()
}

/// `2026-03-01`.
pub(super) fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    time::OffsetDateTime::from_unix_timestamp(seconds).map_or_else(|_| "an unknown day".into(), |moment| moment.date().to_string())
}

fn verify(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    authorities: &[TrustAnchor<'_>],
    algorithms: WebPkiSupportedAlgorithms,
    time: UnixTime,
    usage: KeyUsage,
) -> Result<(), webpki::Error> {
    let leaf = EndEntityCert::try_from(leaf)?;
    leaf.verify_for_usage(algorithms.all, authorities, intermediates, time, usage, None, None).map(|_| ())
}

/// The kinds for which rustls has its own word (and so its own TLS alert) keep it.
fn to_rustls(error: webpki::Error) -> Error {
    match error {
        webpki::Error::BadDer | webpki::Error::BadDerTime | webpki::Error::TrailingData(_) => CertificateError::BadEncoding,
        webpki::Error::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        webpki::Error::CertNotValidYet { time, not_before } => CertificateError::NotValidYetContext { time, not_before },
        // A wrong signature is an authority of the right name and another key. (`BadSignature` is left to mean the handshake's.)
        webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => CertificateError::UnknownIssuer,
        webpki::Error::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
    .into()
}
