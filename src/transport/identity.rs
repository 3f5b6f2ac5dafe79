//! Who a server is, provably: keys, certificates, and the name they carry.

use super::credentials::Credentials;
use super::files;
use super::keys::ClusterKey;
use super::verifier::{self, Verifier};
use crate::config::{ClusterSection, ServerSection};
use crate::error::KeyError;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor, UnixTime};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Operators are told this long before an issued certificate ends.
const EXPIRY_WARNING: Duration = Duration::from_secs(30 * 24 * 3600);

/// Group and name that a certificate proves (its URI SAN `sinew://GROUP/NAME`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerIdentity {
    pub group: String,
    pub name: String,
}

impl PeerIdentity {
    /// Checks both parts: 1 to 63 characters of `A-Z a-z 0-9 _ . -`, so that they stand in a URI, a file name and a log line as they are.
    ///
    /// Errors: [`KeyError::InvalidName`].
    pub fn new(group: &str, name: &str) -> Result<Self, KeyError> {
        for (what, value) in [("group", group), ("name", name)] {
            if !is_name(value) {
                return Err(KeyError::InvalidName { what, value: value.into() });
            }
        }
        Ok(Self { group: group.into(), name: name.into() })
    }

    /// The URI under which a certificate carries this identity.
    pub fn uri(&self) -> String {
        format!("{URI_SCHEME}{}/{}", self.group, self.name)
    }

    /// The reverse of [`PeerIdentity::uri`]; `None` for everything `uri` cannot have written.
    pub(super) fn from_uri(uri: &str) -> Option<Self> {
        let (group, name) = uri.strip_prefix(URI_SCHEME)?.split_once('/')?;
        Self::new(group, name).ok()
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.name)
    }
}

pub(super) const URI_SCHEME: &str = "sinew://";

fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

/// This server's certificate, its private key, and the authorities it trusts. Cheap to clone, and all clones change together
/// ([`Identity::renew`]); read from files only by [`Identity::load`].
#[derive(Clone)]
pub struct Identity {
    own: PeerIdentity,
    credentials: Arc<Credentials>,
    development: bool,
    provider: Arc<CryptoProvider>,
}

impl Identity {
    /// Reads the files named in `[cluster]`; a fresh leaf certificate is made when there is a `key_file`, and from the public
    /// development key when nothing is configured.
    ///
    /// What is loaded is proven to work: the certificate chains to the authority, the private key belongs to it, and it carries
    /// `server.group` and `server.name`. Errors: every kind of [`KeyError`], naming the file.
    pub fn load(cluster: &ClusterSection, server: &ServerSection) -> Result<Self, KeyError> {
        let own = PeerIdentity::new(&server.group, &server.name)?;
        let provider = Arc::new(verifier::provider());
        let (certified, mut authorities) = match (&cluster.key_file, &cluster.ca, &cluster.cert, &cluster.key) {
            (Some(path), None, None, None) => fresh(&ClusterKey::read("cluster.key_file", path)?, &own, &provider)?,
            (None, Some(ca), Some(cert), Some(key)) => issued(ca, cert, key, &own, &provider)?,
            (None, None, None, None) => fresh(&ClusterKey::public_development()?, &own, &provider)?,
            (Some(_), ..) => return Err(KeyError::Conflicting),
            (None, ca, cert, key) => {
                let parts = [("cluster.ca", ca), ("cluster.cert", cert), ("cluster.key", key)];
                let missing = parts.iter().filter(|(_, path)| path.is_none()).map(|(name, _)| *name).collect::<Vec<_>>();
                return Err(KeyError::Incomplete { missing: missing.join(" and ") });
            }
        };
        // By its key, so that a copy with another comment, or of the certificate alone, counts too.
        let public = ClusterKey::public_development()?.authority()?;
        let is_public = |anchor: &TrustAnchor<'_>| anchor.subject_public_key_info == public.subject_public_key_info;
        let development = authorities.iter().any(is_public);
        for path in &cluster.trust {
            let trusted = read_authorities("cluster.trust", path)?;
            if trusted.iter().any(is_public) {
                let reason = "this is the public development key, which everybody has; trusting it would let anybody in".into();
                return Err(KeyError::Malformed { key: "cluster.trust", path: path.clone(), reason });
            }
            authorities.extend(trusted);
        }
        Ok(Self { own, credentials: Arc::new(Credentials::new(certified, authorities)), development, provider })
    }

    /// From now on every handshake of this server, by whatever was made with any clone of this, shows and trusts what `by` does. Connections that stand are
    /// not touched.
    ///
    /// Errors: [`KeyError::NotRenewable`]: nothing has changed.
    pub fn renew(&self, by: &Identity) -> Result<(), KeyError> {
        self.check_renewal(by)?;
        self.credentials.replace(&by.credentials);
        Ok(())
    }

    /// Whether [`Identity::renew`] would. Errors: as there.
    pub fn check_renewal(&self, by: &Identity) -> Result<(), KeyError> {
        if self.own != by.own || self.development != by.development {
            return Err(KeyError::NotRenewable);
        }
        Ok(())
    }

    /// No key is configured: anybody on this machine may join, and only loopback addresses may be bound or dialled.
    ///
    /// Also true when `cluster.key_file` or `cluster.ca` names a copy of the public development key, which protects nothing either.
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// Group and name that this server's own certificate proves.
    pub fn own(&self) -> &PeerIdentity {
        &self.own
    }

