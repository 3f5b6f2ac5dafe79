//! Several registries at once: the contract, and a cluster that moves from one to the other.

use crate::support::{Hosts, churn, configured};
use sinew::registry::contract::{Abilities, Fixture, Member};
use sinew::registry::{Connector, News};

/// Two registries of one host each, which know nothing of each other.
struct Two {
    hosts: [Hosts; 2],
    /// Which of them the connectors made from now on are told.
    told: Vec<usize>,
}

impl Two {
    fn new() -> Self {
        Self { hosts: [Hosts::new(1), Hosts::new(1)], told: vec![0, 1] }
    }
}

impl Fixture for Two {
    fn abilities(&self) -> Abilities {
        Abilities { crowd: 50, churn: churn(100), ..self.hosts[0].abilities() }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        let table = |index: &usize| format!("[[registry]]\naddresses = [\"{}\"]\n", self.hosts[*index].address(0));
        let tables: String = self.told.iter().map(table).collect();
        configured(group, name, &tables)
    }

    async fn stop(&mut self) {
        for hosts in &mut self.hosts {
            hosts.stop().await;
        }
    }

    async fn start(&mut self) {
        for hosts in &mut self.hosts {
            hosts.start().await;
        }
    }
}

contract_cases! {
    contract = Two::new();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_moves_from_one_registry_to_the_other_and_nobody_is_ever_missed() {
    let mut two = Two::new();
    two.told = vec![0];
    let old = Member::registered(&mut two, "world", "old").await;
    two.told = vec![0, 1];
    let mut both = Member::registered(&mut two, "chat", "both").await;
    two.told = vec![1];
    let new = Member::registered(&mut two, "world", "new").await;
    let (old_id, new_id) = (old.id(), new.id());
    both.until("sees both sides", |both| both.view().contains_key(&old_id) && both.view().contains_key(&new_id)).await;
    // The old one is restarted with the new registry alone, and the old registry goes.
    old.leave().await;
    let mut moved = Member::registered(&mut two, "world", "old").await;
    let moved_id = moved.id();
    both.until("sees it again", |both| both.view().contains_key(&moved_id)).await;
    two.hosts[0].stop().await;
    // Longer than the word of a lost registry stands.
    both.for_a_while(std::time::Duration::from_secs(12)).await;
    assert_eq!(both.view().len(), 3, "{:?}", both.history());
    assert_eq!(both.outages(), 0, "one of two is no loss");
    let left: Vec<&News> = both.history().iter().filter(|news| matches!(news, News::Left { .. })).collect();
    assert_eq!(left.len(), 1, "only the one that said goodbye: {left:?}");
    let both_id = both.id();
    moved.until("sees the one in both", |moved| moved.view().contains_key(&both_id)).await;
    two.hosts[1].stop().await;
    both.until("misses both", Member::is_lost).await;
    for member in [both, moved, new] {
        member.crash().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_another_server_is_told_as_taken() {
    crate::taken::is_told(Two::new()).await;
}
