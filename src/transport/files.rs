//! PEM files on disk: read with a sentence for everything that can be wrong, written so that nobody else can read them.

use crate::error::KeyError;
use rustls_pki_types::pem::{self, PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Far over any chain of certificates, far under what a wrong path (a disk image) would cost.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What a PEM file holds, in the file's order.
pub(super) struct PemFile {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) private_keys: Vec<PrivateKeyDer<'static>>,
}

impl PemFile {
    pub(super) fn only_private_key(mut self, setting: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, KeyError> {
        let malformed = |reason: &str| KeyError::Malformed { key: setting, path: path.into(), reason: reason.into() };
        match (self.private_keys.pop(), self.private_keys.is_empty()) {
            (Some(key), true) => Ok(key),
            (Some(_), false) => Err(malformed("it holds more than one private key")),
            (None, _) => Err(malformed("it holds no private key (no `BEGIN PRIVATE KEY` line)")),
        }
    }
}

/// Reads a PEM file; `setting` is what the operator wrote its path under. Warns when other users can read a private key in it.
pub(super) fn read(setting: &'static str, path: &Path) -> Result<PemFile, KeyError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => KeyError::Missing { key: setting, path: path.into() },
        _ => KeyError::Unreadable { key: setting, path: path.into(), source },
    };
    let malformed = |reason: String| KeyError::Malformed { key: setting, path: path.into(), reason };

    // Asked before opening: Windows calls a directory "access denied", Unix opens it and fails at the first read.
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Err(malformed("this is a directory, not a file".into()));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    (&file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(malformed("it is larger than 1 MiB, so it is no key file".into()));
    }
    let parsed = parse(&bytes).map_err(malformed)?;
    if !parsed.private_keys.is_empty() && is_open_to_others(&file) {
        tracing::warn!(
            "{setting} = {path:?} holds a private key that every user of this machine can read or change; run: chmod 600 {path:?}"
        );
    }
    Ok(parsed)
}

/// `Err` is the reason, without the file's name.
pub(super) fn parse(bytes: &[u8]) -> Result<PemFile, String> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".into());
    }
    let mut parsed = PemFile { certificates: Vec::new(), private_keys: Vec::new() };
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
        let (kind, der) = section.map_err(pem_reason)?;
        match kind {
            SectionKind::Certificate => parsed.certificates.push(der.into()),
            SectionKind::PrivateKey => parsed.private_keys.push(PrivateKeyDer::Pkcs8(der.into())),
            SectionKind::EcPrivateKey => parsed.private_keys.push(PrivateKeyDer::Sec1(der.into())),
            SectionKind::RsaPrivateKey => parsed.private_keys.push(PrivateKeyDer::Pkcs1(der.into())),
            _ => {}
        }
    }
    if parsed.certificates.is_empty() && parsed.private_keys.is_empty() {
        return Err(match bytes.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
            true => "its private key is encrypted with a password, which a server cannot type in".into(),
            false => "it holds neither a certificate nor a private key in PEM form".into(),
        });
    }
    Ok(parsed)
}

const ENCRYPTED: &[u8] = b"BEGIN ENCRYPTED PRIVATE KEY";

fn pem_reason(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            // The label alone or the whole line, depending on the version of the PEM reader.
            let label = String::from_utf8_lossy(&end_marker).trim().trim_matches('-').trim_start_matches("END ").to_owned();
            format!("it is cut off: the line `-----END {label}-----` is missing")
        }
        pem::Error::Base64Decode(_) => "it is damaged: what stands between its BEGIN and END lines is not base64".into(),
        pem::Error::IllegalSectionStart { .. } => "it is damaged: one of its BEGIN lines is not PEM".into(),
        other => format!("it is not PEM ({other})"),
    }
}

/// Makes a file that only its owner can read and write (mode 0600; on Windows the directory's own permissions apply).
///
/// Without `replace` an existing file is left alone ([`KeyError::Exists`]). With it the old file is swapped in one step, so
/// that nobody ever sees half a key, and the old file's wider permissions do not live on.
pub(super) fn write_private(path: &Path, text: &str, replace: bool) -> Result<(), KeyError> {
    if !replace {
        return create(path, text, 0o600);
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:08x}.new", rand::random::<u32>()));
    let temporary = path.with_file_name(name);
    create(&temporary, text, 0o600)?;
    fs::rename(&temporary, path).map_err(|source| {
        let _ = fs::remove_file(&temporary);
        KeyError::NotWritten { path: path.into(), source }
    })
}

/// The same for what everybody may read (certificates).
pub(super) fn write_public(path: &Path, text: &str, replace: bool) -> Result<(), KeyError> {
    match replace {
        true => fs::write(path, text).map_err(|source| KeyError::NotWritten { path: path.into(), source }),
        false => create(path, text, 0o644),
    }
}

fn create(path: &Path, text: &str, mode: u32) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => KeyError::Exists { path: path.into() },
        _ => KeyError::NotWritten { path: path.into(), source },
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| {
        let _ = fs::remove_file(path);
        KeyError::NotWritten { path: path.into(), source }
    })
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o006 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_file: &File) -> bool {
    false
}