    pub(super) fn certified(&self) -> Arc<Credentials> {
        self.credentials.clone()
    }

    pub(super) fn verifier(&self) -> Arc<Verifier> {
        Arc::new(Verifier::new(self.credentials.clone(), &self.provider))
    }

    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        self.provider.clone()
    }

    /// The same server with other cryptography.
    #[cfg(test)]
    pub(super) fn with_provider(self, provider: CryptoProvider) -> Self {
        Self { provider: Arc::new(provider), ..self }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("own", &self.own)
            .field("authorities", &self.credentials.authorities().len())
            .field("development", &self.development)
            .finish_non_exhaustive()
    }
}

type Loaded = (CertifiedKey, Vec<TrustAnchor<'static>>);

/// A leaf certificate that lives only in this process, from the key that every member has.
fn fresh(cluster_key: &ClusterKey, own: &PeerIdentity, provider: &CryptoProvider) -> Result<Loaded, KeyError> {
    let (certificate, key) = cluster_key.fresh_leaf(own)?;
    let certified = CertifiedKey::from_der(vec![certificate], key, provider).map_err(KeyError::not_made)?;
    Ok((certified, vec![cluster_key.authority()?]))
}

/// A certificate made beforehand by `sinew keygen issue` (or any other authority that writes the same name into it).
fn issued(ca: &Path, cert: &Path, key: &Path, own: &PeerIdentity, provider: &CryptoProvider) -> Result<Loaded, KeyError> {
    let authorities = read_authorities("cluster.ca", ca)?;
    let malformed = |setting, path: &Path, reason| KeyError::Malformed { key: setting, path: path.into(), reason };

    let chain = files::read("cluster.cert", cert)?.certificates;
    let Some(leaf) = chain.first() else {
        return Err(malformed("cluster.cert", cert, "it holds no certificate (no `BEGIN CERTIFICATE` line)".into()));
    };
    let carried = verifier::carried_name(leaf).map_err(|reason| malformed("cluster.cert", cert, reason.into()))?;
    check_chain(&chain, &authorities, provider, cert, ca)?;
    if carried != *own {
        return Err(KeyError::OtherServer {
            cert: cert.into(),
            cert_group: carried.group,
            cert_name: carried.name,
            group: own.group.clone(),
            name: own.name.clone(),
        });
    }

    let private = files::read("cluster.key", key)?.only_private_key("cluster.key", key)?;
    let certified = CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            malformed("cluster.key", key, format!("this private key does not belong to the certificate {cert:?}"))
        }
        other => malformed("cluster.key", key, format!("this private key cannot be used ({other})")),
    })?;
    Ok((certified, authorities))
}

fn check_chain(
    chain: &[CertificateDer<'static>],
    authorities: &[TrustAnchor<'static>],
    provider: &CryptoProvider,
    cert: &Path,
    ca: &Path,
) -> Result<(), KeyError> {
    let malformed = |reason: String| KeyError::Malformed { key: "cluster.cert", path: cert.into(), reason };
    let now = UnixTime::now();
    let check = |time, usage| verifier::check_chain(chain, authorities, provider, time, usage);
    for usage in [webpki::KeyUsage::client_auth(), webpki::KeyUsage::server_auth()] {
        check(now, usage).map_err(|error| match error {
            webpki::Error::CertExpired { not_after, .. } => {
                KeyError::NotValidNow { cert: cert.into(), reason: format!("it expired on {}", verifier::date(not_after)) }
            }
            webpki::Error::CertNotValidYet { not_before, .. } => {
                KeyError::NotValidNow { cert: cert.into(), reason: format!("it is valid only from {}", verifier::date(not_before)) }
            }
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
                KeyError::OtherCluster { cert: cert.into(), ca: ca.into() }
            }
            other => malformed(format!("this certificate cannot be used ({other})")),
        })?;
    }
    let later = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + EXPIRY_WARNING);
    if let Err(webpki::Error::CertExpired { not_after, .. }) = check(later, webpki::KeyUsage::client_auth()) {
        tracing::warn!(
            "the certificate {cert:?} expires on {}; issue a new one with `sinew keygen issue` and reload or restart this server before that day",
            verifier::date(not_after)
        );
    }
    Ok(())
}

/// Every certificate of a PEM file as an authority; a private key beside them (a whole key file) is not looked at.
fn read_authorities(setting: &'static str, path: &Path) -> Result<Vec<TrustAnchor<'static>>, KeyError> {
    let malformed = |reason: String| KeyError::Malformed { key: setting, path: path.into(), reason };
    let certificates = files::read(setting, path)?.certificates;
    if certificates.is_empty() {
        return Err(malformed("it holds no certificate (no `BEGIN CERTIFICATE` line)".into()));
    }
    let mut authorities = Vec::with_capacity(certificates.len());
    for certificate in &certificates {
        if let Ok(server) = verifier::carried_name(certificate) {
            return Err(malformed(format!("this is the certificate of the server {server}, not of an authority (ca.pem or a key file)")));
        }
        authorities.push(verifier::anchor(certificate).map_err(|error| malformed(format!("its certificate is damaged ({error})")))?);
    }
    Ok(authorities)
}

pub(super) type LeafAndKey = (CertificateDer<'static>, PrivateKeyDer<'static>);
