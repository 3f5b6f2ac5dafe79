//! Who has no key of the cluster, and a long list of what to try without one.

use crate::campaign::{End, Misdeed, capture, field, flood, wage};
use crate::client::{Line, Target, gullible};
use crate::client_hello::*;
use crate::field::{ALPN, Keys};
use crate::wire::{CONTROL, Control, Goodbye, header, message};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sinew::Rejection::{Aborted, NotTls, TimedOut, Untrusted};
use sinew::transport::tls::Tls;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UdpSocket;

/// What the log says of it.
const NO_TLS: &str = "begins no TLS connection";
const HTTP: &str = "this is plain HTTP";
const BROKEN: &str = "breaks the TLS protocol";
const OLD: &str = "offers only TLS 1.2 or older";
const OTHER_PROTOCOL: &str = "none of the protocols of this port";
const NO_CERTIFICATE: &str = "presented no certificate";
const FOREIGN: &str = "signed by another cluster's key";
const SLOW: &str = "limits.handshake_ms";
const GONE: &str = "during the TLS handshake";

#[test]
fn without_a_key_nothing_gets_further_than_tls() {
    let mut field = field();
    let hello = Control::Hello(field.target().hello(4711, "honest")).frame();
    let mut misdeeds = no_tls(&hello);
    misdeeds.extend(broken_tls());
    misdeeds.extend(client_hellos());
    misdeeds.extend(unfinished());
    misdeeds.extend(certificates(&field.keys));
    misdeeds.extend(replays(capture(&mut field)));
    misdeeds.push(Misdeed::new("a flood of connections", End::Flood, flood));
    misdeeds.extend(packets(&hello));
    wage(&mut field, misdeeds);
}

