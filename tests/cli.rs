//! The `sinew` command line, as a person or a script meets it: exit codes, sentences, and nothing left behind.

#![cfg(feature = "cli")]

#[path = "cluster/ports.rs"]
mod ports;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes this long; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command did.
struct Done {
    status: ExitStatus,
    out: String,
    error: String,
}

impl Done {
    fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

fn sinew(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
    command.current_dir(directory).args(arguments).env("TMPDIR", directory).env("TMP", directory).env("TEMP", directory);
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Done {
    let output = sinew(directory, arguments).stdin(Stdio::null()).output().expect("sinew starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Done { status: output.status, out: text(output.stdout), error: text(output.stderr) }
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[test]
fn the_version_is_the_packages() {
    let done = run(scratch().path(), &["--version"]);
    assert_eq!((done.code(), done.out.trim()), (Some(0), concat!("sinew ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn what_is_no_command_is_a_usage_error() {
    let here = scratch();
    for arguments in [&["demo", "--second", "3"][..], &["dmeo"], &["demo", "--servers", "1"], &["demo", "--seconds", "x"]] {
        let done = run(here.path(), arguments);
        assert_eq!(done.code(), Some(2), "{arguments:?}: {}", done.error);
        assert!(done.error.starts_with("error: "), "{arguments:?}: {}", done.error);
    }
    assert!(run(here.path(), &["demo", "--second", "3"]).error.contains("--seconds"), "the nearest option is named");
}

#[test]
fn the_servers_of_the_demo_are_not_in_the_help() {
    let help = run(scratch().path(), &["--help"]).out;
    assert!(help.contains("demo") && !help.contains("demo-server") && !help.contains("demo-registry"), "{help}");
}

#[test]
fn check_tells_a_good_configuration_from_a_bad_one() {
    let here = scratch();
    let write = |text: &str| std::fs::write(here.path().join("server.toml"), text).expect("written");
    write("[server]\ngroup = \"world\"\n[groups.world]\n");
    let good = run(here.path(), &["check", "server.toml"]);
    assert_eq!(good.code(), Some(0), "{}", good.error);
    assert!(good.out.contains("group = \"world\""), "{}", good.out);
    write("[server]\ngroup = \"wrold\"\n[groups.world]\n");
    let bad = run(here.path(), &["check", "server.toml"]);
    assert_eq!((bad.code(), bad.out.as_str()), (Some(2), ""));
    assert!(bad.error.contains("server.toml line 2: server.group is \"wrold\""), "{}", bad.error);
    assert_eq!(run(here.path(), &["check", "missing.toml"]).code(), Some(2));
}

#[test]
fn keygen_makes_a_key_once_and_issues_from_it() {
    let here = scratch();
    let made = run(here.path(), &["keygen"]);
    assert_eq!(made.code(), Some(0), "{}", made.error);
    assert!(here.path().join("sinew.key").is_file());
    assert_eq!(run(here.path(), &["keygen"]).code(), Some(1), "an existing key is never replaced");
    let issued = run(here.path(), &["keygen", "issue", "--group", "world", "--name", "world-1"]);
    assert_eq!(issued.code(), Some(0), "{}", issued.error);
    for file in ["world-1.cert.pem", "world-1.key.pem", "ca.pem"] {
        assert!(here.path().join(file).is_file(), "{file}");
    }
    let refused = run(here.path(), &["keygen", "issue", "--group", "world", "--name", "../world"]);
    assert_eq!(refused.code(), Some(1));
    assert!(refused.error.contains("../world"), "{}", refused.error);
}

#[test]
fn a_registry_on_a_taken_port_says_so_and_ends() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let done = run(scratch().path(), &["registry", "--listen", &address]);
    assert_eq!((done.code(), done.out.as_str()), (Some(1), ""));
    assert!(done.error.contains(&address) && done.error.contains("--listen"), "{}", done.error);
}

/// A cluster of one `world` server, which hosts the registry, for `sinew explain` to look at.
struct World {
    server: sinew::Server,
    registry: String,
}

impl World {
    fn start(more: &str) -> Self {
        let port = ports::free_port();
        let listen = format!("registry.host = true\nregistry.listen = \"127.0.0.1:{port}\"\n");
        let text = format!("server.group = \"world\"\nserver.name = \"w1\"\nlog.to = \"events\"\n{listen}{more}\n{GROUPS}");
        let config = sinew::ServerConfig::load(&text, "text", std::iter::empty()).expect("a good configuration");
        let world = Self { server: sinew::Server::start(config).expect("it starts"), registry: registry_at(port) };
        world.wait(|event| matches!(event, sinew::Event::Started { .. }));
        world
    }

    fn wait(&self, wanted: impl Fn(&sinew::Event) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            let left = give_up.saturating_duration_since(Instant::now());
            // Every event is taken, for what is left over is lost.
            if self.server.poll(left).expect("nobody else polls").filter(&wanted).count() > 0 {
                return;
            }
        }
        panic!("it did not happen");
    }
}

const GROUPS: &str = "[groups.lobby]\nconnects_to = [\"world\"]\n[groups.world]\n";

fn registry_at(port: u16) -> String {
    format!("registry.addresses = [\"127.0.0.1:{port}\"]\n")
}

/// What `sinew explain` says about a lobby server with these lines.
fn explain(here: &Path, lines: &str) -> Done {
    explain_in(here, GROUPS, lines)
}

fn explain_in(here: &Path, groups: &str, lines: &str) -> Done {
    let text = format!("server.group = \"lobby\"\nserver.name = \"l1\"\n{lines}\n{groups}");
    std::fs::write(here.join("lobby.toml"), text).expect("written");
    run(here, &["explain", "lobby.toml", "--seconds", "20"])
}

#[track_caller]
fn is_wrong(done: &Done, words: &[&str]) {
    assert_eq!(done.code(), Some(1), "{}{}", done.out, done.error);
    for words in words {
        assert!(done.out.contains(words), "{words:?} is missing:\n{}", done.out);
    }
    assert!(done.out.ends_with("something is wrong\n"), "{}", done.out);
}

#[test]
fn explain_finds_all_well_and_is_no_news_to_the_game_that_is_asked() {
    let here = scratch();
    let world = World::start("");
    let done = explain(here.path(), &world.registry);
    assert_eq!((done.code(), done.error.as_str()), (Some(0), ""), "{}", done.out);
    assert!(done.out.starts_with("lobby/l1\nok     registry 127.0.0.1:"), "{}", done.out);
    assert!(done.out.contains("(world/w1) at 127.0.0.1:") && done.out.contains("agrees; this server dials it"), "{}", done.out);
    let events: Vec<_> = world.server.poll(Duration::ZERO).expect("nobody else polls").collect();
    let silent = events.iter().all(|event| matches!(event, sinew::Event::Log { .. }));
    assert!(silent, "{events:?}");
}

#[test]
fn explain_alone_in_the_cluster_says_that_nobody_is_there() {
    let here = scratch();
    let port = ports::free_port();
    let mut registry = Demo::start(here.path(), &["registry", "--listen", &format!("127.0.0.1:{port}")]);
    registry.wait_for_line("registry listening on");
    let done = explain(here.path(), &registry_at(port));
    assert_eq!(done.code(), Some(0), "{}{}", done.out, done.error);
    assert!(done.out.contains("nobody is there") && done.out.contains("(world)"), "{}", done.out);
}

#[test]
fn explain_names_a_registry_that_cannot_be_reached() {
    let here = scratch();
    let port = ports::free_port();
    is_wrong(
        &explain(here.path(), &registry_at(port)),
        &[&format!("wrong  registry 127.0.0.1:{port}"), "refused", "sinew registry --listen"],
    );
}

#[test]
fn explain_names_another_key() {
    let here = scratch();
    for key in ["ours.key", "theirs.key"] {
        assert_eq!(run(here.path(), &["keygen", "--out", key]).code(), Some(0));
    }
    let world = World::start(&format!("cluster.key_file = '{}'\n", here.path().join("theirs.key").display()));
    let done = explain(here.path(), &format!("cluster.key_file = \"ours.key\"\n{}", world.registry));
    is_wrong(&done, &["signed by another cluster's key", "cluster.key_file"]);
    let missing = explain(here.path(), &format!("cluster.key_file = \"missing.key\"\n{}", world.registry));
    assert_eq!((missing.code(), missing.out.as_str()), (Some(1), ""));
    assert!(missing.error.contains("missing.key") && missing.error.contains("sinew keygen"), "{}", missing.error);
}

#[test]
fn explain_names_a_certificate_of_another_group_and_groups_that_differ() {
    let here = scratch();
    assert_eq!(run(here.path(), &["keygen"]).code(), Some(0));
    assert_eq!(run(here.path(), &["keygen", "issue", "--group", "world", "--name", "l1"]).code(), Some(0));
    let issued = "cluster = { ca = \"ca.pem\", cert = \"l1.cert.pem\", key = \"l1.key.pem\" }\n";
    let done = explain(here.path(), issued);
    assert_eq!(done.code(), Some(1), "{}", done.out);
    assert!(done.error.contains("is for group `world`"), "{}", done.error);

    let world = World::start("");
    let groups = "[groups.lobby]\n[groups.world]\nconnects_to = [\"lobby\"]\n";
    let words = ["refused by the other side (topology)", "connects_to names `world`", "give both the same"];
    is_wrong(&explain_in(here.path(), groups, &world.registry), &words);
}

#[test]
fn explain_names_another_app_version() {
    let here = scratch();
    let world = World::start("server.app_version = \"2\"\n");
    let done = explain(here.path(), &format!("server.app_version = \"1\"\n{}", world.registry));
    is_wrong(&done, &["refused by the other side (app version)", "app version `1`, the accepting one `2`", "update the older one"]);
}

#[test]
fn explain_names_an_address_at_which_nobody_listens() {
    let here = scratch();
    let port = ports::free_port();
    let world = World::start(&format!("server.advertise = \"127.0.0.1:{port}\"\n"));
    let done = explain(here.path(), &world.registry);
    is_wrong(&done, &[&format!("no address answers (127.0.0.1:{port}: "), "refused", "nothing listens there", "server.advertise"]);
}

#[test]
fn explain_of_a_configuration_that_cannot_be_used_is_a_usage_error() {
    let here = scratch();
    assert_eq!(run(here.path(), &["explain", "missing.toml"]).code(), Some(2));
    assert_eq!(explain(here.path(), "server.nmae = \"x\"\n").code(), Some(2));
    for arguments in [&["explain"][..], &["explain", "lobby.toml", "--seconds", "0"]] {
        assert_eq!(run(here.path(), arguments).code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_demo_shows_a_crash_and_passes_and_leaves_nothing() {
    let here = scratch();
    let done = run(here.path(), &["demo", "--seconds", "4"]);
    assert_eq!(done.code(), Some(0), "{}{}", done.out, done.error);
    for shown in ["killed", "disconnected  world-2", "left          world-2", "restarted", "RTT p50", "✓"] {
        assert!(done.out.contains(shown), "{shown:?} is missing:\n{}", done.out);
    }
    assert!(!done.out.contains('✗') && !done.out.contains('\u{1b}'), "{}", done.out);
    let long: Vec<&str> = done.out.lines().filter(|line| line.chars().count() >= 100).collect();
    assert!(long.is_empty(), "too long for a terminal: {long:#?}");
    let processes = processes(&done.out);
    assert_eq!(processes.len(), 6, "a registry, four servers, one of them twice:\n{}", done.out);
    gone(&processes, here.path());
}

#[test]
fn a_demo_with_more_servers_and_kills_passes() {
    let here = scratch();
    let done = run(here.path(), &["demo", "--seconds", "6", "--servers", "5", "--kill-every", "1"]);
    assert_eq!(done.code(), Some(0), "{}{}", done.out, done.error);
    let kills = done.out.matches("SIGKILL").count();
    assert!(kills >= 3, "{kills} kills:\n{}", done.out);
    gone(&processes(&done.out), here.path());
}

#[test]
fn a_server_that_fails_fails_the_demo_with_its_last_words() {
    let here = scratch();
    let done = run(here.path(), &["demo", "--seconds", "4", "--break", "lobby-2"]);
    assert_eq!(done.code(), Some(1), "{}{}", done.out, done.error);
    let sentence = "✗ The demo failed: lobby-2 ended by itself (exit status: 1), which nobody had asked for; the last lines of its log:";
    let sentence = if cfg!(windows) { sentence.replace("exit status", "exit code") } else { sentence.into() };
    assert!(done.out.contains(&sentence), "{}", done.out);
    assert!(done.out.contains("told to fail (--break)"), "{}", done.out);
    gone(&processes(&done.out), here.path());
}

#[test]
fn a_demo_that_is_killed_takes_everything_with_it() {
    let here = scratch();
    let mut demo = Demo::start(here.path(), &["demo", "--seconds", "60"]);
    demo.wait_for_line("connected");
    demo.process.kill().expect("killed");
    demo.process.wait().expect("ended");
    assert!(processes(&demo.out).len() >= 5, "{}", demo.out);
    gone(&processes(&demo.out), here.path());
}

#[test]
#[cfg(unix)]
fn a_kept_demo_tells_how_to_join_it_and_ends_with_ctrl_c() {
    let here = scratch();
    let mut demo = Demo::start(here.path(), &["demo", "--seconds", "4", "--keep"]);
    let command = demo.wait_for_line("demo-server ");
    let own = command.split("demo-server ").nth(1).expect("a file").to_string();
    // Its stdin stays open as long as `joining` lives.
    let mut joining = sinew(here.path(), &["demo-server", &own]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("joins");
    demo.wait_for_line("connected     my-world");
    joining.kill().expect("killed");
    joining.wait().expect("ended");
    demo.wait_for_line("disconnected  my-world");
    let interrupted = Command::new("kill").args(["-INT", &demo.process.id().to_string()]).status().expect("kill runs");
    assert!(interrupted.success());
    demo.wait_for_line("every server stopped gracefully");
    assert_eq!(demo.process.wait().expect("ended").code(), Some(0), "{}", demo.out);
    gone(&processes(&demo.out), here.path());
}

/// A demo that runs while the test looks on. Dropping it kills it; its servers go with it.
struct Demo {
    process: Child,
    lines: std::sync::mpsc::Receiver<String>,
    out: String,
}

impl Demo {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut process = sinew(directory, arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("sinew starts");
        let stdout = process.stdout.take().expect("a pipe");
        let (to, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        Self { process, lines, out: String::new() }
    }

    fn wait_for_line(&mut self, with: &str) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(give_up.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("no line with {with:?} came; before:\n{}", self.out));
            self.out += &line;
            self.out.push('\n');
            if line.contains(with) {
                return line;
            }
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process ids that a demo has shown.
fn processes(out: &str) -> BTreeSet<u32> {
    let ids = out.split("process ").skip(1);
    ids.filter_map(|rest| rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()).collect()
}

/// Waits until none of these processes runs the demo and its directory is gone.
fn gone(processes: &BTreeSet<u32>, temporary: &Path) {
    assert!(!processes.is_empty());
    let directories = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(temporary).expect("the directory").flatten().map(|entry| entry.path());
        entries.filter(|path| path.to_string_lossy().contains("sinew-demo-")).collect()
    };
    let give_up = Instant::now() + PATIENCE;
    loop {
        let left: Vec<&u32> = processes.iter().filter(|process| runs(**process)).collect();
        if left.is_empty() && directories().is_empty() {
            return;
        }
        assert!(Instant::now() < give_up, "left behind: processes {left:?}, {:?}", directories());
        // bounded wait: until they are gone, PATIENCE
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Does this process run a part of the demo? An id may belong to somebody else by now.
#[cfg(target_os = "linux")]
fn runs(process: u32) -> bool {
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains("demo-"))
}

/// Elsewhere the directory alone is looked at: the last of them removes it.
#[cfg(not(target_os = "linux"))]
fn runs(_process: u32) -> bool {
    false
}
