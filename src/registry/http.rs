//! HTTP for the registries that speak it: several addresses, TLS, JSON, and answers of bounded size.

use super::store::Failure;
use super::store::files::{file, unreadable};
use crate::config::RegistrySection;
use reqwest::{Certificate, Client, Identity, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::error::Error;
use std::time::Duration;

/// One address is dialled for this long.
const DIAL_DEADLINE: Duration = Duration::from_secs(2);
/// A connection without a byte is asked so often, by the system, whether the other end is still there; after three times without an answer it
/// breaks. Costs no request, and notices a machine or a network that is gone.
const PROBE_EVERY: Duration = Duration::from_secs(2);
const PROBES: u32 = 3;
/// Longest answer that is read.
pub(super) const MOST_BYTES: usize = 64 << 20;
/// Longest text of the registry's own that is quoted.
const MOST_QUOTED: usize = 300;
/// Connections that are kept for the next request: for what is watched, and for everything else. Some registries count them.
const KEPT_OPEN: usize = 2;

/// A registry's HTTP servers.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    /// As sentences name it, such as `etcd at 10.0.0.1:2379`.
    label: String,
    addresses: Vec<String>,
    scheme: &'static str,
}

impl Http {
    /// Errors: a file of `registry` that cannot be read or makes no sense, with its key.
    pub(super) fn new(product: &str, registry: &RegistrySection) -> Result<Self, Failure> {
        // A proxy of the environment is for the web; the registry is near.
        let mut builder = Client::builder().connect_timeout(DIAL_DEADLINE).no_proxy().tcp_nodelay(true).user_agent("sinew");
        builder = builder.tcp_keepalive(PROBE_EVERY).tcp_keepalive_interval(PROBE_EVERY).tcp_keepalive_retries(PROBES);
        builder = builder.pool_max_idle_per_host(KEPT_OPEN);
        if registry.tls {
            if let Some(path) = &registry.ca {
                let authorities =
                    Certificate::from_pem_bundle(&file("ca", path)?).map_err(|error| unreadable("ca", path, &chain(&error)))?;
                builder = builder.tls_certs_only(authorities);
            }
            if let (Some(cert), Some(key)) = (&registry.cert, &registry.key) {
                let both = [file("key", key)?, file("cert", cert)?].concat();
                builder = builder.identity(Identity::from_pem(&both).map_err(|error| unreadable("cert", cert, &chain(&error)))?);
            }
        } else {
            // Reading the operating system's authorities takes a while, and nobody will be asked for a certificate.
            builder = builder.tls_certs_only([]);
        }
        if !registry.tls {
            // Nobody is believed who is never asked: reading the system's authorities takes longer than everything else here.
            builder = builder.tls_certs_only([]);
        }
        let addresses = registry.addresses.clone();
        let label = format!("{product} at {}", addresses.join(", "));
        let client = builder.build().map_err(|error| Failure(format!("{label} cannot be spoken to: {}", chain(&error))))?;
        let scheme = if registry.tls { "https" } else { "http" };
        Ok(Self { client, label, addresses, scheme })
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Sends what `build` makes of the client and the base URL to one address alone, by its place in the list. Whatever it answers is an answer.
    pub(super) async fn send_to(&self, index: usize, build: impl Fn(&Client, &str) -> RequestBuilder) -> Result<Response, Failure> {
        let address = &self.addresses[index];
        build(&self.client, &format!("{}://{address}", self.scheme)).send().await.map_err(|error| self.unreached(address, &error))
    }

    /// The whole answer, if it is not too long.
    pub(super) async fn body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(Failure(format!("{} answers with more than {MOST_BYTES} bytes", self.label)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The answer as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| {
            let said = quoted(body);
            Failure(format!("{} answers with something else than expected ({error}): {said}; is it really that product?", self.label))
        })
    }

    /// A refusal in the registry's own words.
    pub(super) fn refused(&self, status: u16, said: &[u8]) -> Failure {
        Failure(format!("{} answers {status}: {}", self.label, quoted(said)))
    }

    /// The connection broke while an answer was read.
    pub(super) fn broken(&self, error: &reqwest::Error) -> Failure {
        Failure(format!("{}: the connection broke: {}", self.label, chain(error)))
    }

    fn unreached(&self, address: &str, error: &reqwest::Error) -> Failure {
        let (what, cure) = match (error.is_connect(), self.scheme) {
            (true, "https") => ("cannot be reached", "is it running, and does registry.ca vouch for this name?"),
            (false, _) if error.is_timeout() => ("does not answer", "is it running?"),
            (true, _) => ("cannot be reached", "is it running, and is registry.addresses right?"),
            (false, "https") => ("breaks off", "does it speak TLS, and does it want registry.cert and registry.key, or others?"),
            _ => ("breaks off", "is it that product, and does it speak TLS or not as registry.tls says?"),
        };
        Failure(format!("{} {what} at {address}: {}; {cure}", self.label, chain(error)))
    }
}

/// An error and what caused it, as one half sentence; the URL of the request is known.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !words.iter().any(|before| before.contains(&text)) {
            words.push(text);
        }
        next = error.source();
    }
    // The last cause says it; what is before it only says that something failed.
    words.pop().unwrap_or_default()
}

fn quoted(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(&said[..said.len().min(MOST_QUOTED)]);
    let text: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.is_empty() { "nothing".into() } else { format!("\"{text}\"") }
}
