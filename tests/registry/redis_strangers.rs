//! What others write under our keys: people, tools, mistakes.

use super::Redis;
use sinew::registry::contract::{Fixture, Member};
use std::io::Write;
use std::process::{Command, Stdio};

const LEASES: &str = "{sinew/test}/leases";
const CHANGES: &str = "{sinew/test}/changes";
const GOOD: &str = r#"{"id":7,"group":"world","name":"hand","host":"10.0.0.1","port":4000}"#;

fn key(name: &str) -> String {
    format!("{{sinew/test}}/servers/world/{name}")
}

/// As docs/registries.md says.
fn write_by_hand(redis: &Redis, name: &str, json: &str) {
    assert_eq!(redis.cli(&["SET", &key(name), json]), "OK");
    redis.cli(&["ZADD", LEASES, "+inf", &format!("world/{name}")]);
    redis.cli(&["XADD", CHANGES, "*", "name", &format!("world/{name}"), "entry", json]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_written_by_hand_is_seen_and_taken_out_by_hand() {
    let mut redis = Redis::new();
    let mut member = Member::registered(&mut redis, "world", "w1").await;
    write_by_hand(&redis, "hand", GOOD);
    member.until("sees it", |member| member.view().len() == 2).await;
    let newcomer = Member::registered(&mut redis, "world", "w2").await;
    assert_eq!(newcomer.view().len(), 3);
    redis.cli(&["DEL", &key("hand")]);
    redis.cli(&["ZADD", LEASES, "0", "world/hand"]);
    member.until("sees it leave", |member| !member.view().keys().any(|id| id.get() == 7)).await;
    assert_eq!(member.outages(), 0, "{:?}", member.history());
    newcomer.leave().await;
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_make_no_sense_harm_nobody() {
    let mut redis = Redis::new();
    let mut member = Member::registered(&mut redis, "world", "w1").await;
    let id = member.id();
    for (name, json) in [
        ("no-json", "{"),
        ("no-host", r#"{"id":8,"group":"world","name":"no-host","port":4000}"#),
        ("id-0", r#"{"id":0,"group":"world","name":"id-0","host":"h","port":1}"#),
        ("port", r#"{"id":9,"group":"world","name":"port","host":"h","port":"x"}"#),
        ("other-name", GOOD),
        ("array", "[[[[]]]]"),
        ("empty", ""),
        ("deep", &"[".repeat(60_000)),
    ] {
        write_by_hand(&redis, name, json);
    }
    // A value of 1 MiB, in the entry and in the stream; another type under an entry's key; names that are none.
    let large = "x".repeat(1 << 20);
    pipe(&redis, &[&["SET", &key("large"), &large], &["ZADD", LEASES, "+inf", "world/large"]]);
    pipe(&redis, &[&["XADD", CHANGES, "*", "name", "world/large", "entry", &large], &["ZADD", LEASES, "+inf", &large]]);
    redis.cli(&["HSET", &key("hash"), "a", "b"]);
    for name in ["world/hash", "", "/", "world", "world/a/b", "wörld/x", "world/../x"] {
        redis.cli(&["ZADD", LEASES, "+inf", name]);
    }
    redis.cli(&["XADD", CHANGES, "*", "what", "is this"]);
    let newcomer = Member::registered(&mut redis, "world", "w2").await;
    assert_eq!(newcomer.view().keys().copied().collect::<Vec<_>>(), [id, newcomer.id()]);
    member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
    assert_eq!((member.view().len(), member.outages()), (2, 0), "{:?}", member.history());
    // Whoever comes under such a name takes it.
    for name in ["hash", "large", "no-json", "id-0", "deep", "other-name"] {
        let owner = Member::registered(&mut redis, "world", name).await;
        member.until("sees the owner", |member| member.view().contains_key(&owner.id())).await;
        owner.leave().await;
    }
    newcomer.leave().await;
    member.leave().await;
}

/// An operator who overwrites or removes a living server's entry gets it back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_the_living_is_put_again() {
    let mut redis = Redis::new();
    let mut member = Member::registered(&mut redis, "world", "w1").await;
    let mut watcher = Member::registered(&mut redis, "chat", "c1").await;
    let id = member.id();
    for mistake in [&["DEL"][..], &["SET", "nonsense"], &["HSET", "a", "b"], &["LPUSH", "a"]] {
        redis.cli(&["DEL", &key("w1")]);
        let mut command = vec![mistake[0].to_owned(), key("w1")];
        command.extend(mistake[1..].iter().map(|word| word.to_string()));
        redis.cli(&command.iter().map(String::as_str).collect::<Vec<_>>());
        let newer = Member::registered(&mut redis, "world", "w3").await;
        // Two rounds of renewals: it has noticed.
        watcher.for_a_while(redis.lease).await;
        assert!(redis.cli(&["GET", &key("w1")]).contains(&id.to_string()));
        newer.leave().await;
    }
    watcher.until("still sees it", |watcher| watcher.view().contains_key(&id)).await;
    assert_eq!((member.replaced_by(), watcher.outages()), (None, 0), "{:?}", watcher.history());
    member.for_a_while(redis.lease).await;
    assert_eq!(member.outages(), 0, "{:?}", member.history());
    watcher.leave().await;
    member.leave().await;
}

/// The common keys of a wrong type: nobody can register, and the words say what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn common_keys_of_another_type_are_told() {
    for wrong in [LEASES, CHANGES] {
        let mut redis = Redis::new();
        redis.cli(&["SET", wrong, "somebody else's"]);
        let (mut news, _commands, task) = crate::support::run(redis.connector("world", "w1"), "world", "w1");
        let sinew::registry::News::Lost(why) = crate::support::next(&mut news).await else { panic!("it should fail") };
        assert!(why.contains("WRONGTYPE") && why.contains("registry.prefix"), "{why}");
        redis.cli(&["DEL", wrong]);
        while !matches!(crate::support::next(&mut news).await, sinew::registry::News::Registered(_)) {}
        task.abort();
    }
}

/// Commands with arguments too long for a command line.
fn pipe(redis: &Redis, commands: &[&[&str]]) {
    let mut text = String::new();
    for command in commands {
        text += &format!("*{}\r\n", command.len());
        command.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
    }
    let port = redis.port.address().port().to_string();
    let mut child = Command::new("redis-cli").args(["-p", &port, "--pipe"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let child = child.as_mut().expect("redis-cli runs");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success());
}
