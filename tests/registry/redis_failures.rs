//! What a server is told when its Redis refuses it: in Redis's words, with the cure. Users, TLS, replicas, and what is no Redis at all.

use super::{LEASE, Redis, cli, connector, server};
use crate::engine::{Engine, Port};
use crate::support;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use sinew::registry::News;
use sinew::registry::contract::{Fixture, Member};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Why it cannot register, as a server hears it.
async fn refusal(addresses: &[SocketAddr], settings: &str) -> String {
    let (mut news, _commands, task) = support::run(connector("world", "w1", addresses, LEASE, settings), "world", "w1");
    let first = support::next(&mut news).await;
    task.abort();
    match first {
        News::Lost(why) => why,
        other => panic!("it should fail, but there is {other:?}"),
    }
}

fn assert_says(why: &str, parts: &[&str]) {
    for part in parts {
        assert!(why.contains(part), "{part:?} is missing in: {why}");
    }
}

/// The first line of a file is a password.
fn secret(folder: &Path, name: &str, password: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, format!("{password}\nnot this line\n")).expect("a file");
    format!("secret_file = {path:?}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_passwords() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut redis = Redis::new();
    let (right, wrong) = (secret(folder.path(), "right", "s3cret"), secret(folder.path(), "wrong", "guess"));
    // Exactly what docs/registries.md says a user needs.
    let rules = ["on", ">s3cret", "resetkeys", "~{sinew/test}/*", "-@all", "+eval", "+evalsha", "+select"];
    let inner = [
        "+time",
        "+type",
        "+strlen",
        "+get",
        "+getrange",
        "+set",
        "+del",
        "+pexpire",
        "+zadd",
        "+zrem",
        "+zrange",
        "+zrangebyscore",
        "+xadd",
        "+xread",
        "+xrevrange",
    ];
    let user = ["ACL", "SETUSER", "game"].into_iter().chain(rules).chain(inner).collect::<Vec<_>>();
    assert_eq!(redis.cli(&user), "OK");
    assert_eq!(redis.cli(&["ACL", "SETUSER", "guest", "on", ">s3cret", "~*", "-@all", "+ping"]), "OK");
    assert_eq!(redis.cli(&["ACL", "SETUSER", "elsewhere", "on", ">s3cret", "~other:*", "+@all"]), "OK");
    let address = [redis.port.address()];

    redis.settings = format!("user = \"game\"\ndatabase = 3\n{right}");
    let mut first = Member::registered(&mut redis, "world", "w1").await;
    let second = Member::registered(&mut redis, "world", "w2").await;
    let (id, crashed) = (second.id(), Member::registered(&mut redis, "chat", "c1").await);
    first.until("sees the others", |first| first.view().len() == 3).await;
    crashed.crash().await;
    first.until("sees one expire", |first| first.view().len() == 2).await;
    second.leave().await;
    first.until("sees the other leave", |first| !first.view().contains_key(&id)).await;
    first.leave().await;

    assert_says(&refusal(&address, &format!("user = \"game\"\n{wrong}")).await, &["WRONGPASS", "registry.secret_file"]);
    assert_says(&refusal(&address, &format!("user = \"nobody\"\n{right}")).await, &["WRONGPASS", "registry.user"]);
    assert_says(&refusal(&address, &format!("user = \"guest\"\n{right}")).await, &["NOPERM", "evalsha", "docs/registries.md"]);
    assert_says(&refusal(&address, &format!("user = \"elsewhere\"\n{right}")).await, &["NOPERM", "docs/registries.md"]);
    assert_says(&refusal(&address, "database = 99").await, &["out of range", "registry.database"]);
    assert_eq!(redis.cli(&["CONFIG", "SET", "requirepass", "s3cret"]), "OK");
    assert_says(&refusal(&address, "").await, &["NOAUTH", "registry.secret_file"]);
    // The password alone is that of the default user.
    redis.settings = right;
    Member::registered(&mut redis, "world", "w1").await.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_addresses_the_master_is_taken() {
    let mut master = Redis::new();
    let (replica_port, nobody) = (Port::reserve(), Port::reserve());
    let to = master.port.address();
    let replica = server(replica_port.address(), &["--replicaof", &to.ip().to_string(), &to.port().to_string()]);
    let why = refusal(&[replica_port.address()], "").await;
    assert_says(&why, &[&replica_port.address().to_string(), "is a replica", "registry.addresses", "registry.sentinel"]);
    let why = refusal(&[nobody.address(), replica_port.address()], "").await;
    assert_says(&why, &["refused", "is it running", "is a replica"]);
    let member = Member::registered(&mut master, "world", "w1").await;
    let addresses = [nobody.address(), replica_port.address(), to];
    let (mut news, _commands, task) = support::run(connector("world", "w2", &addresses, LEASE, ""), "world", "w2");
    assert!(matches!(support::next(&mut news).await, News::Registered(_)));
    assert!(matches!(support::next(&mut news).await, News::Snapshot(all) if all.len() == 2));
    task.abort();
    member.leave().await;
    drop::<Engine>(replica);
}

/// A master that becomes a replica under its clients' feet, without a Sentinel: it is an outage until another one is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_becomes_a_replica_is_left() {
    let (one, other) = (Redis::new(), Redis::new());
    let (first, second) = (one.port.address(), other.port.address());
    let (mut news, _commands, task) = support::run(connector("world", "w1", &[first, second], LEASE, ""), "world", "w1");
    assert!(matches!(support::next(&mut news).await, News::Registered(_)));
    assert_eq!(one.cli(&["REPLICAOF", &second.ip().to_string(), &second.port().to_string()]), "OK");
    // bounded wait: until its entry stands at the other one, 20 s
    let arrived = async {
        while cli(second, &["EXISTS", "{sinew/test}/servers/world/w1"]) != "1" {
            tokio::time::sleep(Duration::from_millis(50)).await; // bounded wait: until its entry stands there, 20 s
        }
    };
    tokio::time::timeout(support::PATIENCE, arrived).await.expect("it moves");
    task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_product_at_the_port() {
    for (said, parts) in [
        (&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], &["HTTP/1.1 400 Bad Request", "another product"][..]),
        (b"\x00\xff\x13\x37garbage", &["not Redis's protocol"]),
        (b"\x15\x03\x03\x00\x02\x02\x0a", &["speaks TLS", "registry.tls"]),
        (b"*2000000000\r\n", &["2000000000 values"]),
        (b"$2000000000\r\n", &["2000000000 bytes"]),
        (b"+PONG\r\n", &["something else than Redis"]),
        (b"*2\r\n+mode\r\n+sentinel\r\n", &["is a Sentinel", "registry.sentinel"]),
        (b"-LOADING Redis is loading the dataset in memory\r\n", &["LOADING", "still loading"]),
        (b"-ERR unknown command 'HELLO'\r\n", &["unknown command", "Redis 6"]),
        (b"", &["closed the connection"]),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("any free port");
        let address = listener.local_addr().expect("it is bound");
        let product = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(said).await;
                if !said.is_empty() {
                    // Until the other side has had enough.
                    let _ = stream.read(&mut [0; 1024]).await;
                }
            }
        });
        let why = refusal(&[address], "").await;
        assert_says(&why, &[&address.to_string()]);
        assert_says(&why, parts);
        product.abort();
    }
    // One that accepts and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("any free port");
    assert_says(&refusal(&[silent.local_addr().expect("it is bound")], "").await, &["does not answer", "is it running"]);
    let nobody = Port::reserve();
    assert_says(&refusal(&[nobody.address()], "").await, &["refused", "is it running", "registry.addresses"]);
}

