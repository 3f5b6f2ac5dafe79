//! Finding each other, connecting, talking.

use crate::support::{start, start_host};
use sinew::SendMode;

#[test]
fn two_servers_find_each_other_and_talk_both_ways() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    let to_lobby = world.connected("l1");
    to_world.send(7, b"hello world", SendMode::Reliable).expect("connected");
    to_lobby.send(8, b"hello lobby", SendMode::Unreliable).expect("connected");
    assert_eq!(world.message(), ("l1".into(), 7, b"hello world".to_vec(), SendMode::Reliable));
    assert_eq!(lobby.message(), ("w1".into(), 8, b"hello lobby".to_vec(), SendMode::Unreliable));
}
