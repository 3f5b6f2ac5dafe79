//! TLS settings for every peer that speaks it: TLS 1.3 with AES-256-GCM by aws-lc-rs, as Sinew has it.

use super::in_words;
use crate::settings::Settings;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;

/// QUIC insists on AES-128 for its first packets, so that is offered last.
fn provider() -> Arc<CryptoProvider> {
    let suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384, aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
    Arc::new(CryptoProvider { cipher_suites: suites, ..aws_lc_rs::default_provider() })
}

fn certificate(settings: &Settings) -> Result<CertificateDer<'static>, String> {
    CertificateDer::from_pem_file(&settings.cert).map_err(|error| format!("{}: {error}", settings.cert))
}

pub(super) fn server(settings: &Settings) -> Result<ServerConfig, String> {
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(|error| format!("{}: {error}", settings.key))?;
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13]).map_err(in_words)?;
    builder.with_no_client_auth().with_single_cert(vec![certificate(settings)?], key).map_err(in_words)
}

pub(super) fn client(settings: &Settings) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(settings)?).map_err(in_words)?;
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13]).map_err(in_words)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

pub(super) fn server_name() -> Result<ServerName<'static>, String> {
    ServerName::try_from("localhost").map_err(in_words)
}
