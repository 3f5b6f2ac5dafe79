//! One connection to Redis: dialled, secured, signed in, and known to be a master.

use super::guard::{Guarded, Heard};
use super::words::{broken, closed, quoted, refused, unexpected};
use crate::config::RegistrySection;
use crate::registry::store::Failure;
use crate::registry::store::files::{file, secret, unreadable};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, ProtocolVersion, RedisConnectionInfo, Value, cmd};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How a Sentinel is called in sentences.
const SENTINEL: &str = "the Sentinel";

/// Where and how to dial.
pub(super) struct Dialler {
    addresses: Vec<String>,
    /// The master's name, where the addresses are those of Sentinels.
    sentinel: String,
    user: String,
    secret: Option<String>,
    database: u32,
    tls: Option<TlsConnector>,
    /// How long one address is tried.
    patience: Duration,
    /// The address that is tried first: the last good one, or the one after the last bad one.
    first: AtomicUsize,
}

/// What HELLO says of the other end.
struct Hello {
    mode: String,
    role: String,
}

impl Dialler {
    /// Errors: a file of `registry` that cannot be read or makes no sense, with its key.
    pub(super) fn new(registry: &RegistrySection, patience: Duration) -> Result<Self, Failure> {
        Ok(Self {
            addresses: registry.addresses.clone(),
            sentinel: registry.sentinel.clone(),
            user: registry.user.clone(),
            secret: secret(registry)?,
            database: registry.database,
            tls: if registry.tls { Some(tls(registry)?) } else { None },
            patience,
            first: AtomicUsize::new(0),
        })
    }

    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The first master that answers. Dropped on the way, the next call begins with the next address.
    pub(super) async fn dial(&self) -> Result<Link, Failure> {
        let (count, first) = (self.addresses.len(), self.first.load(Ordering::Relaxed));
        let mut failures: Vec<String> = Vec::new();
        for turn in 0..count {
            let index = (first + turn) % count;
            self.first.store((index + 1) % count, Ordering::Relaxed);
            let address = &self.addresses[index];
            let dialled = async { if self.sentinel.is_empty() { self.master(address).await } else { self.ask_sentinel(address).await } };
            match timeout(self.patience, dialled).await {
                Ok(Ok(link)) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok(link);
                }
                Ok(Err(failure)) => failures.push(failure.0),
                Err(_) => failures.push(format!(
                    "Redis at {address} does not answer within {} s; is it running, and does it speak TLS or not as registry.tls says?",
                    self.patience.as_secs_f32()
                )),
            }
        }
        if failures.is_empty() {
            failures.push("Redis: no address is configured".into());
        }
        Err(Failure(failures.join("; ")))
    }

    /// The next call of [`Dialler::dial`] begins with another address: this one answers, but is of no use.
    pub(super) fn skip(&self) {
        let next = (self.first.load(Ordering::Relaxed) + 1) % self.addresses.len().max(1);
        self.first.store(next, Ordering::Relaxed);
    }

    /// The master, as a Sentinel knows it.
    async fn ask_sentinel(&self, address: &str) -> Result<Link, Failure> {
        let (link, _) = self.connect(SENTINEL, address).await?;
        let ask = cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.sentinel).to_owned();
        match link.ask(&ask).await? {
            Value::Array(place) => match place.as_slice() {
                [Value::BulkString(host), Value::BulkString(port)] => {
                    let (host, port) = (String::from_utf8_lossy(host), String::from_utf8_lossy(port));
                    let host = if host.contains(':') { format!("[{host}]") } else { host.into_owned() };
                    self.master(&format!("{host}:{port}")).await
                }
                _ => Err(unexpected(&link.whom, "SENTINEL")),
            },
            Value::Nil => Err(Failure(format!("{} knows no master \"{}\"; correct registry.sentinel", link.whom, self.sentinel))),
            _ => Err(unexpected(&link.whom, "SENTINEL")),
        }
    }

    /// This server, and no other.
    pub(super) async fn master(&self, address: &str) -> Result<Link, Failure> {
        let (link, hello) = self.connect("Redis", address).await?;
        let whom = &link.whom;
        if hello.mode == "sentinel" {
            return Err(Failure(format!("{whom} is a Sentinel; set registry.sentinel to the name of the master")));
        }
        if hello.role == "replica" || hello.role == "slave" {
            let cure = if self.sentinel.is_empty() {
                "list its master in registry.addresses, or the Sentinels together with registry.sentinel"
            } else {
                "the Sentinels have not agreed on another master yet"
            };
            return Err(Failure(format!("{whom} is a replica and takes no entries; {cure}")));
        }
        if self.database != 0 {
            link.ask(cmd("SELECT").arg(self.database)).await?;
        }
        Ok(link)
    }

    async fn connect(&self, product: &str, address: &str) -> Result<(Link, Hello), Failure> {
        let whom = format!("{product} at {address}");
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| Failure(format!("{whom} cannot be reached: {error}; is it running, and is registry.addresses right?")))?;
        // Only slower without it.
        let _ = stream.set_nodelay(true);
        let link = match &self.tls {
            None => Link::over(stream, address, whom).await?,
            Some(tls) => {
                let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_start_matches('[').trim_end_matches(']');
                let name = ServerName::try_from(host.to_owned());
                let name =
                    name.map_err(|error| Failure(format!("{whom} cannot be spoken to by TLS: {error}; correct registry.addresses")))?;
                let secured = tls.connect(name, stream).await.map_err(|error| {
                    let cure = "does it speak TLS there, and does registry.ca vouch for it under this name?";
                    Failure(format!("{whom} cannot be spoken to by TLS: {}; {cure}", quoted(&error.to_string())))
                })?;
                Link::over(secured, address, whom).await?
            }
        };
        let hello = self.hello(&link, product).await?;
        Ok((link, hello))
    }

    /// Signs in. HELLO, because every user may ask it, and it says what the other end is.
    async fn hello(&self, link: &Link, product: &str) -> Result<Hello, Failure> {
        let stranger = cmd("HELLO").arg(2).to_owned();
        let mut hello = stranger.clone();
        if self.secret.is_some() || !self.user.is_empty() {
            let user = if self.user.is_empty() { "default" } else { &self.user };
            hello.arg("AUTH").arg(user).arg(self.secret.as_deref().unwrap_or_default());
        }
        // Sentinels have users of their own, and mostly none: they are told only if they ask.
        let answer = match link.answer(if product == SENTINEL { &stranger } else { &hello }).await? {
            Value::ServerError(error) if product == SENTINEL && error.code() == "NOAUTH" => link.ask(&hello).await?,
            Value::ServerError(error) => return Err(refused(&link.whom, &error)),
            answer => answer,
        };
        let Value::Array(fields) = answer else { return Err(unexpected(&link.whom, "HELLO")) };
        let field = |name: &str| {
            let value = fields.chunks_exact(2).find(|pair| text(&pair[0]) == Some(name)).and_then(|pair| text(&pair[1]));
            value.unwrap_or_default().to_owned()
        };
        Ok(Hello { mode: field("mode"), role: field("role") })
    }
}

