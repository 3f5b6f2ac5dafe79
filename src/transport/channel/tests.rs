//! Channels against each other and against plain rustls, over real sockets.

use super::*;
use crate::config::ServerConfig as Config;
use crate::transport::failure::TlsFailure;
use crate::transport::keys::ClusterKey;
use crate::transport::tls::{Stream, Tls};
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const ALPN: &[u8] = b"test/1";
const BYTES: usize = 200_000;

fn identity(extra: &str) -> Identity {
    let config = Config::from_toml(&format!("server.group = 'a'\nserver.name = 'a-1'\n[groups.a]\n{extra}")).expect("valid");
    Identity::load(&config.cluster, &config.server).expect("a good key")
}

/// A cluster of its own: the directory and the path of its key, and a server of it with `more` in its `[cluster]`.
fn cluster(more: &str) -> (tempfile::TempDir, PathBuf, Identity) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cluster.key");
    ClusterKey::generate().and_then(|key| key.write(&path, false)).expect("a key");
    let identity = identity(&format!("[cluster]\nkey_file = '{}'\n{more}", path.display()));
    (directory, path, identity)
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (dialled, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (dialled.expect("connected"), accepted.expect("accepted").0)
}

async fn channels() -> (Channel, Channel) {
    let both = Channels::new(&identity(""), ALPN);
    let (dialled, accepted) = sockets().await;
    let (dialled, accepted) = tokio::join!(both.dial(dialled), both.accept(accepted));
    let ((dialled, to), (accepted, from)) = (dialled.expect("trusted"), accepted.expect("trusted"));
    assert_eq!((to.to_string(), from.to_string()), ("a/a-1".into(), "a/a-1".into()));
    (dialled, accepted)
}

fn text() -> Vec<u8> {
    (0..BYTES).map(|at| (at % 251) as u8).collect()
}

/// Everything until the end of the stream.
async fn drain(channel: &mut Channel) -> io::Result<Vec<u8>> {
    while channel.receive().await? {}
    Ok(std::mem::take(&mut channel.plain))
}

/// Both sides say the same, with new keys again and again, and close.
async fn talk(mut channel: Channel, mut stream: Stream) {
    channel.sealer.update_every(3);
    let theirs = async {
        let mut heard = vec![0; BYTES];
        stream.read_exact(&mut heard).await.expect("all of it");
        for piece in heard.chunks(BYTES / 7) {
            match &mut stream {
                Stream::Client(stream) => stream.get_mut().1.refresh_traffic_keys(),
                Stream::Server(stream) => stream.get_mut().1.refresh_traffic_keys(),
            }
            .expect("after the handshake");
            stream.write_all(piece).await.expect("sent");
        }
        stream.shutdown().await.expect("closed");
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.expect("closed, not cut off"), 0);
        heard
    };
    let ours = async {
        channel.send(&text()).await.expect("sent");
        let heard = drain(&mut channel).await.expect("good records");
        channel.close().await.expect("closed");
        heard
    };
    let (theirs, ours) = tokio::join!(theirs, ours);
    assert!(theirs == text() && ours == text());
}

#[tokio::test]
async fn plain_rustls_accepts_what_we_dial() {
    let (dialled, accepted) = sockets().await;
    let (ours, theirs) = (Channels::new(&identity(""), ALPN), Tls::new(&identity(""), ALPN));
    let (channel, stream) = tokio::join!(ours.dial(dialled), theirs.accept(accepted));
    talk(channel.expect("trusted").0, stream.expect("trusted").0).await;
}

#[tokio::test]
async fn plain_rustls_dials_what_we_accept() {
    let (dialled, accepted) = sockets().await;
    let (ours, theirs) = (Channels::new(&identity(""), ALPN), Tls::new(&identity(""), ALPN));
    let (channel, stream) = tokio::join!(ours.accept(accepted), theirs.connect(dialled));
    talk(channel.expect("trusted").0, stream.expect("trusted").0).await;
}

#[tokio::test]
async fn two_channels_talk_in_both_directions() {
    let (mut dialled, mut accepted) = channels().await;
    dialled.sealer.update_every(2);
    let text = text();
    let (sent, ()) = tokio::join!(dialled.send(&text), async {
        while accepted.plain.len() < BYTES {
            assert!(accepted.receive().await.expect("good records"));
        }
    });
    sent.expect("sent");
    assert!(accepted.plain == text);
    accepted.send(b"thank you").await.expect("sent");
    accepted.close().await.expect("closed");
    assert_eq!(drain(&mut dialled).await.expect("closed"), b"thank you");
    dialled.close().await.expect("closed");
    assert!(!accepted.receive().await.expect("closed"));
}

/// The dialler's last handshake message and its first data come in one piece, and not a byte of the latter may be lost.
#[tokio::test]
async fn data_right_behind_the_handshake_is_kept() {
    for piece in [1, 7, 100_000] {
        let (dialled, accepted) = sockets().await;
        let (middle, ours) = sockets().await;
        let both = Channels::new(&identity(""), ALPN);
        let dial = async {
            let (mut channel, _) = both.dial(dialled).await.expect("trusted");
            channel.send(b"hello").await.expect("sent");
            channel.send(&[7; 40_000]).await.expect("sent");
            channel.close().await.expect("closed");
            channel
        };
        let accept = async {
            let (mut channel, _) = both.accept(ours).await.expect("trusted");
            (drain(&mut channel).await.expect("good records"), channel)
        };
        let gather = hold_back(accepted, middle, piece);
        let (_dialled, (heard, _accepted), ()) = tokio::join!(dial, accept, gather);
        assert!(heard == [b"hello", &[7; 40_000][..]].concat(), "{piece}: {}", heard.len());
    }
}

