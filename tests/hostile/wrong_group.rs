//! A true member of the cluster, with a certificate and in the registry, but of a group that may have no link with the server it dials.

use crate::campaign::{End, Misdeed, capture, field, flood, wage};
use crate::client::{Line, Target, gullible};
use crate::client_hello::record;
use crate::field::{ALPN, Field};
use crate::wire::{
    BEGIN, CONTINUE, CONTROL, Claim, Control, Goodbye, Hello, MAX_CONTROL_BYTES, MESSAGE, Refusal, RefusalCode, Visibility, Welcome, begin,
    frame, header, message,
};
use rustls::ClientConfig;
use sinew::Rejection::{self, Aborted, Malformed, NotTls, Refused, TimedOut};
use sinew::transport::tls::Tls;
use std::io::Write;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const SLOW: &str = "limits.handshake_ms";
const STRANGER: &str = "groups `vault` and `world` are not connected";
const NO_CONTROL: &str = "malformed control message";
const BROKEN: &str = "breaks the TLS protocol";

#[test]
fn a_member_of_a_group_that_is_not_connected_gets_no_link() {
    let mut field = field();
    let vault = field.register("vault", "mallory");
    let honest = Control::Hello(Hello { from: honest(&field), ..field.target().hello(1, "honest") }).frame();
    let captured = capture(&mut field);
    let scene = Scene { tls: vault.tls.clone(), hello: hello(&field, vault.id()), config: bare(&field, &[ALPN]) };
    let mut misdeeds = scene.framing();
    misdeeds.extend(scene.order());
    misdeeds.extend(scene.claims(&honest, field.honest().get()));
    misdeeds.extend(scene.behind_the_hello());
    misdeeds.extend(scene.silence());
    misdeeds.extend(scene.records(&captured));
    misdeeds.extend(protocols(&field));
    misdeeds.push(Misdeed::new("a flood of connections", End::Flood, flood));
    wage(&mut field, misdeeds);
}

/// What vault/mallory would say, were it let in.
fn hello(field: &Field, id: u64) -> Hello {
    let mut hello = field.target().hello(id, "mallory");
    hello.from.group = "vault".into();
    hello.terms.dialer_visibility = Some(Visibility::Internal);
    hello.terms.dialer_connects_to_acceptor = false;
    hello
}

fn honest(field: &Field) -> Claim {
    Claim { id: field.honest().get(), group: "lobby".into(), name: "honest".into(), incarnation: u64::MAX }
}

fn bare(field: &Field, alpn: &[&[u8]]) -> ClientConfig {
    gullible(Some(field.keys.shown("vault", "mallory")), alpn)
}

/// What the attacker has.
struct Scene {
    tls: Tls,
    hello: Hello,
    /// The same certificate, for TLS that is not as it should be.
    config: ClientConfig,
}

