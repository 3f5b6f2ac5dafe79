use super::*;
use crate::config::ServerConfig as Config;
use std::collections::VecDeque;
use std::net::Ipv4Addr;
use tokio::sync::mpsc;

fn identity(name: &str) -> Identity {
    let config = Config::from_toml(&format!("server.group = 'a'\nserver.name = '{name}'\n[groups.a]\n")).expect("valid");
    Identity::load(&config.cluster, &config.server).expect("the development key")
}

fn start(name: &str) -> (Datagrams, SocketAddr) {
    let datagrams = Datagrams::bind((Ipv4Addr::LOCALHOST, 0).into(), &identity(name)).expect("a free port");
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
