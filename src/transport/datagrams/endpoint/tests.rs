use super::*;
use crate::config::ServerConfig as Config;
use crate::transport::keys::ClusterKey;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use tokio::sync::mpsc;

fn identity(name: &str) -> Identity {
    let config = Config::from_toml(&format!("server.group = 'a'\nserver.name = '{name}'\n[groups.a]\n")).expect("valid");
    Identity::load(&config.cluster, &config.server).expect("the development key")
}

fn start(name: &str) -> (Datagrams, SocketAddr) {
    start_as(&identity(name), (Ipv4Addr::LOCALHOST, 0).into())
}

fn start_as(identity: &Identity, listen: SocketAddr) -> (Datagrams, SocketAddr) {
    let datagrams = Datagrams::bind(listen, identity).expect("a free port");
    let address = datagrams.local_addr().expect("bound");
    tokio::spawn(datagrams.clone().run());
    (datagrams, address)
}

fn sink() -> (Sink, mpsc::UnboundedReceiver<Bytes>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let sink = move |datagrams: &mut Vec<Bytes>| {
        for datagram in datagrams.drain(..) {
            let _ = sender.send(datagram);
        }
    };
    (Box::new(sink), receiver)
}

fn send(connection: &Connection, bytes: &'static [u8]) {
    let mut queue = VecDeque::from([Bytes::from_static(bytes)]);
    assert!(connection.send(&mut queue));
}

/// A server of a cluster of its own.
fn stranger() -> Identity {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cluster.key");
    ClusterKey::generate().and_then(|key| key.write(&path, false)).expect("a key");
    let key = path.display();
    let config = Config::from_toml(&format!("server.group = 'a'\nserver.name = 'b'\n[groups.a]\n[cluster]\nkey_file = '{key}'\n"));
    let config = config.expect("valid");
    Identity::load(&config.cluster, &config.server).expect("a good key")
}

