//! Keys on disk: every way a file can be wrong has its own answer, which names the file.

use crate::support::*;
use sinew::config::ClusterSection;
use sinew::error::KeyError;
use sinew::transport::identity::Identity;
use sinew::transport::keys::ClusterKey;
use std::path::Path;

fn refused(section: &ClusterSection) -> KeyError {
    Identity::load(section, &server("world", "world-1")).expect_err("refused")
}

/// What is said about a key file with this content.
fn refused_content(content: impl AsRef<[u8]>) -> String {
    let directory = directory();
    let path = directory.path().join("changed.key");
    std::fs::write(&path, content).expect("written");
    let mut section = ClusterSection::default();
    section.key_file = Some(path.clone());
    let error = refused(&section);
    assert!(matches!(&error, KeyError::Malformed { key: "cluster.key_file", path: named, .. } if *named == path), "{error:?}");
    error.to_string()
}

#[track_caller]
fn assert_says(error: impl ToString, words: &str) {
    let text = error.to_string();
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

#[test]
fn a_missing_file() {
    let cluster = Cluster::new();
    std::fs::remove_file(&cluster.path).expect("removed");
    let error = refused(&cluster.section());
    assert!(matches!(&error, KeyError::Missing { key: "cluster.key_file", path } if *path == cluster.path), "{error:?}");
    assert_says(error, "sinew keygen");
}

#[test]
fn a_directory_instead_of_a_file() {
    let mut cluster = Cluster::new();
    cluster.path = cluster.directory.path().into();
    let error = refused(&cluster.section());
    assert!(matches!(error, KeyError::Malformed { .. }), "{error:?}");
    assert_says(error, "directory");
}

/// A path through a file: neither missing nor readable, and the same for every user.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read() {
    let mut cluster = Cluster::new();
    cluster.path = cluster.path.join("below");
    let error = refused(&cluster.section());
    assert!(matches!(&error, KeyError::Unreadable { key: "cluster.key_file", path, .. } if *path == cluster.path), "{error:?}");
}

#[test]
fn an_empty_file() {
    assert_says(refused_content(""), "it is empty");
    assert_says(refused_content(" \r\n\n"), "it is empty");
}

#[test]
fn a_file_cut_off_anywhere() {
    let whole = ClusterKey::generate().expect("a key").to_pem();
    for end in 0..whole.trim_end().len() {
        refused_content(&whole[..end]);
    }
    let in_the_key = whole.len() - 40;
    assert_says(refused_content(&whole[..in_the_key]), "cut off: the line `-----END PRIVATE KEY-----` is missing");
    let after_the_certificate = whole.find("-----BEGIN PRIVATE").expect("a key");
    assert_says(refused_content(&whole[..after_the_certificate]), "no private key");
}

