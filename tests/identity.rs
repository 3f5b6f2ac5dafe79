//! Who gets in and who does not: keys on disk, and TLS on real loopback sockets.

use sinew::config::{ClusterSection, ServerSection};
use sinew::error::KeyError;
use sinew::transport::identity::{Identity, PeerIdentity};
use sinew::transport::keys::ClusterKey;
use sinew::transport::tls::{Stream, Tls, TlsError, TlsFailure, explain_io};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ALPN: &[u8] = b"sinew-test/1";
const DEADLINE: Duration = Duration::from_secs(10);

fn server(group: &str, name: &str) -> ServerSection {
    toml::from_str(&format!("group = {group:?}\nname = {name:?}")).expect("a server section")
}

fn key_file(path: &Path) -> ClusterSection {
    let mut cluster = ClusterSection::default();
    cluster.key_file = Some(path.into());
    cluster
}

fn new_key(dir: &TempDir, file: &str) -> PathBuf {
    let path = dir.path().join(file);
    ClusterKey::generate().expect("a key").write(&path, false).expect("written");
    path
}

fn load(cluster: &ClusterSection, group: &str, name: &str) -> Identity {
    Identity::load(cluster, &server(group, name)).expect("the identity loads")
}

type Handshake = Result<(Stream, PeerIdentity), TlsError>;

/// Connects two fresh sockets and runs both sides' handshakes: `(accepting side, dialling side)`.
async fn shake(accepting: &Tls, dialling: &Tls) -> (Handshake, Handshake) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let both = async {
        tokio::join!(async { accepting.accept(listener.accept().await.expect("a connection").0).await }, async {
            dialling.connect(TcpStream::connect(address).await.expect("connected")).await
        })
    };
    tokio::time::timeout(DEADLINE, both).await.expect("the handshake ends")
}

#[tokio::test]
async fn both_sides_learn_each_others_group_and_name() {
    let dir = TempDir::new().expect("a directory");
    let cluster = key_file(&new_key(&dir, "sinew.key"));
    let world = Tls::new(&load(&cluster, "world", "world-1"), ALPN);
    let login = Tls::new(&load(&cluster, "login", "login-1"), ALPN);

    let (accepted, dialled) = shake(&world, &login).await;
    let ((mut accepted, seen_by_world), (mut dialled, seen_by_login)) = (accepted.expect("accepted"), dialled.expect("dialled"));

    assert_eq!(seen_by_world, PeerIdentity::new("login", "login-1").expect("valid"));
    assert_eq!(seen_by_login, PeerIdentity::new("world", "world-1").expect("valid"));

    dialled.write_all(b"ping").await.expect("written");
    dialled.flush().await.expect("flushed");
    let mut read = [0; 4];
    tokio::time::timeout(DEADLINE, accepted.read_exact(&mut read)).await.expect("in time").expect("read");
    assert_eq!(&read, b"ping");
}