impl Scene {
    fn deed<F>(
        &self,
        name: &'static str,
        reason: Rejection,
        says: &'static str,
        deed: impl Fn(Target, Line) -> F + Send + Sync + 'static,
    ) -> Misdeed
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (tls, deed) = (self.tls.clone(), Arc::new(deed));
        Misdeed::new(name, End::Rejected(reason, says), move |target: Target| {
            let (tls, deed) = (tls.clone(), deed.clone());
            async move {
                let line = target.tls(&tls).await;
                deed(target, line).await;
            }
        })
    }

    /// These bytes over TLS, then silence until the server closes.
    fn says(&self, name: &'static str, reason: Rejection, says: &'static str, bytes: impl Into<Vec<u8>>) -> Misdeed {
        let bytes: Vec<u8> = bytes.into();
        self.deed(name, reason, says, move |_, mut line| {
            let bytes = bytes.clone();
            async move {
                line.write(&bytes).await;
                line.ended().await;
            }
        })
    }

    /// A hello that is wrong in one place, and refused for it.
    fn claim(&self, name: &'static str, says: &'static str, change: impl FnOnce(&mut Hello)) -> Misdeed {
        let mut hello = self.hello.clone();
        change(&mut hello);
        self.says(name, Refused, says, Control::Hello(hello).frame())
    }

    fn framing(&self) -> Vec<Misdeed> {
        let says = |name, says, bytes: Vec<u8>| self.says(name, Malformed, says, bytes);
        let early = "a message before the handshake is complete";
        let long = Control::Hello(Hello { cluster: "x".repeat(MAX_CONTROL_BYTES), ..self.hello.clone() }).frame();
        let mut trailing = Control::Hello(self.hello.clone()).body();
        trailing.push(0);
        let mut cut = Control::Hello(self.hello.clone()).body();
        cut.pop();
        vec![
            says(
                "a control frame of 4 GiB",
                "a control frame of 4294967295 bytes is over the limit",
                header(u32::MAX, CONTROL, 0, 0).into(),
            ),
            says("a message of 4 GiB", "a frame of 4294967295 bytes is over the limit", header(u32::MAX, MESSAGE, 0, 0).into()),
            says("a first fragment of 4 GiB", "a frame of 4294967295 bytes is over the limit", header(u32::MAX, BEGIN, 0, 0).into()),
            says("a fragment of 4 GiB", "a frame of 4294967295 bytes is over the limit", header(u32::MAX, CONTINUE, 0, 0).into()),
            says("a control frame one byte too long", "is over the limit of 65536", frame(CONTROL, 0, 0, &vec![0; MAX_CONTROL_BYTES + 1])),
            says("a hello that is too long", "is over the limit of 65536", long),
            says("a message", early, message(7, b"early")),
            says("a message by an unreliable frame", early, frame(MESSAGE, 1, 7, b"early")),
            says("a first fragment", early, begin(0, 1, 70_000, &[7; 10])),
            says("a further fragment", early, frame(CONTINUE, 0, 1, &[7; 10])),
            says("a flag of a control frame", "reserved flag bits set", frame(CONTROL, 0x01, 0, &[])),
            says("all flags of a message", "reserved flag bits set", frame(MESSAGE, 0xff, 0, &[])),
            says("a tag of a control frame", "control frame with tag 9", frame(CONTROL, 0, 9, &[])),
            says("a kind of frame that is none", "unknown frame kind 4", frame(4, 0, 0, &[])),
            says("the last kind of frame that is none", "unknown frame kind 255", frame(255, 0, 0, &[])),
            says("an empty control frame", NO_CONTROL, frame(CONTROL, 0, 0, &[])),
            says("a control message that is none", NO_CONTROL, frame(CONTROL, 0, 0, &[200])),
            says("a control message of a number without end", NO_CONTROL, frame(CONTROL, 0, 0, &[0xff; 32])),
            says("64 KiB of ones in a control frame", NO_CONTROL, frame(CONTROL, 0, 0, &[0xff; MAX_CONTROL_BYTES])),
            says("a name of 2^63 bytes", NO_CONTROL, frame(CONTROL, 0, 0, &[0, 1, 1, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0x80])),
            says("a name that is no UTF-8", NO_CONTROL, frame(CONTROL, 0, 0, &[0, 1, 1, 2, 0xc3, 0x28])),
            says("a hello with a byte behind it", "1 bytes are left over", frame(CONTROL, 0, 0, &trailing)),
            says("a hello that lacks a byte", NO_CONTROL, frame(CONTROL, 0, 0, &cut)),
            says("HTTP over TLS", "unknown frame kind 47", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            says("text over TLS", "unknown frame kind 109", b"let me in, please".to_vec()),
            says("zeros over TLS", NO_CONTROL, vec![0; 4096]),
        ]
    }

    /// Steps that are not the first.
    fn order(&self) -> Vec<Misdeed> {
        let says = |name, says, control: Control| self.says(name, Malformed, says, control.frame());
        let welcome = Welcome { protocol: 1, from: self.hello.from.clone(), terms: self.hello.terms.clone(), resumed: false };
        let refusal = Refusal { code: RefusalCode::Identity, text: format!("no\nERROR a forged line\x1b[31m{}", "x".repeat(60_000)) };
        let datagrams = "expected hello, found datagrams";
        vec![
            says("a welcome first", "expected hello, found welcome", Control::Welcome(welcome)),
            says("a confirm first", "expected hello, found confirm", Control::Confirm),
            says("a confirmed first", "expected hello, found confirmed", Control::Confirmed),
            says("a ping first", "expected hello, found ping", Control::Ping { stamp: 1 }),
            says("a forged pong", "expected hello, found pong", Control::Pong { stamp: u64::MAX }),
            says("a forged acknowledgement", "expected hello, found ack", Control::Ack { received: 1000 }),
            says("a forged resume", "expected hello, found resume", Control::Resume { received: 1000 }),
            says("the greatest acknowledgement", "expected hello, found ack", Control::Ack { received: u64::MAX }),
            says("a forged goodbye: stopped", "expected hello, found goodbye", Control::Goodbye(Goodbye::Stopped)),
            says("a forged goodbye: you left", "expected hello, found goodbye", Control::Goodbye(Goodbye::YouLeft)),
            says("a forged goodbye: superseded", "expected hello, found goodbye", Control::Goodbye(Goodbye::Superseded)),
            says("a wish for datagrams", datagrams, Control::DatagramsWanted),
            says("a forged binding of datagrams", datagrams, Control::Datagrams { binding: [7; 32] }),
            says("datagrams that were bound", datagrams, Control::DatagramsBound),
            self.says("a refusal first", Refused, "refused by the other side", Control::Refused(refusal).frame()),
        ]
    }

    /// Proper hellos that are not true, or true and not enough.
    fn claims(&self, honest: &[u8], honest_id: u64) -> Vec<Misdeed> {
        let other = "shows a certificate for vault/mallory";
        let to = self.hello.to;
        let id = |name, id: u64| {
            let hello = Hello { from: Claim { id, ..self.hello.from.clone() }, ..self.hello.clone() };
            self.says(name, Malformed, "a server id is between 1 and 2^53 - 1", Control::Hello(hello).frame())
        };
        vec![
            self.claim("the truth", STRANGER, |_| {}),
            self.claim("an honest server's id", STRANGER, |hello| hello.from.id = honest_id),
            self.claim("the newest of incarnations", STRANGER, |hello| hello.from.incarnation = u64::MAX),
            self.claim("another group", other, |hello| hello.from.group = "lobby".into()),
            self.claim("the server's own group", other, |hello| hello.from.group = "world".into()),
            self.claim("another name", other, |hello| hello.from.name = "honest".into()),
            self.claim("no name", other, |hello| hello.from.name.clear()),
            self.claim("a name of 60 KiB with lines in it", "a server that says it is", |hello| hello.from.name = "\nERROR ".repeat(8000)),
            self.says("an honest server's hello, replayed", Refused, other, honest),
            self.claim("the server's own id", "two servers are running as vault/mallory", move |hello| hello.from.id = to),
            self.claim("a hello for another server", "not server 4711", |hello| hello.to = 4711),
            self.claim("another cluster", "is of cluster `other`", |hello| hello.cluster = "other".into()),
            self.claim("only newer versions", "speaks protocol versions 7 to 9", |hello| (hello.protocol_min, hello.protocol_max) = (7, 9)),
            self.claim("versions upside down", "speaks protocol versions 9 to 0", |hello| {
                (hello.protocol_min, hello.protocol_max) = (9, 0)
            }),
            self.claim("another app version", "app version", |hello| hello.terms.app_version = "2.0".into()),
            self.claim("a topology by which it dials", "different topologies", |hello| hello.terms.dialer_connects_to_acceptor = true),
            self.claim("a topology by which it is dialled", "different topologies", |hello| hello.terms.acceptor_connects_to_dialer = true),
            self.claim("a group that accepts clients", "different topologies", |hello| {
                hello.terms.dialer_visibility = Some(Visibility::External)
            }),
            self.claim("a group that it does not know", "different topologies", |hello| hello.terms.acceptor_visibility = None),
            id("the id of nobody", 0),
            id("an id that is too great", 1 << 53),
        ]
    }

    /// What follows a hello is not waited for and not looked at.
    fn behind_the_hello(&self) -> Vec<Misdeed> {
        let hello = Control::Hello(self.hello.clone()).frame();
        let behind = |name, more: Vec<u8>| self.says(name, Refused, STRANGER, [&hello[..], &more].concat());
        vec![
            behind("a second hello", hello.clone()),
            behind("a confirm without a welcome", Control::Confirm.frame()),
            behind("a confirm and messages", [Control::Confirm.frame(), message(7, b"early").repeat(100)].concat()),
            behind("a forged acknowledgement behind a hello", Control::Ack { received: 1 }.frame()),
            behind("a forged goodbye behind a hello", Control::Goodbye(Goodbye::Stopped).frame()),
            behind("words about datagrams behind a hello", Control::Datagrams { binding: [7; 32] }.frame()),
            behind("a thousand pings behind a hello", Control::Ping { stamp: 1 }.frame().repeat(1000)),
            behind("4 GiB behind a hello", header(u32::MAX, MESSAGE, 0, 1).into()),
        ]
    }

    fn silence(&self) -> Vec<Misdeed> {
        let hello = Control::Hello(self.hello.clone()).frame();
        let slow = |name, bytes: &[u8]| self.says(name, TimedOut, SLOW, bytes);
        let gone = |name, bytes: &[u8]| {
            let bytes = bytes.to_vec();
            self.deed(name, Aborted, "the other side closed the connection", move |_, mut line| {
                let bytes = bytes.clone();
                async move { line.write(&bytes).await }
            })
        };
        let trickle = hello.clone();
        vec![
            slow("no hello", b""),
            slow("half a header", &hello[..5]),
            slow("a header", &hello[..8]),
            slow("all of a hello but a byte", &hello[..hello.len() - 1]),
            gone("to close without a hello", b""),
            gone("to close within a header", &hello[..3]),
            gone("to close within a hello", &hello[..20]),
            self.deed("a hello that trickles", TimedOut, SLOW, move |target, mut line| {
                let trickle = trickle.clone();
                async move {
                    let mut beat = tokio::time::interval(target.deadline / 20);
                    for byte in trickle.iter().take(30) {
                        beat.tick().await;
                        line.write(&[*byte]).await;
                    }
                    line.ended().await;
                }
            }),
        ]
    }

    /// TLS as it should be, until the handshake is complete.
    fn records(&self, captured: &[u8]) -> Vec<Misdeed> {
        let open = |name, reason, says, make: fn(&mut TlsStream<TcpStream>) -> Vec<u8>| {
            let config = self.config.clone();
            Misdeed::new(name, End::Rejected(reason, says), move |target: Target| {
                let config = config.clone();
                async move {
                    let mut stream = target.open(config).await.expect("this side takes any server");
                    let bytes = make(&mut stream);
                    // The server may have closed before everything is written.
                    let _ = stream.get_mut().0.write_all(&bytes).await;
                    let (socket, _) = stream.into_inner();
                    Line::over(socket, target.deadline * 2).ended().await;
                }
            })
        };
        let mut misdeeds = vec![
            open("a record that nobody sealed", NotTls, BROKEN, |_| record(23, &[7; 64])),
            open("an empty record that nobody sealed", NotTls, BROKEN, |_| record(23, &[])),
            open("a record of 64 KiB", NotTls, BROKEN, |_| vec![23, 3, 3, 0xff, 0xff]),
            open("a handshake message in the clear", NotTls, BROKEN, |_| record(22, &[24, 0, 0, 1, 0])),
            open("an alert in the clear", NotTls, BROKEN, |_| record(21, &[2, 40])),
            open("a record of no kind", NotTls, BROKEN, |_| record(99, &[7; 64])),
            open("plain text behind the handshake", NotTls, BROKEN, |_| b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            open("a record twice", NotTls, BROKEN, |stream| sealed(stream, 1).repeat(2)),
            open("a record lost", NotTls, BROKEN, |stream| {
                sealed(stream, 1);
                sealed(stream, 1)
            }),
            open("a bit of a record flipped", NotTls, BROKEN, |stream| {
                let mut bytes = sealed(stream, 1);
                bytes[9] ^= 1;
                bytes
            }),
            open("half a record", TimedOut, SLOW, |stream| {
                let mut bytes = sealed(stream, 1);
                bytes.truncate(12);
                bytes
            }),
            open("a proper end before the hello", Aborted, "the other side closed the connection", |stream| {
                let (_, tls) = stream.get_mut();
                tls.send_close_notify();
                drain(stream)
            }),
            open("changes of keys without end", NotTls, BROKEN, |stream| {
                for _ in 0..64 {
                    stream.get_mut().1.refresh_traffic_keys().expect("new keys");
                }
                drain(stream)
            }),
        ];
        misdeeds.push(Misdeed::raw("an honest session, replayed", NotTls, BROKEN, captured));
        misdeeds
    }
}

/// The certificate is right, what it is used for is not.
fn protocols(field: &Field) -> Vec<Misdeed> {
    let speaks = |name, says: &'static str, alpn: &[&[u8]]| {
        let config = bare(field, alpn);
        Misdeed::new(name, End::Rejected(NotTls, says), move |target: Target| {
            let config = config.clone();
            async move {
                if let Ok(line) = target.bare(config).await {
                    line.ended().await;
                }
            }
        })
    };
    let other = "none of the protocols of this port";
    vec![
        speaks("no protocol", "did not name the protocol", &[]),
        speaks("the registry's protocol", other, &[b"sinew-registry/1"]),
        speaks("the datagrams' protocol", other, &[b"sinew-datagram/1"]),
        speaks("a protocol to come", other, &[b"sinew/2"]),
        speaks("HTTP", other, &[b"h2", b"http/1.1"]),
    ]
}

/// One record with the first bytes of a hello in it, not sent.
fn sealed(stream: &mut TlsStream<TcpStream>, bytes: usize) -> Vec<u8> {
    stream.get_mut().1.writer().write_all(&header(100, CONTROL, 0, 0)[..bytes]).expect("there is room");
    drain(stream)
}

fn drain(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let mut records = Vec::new();
    while stream.get_ref().1.wants_write() {
        stream.get_mut().1.write_tls(&mut records).expect("written to memory");
    }
    records
}
