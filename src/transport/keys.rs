//! Making keys: the cluster key file, and certificates issued from it.

use super::files;
use super::identity::{LeafAndKey, PeerIdentity};
use super::verifier;
use crate::error::KeyError;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ED25519, PublicKeyData, SanType, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, TrustAnchor};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};

/// Longest life of an issued certificate: a hundred years, in days.
pub const MAX_ISSUE_DAYS: u32 = 36_500;

/// The authority of one cluster: whoever has it is a member and can name new members.
///
/// Its certificate, and those made from it in memory, are valid from 2020 to 2120: a server with a wrong clock or years of
/// uptime must not fall out of its cluster. The way to end a key's life is to stop trusting it (see `docs/identity.md`).
pub struct ClusterKey {
    key: KeyPair,
    authority: CertificateParams,
    certificate: CertificateDer<'static>,
}

/// What a server needs to prove one fixed group and name, as PEM texts.
pub struct IssuedFiles {
    pub certificate_pem: String,
    pub private_key_pem: String,
    /// The cluster's certificate alone: with it a server can check others, but make no certificates.
    pub authority_pem: String,
}

impl IssuedFiles {
    /// Writes `NAME.cert.pem`, `NAME.key.pem` (mode 0600) and `ca.pem` into `directory` and returns their paths in this order.
    ///
    /// Unless `replace`, files that exist are an error ([`KeyError::Exists`]) and nothing is written; a `ca.pem` of the same
    /// cluster may stay, so that one directory serves for many servers.
    pub fn write(&self, directory: &Path, name: &str, replace: bool) -> Result<[PathBuf; 3], KeyError> {
        let paths = [format!("{name}.cert.pem"), format!("{name}.key.pem"), "ca.pem".into()].map(|file| directory.join(file));
        let [certificate, private_key, authority] = &paths;
        let authority_stays = std::fs::read_to_string(authority).is_ok_and(|text| text == self.authority_pem);
        if !replace {
            let mut all = paths.iter().take(if authority_stays { 2 } else { 3 });
            if let Some(path) = all.find(|path| path.exists()) {
                return Err(KeyError::Exists { path: path.clone() });
            }
        }
        files::write_private(private_key, &self.private_key_pem, replace)?;
        files::write_public(certificate, &self.certificate_pem, replace)?;
        if !authority_stays {
            files::write_public(authority, &self.authority_pem, replace)?;
        }
        Ok(paths)
    }
}

impl ClusterKey {
    /// A new, unique cluster key (Ed25519).
    ///
    /// Errors: [`KeyError::NotMade`] when the system gives no random numbers.
    pub fn generate() -> Result<Self, KeyError> {
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(KeyError::not_made)?;
        let authority = authority(&key);
        let certificate = authority.self_signed(&key).map_err(KeyError::not_made)?.into();
        Ok(Self { key, authority, certificate })
    }

    /// Reads a file made by [`ClusterKey::write`]; `setting` is what errors call it, e.g. `cluster.key_file`.
    pub fn read(setting: &'static str, path: &Path) -> Result<Self, KeyError> {
        let file = files::read(setting, path)?;
        Self::from_file(file).map_err(|reason| KeyError::Malformed { key: setting, path: path.into(), reason })
    }

    /// The key compiled into every copy of Sinew. It protects nothing; it lets two servers on one machine talk without any set-up.
    pub(super) fn public_development() -> Result<Self, KeyError> {
        files::parse(PUBLIC_DEVELOPMENT_KEY.as_bytes()).and_then(Self::from_file).map_err(KeyError::not_made)
    }

    /// Writes the key file with mode 0600. Unless `replace`, an existing file is an error ([`KeyError::Exists`]).
    pub fn write(&self, path: &Path, replace: bool) -> Result<(), KeyError> {
        files::write_private(path, &self.to_pem(), replace)
    }

    /// The text of the key file: a comment, the authority's certificate, its private key.
    pub fn to_pem(&self) -> String {
        format!(
            "{} key. Whoever has this file is a member of the cluster: keep it secret.\n{}{}",
            self.name(),
            self.certificate_pem(),
            pem("PRIVATE KEY", self.key.serialized_der())
        )
    }

    /// The authority's certificate alone, which is no secret.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// What people call this key: `sinew cluster` and eight hexadecimal digits, which stand in all its certificates.
    pub fn name(&self) -> String {
        authority_name(&self.key)
    }

