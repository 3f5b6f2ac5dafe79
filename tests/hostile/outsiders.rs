//! Who has no certificate of this cluster gets no further than TLS.

use crate::client::Target;
use crate::field::{Field, Keys};
use sinew::Rejection;
use sinew::config::ServerConfig;
use sinew::transport::identity::Identity;
use sinew::transport::tls::Tls;
use std::time::Duration;

/// Far from what an attack takes that is refused at once: none must be counted as too slow on a busy machine.
const LONG: Duration = Duration::from_secs(8);
const SHORT: Duration = Duration::from_millis(300);

fn bytes(reason: Rejection, deadline: Duration, sent: &'static [u8]) {
    Field::new(deadline, "").repel(reason, 200, move |target: Target| async move {
        let mut line = target.tcp().await;
        line.write(sent).await;
        line.closed().await;
    });
}

#[test]
fn garbage_bytes() {
    bytes(Rejection::NotTls, LONG, b"\x00\xff\xfe\x80 this is nothing \x01\x02\x03");
}

#[test]
fn plain_http() {
    bytes(Rejection::NotTls, LONG, b"GET / HTTP/1.1\r\nHost: game.example\r\n\r\n");
}

#[test]
fn garbage_in_a_tls_record() {
    bytes(Rejection::NotTls, LONG, b"\x16\x03\x01\x00\x10sixteen bytes!!!");
}

#[test]
fn a_tls_record_that_announces_more_than_is_allowed() {
    bytes(Rejection::NotTls, LONG, b"\x16\x03\x01\xff\xff\x01\x00\xff\xff");
}

#[test]
fn silence() {
    bytes(Rejection::TimedOut, SHORT, b"");
}

#[test]
fn half_a_client_hello_and_silence() {
    bytes(Rejection::TimedOut, SHORT, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
}

#[test]
fn connect_and_close() {
    Field::new(LONG, "").repel(Rejection::Aborted, 200, |target: Target| async move {
        drop(target.tcp().await);
    });
}

#[test]
fn half_a_client_hello_and_close() {
    Field::new(LONG, "").repel(Rejection::Aborted, 200, |target: Target| async move {
        target.tcp().await.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    });
}

#[test]
fn a_client_hello_that_trickles_past_the_deadline() {
    Field::new(SHORT, "").repel(Rejection::TimedOut, 48, |target: Target| async move {
        let mut line = target.tcp().await;
        line.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
        // Sooner or later the server has had enough: then the writes go nowhere.
        let trickle = async {
            let mut beat = tokio::time::interval(Duration::from_millis(20));
            for _ in 0..100 {
                beat.tick().await;
                line.write(&[7]).await;
            }
        };
        trickle.await;
        line.closed().await;
    });
}

#[test]
fn tls_without_a_certificate() {
    Field::new(LONG, "").repel(Rejection::Untrusted, 100, |target: Target| async move {
        target.nameless().await.closed().await;
    });
}

#[test]
fn a_certificate_of_another_cluster() {
    let other = Keys::new();
    let mut field = Field::new(LONG, "");
    // It trusts our cluster, so it goes on where an ordinary server would hang up by itself.
    let tls =
        Tls::new(&other.identity("lobby", "honest", &format!("cluster.trust = ['{}']", field.keys.path.display())), crate::field::ALPN);
    field.repel(Rejection::Untrusted, 100, move |target: Target| {
        let tls = tls.clone();
        async move {
            target.tls(&tls).await.closed().await;
        }
    });
}

#[test]
fn the_public_development_key() {
    let text = "server.group = 'lobby'\nserver.name = 'honest'\n[groups.lobby]";
    let config = ServerConfig::load(text, "a test", std::iter::empty()).expect("a configuration");
    let tls = Tls::new(&Identity::load(&config.cluster, &config.server).expect("the development key"), crate::field::ALPN);
    // This side hangs up when it sees the server's certificate: what arrives is its alert.
    Field::new(LONG, "").repel(Rejection::Untrusted, 100, move |target: Target| {
        let tls = tls.clone();
        async move {
            let socket = tokio::net::TcpStream::connect(target.address).await.expect("the port is open");
            assert!(tls.connect(socket).await.is_err());
        }
    });
}

#[test]
fn the_right_certificate_on_the_wrong_port() {
    let mut field = Field::new(LONG, "");
    let tls = Tls::new(&field.keys.identity("lobby", "honest", ""), b"sinew-registry/1");
    field.repel(Rejection::NotTls, 100, move |target: Target| {
        let tls = tls.clone();
        async move {
            let socket = tokio::net::TcpStream::connect(target.address).await.expect("the port is open");
            assert!(tls.connect(socket).await.is_err());
        }
    });
}
