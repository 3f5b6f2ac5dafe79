//! Registry hosts on loopback, and connectors to them.

use crate::engine::Port;
use sinew::config::{ClusterSection, ServerConfig, Visibility};
use sinew::registry::contract::{Abilities, Fixture};
use sinew::registry::embedded::{Embedded, Host, HostOptions};
use sinew::registry::{Candidate, Command, Connector, News, Wires};
use sinew::transport::identity::Identity;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing on loopback takes this long; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_millis(300);

/// Servers that come and go in `thousands_come_and_go`, unless `SINEW_CHURN` says otherwise.
pub(crate) fn churn(usual: usize) -> usize {
    std::env::var("SINEW_CHURN").map_or(usual, |text| text.parse().expect("SINEW_CHURN is a number"))
}

pub(crate) fn identity(group: &str, name: &str) -> Identity {
    identity_of(&ClusterSection::default(), group, name)
}

pub(crate) fn identity_of(cluster: &ClusterSection, group: &str, name: &str) -> Identity {
    let text = format!("server = {{ group = \"{group}\", name = \"{name}\" }}\n[groups.{group}]");
    let config = ServerConfig::load(&text, "text", std::iter::empty()).expect("a good configuration");
    Identity::load(cluster, &config.server).expect("a good key")
}

/// The connector of a server that is configured with this `[registry]`, or these.
pub(crate) fn configured(group: &str, name: &str, registry: &str) -> Box<dyn Connector> {
    let text = format!(
        "server = {{ group = \"{group}\", name = \"{name}\" }}\ncluster.name = \"test\"\n[groups.world]\n[groups.chat]\n{registry}"
    );
    let config = ServerConfig::load(&text, "text", std::iter::empty()).expect("a good configuration");
    sinew::registry::connector(&config, &identity(group, name), None).expect("a connector")
}

/// Hosts on loopback, each with a port of its own that it keeps over restarts.
pub(crate) struct Hosts {
    pub(crate) options: Vec<HostOptions>,
    addresses: Vec<String>,
    /// Bound and not listening: while a host is down, nobody else gets its port (another test's dialing socket, for example).
    _ports: Vec<Port>,
    running: Vec<Option<JoinHandle<()>>>,
}

impl Hosts {
    pub(crate) fn new(count: usize) -> Self {
        Self::with(count, |_| ())
    }

    pub(crate) fn with(count: usize, change: impl Fn(&mut HostOptions)) -> Self {
        let ports = (0..count).map(|_| Port::reserve()).collect::<Vec<_>>();
        let option = |port: &Port| {
            let mut options = HostOptions::new(port.address(), "test", LEASE);
            change(&mut options);
            options
        };
        let options = ports.iter().map(option).collect::<Vec<_>>();
        let addresses = options.iter().map(|options| options.listen.to_string()).collect();
        let mut hosts = Self { options, addresses, _ports: ports, running: Vec::new() };
        hosts.running.resize_with(count, || None);
        (0..count).for_each(|index| hosts.start_one(index));
        hosts
    }

    pub(crate) fn also_as_localhost(mut self) -> Self {
        let port = self.address(0).port();
        self.addresses.push(format!("localhost:{port}"));
        self
    }

    /// What the connectors made from now on are told to dial.
    pub(crate) fn dial(&mut self, addresses: Vec<String>) {
        self.addresses = addresses;
    }

    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        self.options[index].listen
    }

    pub(crate) fn start_one(&mut self, index: usize) {
        let host = Host::bind(self.options[index].clone(), &identity("registry", "host")).expect("its port is kept free");
        self.running[index] = Some(tokio::spawn(async { host.run().await.expect("the runtime has IO") }));
    }

    pub(crate) async fn stop_one(&mut self, index: usize) {
        if let Some(running) = self.running[index].take() {
            running.abort();
            assert!(running.await.is_err_and(|ended| ended.is_cancelled()), "a host ended by itself");
        }
    }
}

impl Fixture for Hosts {
    fn abilities(&self) -> Abilities {
        Abilities { seats: false, lease: Some(LEASE), restarts: true, crowd: 200, churn: churn(1000), ..Abilities::default() }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        Box::new(Embedded::new(self.addresses.clone(), &identity(group, name), "test"))
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

impl crate::outage::Engine for Hosts {
    fn lines(&self) -> String {
        format!("registry.addresses = {:?}", self.addresses)
    }
}

/// Runs a connector under any name, whatever its identity is.
pub(crate) fn run(connector: Box<dyn Connector>, group: &str, name: &str) -> (mpsc::Receiver<News>, mpsc::Sender<Command>, JoinHandle<()>) {
    let (news_in, news) = mpsc::channel(16);
    let (commands, commands_out) = mpsc::channel(16);
    let (group, name, host) = (group.into(), name.into(), "127.0.0.1".into());
    let me = Candidate { id: None, group, name, host, port: 4000, visibility: Visibility::Internal, properties: BTreeMap::new() };
    (news, commands, tokio::spawn(connector.run(me, Wires { news: news_in, commands: commands_out })))
}

pub(crate) async fn next(news: &mut mpsc::Receiver<News>) -> News {
    timeout(PATIENCE, news.recv()).await.expect("news in time").expect("the connector runs")
}