/// Certificates in a folder: `ca.pem`, and NAME.pem with NAME.key for the server and a client.
struct Certificates(TempDir);

impl Certificates {
    fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut authority = CertificateParams::new(Vec::<String>::new()).expect("no names");
        authority.distinguished_name.push(DnType::CommonName, "authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("a certificate");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("a file");
        let usages = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        for (name, host) in [("server", "127.0.0.1"), ("foreign", "redis.example"), ("client", "client")] {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new([host.to_owned()]).expect("a name");
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = usages.to_vec();
            let certificate = params.signed_by(&key, &authority).expect("a certificate");
            std::fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).expect("a file");
            std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).expect("a file");
        }
        Self(folder)
    }

    fn path(&self, file: &str) -> String {
        self.0.path().join(file).to_str().expect("a plain path").to_owned()
    }

    /// A server that speaks TLS alone.
    fn server(&self, name: &str, clients: &str) -> Redis {
        let port = Port::reserve();
        let tls_port = port.address().port().to_string();
        let (cert, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        // The later `--port` counts.
        let engine = server(
            port.address(),
            &[
                "--port",
                "0",
                "--tls-port",
                &tls_port,
                "--tls-cert-file",
                &cert,
                "--tls-key-file",
                &key,
                "--tls-ca-cert-file",
                &self.path("ca.pem"),
                "--tls-auth-clients",
                clients,
            ],
        );
        let settings = format!("tls = true\nca = {:?}\n", self.path("ca.pem"));
        Redis { port, engine, delayed: None, settings, lease: LEASE }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_and_its_mistakes() {
    let certificates = Certificates::make();
    let mut redis = certificates.server("server", "no");
    let mut member = Member::registered(&mut redis, "world", "w1").await;
    let other = Member::registered(&mut redis, "world", "w2").await;
    member.until("sees the other", |member| member.view().len() == 2).await;
    redis.stop().await;
    member.until("is told of the loss", Member::is_lost).await;
    redis.start().await;
    member.until("is registered again", |member| !member.is_lost()).await;
    other.leave().await;
    member.leave().await;

    let address = [redis.port.address()];
    // Without TLS; with authorities that do not know it; under another name.
    assert_says(&refusal(&address, "").await, &["TLS", "registry.tls"]);
    assert_says(&refusal(&address, "tls = true").await, &["UnknownIssuer", "registry.ca"]);
    let foreign = certificates.server("foreign", "no");
    assert_says(&refusal(&[foreign.port.address()], &foreign.settings).await, &["127.0.0.1", "redis.example", "registry.ca"]);
    // TLS to one that does not speak it.
    let plain = Redis::new();
    assert_says(&refusal(&[plain.port.address()], &redis.settings).await, &["TLS", "does it speak TLS"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_where_it_is_asked_for() {
    let certificates = Certificates::make();
    let mut redis = certificates.server("server", "yes");
    let without = refusal(&[redis.port.address()], &redis.settings).await;
    assert_says(&without, &[&redis.port.address().to_string(), "ertificate", "registry.cert"]);
    redis.settings += &format!("cert = {:?}\nkey = {:?}\n", certificates.path("client.pem"), certificates.path("client.key"));
    Member::registered(&mut redis, "world", "w1").await.leave().await;
}

/// Two nodes of a Redis Cluster: whichever is listed first, the one that has the slot is found, and all keys are in that slot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_of_a_redis_cluster_that_has_the_slot_is_found() {
    let node = || {
        let (port, bus) = (Port::reserve(), Port::reserve());
        let bus_port = bus.address().port().to_string();
        let engine = server(port.address(), &["--cluster-enabled", "yes", "--cluster-port", &bus_port]);
        (port, bus, engine)
    };
    let nodes = [node(), node()];
    let [first, second] = [nodes[0].0.address(), nodes[1].0.address()];
    assert_eq!(cli(first, &["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]), "OK");
    assert_eq!(cli(second, &["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]), "OK");
    let (port, bus) = (second.port().to_string(), nodes[1].1.address().port().to_string());
    assert_eq!(cli(first, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "OK");
    let met = async {
        while ![first, second].iter().all(|node| cli(*node, &["CLUSTER", "INFO"]).contains("cluster_state:ok")) {
            tokio::time::sleep(Duration::from_millis(50)).await; // bounded wait: until both know all slots, 20 s
        }
    };
    tokio::time::timeout(support::PATIENCE, met).await.expect("the nodes meet");
    for (addresses, name) in [([first, second], "w1"), ([second, first], "w2")] {
        let (mut news, _commands, task) = support::run(connector("world", name, &addresses, LEASE, ""), "world", name);
        while !matches!(support::next(&mut news).await, News::Snapshot(_)) {}
        task.abort();
    }
    assert_says(&refusal(&[first], "").await, &["MOVED", "registry.addresses"]);
}
