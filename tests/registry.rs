//! The registries through their public face: the contract suite against each of them, and what strangers do to a host.

use sinew::config::{ClusterSection, FixedServer, GroupSection, ServerConfig};
use sinew::error::{Error, KeyError};
use sinew::registry::contract::{self, Abilities, Fixture, Member, SEATS};
use sinew::registry::embedded::{Embedded, Host, HostOptions};
use sinew::registry::fixed::Fixed;
use sinew::registry::{Connector, News};
use sinew::transport::identity::Identity;
use socket2::{Domain, Socket, Type};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const LEASE: Duration = Duration::from_millis(300);

fn identity(group: &str, name: &str) -> Identity {
    let server = toml::from_str(&format!("group = \"{group}\"\nname = \"{name}\"")).expect("a server section");
    Identity::load(&ClusterSection::default(), &server).expect("the development key always loads")
}

fn reserve_port() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("SO_REUSEADDR");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("any free port");
    socket
}

/// One or two hosts on loopback, each with a port of its own that it keeps over restarts.
struct Hosts {
    options: Vec<HostOptions>,
    /// Bound and not listening: while a host is down, nobody else gets its port (another test's dialing socket, for example).
    _ports: Vec<Socket>,
    running: Vec<Option<JoinHandle<Result<(), Error>>>>,
    cluster: &'static str,
}

impl Hosts {
    fn new(count: usize) -> Self {
        let ports = (0..count).map(|_| reserve_port()).collect::<Vec<_>>();
        let address = |port: &Socket| port.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound");
        let options = ports.iter().map(|port| HostOptions::new(address(port), "test", LEASE)).collect();
        let mut hosts = Self { options, _ports: ports, running: Vec::new(), cluster: "test" };
        hosts.running.resize_with(count, || None);
        (0..count).for_each(|index| hosts.start_one(index));
        hosts
    }

    fn start_one(&mut self, index: usize) {
        let host = Host::bind(self.options[index].clone(), &identity("registry", "host")).expect("loopback can be bound");
        self.running[index] = Some(tokio::spawn(host.run()));
    }

    async fn stop_one(&mut self, index: usize) {
        if let Some(running) = self.running[index].take() {
            running.abort();
            assert!(running.await.is_err_and(|ended| ended.is_cancelled()), "a host ended by itself");
        }
    }

    fn addresses(&self) -> Vec<String> {
        self.options.iter().map(|options| options.listen.to_string()).collect()
    }
}

impl Fixture for Hosts {
    fn abilities(&self) -> Abilities {
        Abilities { seats: false, lease: Some(LEASE), restarts: true, crowd: 200 }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        Box::new(Embedded::new(self.addresses(), &identity(group, name), self.cluster))
    }

    async fn stop(&mut self) {
        for index in 0..self.running.len() {
            self.stop_one(index).await;
        }
    }

    async fn start(&mut self) {
        (0..self.running.len()).for_each(|index| self.start_one(index));
    }
}

struct Seats;

impl Fixture for Seats {
    fn abilities(&self) -> Abilities {
        Abilities { seats: true, lease: None, restarts: false, crowd: 3 }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        let servers = SEATS.map(|(group, name)| FixedServer { group: group.into(), name: name.into(), address: "127.0.0.1:4000".into() });
        let groups = ["world", "chat"].map(|group| (group.to_string(), GroupSection::default())).into();
        Box::new(Fixed::new(&servers, &groups, group, name).expect("the list is right"))
    }

    async fn stop(&mut self) {}
    async fn start(&mut self) {}
}

/// One test per case of the contract and registry, so that they run side by side and a failure has a name.
macro_rules! contract_cases {
    ($($case:ident),* $(,)?) => {
        mod one_host {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { sinew::registry::contract::$case(&mut super::Hosts::new(1)).await; })*
        }
        mod two_hosts {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { sinew::registry::contract::$case(&mut super::Hosts::new(2)).await; })*
        }
    };
}

contract_cases! {
    registers_and_sees_itself,
    everybody_agrees_on_the_ids,
    joins_and_goodbyes_are_seen_by_all,
    a_dropped_server_says_goodbye,
    a_newer_server_of_the_same_name_replaces_the_older,
    a_crashed_server_expires,
    a_reported_failure_harms_nobody_alive,
    a_restarted_registry_keeps_ids_and_sees_nobody_leave,
    an_outage_is_told_once,
    a_registry_that_starts_late_is_waited_for,
    a_crowd_registers_at_once,
    properties_arrive_as_they_are,
}

#[tokio::test]
async fn fixed_keeps_the_contract() {
    contract::run_all(async || Seats).await;
}