async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::task::yield_now().await;
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_derive_the_same_binding_and_datagrams_go_both_ways() {
    let ((dialer, _), (acceptor, address)) = (start("one"), start("two"));
    let (to_dialer, mut at_dialer) = sink();
    let (to_acceptor, mut at_acceptor) = sink();
    let dialed = soon(dialer.dial(address, to_dialer)).await.expect("a connection");
    let claimed = soon(acceptor.claim(dialed.binding(), to_acceptor)).await.expect("the same connection");
    assert_eq!(dialed.binding(), claimed.binding());
    assert_eq!((dialed.peer().name.as_str(), claimed.peer().name.as_str()), ("two", "one"));
    send(&dialed, b"there");
    assert_eq!(soon(at_acceptor.recv()).await.as_deref(), Some(&b"there"[..]));
    send(&claimed, b"and back");
    assert_eq!(soon(at_dialer.recv()).await.as_deref(), Some(&b"and back"[..]));
    drop(claimed);
    soon(dialed.lost()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_before_the_claim_is_delivered_to_nobody() {
    let ((dialer, _), (acceptor, address)) = (start("one"), start("two"));
    let dialed = soon(dialer.dial(address, sink().0)).await.expect("a connection");
    send(&dialed, b"too early");
    // bounded wait: until the other side has had it and thrown it away
    let confirmed = async {
        let before = acceptor.0.unclaimed.lock().first().map(|line| line.received());
        while before.is_none() || acceptor.0.unclaimed.lock().first().is_some_and(|line| line.received() == 0) {
            tokio::task::yield_now().await;
        }
    };
    soon(confirmed).await;
    let (to_acceptor, mut at_acceptor) = sink();
    let claimed = soon(acceptor.claim(dialed.binding(), to_acceptor)).await;
    assert!(claimed.is_some());
    send(&dialed, b"now");
    assert_eq!(soon(at_acceptor.recv()).await.as_deref(), Some(&b"now"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_is_explored_and_bursts_arrive() {
    let ((dialer, _), (acceptor, address)) = (start("one"), start("two"));
    let dialed = soon(dialer.dial(address, sink().0)).await.expect("a connection");
    let (to_acceptor, mut at_acceptor) = sink();
    let _claimed = soon(acceptor.claim(dialed.binding(), to_acceptor)).await.expect("the connection");
    let grown = async {
        while dialed.max_size() < 8000 {
            send(&dialed, b"x");
            soon(at_acceptor.recv()).await;
        }
    };
    soon(grown).await;
    let mut burst: VecDeque<Bytes> = (0..20).map(|_| Bytes::from_static(&[7; 8000])).collect();
    assert!(dialed.send(&mut burst));
    let mut whole = 0;
    while whole < 20 {
        whole += usize::from(soon(at_acceptor.recv()).await.expect("open").len() == 8000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_ignored() {
    let ((dialer, _), (_acceptor, address)) = (start("one"), start("two"));
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    for len in [0, 1, 20, 1200, 1400] {
        for first in [0, 0x40, 0xc0, 0xff] {
            let mut packet = vec![first; len];
            packet.iter_mut().skip(1).enumerate().for_each(|(at, byte)| *byte = at as u8);
            stranger.send_to(&packet, address).await.expect("sent");
        }
    }
    assert!(soon(dialer.dial(address, sink().0)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_cluster_is_refused_and_takes_no_place() {
    let (acceptor, address) = start("two");
    let (dialer, to_dialer) = start_as(&stranger(), (Ipv4Addr::LOCALHOST, 0).into());
    for _ in 0..3 {
        let reason = soon(dialer.dial(address, sink().0)).await.expect_err("refused");
        assert!(reason.contains("certificate"), "{reason}");
    }
    assert!(soon(acceptor.dial(to_dialer, sink().0)).await.is_err(), "nor is it trusted when it answers");
    until("the handshakes to be lost", || acceptor.0.unclaimed.lock().iter().all(|line| line.is_lost())).await;
    let (honest, _) = start("one");
    let dialed = soon(honest.dial(address, sink().0)).await.expect("a connection");
    assert_eq!(acceptor.0.unclaimed.lock().len(), 1, "only the honest one");
    assert!(soon(acceptor.claim(dialed.binding(), sink().0)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_nobody_derived_claims_nothing() {
    let ((dialer, _), (acceptor, address)) = (start("one"), start("two"));
    let dialed = soon(dialer.dial(address, sink().0)).await.expect("a connection");
    let mut forged = dialed.binding();
    forged[31] ^= 1;
    assert!(acceptor.0.take_unclaimed(&forged).is_none());
    until("the true one to arrive", || acceptor.0.unclaimed.lock().iter().any(|line| line.identity().is_some())).await;
    assert!(acceptor.0.take_unclaimed(&forged).is_none());
    assert!(acceptor.0.take_unclaimed(&dialed.binding()).is_some());
    assert!(acceptor.0.take_unclaimed(&dialed.binding()).is_none(), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_handshakes_has_a_bound_and_shuts_nobody_out_that_can_answer() {
    let ((dialer, _), (acceptor, address)) = (start("one"), start("two"));
    let (flooder, _) = start("three");
    // First packets of handshakes that never go on: nobody drives these connections.
    for _ in 0..4 * MOST_UNCLAIMED {
        let (config, now) = (flooder.0.client.clone(), Instant::now());
        let mut packet = Vec::new();
        let started = flooder.0.io.endpoint.lock().connect(now, config, address, "sinew");
        let (_, mut connection) = started.expect("a connection");
        if let Some(transmit) = connection.poll_transmit(now, 1, &mut packet) {
            let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
            stranger.send_to(&packet[..transmit.size], address).await.expect("sent");
        }
    }
    until("the flood", || acceptor.0.unclaimed.lock().len() >= RETRY_FROM).await;
    // From here on an address must prove itself, so the flood gets no further.
    let dialed = soon(dialer.dial(address, sink().0)).await.expect("a connection, by way of a retry");
    assert!(soon(acceptor.claim(dialed.binding(), sink().0)).await.is_some());
    let places = acceptor.0.unclaimed.lock().len();
    assert!(places <= RETRY_FROM, "{places}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_for_every_address_reaches_ipv4() {
    let (acceptor, address) = start("two");
    let (dialer, _) = start_as(&identity("one"), (Ipv6Addr::UNSPECIFIED, 0).into());
    let dialed = soon(dialer.dial(address, sink().0)).await.expect("a connection");
    assert!(soon(acceptor.claim(dialed.binding(), sink().0)).await.is_some());
    let to: SocketAddr = (Ipv6Addr::LOCALHOST, 1).into();
    assert!(soon(acceptor.dial(to, sink().0)).await.expect_err("no way").contains("server.listen is IPv4"));
}