fn tls(registry: &RegistrySection) -> Result<TlsConnector, Failure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let refused = |error: rustls::Error| Failure(format!("Redis cannot be spoken to by TLS: {error}"));
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(refused)?;
    let builder = match &registry.ca {
        None => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(refused)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&file("ca", path)?) {
                let certificate = certificate.map_err(|error| unreadable("ca", path, &error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable("ca", path, &error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(unreadable("ca", path, "it has no PEM certificate"));
            }
            builder.with_root_certificates(roots)
        }
    };
    let config = match (&registry.cert, &registry.key) {
        (Some(cert), Some(key)) => {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&file("cert", cert)?).collect();
            let chain = chain.map_err(|error| unreadable("cert", cert, &error.to_string()))?;
            let secret = PrivateKeyDer::from_pem_slice(&file("key", key)?).map_err(|error| unreadable("key", key, &error.to_string()))?;
            builder.with_client_auth_cert(chain, secret).map_err(|error| unreadable("cert", cert, &error.to_string()))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection. Closed when it is dropped.
pub(super) struct Link {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    heard: Arc<Heard>,
    pub(super) address: String,
    /// As sentences name it, such as `Redis at 10.0.0.1:6379`.
    pub(super) whom: String,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Link {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, address: &str, whom: String) -> Result<Self, Failure> {
        let heard = Heard::new();
        // Nothing is sent here: what Redis says to AUTH and SELECT is ours to tell.
        let info = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let guarded = Guarded::new(stream, heard.clone());
        let (connection, driver) =
            MultiplexedConnection::new_with_config(&info, guarded, config).await.map_err(|error| broken(&whom, &error))?;
        Ok(Self { connection, driver: tokio::spawn(driver), heard, address: address.to_owned(), whom })
    }

    /// Whether it has said anything since then.
    pub(super) fn heard_since(&self, when: Instant) -> bool {
        self.heard.since(when)
    }

    /// Whether it is known to have ended.
    pub(super) fn is_closed(&self) -> bool {
        self.driver.is_finished()
    }

    /// The answer to one command; an error of Redis is a failure.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, Failure> {
        match self.answer(command).await? {
            Value::ServerError(error) => Err(refused(&self.whom, &error)),
            value => Ok(value),
        }
    }

    /// The answer to one command, whatever it is.
    pub(super) async fn answer(&self, command: &Cmd) -> Result<Value, Failure> {
        let sent = self.connection.clone().send_packed_command(command).await;
        sent.map_err(
            |error| if self.is_closed() && error.is_connection_dropped() { closed(&self.whom) } else { broken(&self.whom, &error) },
        )
    }

    /// The answers to several, errors of Redis among them.
    pub(super) async fn answers(&self, commands: &Pipeline, count: usize) -> Result<Vec<Value>, Failure> {
        let sent = self.connection.clone().send_packed_commands(commands, 0, count).await;
        let answers = sent.map_err(|error| broken(&self.whom, &error))?;
        if answers.len() == count { Ok(answers) } else { Err(unexpected(&self.whom, "several commands")) }
    }
}

/// A text among the answers.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
