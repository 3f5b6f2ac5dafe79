//! The registries through their public face: the contract suite against each of them, and what strangers do to a host.

/// One test per case of the contract and registry, so that they run side by side and a failure has a name.
macro_rules! contract_cases {
    ($registry:ident = $fixture:expr; $($case:ident),+ $(,)?) => {
        mod $registry {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { sinew::registry::contract::$case(&mut $fixture).await; })+
        }
    };
    ($($registry:ident = $fixture:expr;)*) => {
        $(contract_cases! { $registry = $fixture;
            registers_and_sees_itself,
            everybody_agrees_on_the_ids,
            joins_and_goodbyes_are_seen_by_all,
            a_dropped_server_says_goodbye,
            a_newer_server_of_the_same_name_replaces_the_older,
            a_crashed_server_expires,
            a_frozen_server_comes_back_by_itself,
            a_reported_failure_harms_nobody_alive,
            a_restarted_registry_keeps_ids_and_sees_nobody_leave,
            an_outage_is_told_once,
            a_registry_that_starts_late_is_waited_for,
            a_paused_registry_harms_nobody,
            a_slow_registry_is_only_slow,
            a_crowd_registers_at_once,
            thousands_come_and_go,
            properties_arrive_as_they_are,
        })*
    };
}

#[path = "registry/cached.rs"]
mod cached;
#[cfg(feature = "consul")]
#[path = "registry/consul.rs"]
mod consul;
#[path = "registry/delayed.rs"]
mod delayed;
#[path = "registry/engine.rs"]
mod engine;
#[path = "registry/external.rs"]
mod external;
#[path = "registry/files.rs"]
mod files;
#[path = "registry/outage.rs"]
mod outage;
#[path = "registry/support.rs"]
mod support;

#[path = "registry/etcd.rs"]
#[cfg(feature = "etcd")]
mod etcd;

#[path = "registry/several.rs"]
mod several;
#[path = "registry/strangers.rs"]
mod strangers;
#[path = "registry/taken.rs"]
mod taken;

#[cfg(feature = "redis")]
#[path = "registry/redis.rs"]
mod redis;

#[path = "registry/command_line.rs"]
#[cfg(feature = "cli")]
mod command_line;

use sinew::config::ServerConfig;
use sinew::registry::contract::{self, Abilities, Fixture, Member};
use sinew::registry::fixed::Fixed;
use sinew::registry::{Connector, News};
use support::Hosts;

contract_cases! {
    one_host = Hosts::new(1);
    two_hosts = Hosts::new(2);
    // 127.0.0.1 and localhost lead to the same host: nobody promises that a list of addresses is a list of hosts.
    one_host_by_two_addresses = Hosts::new(1).also_as_localhost();
    folder = files::Folder::new();
}

struct Seats;

impl Fixture for Seats {
    fn abilities(&self) -> Abilities {
        Abilities { seats: true, ..Abilities::default() }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        let seats = contract::SEATS.iter().enumerate().map(|(index, (group, name))| {
            format!("[[registry.servers]]\ngroup = \"{group}\"\nname = \"{name}\"\naddress = \"127.0.0.1:{}\"\n", 4000 + index)
        });
        let seats = seats.collect::<String>();
        let text = format!(
            "server = {{ group = \"{group}\", name = \"{name}\", listen = \"127.0.0.1:4000\" }}\n\
             [groups.world]\n[groups.chat]\n[registry]\nkind = \"fixed\"\n{seats}"
        );
        let config = ServerConfig::load(&text, "text", std::iter::empty()).expect("a good configuration");
        Box::new(Fixed::new(&config).expect("a good list"))
    }

    async fn stop(&mut self) {}
    async fn start(&mut self) {}
}

#[tokio::test]
async fn fixed_keeps_the_contract() {
    contract::run_all(async || Seats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_hosts_may_go_and_come_back_unnoticed() {
    let mut hosts = Hosts::new(2);
    let mut first = Member::registered(&mut hosts, "world", "w1").await;
    let mut second = Member::registered(&mut hosts, "world", "w2").await;
    for stopped in [0, 1] {
        hosts.stop_one(stopped).await;
        let newcomer = Member::registered(&mut hosts, "chat", "c1").await;
        for member in [&mut first, &mut second] {
            member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
        }
        hosts.start_one(stopped);
        let gone = newcomer.id();
        // Its lease ends at the host that stayed, and it never comes to the one that starts.
        newcomer.crash().await;
        for member in [&mut first, &mut second] {
            member.until("sees it leave", |member| !member.view().contains_key(&gone)).await;
            assert_eq!((member.outages(), member.view().len()), (0, 2), "{:?}", member.history());
        }
    }
    first.leave().await;
    second.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_name_is_resolved_and_an_empty_host_is_filled_in() {
    let mut hosts = Hosts::new(1);
    let port = hosts.address(0).port();
    hosts.dial(vec![format!("localhost:{port}")]);
    let member = Member::registered(&mut hosts, "world", "w1").await;
    assert_eq!((member.own().host.as_str(), member.own().port), ("127.0.0.1", 4000));
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_registry_that_the_configuration_asks_for() {
    let hosts = Hosts::new(1);
    let text = "server = { group = \"world\", name = \"w1\" }\ncluster.name = \"test\"\n[groups.world]\n\
                [registry]\nhost = true\nlisten = \"127.0.0.1:0\"";
    let config = ServerConfig::load(text, "text", std::iter::empty()).expect("a good configuration");
    let identity = support::identity("world", "w1");
    // A server that hosts the registry on any free port is led to its own host.
    let connector = sinew::registry::connector(&config, &identity, Some(hosts.address(0))).expect("a connector");
    let (mut news, _commands, _task) = support::run(connector, "world", "w1");
    let first = support::next(&mut news).await;
    assert!(matches!(&first, News::Registered(own) if own.name == "w1"), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_embedded_registry_costs_no_link_and_no_message() {
    outage::costs_no_link_and_no_message(&mut Hosts::new(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_is_known_everywhere_by_the_embedded_registry() {
    outage::time_of_a_join(&mut Hosts::new(1), "embedded").await;
}