/// Passes on what the dialler says in steps of `piece` bytes, the end of its handshake and its data together; what it is told as it comes.
async fn hold_back(dialler: TcpStream, acceptor: TcpStream, piece: usize) {
    const CLIENT_HELLO: usize = 64;
    let (mut from, mut back) = dialler.into_split();
    let (mut answers, mut to) = acceptor.into_split();
    let answer = async {
        let _ = tokio::io::copy(&mut answers, &mut back).await;
    };
    let ask = async {
        let mut first = [0; 4096];
        let read = from.read(&mut first).await.expect("a client hello");
        assert!(read > CLIENT_HELLO);
        to.write_all(&first[..read]).await.expect("passed on");
        let mut rest = Vec::new();
        from.read_to_end(&mut rest).await.expect("all of it");
        for piece in rest.chunks(piece) {
            to.write_all(piece).await.expect("passed on");
            tokio::task::yield_now().await;
        }
        to.shutdown().await.expect("passed on");
    };
    tokio::select! {
        () = ask => {}
        () = answer => panic!("the acceptor has hung up"),
    }
}

#[tokio::test]
async fn a_server_of_another_cluster_is_refused_on_both_sides() {
    let (_directory, _, stranger) = cluster("");
    let (ours, theirs) = (Channels::new(&identity(""), ALPN), Channels::new(&stranger, ALPN));
    let (dialled, accepted) = sockets().await;
    let (refused, told) = tokio::join!(ours.dial(dialled), theirs.accept(accepted));
    let (refused, told) = (refused.expect_err("not trusted"), told.expect_err("not trusted either"));
    assert_eq!((refused.reason, told.reason), (TlsFailure::Untrusted, TlsFailure::Untrusted));
    assert!(refused.text.contains("another cluster's key") && told.text.contains("does not trust our certificate"), "{refused} {told}");
}

/// It trusts the server, so for itself the handshake is complete before the server has looked at its certificate.
#[tokio::test]
async fn a_dialler_that_is_not_trusted_learns_it_at_its_first_read() {
    let (_strict, path, strict) = cluster("");
    let (_trusting, _, trusting) = cluster(&format!("trust = ['{}']\n", path.display()));
    let (dialled, accepted) = sockets().await;
    let (diallers, acceptors) = (Channels::new(&trusting, ALPN), Channels::new(&strict, ALPN));
    let (refused, told) = tokio::join!(acceptors.accept(accepted), async {
        let (mut channel, _) = diallers.dial(dialled).await.expect("this side trusts it");
        channel.receive().await.expect_err("refused")
    });
    let refused = refused.expect_err("not trusted");
    assert!(refused.text.contains("another cluster's key"), "{refused}");
    let told = tls::explain_io(&told).expect("about TLS");
    assert_eq!(told.reason, TlsFailure::Untrusted);
    assert!(told.text.contains("does not trust our certificate"), "{told}");
}

#[tokio::test]
async fn another_protocol_is_refused_by_name() {
    let (dialled, accepted) = sockets().await;
    let (ours, theirs) = (Channels::new(&identity(""), ALPN), Channels::new(&identity(""), b"other/1"));
    let (refused, told) = tokio::join!(ours.accept(accepted), theirs.dial(dialled));
    assert_eq!(refused.expect_err("refused").reason, TlsFailure::NotTls);
    assert!(told.expect_err("refused").text.contains("not this protocol"));
    let (mut dialled, accepted) = sockets().await;
    dialled.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    let refused = ours.accept(accepted).await.expect_err("refused");
    assert!(refused.text.contains("plain HTTP"), "{refused}");
}

#[tokio::test]
async fn an_endless_handshake_ends_before_it_fills_the_memory() {
    let (mut dialled, accepted) = sockets().await;
    let ours = Channels::new(&identity(""), ALPN);
    let flood = async move {
        // Handshake records that together announce a client hello of 60,000 bytes, again and again.
        let first = [&[0x16, 3, 1, 0x40, 0, 1, 0, 0xea, 0x60][..], &[0; 0x4000 - 4]].concat();
        let next = [&[0x16, 3, 1, 0x40, 0][..], &[0; 0x4000]].concat();
        let _ = dialled.write_all(&first).await;
        while dialled.write_all(&next).await.is_ok() {}
    };
    let accept = tokio::time::timeout(Duration::from_secs(20), ours.accept(accepted));
    let refused = tokio::select! {
        refused = accept => refused.expect("in time").expect_err("refused"),
        () = flood => panic!("the socket broke before it was refused"),
    };
    assert_eq!(refused.reason, TlsFailure::NotTls);
}

#[tokio::test]
async fn a_peer_that_goes_in_the_middle_of_a_handshake_broke_it_off() {
    let (dialled, accepted) = sockets().await;
    let ours = Channels::new(&identity(""), ALPN);
    let (refused, ()) = tokio::join!(ours.dial(dialled), async { drop(accepted) });
    assert_eq!(refused.expect_err("cut off").reason, TlsFailure::Io);
}

#[tokio::test]
async fn a_record_that_was_altered_ends_the_channel_and_the_peer_is_told() {
    let (mut dialled, mut accepted) = channels().await;
    let mut record = vec![0; 5 + OVERHEAD];
    dialled.sealer.seal(b"hello", &mut record).expect("room");
    record[HEADER] ^= 1;
    dialled.writer.write_all(&record).await.expect("sent");
    let error = tls::explain_io(&accepted.receive().await.expect_err("altered")).expect("about TLS");
    assert!(error.text.contains("altered on the way"), "{error}");
    let told = dialled.receive().await.expect_err("the end").to_string();
    assert!(told.contains("BadRecordMac"), "{told}");
}
