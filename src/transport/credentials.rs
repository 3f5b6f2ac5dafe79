//! What a server shows in a handshake and whom it trusts there: may be exchanged while it runs.

use parking_lot::RwLock;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::TrustAnchor;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Credentials(RwLock<Held>);

#[derive(Debug, Clone)]
struct Held {
    certified: Arc<CertifiedKey>,
    authorities: Arc<[TrustAnchor<'static>]>,
}

impl Credentials {
    pub(super) fn new(certified: CertifiedKey, authorities: Vec<TrustAnchor<'static>>) -> Self {
        Self(RwLock::new(Held { certified: Arc::new(certified), authorities: authorities.into() }))
    }

    pub(super) fn authorities(&self) -> Arc<[TrustAnchor<'static>]> {
        self.0.read().authorities.clone()
    }

    /// Both at once: a handshake sees the old or the new, and each of its steps is checked against what stands then.
    pub(super) fn replace(&self, by: &Credentials) {
        let held = by.0.read().clone();
        *self.0.write() = held;
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        self.0.read().certified.clone()
    }
}

impl ResolvesServerCert for Credentials {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }
}

impl ResolvesClientCert for Credentials {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