#[test]
fn a_file_of_another_kind() {
    assert_says(refused_content("listen = \"0.0.0.0:4000\"\n"), "neither a certificate nor a private key");
    assert_says(refused_content([0x30, 0x82, 0x01, 0xff, 0x80]), "neither a certificate nor a private key");
    assert_says(refused_content("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), "neither a certificate nor a private key");
    assert_says(
        refused_content("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
        "encrypted with a password",
    );
    assert_says(refused_content(vec![b'#'; 2 << 20]), "larger than 1 MiB");
}

#[test]
fn damaged_contents() {
    let whole = ClusterKey::generate().expect("a key").to_pem();
    assert_says(refused_content(whole.replace("-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----\n!!!!")), "not base64");
    let certificate = |middle: &str| format!("-----BEGIN CERTIFICATE-----\n{middle}\n-----END CERTIFICATE-----\n");
    let key = &whole[whole.find("-----BEGIN PRIVATE").expect("a key")..];
    assert_says(refused_content(certificate("AAAA") + key), "certificate is damaged");
    let bad_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_says(refused_content(format!("{}{bad_key}", &whole[..whole.find("-----BEGIN PRIVATE").expect("a key")])), "damaged");
}

#[test]
fn a_key_file_put_together_from_two() {
    let (one, other) = (ClusterKey::generate().expect("a key"), ClusterKey::generate().expect("a key"));
    let other_text = other.to_pem();
    let other_key = &other_text[other_text.find("-----BEGIN PRIVATE").expect("a key")..];
    assert_says(refused_content(one.certificate_pem() + other_key), "does not belong to its certificate");
    assert_says(refused_content(one.to_pem() + &other_text), "more than one certificate");
    assert_says(refused_content(one.to_pem() + other_key), "more than one private key");
    assert_says(refused_content(other_key), "no certificate");
}

#[test]
fn an_authority_that_keygen_did_not_make() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let mut params = leaf_params("https://example.org");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("signed").pem();
    assert_says(refused_content(certificate.clone() + &key.serialize_pem()), "not made by `sinew keygen`");

    let ecdsa = rcgen::KeyPair::generate().expect("a key");
    assert_says(refused_content(certificate + &ecdsa.serialize_pem()), "not an Ed25519 key");
}

#[test]
fn a_servers_own_files_are_no_cluster_key_file() {
    let cluster = Cluster::new();
    let section = cluster.issued("world", "world-1", 30);
    let read = |path: &Option<_>| std::fs::read_to_string(path.as_ref().expect("set") as &std::path::PathBuf).expect("readable");
    assert_says(refused_content(read(&section.cert) + &read(&section.key)), "certificate of the server world/world-1");
    assert_says(refused_content(read(&section.ca)), "only the ca.pem");
}

#[test]
fn settings_that_contradict_each_other_or_are_not_complete() {
    let cluster = Cluster::new();
    let mut both = cluster.issued("world", "world-1", 30);
    both.key_file = Some(cluster.path.clone());
    assert!(matches!(refused(&both), KeyError::Conflicting));

    let mut partial = cluster.issued("world", "world-1", 30);
    (partial.cert, partial.ca) = (None, None);
    let error = refused(&partial);
    assert!(matches!(&error, KeyError::Incomplete { missing } if missing == "cluster.ca and cluster.cert"), "{error:?}");
}

#[test]
fn a_name_that_no_certificate_can_carry() {
    let cluster = Cluster::new();
    for (group, name) in [("", "a"), ("world", ""), ("wor ld", "a"), ("world", "a/b"), ("world", "ä"), ("world", &*"a".repeat(64))] {
        let error = Identity::load(&cluster.section(), &server(group, name)).expect_err("refused");
        assert!(matches!(error, KeyError::InvalidName { .. }), "{error:?}");
    }
}

#[test]
fn an_issued_certificate_for_another_server() {
    let cluster = Cluster::new();
    let section = cluster.issued("world", "world-2", 30);
    let error = refused(&section);
    assert!(
        matches!(&error, KeyError::OtherServer { cert_group, cert_name, group, name, .. }
            if (&**cert_group, &**cert_name, &**group, &**name) == ("world", "world-2", "world", "world-1")),
        "{error:?}"
    );
    assert_says(error, "sinew keygen issue --group world --name world-1");
    let error = Identity::load(&section, &server("login", "world-2")).expect_err("another group");
    assert!(matches!(error, KeyError::OtherServer { .. }), "{error:?}");
}

#[test]
fn an_issued_certificate_of_another_cluster() {
    let (ours, theirs) = (Cluster::new(), Cluster::new());
    let mut section = theirs.issued("world", "world-1", 30);
    section.ca = ours.issued("world", "world-1", 30).ca;
    let error = refused(&section);
    assert!(matches!(&error, KeyError::OtherCluster { ca, .. } if Some(ca) == section.ca.as_ref()), "{error:?}");
}

#[test]
fn issued_files_in_the_wrong_places() {
    let cluster = Cluster::new();
    let right = cluster.issued("world", "world-1", 30);
    let (ca, cert, key) = (right.ca.expect("set"), right.cert.expect("set"), right.key.expect("set"));
    let wrong = |ca: &Path, cert: &Path, key: &Path, setting: &str, words: &str| {
        let error = refused(&issued_section(ca, cert, key));
        assert!(matches!(&error, KeyError::Malformed { key, .. } if *key == setting), "{error:?}");
        assert_says(error, words);
    };
    wrong(&cert, &cert, &key, "cluster.ca", "certificate of the server world/world-1, not of an authority");
    wrong(&key, &cert, &key, "cluster.ca", "no certificate");
    wrong(&ca, &ca, &key, "cluster.cert", "no `sinew://GROUP/NAME`");
    wrong(&ca, &key, &key, "cluster.cert", "no certificate");
    wrong(&ca, &cert, &cert, "cluster.key", "no private key");
    wrong(&ca, &cert, &cluster.path, "cluster.key", "does not belong to the certificate");

    let other = cluster.issued("world", "world-2", 30).key.expect("set");
    wrong(&ca, &cert, &other, "cluster.key", "does not belong to the certificate");
}

#[test]
fn an_issued_certificate_that_is_over() {
    let cluster = Cluster::new();
    let section = cluster.issued("world", "world-1", 30);
    let write = |change: fn(&mut rcgen::CertificateParams)| {
        let der = &cluster.forged(change).chain[0];
        let text = pem::encode(&pem::Pem::new("CERTIFICATE", der.as_ref()));
        std::fs::write(section.cert.as_ref().expect("set"), text).expect("written");
        refused(&section)
    };
    let error = write(|params| params.not_after = rcgen::date_time_ymd(2021, 3, 4));
    assert!(matches!(error, KeyError::NotValidNow { .. }), "{error:?}");
    assert_says(error, "expired on 2021-03-04");
    let error = write(|params| params.not_before = rcgen::date_time_ymd(2110, 3, 4));
    assert_says(error, "valid only from 2110-03-04");
}

#[test]
fn trust_takes_certificates_and_key_files_and_says_which_file_is_wrong() {
    let (ours, other) = (Cluster::new(), Cluster::new());
    let certificate = other.issued("world", "world-1", 30);
    let mut section = ours.section();
    section.trust = vec![other.path.clone(), certificate.ca.expect("set")];
    identity(&section, "world", "world-1");

    section.trust.push(certificate.cert.expect("set"));
    let error = refused(&section);
    assert!(matches!(error, KeyError::Malformed { key: "cluster.trust", .. }), "{error:?}");
    assert_says(error, "not of an authority");
    section.trust = vec![ours.directory.path().join("gone.pem")];
    assert!(matches!(refused(&section), KeyError::Missing { key: "cluster.trust", .. }));
}

#[test]
fn a_copy_of_the_public_development_key_protects_nothing() {
    let mut cluster = Cluster::new();
    let public = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/transport/PUBLIC-DEVELOPMENT-KEY.pem");
    let copy = cluster.directory.path().join("copy.key");
    std::fs::copy(&public, &copy).expect("copied");

    let mut trusting = cluster.section();
    trusting.trust = vec![copy.clone()];
    assert_says(refused(&trusting), "public development key");

    cluster.path = copy;
    assert!(identity(&cluster.section(), "world", "world-1").is_development());
}

#[cfg(unix)]
#[test]
fn private_keys_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let cluster = Cluster::new();
    assert_eq!(mode(&cluster.path), 0o600);
    let section = cluster.issued("world", "world-1", 30);
    assert_eq!(mode(section.key.as_ref().expect("set")), 0o600);

    // Also when a file with wider permissions is replaced.
    std::fs::set_permissions(&cluster.path, std::fs::Permissions::from_mode(0o644)).expect("changed");
    cluster.key.write(&cluster.path, true).expect("replaced");
    assert_eq!(mode(&cluster.path), 0o600);
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_warned_about_and_works() {
    use std::os::unix::fs::PermissionsExt;
    let cluster = Cluster::new();
    assert_eq!(warnings(|| drop(identity(&cluster.section(), "world", "world-1"))), "");
    std::fs::set_permissions(&cluster.path, std::fs::Permissions::from_mode(0o644)).expect("changed");
    let said = warnings(|| drop(identity(&cluster.section(), "world", "world-1")));
    assert_says(said, "every user of this machine can read");
}

#[test]
fn a_certificate_that_ends_soon_is_warned_about() {
    let cluster = Cluster::new();
    let soon = cluster.issued("world", "world-1", 29);
    assert_says(warnings(|| drop(identity(&soon, "world", "world-1"))), "expires on");
    let later = cluster.issued("world", "world-1", 32);
    assert_eq!(warnings(|| drop(identity(&later, "world", "world-1"))), "");
}

/// What `tracing` hears while `work` runs.
fn warnings(work: impl FnOnce()) -> String {
    use std::sync::{Arc, Mutex};
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(sink.0.lock().expect("not poisoned").clone()).expect("text")
}
