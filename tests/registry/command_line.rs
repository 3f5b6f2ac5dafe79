//! `sinew registry` as a process.

use super::support::{PATIENCE, identity, next, run};
use sinew::registry::News;
use sinew::registry::embedded::Embedded;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Ends with the test, whatever happens.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sinew(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
    command.arg("registry").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Its exit code and everything on stderr.
async fn failure(args: &[&str]) -> (Option<i32>, String) {
    let mut command = sinew(args);
    let output = spawn_blocking(move || command.output());
    let Output { status, stderr, .. } = timeout(PATIENCE, output).await.expect("it ends by itself").expect("no panic").expect("it starts");
    (status.code(), String::from_utf8(stderr).expect("UTF-8"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_where_it_listens_and_logs_joins_and_leaves() {
    let mut registry = Process(sinew(&["--listen", "127.0.0.1:0", "--cluster", "games", "--lease-ms", "300"]).spawn().expect("it starts"));
    let mut stdout = BufReader::new(registry.0.stdout.take().expect("piped")).lines();
    let line = spawn_blocking(move || stdout.next());
    let line = timeout(PATIENCE, line).await.expect("in time").expect("no panic").expect("a line").expect("UTF-8");
    let address = line.strip_prefix("registry listening on ").expect("the line that others read").to_string();
    assert!(!address.ends_with(":0"), "{address}");

    let (mut news, commands, task) = run(Box::new(Embedded::new(vec![address], &identity("world", "w1"), "games")), "world", "w1");
    let News::Registered(own) = next(&mut news).await else { panic!("not registered") };
    drop(commands);
    timeout(PATIENCE, task).await.expect("it says goodbye").expect("it returns");

    registry.0.kill().expect("it was running");
    let mut log = String::new();
    registry.0.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
    let line = |word: &str| log.lines().find(|line| line.contains(word)).unwrap_or_else(|| panic!("no `{word}` in {log}")).to_string();
    assert!(line("joined").contains(&format!("id={} group=world name=w1", own.id)), "{log}");
    assert!(line("left").contains("reason=Deregistered"), "{log}");
    assert!(log.contains("no cluster key"), "{log}");
    assert!(!log.contains('\u{1b}'), "colour codes in a log file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_one_sentence_and_an_exit_code() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let (code, text) = failure(&["--listen", &address]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("cannot listen on {address}")) && text.contains("--listen"), "{text}");

    let (code, text) = failure(&["--listen", "0.0.0.0:0"]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("--listen = \"0.0.0.0:0\" is not a loopback address"), "{text}");

    let (code, text) = failure(&["--key-file", "no-such.key"]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("no-such.key"), "{text}");

    let (code, text) = failure(&["--cert", "some.pem"]).await;
    assert_eq!(code, Some(2));
    assert!(text.contains("--ca"), "{text}");
}
