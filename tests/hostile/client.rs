//! A dialler without manners: any bytes over TCP, or over TLS with any certificate or none.

use crate::wire::{CONTROL, Claim, Control, Hello, Refusal, Terms, Visibility, header};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sinew::ServerId;
use sinew::transport::tls::Tls;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

/// Scheduling on a busy machine; far below the default deadline of 10 s, so a deadline that is not kept fails.
const SLACK: Duration = Duration::from_secs(6);

/// The server under attack.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) id: ServerId,
    /// Its `limits.handshake_ms`.
    pub(crate) deadline: Duration,
    /// The attacker's own address.
    pub(crate) source: IpAddr,
}

impl Target {
    pub(crate) async fn tcp(&self) -> Line {
        Line::over(self.connect().await, self.deadline + SLACK)
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((self.source, 0).into()).expect("an address of this machine");
        socket.connect(self.address).await.expect("the port is open")
    }

    pub(crate) async fn tls(&self, tls: &Tls) -> Line {
        let socket = self.connect().await;
        let (stream, _) = tls.connect(socket).await.expect("this side accepts the server");
        Line::over(stream, self.deadline + SLACK)
    }

    /// TLS as the server wants it, but no certificate. The server's verdict shows at the first read.
    pub(crate) async fn nameless(&self) -> Line {
        self.bare(gullible(None, &[crate::field::ALPN])).await.expect("this side asks for nothing")
    }

    /// TLS by plain rustls.
    pub(crate) async fn bare(&self, config: ClientConfig) -> std::io::Result<Line> {
        Ok(Line::over(self.open(config).await?, self.deadline + SLACK))
    }

    /// The same with its inside open: the socket below the records, and the maker of records.
    pub(crate) async fn open(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("anything").expect("a name");
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, self.connect().await).await
    }

    /// What lobby/`name` would say, were it server `id`.
    pub(crate) fn hello(&self, id: u64, name: &str) -> Hello {
        Hello {
            protocol_min: 1,
            protocol_max: 1,
            cluster: "default".into(),
            from: Claim { id, group: "lobby".into(), name: name.into(), incarnation: 1 },
            to: self.id.get(),
            terms: Terms {
                app_version: String::new(),
                mixed_app_versions: false,
                dialer_visibility: Some(Visibility::External),
                acceptor_visibility: Some(Visibility::Internal),
                dialer_connects_to_acceptor: true,
                acceptor_connects_to_dialer: false,
            },
            session: 1,
            resume: None,
        }
    }
}

pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// One connection to the target.
pub(crate) struct Line {
    stream: Box<dyn Socket>,
    patience: Duration,
}

impl Line {
    pub(crate) fn over(stream: impl Socket + 'static, patience: Duration) -> Self {
        Self { stream: Box::new(stream), patience }
    }

    /// The server may close before everything is written; whether it does is asked by [`Line::closed`].
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    pub(crate) async fn say(&mut self, control: Control) {
        self.write(&control.frame()).await;
    }

    /// The next control message; `None` when the server has closed. Skips messages.
    pub(crate) async fn hear(&mut self) -> Option<Control> {
        tokio::time::timeout(self.patience, self.frame()).await.unwrap_or_else(|_| panic!("not a word within {:?}", self.patience))
    }

    async fn frame(&mut self) -> Option<Control> {
        loop {
            let mut head = [0; 8];
            self.stream.read_exact(&mut head).await.ok()?;
            let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            let mut body = vec![0; len as usize];
            self.stream.read_exact(&mut body).await.ok()?;
            if head[4] == CONTROL {
                assert_eq!(head, header(len, CONTROL, 0, 0));
                return Some(Control::parse(&body));
            }
        }
    }

    /// Waits for a control message that `wanted` answers to; pings and acknowledgements pass by.
    pub(crate) async fn expect<T>(&mut self, what: &str, mut wanted: impl FnMut(&Control) -> Option<T>) -> T {
        loop {
            match self.hear().await {
                Some(control) => {
                    if let Some(found) = wanted(&control) {
                        return found;
                    }
                }
                None => panic!("closed before {what}"),
            }
        }
    }

    /// The server closes within its deadline. Answers the last thing it said of why.
    pub(crate) async fn closed(mut self) -> Option<Refusal> {
        let mut refusal = None;
        let patience = self.patience;
        let end = async {
            while let Some(control) = self.frame().await {
                if let Control::Refused(why) = control {
                    refusal = Some(why);
                }
            }
        };
        tokio::time::timeout(patience, end).await.unwrap_or_else(|_| panic!("still open after {patience:?}"));
        refusal
    }

    /// The server closes within its deadline, whatever it says before.
    pub(crate) async fn ended(mut self) {
        let mut sink = [0; 4096];
        let end = async { while matches!(self.stream.read(&mut sink).await, Ok(read) if read > 0) {} };
        tokio::time::timeout(self.patience, end).await.unwrap_or_else(|_| panic!("still open after {:?}", self.patience));
    }

    /// Goes through the handshake as it should be. True: the session that the hello named goes on.
    pub(crate) async fn agree(&mut self, hello: Hello) -> bool {
        self.say(Control::Hello(hello)).await;
        let welcome = |control: &Control| if let Control::Welcome(welcome) = control { Some(welcome.resumed) } else { None };
        let resumed = self.expect("welcome", welcome).await;
        self.say(Control::Confirm).await;
        self.expect("confirmed", |control| matches!(control, Control::Confirmed).then_some(())).await;
        resumed
    }
}

/// A client that takes any server, and shows what it is told to.
pub(crate) fn gullible(shown: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, alpn: &[&[u8]]) -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Gullible));
    let mut config = match shown {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).expect("a key that fits"),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// Believes every server.
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
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