    /// SHA-256 of the authority's certificate in hexadecimal, as `openssl x509 -fingerprint -sha256` counts it.
    pub fn fingerprint(&self) -> String {
        verifier::sha256(&self.certificate).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// A certificate with a new private key for one server, valid from a day ago (clocks differ) for `days` days from now.
    ///
    /// Errors: [`KeyError::NotMade`] when `days` is not 1 to [`MAX_ISSUE_DAYS`].
    pub fn issue(&self, to: &PeerIdentity, days: u32) -> Result<IssuedFiles, KeyError> {
        if !(1..=MAX_ISSUE_DAYS).contains(&days) {
            return Err(KeyError::not_made(format!("{days} days is not between 1 and {MAX_ISSUE_DAYS}")));
        }
        let now = OffsetDateTime::now_utc();
        let (certificate, key) = self.leaf(to, now - Duration::DAY, now + Duration::days(days.into()))?;
        Ok(IssuedFiles {
            certificate_pem: pem("CERTIFICATE", &certificate),
            private_key_pem: pem("PRIVATE KEY", key.secret_der()),
            authority_pem: self.certificate_pem(),
        })
    }

    /// A certificate for this process alone, valid as long as the authority itself.
    pub(super) fn fresh_leaf(&self, to: &PeerIdentity) -> Result<LeafAndKey, KeyError> {
        self.leaf(to, self.authority.not_before, self.authority.not_after)
    }

    pub(super) fn authority(&self) -> Result<TrustAnchor<'static>, KeyError> {
        verifier::anchor(&self.certificate).map_err(KeyError::not_made)
    }

    fn leaf(&self, to: &PeerIdentity, not_before: OffsetDateTime, not_after: OffsetDateTime) -> Result<LeafAndKey, KeyError> {
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(KeyError::not_made)?;
        let mut params = CertificateParams::default();
        params.not_before = not_before;
        params.not_after = not_after;
        params.distinguished_name = common_name(&to.to_string());
        params.subject_alt_names = vec![SanType::URI(to.uri().try_into().map_err(KeyError::not_made)?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Every server both dials and accepts.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_params(&self.authority, &self.key);
        let certificate = params.signed_by(&key, &issuer).map_err(KeyError::not_made)?;
        Ok((certificate.into(), PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))))
    }

    /// `Err` is the reason, without the file's name.
    fn from_file(mut file: files::PemFile) -> Result<Self, String> {
        let certificate = match (file.certificates.pop(), file.certificates.is_empty()) {
            (Some(certificate), true) => certificate,
            (Some(_), false) => return Err("it holds more than one certificate, so it is no cluster key file".into()),
            (None, _) => return Err("it holds a private key but no certificate, so it is no cluster key file".into()),
        };
        let private = match (file.private_keys.pop(), file.private_keys.is_empty()) {
            (Some(PrivateKeyDer::Pkcs8(private)), true) => private,
            (Some(_), true) => return Err("its private key is not PKCS#8 (`BEGIN PRIVATE KEY`), so it is no cluster key file".into()),
            (Some(_), false) => return Err("it holds more than one private key, so it is no cluster key file".into()),
            (None, _) => return Err("it holds a certificate but no private key: the file is cut off, or this is only the ca.pem".into()),
        };
        if let Ok(server) = verifier::carried_name(&certificate) {
            return Err(format!("this is the certificate of the server {server}, not a cluster key file"));
        }
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&private, &PKCS_ED25519)
            .map_err(|_| "its private key is damaged, or is not an Ed25519 key".to_owned())?;
        let authority = authority(&key);
        // Certificates made from this key name their issuer as `authority` says, so the file's certificate must be called that.
        let expected: CertificateDer<'static> = authority.self_signed(&key).map_err(|error| error.to_string())?.into();
        let damaged = |error: webpki::Error| format!("its certificate is damaged ({error})");
        let found = webpki::EndEntityCert::try_from(&certificate).map_err(damaged)?;
        if found.subject_public_key_info().as_ref() != key.subject_public_key_info().as_slice() {
            return Err("its private key does not belong to its certificate".into());
        }
        if found.subject() != webpki::EndEntityCert::try_from(&expected).map_err(damaged)?.subject() {
            return Err("it was not made by `sinew keygen` (for your own authority use cluster.ca, cluster.cert and cluster.key)".into());
        }
        Ok(Self { key, authority, certificate })
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ClusterKey").field(&self.name()).finish()
    }
}

const PUBLIC_DEVELOPMENT_KEY: &str = include_str!("PUBLIC-DEVELOPMENT-KEY.pem");

/// Everything about an authority follows from its key, so a key file is understood without taking its certificate apart.
fn authority(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params.distinguished_name = common_name(&authority_name(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn authority_name(key: &KeyPair) -> String {
    let id = CertificateParams::default().key_identifier(key);
    id.iter().take(4).fold("sinew cluster ".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn pem(label: &str, der: &[u8]) -> String {
    let config = ::pem::EncodeConfig::new().set_line_ending(::pem::LineEnding::LF);
    ::pem::encode_config(&::pem::Pem::new(label, der), config)
}