fn no_tls(hello: &[u8]) -> Vec<Misdeed> {
    let plain = |name, bytes: &[u8]| Misdeed::raw(name, NotTls, NO_TLS, bytes);
    let http = |name, bytes: &[u8]| Misdeed::raw(name, NotTls, HTTP, bytes);
    vec![
        http("GET", b"GET / HTTP/1.1\r\nHost: game.example\r\n\r\n"),
        http("a websocket", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        http("HTTP/2 without TLS", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        http("a proxy's CONNECT", b"CONNECT game.example:443 HTTP/1.1\r\n\r\n"),
        plain("SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
        plain("SMTP", b"EHLO mail.example\r\n"),
        plain("SOCKS 5", b"\x05\x01\x00"),
        plain("PostgreSQL's question for TLS", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"),
        plain("remote desktop", b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"),
        plain("a PROXY header", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"),
        plain("SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80"),
        plain("64 KiB of zeros", &[0; 65536]),
        plain("64 KiB of ones", &[0xff; 65536]),
        plain("a hello without TLS", hello),
        plain("a frame of 4 GiB without TLS", &header(u32::MAX, CONTROL, 0, 0)),
        plain("a message without TLS", &message(7, b"early")),
        plain("a goodbye without TLS", &Control::Goodbye(Goodbye::Stopped).frame()),
        plain("an acknowledgement without TLS", &Control::Ack { received: 9 }.frame()),
        plain("a word about datagrams without TLS", &Control::Datagrams { binding: [7; 32] }.frame()),
        plain("a QUIC packet over TCP", &long_header(1)),
        plain("an alert first", &record(21, &[2, 40])),
        plain("application data first", &record(23, &[7; 64])),
        plain("a change of ciphers first", &record(20, &[1])),
    ]
}

fn broken_tls() -> Vec<Misdeed> {
    let broken = |name, bytes: Vec<u8>| Misdeed::raw(name, NotTls, "the peer", bytes);
    let hello = ClientHello::genuine().message();
    vec![
        broken("text in a record", record(HANDSHAKE, b"sixteen bytes!!!")),
        broken("a record of 64 KiB", b"\x16\x03\x01\xff\xff\x01\x00\xff\xff".to_vec()),
        broken("a record one byte too long", [&[HANDSHAKE, 3, 3, 0x48, 1][..], &[1; 0x4801]].concat()),
        broken("records without content", record(HANDSHAKE, &[]).repeat(1000)),
        broken("a record of SSL 2's version", b"\x16\x02\x00\x00\x04\x01\x00\x00\x00".to_vec()),
        broken("a message of 16 MiB", record(HANDSHAKE, b"\x01\xff\xff\xff\x03\x03")),
        broken("a message of 16 MiB that goes on", record(HANDSHAKE, &[&b"\x01\xff\xff\xff\x03\x03"[..], &[0; 16000]].concat()).repeat(8)),
        broken("a server's hello", record(HANDSHAKE, &handshake(2, &[3; 80]))),
        broken("the last step first", record(HANDSHAKE, &handshake(20, &[3; 32]))),
        broken("a certificate first", record(HANDSHAKE, &handshake(11, &[0; 32]))),
        broken("a change of keys first", record(HANDSHAKE, &handshake(24, &[0]))),
        broken("a message of no kind", record(HANDSHAKE, &handshake(99, &[3; 32]))),
        broken("an empty ClientHello", record(HANDSHAKE, &handshake(1, &[]))),
        broken("a ClientHello of zeros", record(HANDSHAKE, &handshake(1, &[0; 512]))),
        broken("two ClientHellos in one record", record(HANDSHAKE, &hello.repeat(2))),
        broken("two ClientHellos in a row", record(HANDSHAKE, &hello).repeat(2)),
        broken("application data behind a ClientHello", [record(HANDSHAKE, &hello), record(23, &[7; 64])].concat()),
        broken("garbage behind a ClientHello", [record(HANDSHAKE, &hello), vec![0xaa; 64]].concat()),
        broken("an alert behind a ClientHello", [record(HANDSHAKE, &hello), record(21, &[2, 40])].concat()),
    ]
}

/// A proper ClientHello but for one thing.
fn client_hellos() -> Vec<Misdeed> {
    let genuine = ClientHello::genuine();
    let broken = |name, hello: ClientHello| Misdeed::raw(name, NotTls, BROKEN, hello.record());
    let old = |name, hello: ClientHello| Misdeed::raw(name, NotTls, OLD, hello.record());
    let changed = |change: fn(&mut ClientHello)| {
        let mut hello = genuine.clone();
        change(&mut hello);
        hello
    };
    let other = |name, protocols: Vec<u8>| Misdeed::raw(name, NotTls, OTHER_PROTOCOL, genuine.clone().with(PROTOCOLS, protocols).record());
    let cut = |left: usize| {
        let body = genuine.body();
        record(HANDSHAKE, &handshake(1, &body[..body.len() - left]))
    };
    let all_protocols: Vec<u8> = (0..400).flat_map(|number| prefixed(1, format!("sinew/1-{number}").as_bytes())).collect();
    let early = genuine.clone().with(EARLY_DATA, []).record();
    let share = |group: u16, key: &[u8]| prefixed(2, &[&group.to_be_bytes()[..], &prefixed(2, key)].concat());
    vec![
        old("only TLS 1.2", genuine.clone().with(SUPPORTED_VERSIONS, [2, 3, 3])),
        old("only TLS 1.2, as it was then", genuine.clone().without(SUPPORTED_VERSIONS).without(KEY_SHARE)),
        old("only TLS 1.0", {
            let mut hello = genuine.clone().without(SUPPORTED_VERSIONS).without(KEY_SHARE);
            hello.version = [3, 1];
            hello
        }),
        old("only a version to come", genuine.clone().with(SUPPORTED_VERSIONS, [2, 0x7f, 0x1c])),
        broken("no versions", genuine.clone().with(SUPPORTED_VERSIONS, [0])),
        broken("no cipher suites", changed(|hello| hello.suites.clear())),
        broken("unknown cipher suites", changed(|hello| hello.suites = vec![0x5a; 64])),
        broken("half a cipher suite", changed(|hello| hello.suites = vec![0x13])),
        broken("no way to compress", changed(|hello| hello.compression.clear())),
        broken("compression", changed(|hello| hello.compression = vec![1])),
        broken("a session id that is too long", changed(|hello| hello.session = vec![7; 33])),
        broken("extensions twice", changed(|hello| hello.extensions.extend(hello.extensions.clone()))),
        // What follows the random then begins with the session id's bytes: a length of 255, always.
        broken("a random that is too short", changed(|hello| (hello.random, hello.session) = (vec![7; 20], vec![0xff; 32]))),
        broken("no key share", genuine.clone().without(KEY_SHARE)),
        broken("a key share of no length", genuine.clone().with(KEY_SHARE, share(0x001d, &[]))),
        broken("a key share of zeros", genuine.clone().with(KEY_SHARE, share(0x001d, &[0; 32]))),
        broken("a key share that is too short", genuine.clone().with(KEY_SHARE, share(0x001d, &[9; 31]))),
        broken("no groups", genuine.clone().with(SUPPORTED_GROUPS, [0, 0])),
        broken("unknown groups", genuine.clone().with(SUPPORTED_GROUPS, [0, 2, 0xfe, 0xfe]).with(KEY_SHARE, share(0xfefe, &[9; 32]))),
        broken("no signatures", genuine.clone().without(SIGNATURE_ALGORITHMS)),
        broken("signatures by SHA-1 only", genuine.clone().with(SIGNATURE_ALGORITHMS, [0, 2, 2, 1])),
        broken("an invented ticket", genuine.clone().without(PRE_SHARED_KEY).with(PRE_SHARED_KEY, [0xff; 64])),
        broken("an empty list of protocols", genuine.clone().with(PROTOCOLS, [0, 0])),
        broken("a protocol without a name", genuine.clone().with(PROTOCOLS, [0, 1, 0])),
        Misdeed::raw("a ClientHello cut short by a byte", NotTls, BROKEN, cut(1)),
        Misdeed::raw("a ClientHello cut in half", NotTls, BROKEN, cut(genuine.body().len() / 2)),
        other("HTTP/2's protocol", b"\x00\x03\x02h2".to_vec()),
        other("the registry's protocol", prefixed(2, &prefixed(1, b"sinew-registry/1"))),
        other("a protocol of the greatest length", prefixed(2, &prefixed(1, &[b's'; 255]))),
        other("400 protocols", prefixed(2, &all_protocols)),
        // Early data is passed over, as the standard wants it, but not without end.
        Misdeed::raw("early data", TimedOut, SLOW, [&early[..], &record(23, &[7; 64])].concat()),
        Misdeed::raw("early data without end", NotTls, "the peer", [&early[..], &record(23, &[7; 16_000]).repeat(20)].concat()),
        Misdeed::raw("a cookie that was never given", TimedOut, SLOW, genuine.clone().with(COOKIE, [0, 2, 7, 7]).record()),
        Misdeed::new("TLS without a protocol", End::Rejected(Untrusted, NO_CERTIFICATE), |target: Target| async move {
            if let Ok(line) = target.bare(gullible(None, &[])).await {
                line.ended().await;
            }
        }),
    ]
}

/// Those who wait, and those who go.
fn unfinished() -> Vec<Misdeed> {
    let hello = ClientHello::genuine().record();
    let slow = |name, bytes: &[u8]| Misdeed::raw(name, TimedOut, SLOW, bytes);
    let gone = |name, bytes: &[u8]| {
        let bytes = bytes.to_vec();
        Misdeed::new(name, End::Rejected(Aborted, GONE), move |target: Target| {
            let bytes = bytes.clone();
            async move { target.tcp().await.write(&bytes).await }
        })
    };
    let drips = |name, bytes: Vec<u8>| {
        Misdeed::new(name, End::Rejected(TimedOut, SLOW), move |target: Target| {
            let bytes = bytes.clone();
            async move {
                let mut line = target.tcp().await;
                let mut beat = tokio::time::interval(target.deadline / 40);
                for byte in bytes.iter().take(60) {
                    beat.tick().await;
                    line.write(&[*byte]).await;
                }
                line.ended().await;
            }
        })
    };
    vec![
        slow("silence", b""),
        slow("one byte", &hello[..1]),
        slow("a record's header", &hello[..5]),
        slow("all of a ClientHello but a byte", &hello[..hello.len() - 1]),
        slow("a ClientHello and silence", &hello),
        drips("a ClientHello that trickles", hello.clone()),
        drips("a ClientHello in records of a byte", hello[5..].iter().flat_map(|byte| record(HANDSHAKE, &[*byte])).collect()),
        gone("to connect and to close", b""),
        gone("to close within a ClientHello", &hello[..40]),
        Misdeed::new("to connect and to reset", End::Rejected(Aborted, GONE), |target: Target| async move {
            let socket = target.connect().await;
            socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("set");
        }),
        Misdeed::new("to say no more behind a ClientHello", End::Rejected(Aborted, GONE), move |target: Target| {
            let hello = hello.clone();
            async move {
                let mut socket = target.connect().await;
                socket.write_all(&hello).await.expect("written");
                socket.shutdown().await.expect("closed on this side");
                Line::over(socket, target.deadline * 2).ended().await;
            }
        }),
    ]
}

fn certificates(keys: &Keys) -> Vec<Misdeed> {
    let shows = |name, says: &'static str, shown: (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), alpn: &'static [u8]| {
        let config = gullible(Some(shown), &[alpn]);
        Misdeed::new(name, End::Rejected(Untrusted, says), move |target: Target| {
            let config = config.clone();
            async move {
                if let Ok(line) = target.bare(config).await {
                    line.ended().await;
                }
            }
        })
    };
    let own = |uri: &str| {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().expect("ASCII"))];
        let certificate = params.self_signed(&key).expect("signed").der().clone();
        (certificate, PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    };
    let (honest, key) = own("sinew://lobby/honest");
    let (nameless, other_key) = own("https://game.example");
    let other = Keys::new();
    let trusting = format!("cluster.trust = ['{}']", keys.path.display());
    let foreign = Tls::new(&other.identity("lobby", "honest", &trusting), ALPN);
    let nobody = Misdeed::new("TLS without a certificate", End::Rejected(Untrusted, NO_CERTIFICATE), |target: Target| async move {
        target.nameless().await.ended().await;
    });
    let foreign = Misdeed::new("another cluster's certificate", End::Rejected(Untrusted, FOREIGN), move |target: Target| {
        let foreign = foreign.clone();
        async move { target.tls(&foreign).await.ended().await }
    });
    let chain = vec![honest.clone(); 8];
    vec![
        nobody,
        foreign,
        shows("an own certificate in an honest server's name", FOREIGN, (vec![honest], key.clone_key()), ALPN),
        shows("an own certificate of no server", FOREIGN, (vec![nameless], other_key), ALPN),
        shows("eight certificates", FOREIGN, (chain, key), ALPN),
    ]
}

/// What an honest server once sent, byte for byte, as somebody on the way could have kept it.
fn replays(session: Vec<u8>) -> Vec<Misdeed> {
    let first = 5 + usize::from(u16::from_be_bytes([session[3], session[4]]));
    let twice = [&session[..first], &session].concat();
    vec![
        Misdeed::raw("an honest session, replayed", NotTls, BROKEN, session.clone()),
        Misdeed::raw("an honest ClientHello, replayed", TimedOut, SLOW, &session[..first]),
        Misdeed::raw("an honest session without its first record", NotTls, NO_TLS, &session[first..]),
        Misdeed::raw("an honest session whose first record comes twice", NotTls, BROKEN, twice),
    ]
}

/// A QUIC packet that would open a connection, but for its content.
fn long_header(version: u32) -> Vec<u8> {
    let mut packet = vec![0xc3];
    packet.extend(version.to_be_bytes());
    packet.extend([8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0x44, 0x9e]);
    packet.resize(1200, 0x5a);
    packet
}

/// What nobody answers on the UDP port.
fn packets(hello: &[u8]) -> Vec<Misdeed> {
    let sent = |name, packet: Vec<u8>, times: usize| {
        Misdeed::new(name, End::Ignored, move |target: Target| {
            let packet = packet.clone();
            async move {
                let socket = UdpSocket::bind((target.source, 0)).await.expect("an address of this machine");
                for _ in 0..times {
                    // A port that is full loses packets; so it is with UDP.
                    let _ = socket.send_to(&packet, target.address).await;
                }
            }
        })
    };
    let mut retry = long_header(1);
    retry[0] = 0xf3;
    vec![
        sent("an empty datagram", vec![], 10),
        sent("a datagram of one byte", vec![0], 10),
        sent("a datagram of zeros", vec![0; 1200], 10),
        sent("the largest datagram", vec![0xaa; 65_507], 10),
        sent("a hello by datagram", hello.to_vec(), 10),
        sent("a message by datagram", message(7, b"early"), 10),
        sent("the start of a QUIC connection that cannot be opened", long_header(1), 10),
        sent("QUIC of another version", long_header(0x7a7a_7a7a), 10),
        sent("a QUIC list of versions", long_header(0), 10),
        sent("a QUIC retry", retry, 10),
        sent("a QUIC packet of no connection", [&[0x43; 1][..], &[9; 60]].concat(), 10),
        sent("a flood of datagrams", long_header(1), 2000),
    ]
}
