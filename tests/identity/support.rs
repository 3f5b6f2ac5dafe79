//! Keys in temporary directories, two sockets, and peers made of bare rustls that break one rule each.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use sinew::config::{ClusterSection, ServerSection};
use sinew::transport::identity::{Identity, PeerIdentity};
use sinew::transport::keys::ClusterKey;
use sinew::transport::tls::{Stream, Tls, TlsError};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub(crate) const ALPN: &[u8] = b"sinew-test/1";

pub(crate) fn directory() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

/// The names are set past the configuration's own checks, so that bad ones reach the code under test.
pub(crate) fn server(group: &str, name: &str) -> ServerSection {
    let text = "[server]\ngroup = \"any\"\n[groups.any]\n";
    let config = sinew::config::ServerConfig::load(text, "a test", std::iter::empty()).expect("a configuration");
    let mut section = config.server;
    (section.group, section.name) = (group.into(), name.into());
    section
}

/// A cluster key and the file it is in.
pub(crate) struct Cluster {
    pub(crate) key: ClusterKey,
    pub(crate) path: PathBuf,
    /// The directory lives as long as the file is needed.
    pub(crate) directory: TempDir,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let directory = directory();
        let path = directory.path().join("sinew.key");
        let key = ClusterKey::generate().expect("a key");
        key.write(&path, false).expect("written");
        Self { key, path, directory }
    }

    pub(crate) fn section(&self) -> ClusterSection {
        let mut section = ClusterSection::default();
        section.key_file = Some(self.path.clone());
        section
    }

    pub(crate) fn trusting(&self, others: &[&Cluster]) -> ClusterSection {
        let mut section = self.section();
        section.trust = others.iter().map(|other| other.path.clone()).collect();
        section
    }

    /// Writes issued files for the server into the cluster's directory and returns the section that names them.
    pub(crate) fn issued(&self, group: &str, name: &str, days: u32) -> ClusterSection {
        let to = PeerIdentity::new(group, name).expect("a valid name");
        let [cert, key, ca] = self.key.issue(&to, days).expect("issued").write(self.directory.path(), name, true).expect("written");
        issued_section(&ca, &cert, &key)
    }

    /// A certificate of this cluster that `change` has made wrong in one way.
    pub(crate) fn forged(&self, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Credentials {
        let text = std::fs::read_to_string(&self.path).expect("readable");
        let authority_key = rcgen::KeyPair::from_pem(&text[text.find("-----BEGIN PRIVATE").expect("a key")..]).expect("a key");
        let mut authority = rcgen::CertificateParams::default();
        authority.distinguished_name = common_name(&self.key.name());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let mut params = leaf_params("sinew://world/world-1");
        change(&mut params);
        let certificate = params.signed_by(&key, &rcgen::Issuer::new(authority, authority_key)).expect("signed");
        Credentials::new(vec![certificate.der().clone()], &key)
    }
}

pub(crate) fn issued_section(ca: &Path, cert: &Path, key: &Path) -> ClusterSection {
    let mut section = ClusterSection::default();
    (section.ca, section.cert, section.key) = (Some(ca.into()), Some(cert.into()), Some(key.into()));
    section
}

pub(crate) fn leaf_params(uri: &str) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = common_name("a test");
    params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().expect("ASCII"))];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params
}

pub(crate) fn common_name(text: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(rcgen::DnType::CommonName, text);
    name
}

pub(crate) fn identity(section: &ClusterSection, group: &str, name: &str) -> Identity {
    Identity::load(section, &server(group, name)).expect("the identity loads")
}

pub(crate) fn tls(section: &ClusterSection, group: &str, name: &str) -> Tls {
    Tls::new(&identity(section, group, name), ALPN)
}

/// Fails the test instead of hanging it.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("done within 20 s")
}

pub(crate) async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (accepted, dialled) = in_time(async { tokio::join!(listener.accept(), TcpStream::connect(address)) }).await;
    (accepted.expect("accepted").0, dialled.expect("connected"))
}

pub(crate) type Handshake = Result<(Stream, PeerIdentity), TlsError>;

/// Runs both sides' handshakes on fresh sockets: `(accepting side, dialling side)`.
pub(crate) async fn shake(accepting: &Tls, dialling: &Tls) -> (Handshake, Handshake) {
    let (accepted, dialled) = sockets().await;
    in_time(async { tokio::join!(accepting.accept(accepted), dialling.connect(dialled)) }).await
}

/// A certificate chain and a private key, fitting or not.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<dyn rustls::sign::SigningKey>,
}

impl Credentials {
    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, key: &rcgen::KeyPair) -> Self {
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Self { chain, key: provider().key_provider.load_private_key(der).expect("a usable key") }
    }

    pub(crate) fn from_files(section: &ClusterSection) -> Self {
        let (cert, key) = (section.cert.as_ref().expect("set"), section.key.as_ref().expect("set"));
        let chain = vec![CertificateDer::from_pem_file(cert).expect("a certificate")];
        let der = PrivateKeyDer::from_pem_file(key).expect("a key");
        Self { chain, key: provider().key_provider.load_private_key(der).expect("a usable key") }
    }

    fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(CertifiedKey::new(self.chain.clone(), self.key.clone()).into())
    }
}

/// A dialler that believes everybody and presents `credentials`, or nothing.
pub(crate) fn stranger_dialling(credentials: Option<&Credentials>, alpn: &[&[u8]]) -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible));
    let mut config = match credentials {
        Some(credentials) => builder.with_client_cert_resolver(credentials.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config).into()
}

/// An accepting side that believes everybody and presents `credentials`.
pub(crate) fn stranger_accepting(credentials: &Credentials, alpn: &[&[u8]]) -> TlsAcceptor {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_client_cert_verifier(Arc::new(Gullible))
        .with_cert_resolver(credentials.resolver());
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config).into()
}

pub(crate) fn any_name() -> ServerName<'static> {
    ServerName::try_from("anything").expect("a name")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[derive(Debug)]
struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Gullible {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
