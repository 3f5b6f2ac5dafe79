//! `sinew keygen` as an operator uses it: the arguments, the files, and what comes out of them.

use crate::support::*;
use clap::Parser;
use sinew::error::KeyError;
use sinew::transport::identity::{Identity, PeerIdentity};
use sinew::transport::keys::{ClusterKey, MAX_ISSUE_DAYS};
use std::path::Path;
use std::process::ExitCode;

#[path = "../../src/bin/sinew/keygen.rs"]
mod command;

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    keygen: command::KeygenArgs,
}

fn keygen(args: &[&str]) -> bool {
    let command = Command::try_parse_from([&["keygen"], args].concat()).expect("arguments as documented");
    command::run(command.keygen) == ExitCode::SUCCESS
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn makes_a_key_and_never_overwrites_one_by_accident() {
    let directory = directory();
    let path = directory.path().join("sinew.key");
    assert!(keygen(&["--out", text(&path)]));
    let first = std::fs::read_to_string(&path).expect("made");

    assert!(!keygen(&["--out", text(&path)]), "an existing key is left alone");
    assert_eq!(std::fs::read_to_string(&path).expect("still there"), first);

    assert!(keygen(&["--out", text(&path), "--force"]));
    assert_ne!(std::fs::read_to_string(&path).expect("still there"), first);
    assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 1, "no temporary file is left");
}

#[test]
fn says_where_it_cannot_write() {
    let directory = directory();
    let path = directory.path().join("no/such/directory/sinew.key");
    let error = ClusterKey::generate().expect("a key").write(&path, false).expect_err("no directory");
    assert!(matches!(&error, KeyError::NotWritten { path: named, .. } if *named == path), "{error:?}");
    assert!(!keygen(&["--out", text(&path)]));
    assert!(!keygen(&["--out", text(&path), "--force"]));
}

#[test]
fn issues_files_that_load_as_they_are() {
    let cluster = Cluster::new();
    let out = directory();
    let issue = |name: &str, more: &[&str]| {
        let args = ["issue", "--key-file", text(&cluster.path), "--group", "world", "--name", name, "--out-dir", text(out.path())];
        keygen(&[&args[..], more].concat())
    };
    assert!(issue("world-1", &[]));
    assert!(issue("world-2", &["--days", "90"]), "the same directory takes more servers of the cluster");
    for name in ["world-1", "world-2"] {
        let path = |end: &str| out.path().join(format!("{name}.{end}.pem"));
        let section = issued_section(&out.path().join("ca.pem"), &path("cert"), &path("key"));
        assert_eq!(identity(&section, "world", name).own(), &PeerIdentity::new("world", name).expect("valid"));
    }

    let before = std::fs::read(out.path().join("world-1.key.pem")).expect("made");
    assert!(!issue("world-1", &[]), "existing files are left alone");
    assert_eq!(std::fs::read(out.path().join("world-1.key.pem")).expect("still there"), before);
    assert!(issue("world-1", &["--force"]));
    assert_ne!(std::fs::read(out.path().join("world-1.key.pem")).expect("still there"), before);

    assert!(!issue("world/1", &[]), "a name with a slash");
}

#[test]
fn another_clusters_ca_is_not_overwritten_by_issuing() {
    let (ours, theirs) = (Cluster::new(), Cluster::new());
    let section = ours.issued("world", "world-1", 30);
    let issued = theirs.key.issue(&PeerIdentity::new("world", "world-2").expect("valid"), 30).expect("issued");
    let error = issued.write(ours.directory.path(), "world-2", false).expect_err("the ca.pem is another cluster's");
    assert!(matches!(&error, KeyError::Exists { path } if Some(path) == section.ca.as_ref()), "{error:?}");
    assert!(!ours.directory.path().join("world-2.key.pem").exists(), "nothing was written");
}

#[test]
fn days_have_bounds() {
    let cluster = Cluster::new();
    let to = PeerIdentity::new("world", "world-1").expect("valid");
    assert!(cluster.key.issue(&to, 0).is_err());
    assert!(cluster.key.issue(&to, MAX_ISSUE_DAYS + 1).is_err());
    identity(&cluster.issued("world", "world-1", MAX_ISSUE_DAYS), "world", "world-1");
    identity(&cluster.issued("world", "world-1", 1), "world", "world-1");
    let bad = ["keygen", "issue", "--group", "g", "--name", "n", "--days", "0"];
    assert!(Command::try_parse_from(bad).is_err());
}

#[test]
fn every_key_is_its_own_and_survives_the_disk() {
    let cluster = Cluster::new();
    let read = ClusterKey::read("cluster.key_file", &cluster.path).expect("readable");
    assert_eq!(read.name(), cluster.key.name());
    assert_eq!(read.fingerprint(), cluster.key.fingerprint());
    assert_eq!(read.to_pem(), cluster.key.to_pem());
    assert_eq!(read.fingerprint().len(), 64);
    let other = ClusterKey::generate().expect("a key");
    assert_ne!(other.name(), cluster.key.name());
    assert_ne!(other.fingerprint(), cluster.key.fingerprint());
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let cluster = Cluster::new();
    let pem = cluster.key.to_pem();
    let secret = pem.lines().rev().nth(1).expect("a line of the private key");
    let identity: Identity = identity(&cluster.section(), "world", "world-1");
    let shown = format!("{:?} {identity:?}", cluster.key);
    assert!(shown.contains("world-1") && !shown.contains(secret), "{shown}");
}
