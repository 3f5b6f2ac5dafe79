//! An id that stands for another server already, as two that are drawn in the same millisecond are once in a thousand times.

use crate::support::Hosts;
use sinew::registry::contract::{Fixture, Member};
use sinew::registry::{Candidate, Command, News, Wires};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Who was given the id of another is told so, instead of trying for ever; nobody else notices.
pub(crate) async fn is_told(mut fixture: impl Fixture) {
    let mut holder = Member::registered(&mut fixture, "world", "holder").await;
    let (to_server, mut news) = mpsc::channel(16);
    let (commands, from_server) = mpsc::channel(16);
    let (group, name, host) = ("world".to_string(), "late".to_string(), "127.0.0.1".to_string());
    let (id, port, properties) = (Some(holder.id()), 4001, BTreeMap::new());
    let me = Candidate { id, group, name, host, port, visibility: Default::default(), properties };
    let task = tokio::spawn(fixture.connector("world", "late").run(me, Wires { news: to_server, commands: from_server }));
    let told = async {
        loop {
            match news.recv().await.expect("it goes on") {
                News::IdTaken => return,
                News::Registered(own) => panic!("registered as {own:?}"),
                _ => {}
            }
        }
    };
    timeout(PATIENCE, told).await.expect("it is told");
    commands.send(Command::Deregister).await.expect("it listens");
    timeout(PATIENCE, task).await.expect("it ends").expect("no panic");
    holder.for_a_while(Duration::from_millis(300)).await;
    assert_eq!(holder.view().len(), 1, "{:?}", holder.history());
    holder.crash().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_a_host_of_the_embedded_registry() {
    is_told(Hosts::new(1)).await;
}
