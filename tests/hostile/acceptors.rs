//! A server that dials may reach somebody else than it meant.

use crate::client::Line;
use crate::field::{ALPN, Keys, config};
use crate::wire::{Control, Refusal, RefusalCode};
use sinew::transport::tls::Tls;
use sinew::{Event, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// With the `fixed` registry a server ends when a peer says that a newer one has its name: only the peer it dialled may say so.
#[test]
fn another_member_in_a_peers_place_cannot_end_a_server() {
    let keys = Keys::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("an address");
    let thief = Tls::new(&keys.identity("lobby", "thief", ""), ALPN);
    let (dialled, refusals) = (Arc::new(AtomicUsize::new(0)), 5);
    let count = dialled.clone();
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok((stream, _)) = thief.accept(socket).await else { continue };
            let mut line = Line::over(stream, crate::field::PATIENCE);
            assert!(matches!(line.hear().await, Some(Control::Hello(_))));
            line.say(Control::Refused(Refusal { code: RefusalCode::Replaced, text: "a newer server runs as lobby/l".into() })).await;
            count.fetch_add(1, Ordering::Relaxed);
            line.closed().await;
        }
    });
    // A seat has a fixed port; this one was free a moment ago.
    let own = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let seats = format!(
        "server.listen = '{own}'\nlimits.reconnect_min_ms = 10\nlimits.reconnect_max_ms = 50\nregistry.kind = 'fixed'\nregistry.servers = [\
         {{ group = 'lobby', name = 'l', address = '{own}' }}, {{ group = 'world', name = 'w', address = '{address}' }}]"
    );
    let server = Server::start(config("lobby", "l", &keys.path, &seats)).expect("starts");
    let deadline = Instant::now() + crate::field::PATIENCE;
    let mut told = Vec::new();
    while dialled.load(Ordering::Relaxed) < refusals {
        for event in server.poll(Duration::from_millis(20)).expect("the server goes on") {
            assert!(!matches!(event, Event::Stopped { .. }), "{event:?}");
            told.push(event);
        }
        assert!(Instant::now() < deadline, "it has given up dialling: {told:#?}");
    }
    let says =
        |event: &Event| matches!(event, Event::Log { text, .. } if text.contains("dialed world/w, but the certificate of lobby/thief"));
    assert!(told.iter().any(says), "{told:#?}");
}
