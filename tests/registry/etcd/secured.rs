//! etcd with users and roles, and with TLS.

use super::super::engine::listens;
use super::fixture::{Etcd, connector, loss};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use sinew::registry::contract::Member;
use std::path::{Path, PathBuf};

/// Turns users on: root, `sinew` who may use this cluster's keys, and `guest` who may not.
fn with_users(etcd: &Etcd) {
    let done = |path: &str, body: serde_json::Value| {
        let answer = etcd.call(path, &body);
        assert!(answer["header"].is_object(), "{path}: {answer}");
    };
    for name in ["root", "sinew", "guest"] {
        done("auth/user/add", json!({ "name": name, "password": format!("{name}'s word") }));
        done("auth/role/add", json!({ "name": name }));
        done("auth/user/grant", json!({ "user": name, "role": name }));
    }
    for (role, prefix, end) in [("sinew", "sinew/test/", "sinew/test0"), ("guest", "guest/", "guest0")] {
        let range = json!({ "permType": "READWRITE", "key": STANDARD.encode(prefix), "range_end": STANDARD.encode(end) });
        done("auth/role/grant", json!({ "name": role, "perm": range }));
    }
    done("auth/enable", json!({}));
}

fn as_user(folder: &Path, name: &str, password: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, format!("{password}\n")).expect("a file");
    format!("user = \"{name}\"\nsecret_file = {file:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_roles() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut etcd = Etcd::start();
    etcd.more = as_user(folder.path(), "sinew", "sinew's word");
    // A user where nobody is asked for one.
    Member::registered(&mut etcd, "chat", "c2").await.leave().await;
    let mut member = Member::registered(&mut etcd, "world", "w2").await;
    with_users(&etcd);
    // It was in before, and goes on.
    member.for_a_while(super::LEASE * 2).await;
    let newcomer = Member::registered(&mut etcd, "chat", "c1").await;
    member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
    assert_eq!(member.outages(), 0);
    newcomer.leave().await;
    member.leave().await;

    for (more, says, cure) in [
        (as_user(folder.path(), "sinew", "guess"), "authentication failed, invalid user ID or password", "registry.secret_file"),
        (as_user(folder.path(), "nobody", "guess"), "authentication failed, invalid user ID or password", "registry.user"),
        (as_user(folder.path(), "guest", "guest's word"), "permission denied", "grant-permission ROLE readwrite --prefix=true sinew/test/"),
        (String::new(), "user name is empty", "set registry.user"),
    ] {
        let text = loss(connector(&[etcd.client.to_string()], &more, "world", "w1")).await;
        assert!(text.contains(says) && text.contains(cure), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_is_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut etcd = Etcd::start();
    with_users(&etcd);
    etcd.more = as_user(folder.path(), "sinew", "sinew's word");
    let mut member = Member::registered(&mut etcd, "world", "w1").await;
    let newcomer = Member::registered(&mut etcd, "chat", "c1").await;
    member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
    let answer = etcd.call("auth/authenticate", &json!({ "name": "root", "password": "root's word" }));
    let root = answer["token"].as_str().expect("a token");
    // Whoever has a new password, even the same, must show it.
    let answer = etcd.call_as(root, "auth/user/changepw", &json!({ "name": "sinew", "password": "sinew's word" }));
    assert!(answer["header"].is_object(), "{answer}");
    let authenticated = etcd.answered("Authenticate");
    // The goodbye is a request with the old token, and the watch that is begun anew another.
    newcomer.leave().await;
    member.until("sees it leave", |member| member.view().len() == 1).await;
    etcd.way.cut();
    member.for_a_while(super::LEASE).await;
    let newcomer = Member::registered(&mut etcd, "chat", "c2").await;
    member.until("sees the next", |member| member.view().contains_key(&newcomer.id())).await;
    assert_eq!(member.outages(), 0, "{:?}", member.history());
    // Each of the three at least once.
    assert!(etcd.answered("Authenticate") - authenticated >= 3.0);
    newcomer.leave().await;
    member.leave().await;
}

struct Authority(Issuer<'static, KeyPair>, PathBuf);

impl Authority {
    fn new(file: PathBuf) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, file.display().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::write(&file, params.self_signed(&key).expect("signed").pem()).expect("a file");
        Self(Issuer::new(params, key), file)
    }

    /// Certificate and key files for these names.
    fn issue(&self, folder: &Path, file: &str, names: &[&str]) -> [PathBuf; 2] {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).expect("names").signed_by(&key, &self.0).expect("signed");
        let files = [folder.join(format!("{file}.pem")), folder.join(format!("{file}.key"))];
        std::fs::write(&files[0], certificate.pem()).expect("a file");
        std::fs::write(&files[1], key.serialize_pem()).expect("a file");
        files
    }
}

fn tls(server: &[PathBuf; 2], ca: &Path) -> Etcd {
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let options = ["--cert-file", &text(&server[0]), "--key-file", &text(&server[1]), "--trusted-ca-file", &text(ca), "--client-cert-auth"];
    let options: Vec<String> = std::iter::once("").chain(options).map(str::to_owned).collect();
    Etcd::with(&options, "https", |_, client| listens(client))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_certificates_of_ones_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (ours, theirs) = (Authority::new(folder.join("ours.pem")), Authority::new(folder.join("theirs.pem")));
    let client = ours.issue(folder, "client", &["sinew"]);
    let more = |ca: &Path, client: &[PathBuf; 2]| format!("tls = true\nca = {ca:?}\ncert = {:?}\nkey = {:?}", client[0], client[1]);
    let mut etcd = tls(&ours.issue(folder, "server", &["127.0.0.1", "localhost"]), &ours.1);
    etcd.more = more(&ours.1, &client);
    let mut member = Member::registered(&mut etcd, "world", "w1").await;
    let other = Member::registered(&mut etcd, "chat", "c1").await;
    member.until("sees the other", |member| member.view().contains_key(&other.id())).await;
    other.leave().await;
    member.leave().await;

    let stranger = theirs.issue(folder, "stranger", &["sinew"]);
    for (more, says) in [
        (more(&theirs.1, &client), "UnknownIssuer"),
        (more(&ours.1, &stranger), "registry.cert"),
        (format!("tls = true\nca = {:?}", ours.1), "registry.cert"),
        (String::new(), "registry.tls"),
    ] {
        let text = loss(connector(&[etcd.client.to_string()], &more, "world", "w1")).await;
        println!("{text}");
        assert!(text.contains(says), "{text}");
    }
    let elsewhere = tls(&ours.issue(folder, "elsewhere", &["etcd.example"]), &ours.1);
    let text = loss(connector(&[elsewhere.client.to_string()], &more(&ours.1, &client), "world", "w1")).await;
    assert!(text.contains("etcd.example") && text.contains("registry.ca"), "{text}");
}
