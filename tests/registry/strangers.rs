//! What a host does with those who should not be there, and what a member is told when it is one of them.

use super::support::{Hosts, PATIENCE, identity, identity_of, next, run};
use sinew::config::ClusterSection;
use sinew::error::{Error, KeyError};
use sinew::registry::News;
use sinew::registry::contract::{Fixture, Member};
use sinew::registry::embedded::{Embedded, Host, HostOptions};
use sinew::transport::keys::ClusterKey;
use sinew::transport::tls::Tls;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LEASE: Duration = Duration::from_millis(300);

/// Waits until the host has closed this connection.
async fn closed(stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut sink = [0; 1024];
    let end = async { while matches!(stream.read(&mut sink).await, Ok(n) if n > 0) {} };
    assert!(timeout(PATIENCE, end).await.is_ok(), "the host keeps a stranger's connection open");
}

/// The text of the loss that this connector reports first.
async fn loss(connector: Embedded, group: &str, name: &str) -> String {
    let (mut news, _commands, task) = run(Box::new(connector), group, name);
    let first = next(&mut news).await;
    task.abort();
    match first {
        News::Lost(text) => text,
        other => panic!("it was let in: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_closed_and_nothing_is_registered() {
    let mut hosts = Hosts::with(1, |options| options.handshake = Duration::from_millis(300));
    let address = hosts.address(0);
    let speeches: [&[u8]; 4] = [b"GET / HTTP/1.1\r\nHost: sinew\r\n\r\n", &[0xff; 4096], &[0x16, 3, 1, 0xff, 0xff], b""];
    for speech in speeches {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(speech).await.expect("written");
        closed(&mut stream).await;
    }
    // Members of the cluster that break the protocol are no better.
    let tls = Tls::new(&identity("world", "odd"), b"sinew-registry/1");
    let frames: [&[u8]; 4] = [&[0xff; 16], &[1, 0, 0, 0, 0x77], &[2, 0, 0, 0, 3, 0, 1, 0, 0, 0, 2], b""];
    for frame in frames {
        let (mut stream, _) = tls.connect(TcpStream::connect(address).await.expect("connected")).await.expect("a member of the cluster");
        stream.write_all(frame).await.expect("written");
        stream.flush().await.expect("written");
        closed(&mut stream).await;
    }
    let member = Member::registered(&mut hosts, "world", "w1").await;
    assert_eq!(member.view().len(), 1);
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_keep_nobody_out_for_longer_than_the_deadline() {
    let mut hosts = Hosts::with(1, |options| {
        options.handshake = Duration::from_millis(300);
        options.pending_handshakes = 4;
    });
    let mut silent = Vec::new();
    for _ in 0..12 {
        silent.push(TcpStream::connect(hosts.address(0)).await.expect("connected"));
    }
    let member = Member::registered(&mut hosts, "world", "w1").await;
    for stream in &mut silent {
        closed(stream).await;
    }
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_registers_under_a_name_that_its_certificate_does_not_carry() {
    let mut hosts = Hosts::new(1);
    let watcher = Member::registered(&mut hosts, "world", "w1").await;
    let thief = Embedded::new(vec![hosts.address(0).to_string()], &identity("world", "thief"), "test");
    let text = loss(thief, "world", "w1").await;
    assert!(text.contains("certificate is for group `world`, name `thief`, not for group `world`, name `w1`"), "{text}");
    assert!(text.contains(&hosts.address(0).to_string()), "{text}");
    assert_eq!(watcher.replaced_by(), None);
    watcher.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_is_refused_with_both_names() {
    let hosts = Hosts::new(1);
    let text = loss(Embedded::new(vec![hosts.address(0).to_string()], &identity("world", "w1"), "staging"), "world", "w1").await;
    assert!(text.contains("this registry serves cluster `test` and this server belongs to cluster `staging`"), "{text}");
    assert!(text.contains("cluster.name"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_is_refused_and_the_member_learns_why() {
    let hosts = Hosts::new(1);
    let directory = tempfile::tempdir().expect("a directory");
    let mut cluster = ClusterSection::default();
    cluster.key_file = Some(directory.path().join("other.key"));
    ClusterKey::generate().and_then(|key| key.write(&directory.path().join("other.key"), false)).expect("a key");
    let stranger = Embedded::new(vec![hosts.address(0).to_string()], &identity_of(&cluster, "world", "w1"), "test");
    let text = loss(stranger, "world", "w1").await;
    assert!(text.contains("cluster.key_file") && text.contains("cluster.trust"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_that_fails_is_named_with_its_error() {
    let mut hosts = Hosts::new(1);
    hosts.stop().await;
    let addresses = vec![hosts.address(0).to_string(), "192.0.2.1:4100".into()];
    let text = loss(Embedded::new(addresses, &identity("world", "w1"), "test"), "world", "w1").await;
    assert!(text.contains(&format!("{} (", hosts.address(0))), "{text}");
    // Without a key nothing leaves this machine, not even a first packet.
    assert!(text.contains("192.0.2.1:4100 (192.0.2.1 is not a loopback address and no cluster key is configured"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_names_the_setting_when_it_cannot_bind() {
    let hosts = Hosts::new(1);
    let options = HostOptions::new(hosts.address(0), "test", LEASE);
    let error = Host::bind(options, &identity("registry", "second")).expect_err("the port is taken");
    assert!(matches!(error, Error::AddressInUse { address, key: "registry.listen" } if address == hosts.address(0)), "{error}");

    let options = HostOptions::new(SocketAddr::from(([0, 0, 0, 0], 0)), "test", LEASE);
    let error = Host::bind(options, &identity("registry", "public")).expect_err("anybody could join");
    assert!(matches!(error, Error::Key(KeyError::NoKeyOnPublicAddress { key: "registry.listen", .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_host_leaves_no_port_and_no_connection() {
    let mut hosts = Hosts::new(1);
    let mut member = Member::registered(&mut hosts, "world", "w1").await;
    for _ in 0..5 {
        hosts.stop().await;
        hosts.start().await;
    }
    hosts.stop().await;
    member.until("is told of the loss", Member::is_lost).await;
    member.crash().await;
}
