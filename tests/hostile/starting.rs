//! A server that cannot be safe, or cannot have its port, does not start, and says what to change.

use crate::field::{Keys, config, host, wait};
use sinew::config::LogLevel;
use sinew::transport::identity::PeerIdentity;
use sinew::{Error, ErrorCode, Event, Rejection, Server, ServerConfig};
use std::net::TcpListener;
use std::path::Path;

fn refused(config: ServerConfig, code: ErrorCode, words: &[&str]) {
    let error = match Server::start(config) {
        Err(error) => error,
        Ok(server) => panic!("{:?} started", server.info()),
    };
    assert_eq!(error.code(), code, "{error}");
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text:?} must say {words:?}");
}

fn with_key_file(path: &Path) -> ServerConfig {
    config("world", "w", path, "")
}

/// Like [`config`], with no key at all.
fn keyless(more: &str) -> ServerConfig {
    let text = format!("server.group = 'world'\n{more}\n[groups.world]");
    ServerConfig::load(&text, "a test", std::iter::empty()).expect("a configuration")
}

#[test]
fn a_key_file_that_is_not_there() {
    let keys = Keys::new();
    let path = keys.directory.path().join("other.key");
    refused(with_key_file(&path), ErrorCode::Key, &["cluster.key_file", "other.key", "no such file", "sinew keygen"]);
}

#[test]
fn a_key_file_that_cannot_be_read() {
    let keys = Keys::new();
    // A directory: not even root reads it as a file.
    refused(with_key_file(keys.directory.path()), ErrorCode::Key, &["cluster.key_file"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&keys.path, std::fs::Permissions::from_mode(0o000)).expect("it is ours");
        // Root reads everything, so for root there is nothing to refuse.
        if std::fs::File::open(&keys.path).is_err() {
            refused(with_key_file(&keys.path), ErrorCode::Key, &["cluster.key_file", "cannot be read", "permission"]);
        }
    }
}

#[test]
fn a_key_file_that_is_cut_off() {
    let keys = Keys::new();
    let text = std::fs::read_to_string(&keys.path).expect("readable");
    for length in [0, 10, text.len() / 3, text.len() / 2, text.len() - 30] {
        std::fs::write(&keys.path, &text[..length]).expect("written");
        refused(with_key_file(&keys.path), ErrorCode::Key, &["cluster.key_file", "sinew.key"]);
    }
}

#[test]
fn a_certificate_of_another_cluster() {
    let (ours, theirs) = (Keys::new(), Keys::new());
    let to = PeerIdentity::new("world", "w").expect("a valid name");
    let issue = |keys: &Keys| keys.key.issue(&to, 1).expect("issued").write(keys.directory.path(), "w", true).expect("written");
    let ([cert, key, _], [_, _, ca]) = (issue(&ours), issue(&theirs));
    let [ca, cert, key] = [ca, cert, key].map(|path| path.display().to_string());
    let config = keyless(&format!("server.name = 'w'\ncluster.ca = '{ca}'\ncluster.cert = '{cert}'\ncluster.key = '{key}'"));
    refused(config, ErrorCode::Key, &["w.cert.pem", "belongs to another cluster"]);
}

#[test]
fn two_servers_with_different_keys_both_say_so() {
    let (ours, theirs) = (Keys::new(), Keys::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    // The registry trusts both keys and the world trusts ours, so the two find each other; the lobby trusts its own key alone.
    let registry = host(&runtime, &ours.identity("registry", "r", &format!("cluster.trust = ['{}']", theirs.path.display())));
    let found = format!("registry.addresses = ['{registry}']\nlimits.reconnect_min_ms = 10\nlimits.reconnect_max_ms = 50");
    let trusting = format!("{found}\ncluster.trust = ['{}']", ours.path.display());
    let lobby = Server::start(config("lobby", "l", &ours.path, &found)).expect("starts");
    let world = Server::start(config("world", "w", &theirs.path, &trusting)).expect("starts");
    let says = |server: &Server, sentence: &str| {
        wait(server, sentence, |event| match event {
            Event::Log { level: LogLevel::Warn, text, .. } if text.contains(sentence) => Some(()),
            Event::ServerConnected { server } => panic!("connected to {server:?}"),
            _ => None,
        })
    };
    says(&lobby, "the peer's certificate is signed by another cluster's key");
    says(&world, "the peer does not trust our certificate");
    assert!(world.stats().rejected(Rejection::Untrusted) > 0);
}

#[test]
fn a_public_address_without_a_key() {
    refused(keyless("server.listen = '0.0.0.0:0'"), ErrorCode::Key, &["server.listen", "0.0.0.0:0", "sinew keygen", "cluster.key_file"]);
    refused(
        keyless("registry.host = true\nregistry.listen = '0.0.0.0:0'"),
        ErrorCode::Key,
        &["registry.listen", "0.0.0.0:0", "sinew keygen", "cluster.key_file"],
    );
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    refused(keyless(&format!("server.listen = '{address}'")), ErrorCode::AddressInUse, &["server.listen", &address, "port 0"]);
    let hosting = format!("registry.host = true\nregistry.listen = '{address}'");
    refused(keyless(&hosting), ErrorCode::AddressInUse, &["registry.listen", &address]);
}

#[test]
fn a_failed_start_keeps_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let wanted = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let text = format!("server.listen = '{wanted}'\nregistry.host = true\nregistry.listen = '{}'", taken.local_addr().expect("an address"));
    refused(keyless(&text), ErrorCode::AddressInUse, &["registry.listen"]);
    drop(taken);
    match Server::start(keyless(&text)) {
        Ok(server) => assert_eq!(server.info().port, wanted.port()),
        Err(Error::AddressInUse { address, .. }) => panic!("{address} is still held"),
        Err(error) => panic!("{error}"),
    }
}
