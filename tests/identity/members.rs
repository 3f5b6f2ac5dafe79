//! Sinew meets Sinew: members understand each other, and two clusters tell each other why they do not.

use crate::support::*;
use sinew::config::ClusterSection;
use sinew::transport::identity::PeerIdentity;
use sinew::transport::tls::{Stream, Tls, TlsFailure, explain_io};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Both sides are in, each knows the other's name, and bytes pass.
async fn assert_joined(accepting: &Tls, dialling: &Tls, expect_accepting: &str, expect_dialling: &str) {
    let (accepted, dialled) = shake(accepting, dialling).await;
    let ((mut accepted, dialler), (mut dialled, acceptor)) = (accepted.expect("accepted"), dialled.expect("dialled"));
    assert_eq!(dialler.to_string(), expect_dialling);
    assert_eq!(acceptor.to_string(), expect_accepting);
    in_time(pass(&mut dialled, &mut accepted)).await;
    in_time(pass(&mut accepted, &mut dialled)).await;
}

async fn pass(from: &mut Stream, to: &mut Stream) {
    from.write_all(b"ping").await.expect("written");
    from.flush().await.expect("flushed");
    let mut read = [0; 4];
    to.read_exact(&mut read).await.expect("read");
    assert_eq!(&read, b"ping");
}

#[tokio::test]
async fn both_sides_learn_each_others_group_and_name() {
    let cluster = Cluster::new();
    let (world, login) = (tls(&cluster.section(), "world", "world-1"), tls(&cluster.section(), "login", "login.eu_1"));
    assert_joined(&world, &login, "world/world-1", "login/login.eu_1").await;
    assert_joined(&login, &world, "login/login.eu_1", "world/world-1").await;
}

#[tokio::test]
async fn issued_certificates_and_the_key_file_mix() {
    let cluster = Cluster::new();
    let issued = tls(&cluster.issued("login", "login-1", 30), "login", "login-1");
    let fresh = tls(&cluster.section(), "world", "world-1");
    assert_joined(&issued, &fresh, "login/login-1", "world/world-1").await;
    assert_joined(&fresh, &issued, "world/world-1", "login/login-1").await;
    assert_joined(&issued, &issued, "login/login-1", "login/login-1").await;
}

/// An authority of the operator's own, of another key type, with an intermediate certificate in the `cert` file.
#[tokio::test]
async fn certificates_of_another_authority_work_with_intermediates() {
    let directory = directory();
    let authority = |name: &str| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        (params, rcgen::KeyPair::generate().expect("an ECDSA key"))
    };
    let (root, root_key) = authority("root");
    let (middle, middle_key) = authority("middle");
    let leaf_key = rcgen::KeyPair::generate().expect("an ECDSA key");
    let root_pem = root.self_signed(&root_key).expect("signed").pem();
    let middle_pem = middle.signed_by(&middle_key, &rcgen::Issuer::from_params(&root, &root_key)).expect("signed").pem();
    let leaf = leaf_params("sinew://world/world-1").signed_by(&leaf_key, &rcgen::Issuer::from_params(&middle, &middle_key));
    let write = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let ca = write("ca.pem", root_pem);
    let cert = write("cert.pem", leaf.expect("signed").pem() + &middle_pem);
    let key = write("key.pem", leaf_key.serialize_pem());

    let member = tls(&issued_section(&ca, &cert, &key), "world", "world-1");
    assert_joined(&member, &member, "world/world-1", "world/world-1").await;
}

#[tokio::test]
async fn without_any_key_servers_find_each_other_for_development() {
    let nothing = ClusterSection::default();
    assert!(identity(&nothing, "world", "world-1").is_development());
    assert_joined(&tls(&nothing, "world", "a"), &tls(&nothing, "world", "b"), "world/a", "world/b").await;
}

#[tokio::test]
async fn a_configured_key_keeps_the_development_key_out() {
    let cluster = Cluster::new();
    let member = identity(&cluster.section(), "world", "world-1");
    assert!(!member.is_development());
    assert_eq!(member.own(), &PeerIdentity::new("world", "world-1").expect("valid"));

    let (accepted, dialled) = shake(&tls(&cluster.section(), "world", "a"), &tls(&ClusterSection::default(), "world", "b")).await;
    assert_eq!(accepted.expect_err("refused").reason, TlsFailure::Untrusted);
    assert_eq!(dialled.expect_err("refused").reason, TlsFailure::Untrusted);
}

#[tokio::test]
async fn another_clusters_key_is_refused_and_both_sides_are_told() {
    let (ours, theirs) = (Cluster::new(), Cluster::new());
    let (accepted, dialled) = shake(&tls(&ours.section(), "world", "a"), &tls(&theirs.section(), "world", "b")).await;

    // The dialler checks first, and the acceptor hears its alert.
    let dialled = dialled.expect_err("refused");
    assert_eq!(dialled.reason, TlsFailure::Untrusted);
    assert!(dialled.text.contains("signed by another cluster's key"), "{dialled}");
    let accepted = accepted.expect_err("refused");
    assert_eq!(accepted.reason, TlsFailure::Untrusted);
    assert!(accepted.text.contains("the peer does not trust our certificate"), "{accepted}");
}

/// In TLS 1.3 the dialler is done before the acceptor has seen its certificate, and may already have sent its hello.
#[tokio::test]
async fn a_dialler_that_only_the_acceptor_refuses_learns_it_from_its_first_read() {
    let (old, new) = (Cluster::new(), Cluster::new());
    let accepting = tls(&old.section(), "world", "a");
    let dialling = tls(&new.trusting(&[&old]), "world", "b");

    let (accepted, dialled) = sockets().await;
    let dialler = async {
        let (mut stream, acceptor) = dialling.connect(dialled).await.expect("the dialler trusts the acceptor");
        assert_eq!(acceptor.to_string(), "world/a");
        // Unread data at a closing socket makes a reset, and on some systems a reset swallows the alert that was sent before it.
        stream.write_all(&[0; 30_000]).await.expect("written");
        stream.flush().await.expect("flushed");
        let error = stream.read_u8().await.expect_err("refused");
        assert_eq!(stream.get_mut().0.read(&mut [0]).await.expect("the acceptor closes without a reset"), 0);
        explain_io(&error).expect("the refusal is TLS's own")
    };
    let (accepted, told) = in_time(async { tokio::join!(accepting.accept(accepted), dialler) }).await;

    let accepted = accepted.expect_err("refused");
    assert_eq!(accepted.reason, TlsFailure::Untrusted);
    assert!(accepted.text.contains("signed by another cluster's key"), "{accepted}");
    assert_eq!(told.reason, TlsFailure::Untrusted);
    assert!(told.text.contains("the peer does not trust our certificate"), "{told}");
}

#[tokio::test]
async fn while_keys_rotate_old_and_new_understand_each_other_in_both_directions() {
    let (old, new) = (Cluster::new(), Cluster::new());
    let not_yet = tls(&old.trusting(&[&new]), "world", "not-yet");
    let already = tls(&new.trusting(&[&old]), "world", "already");
    assert_joined(&not_yet, &already, "world/not-yet", "world/already").await;
    assert_joined(&already, &not_yet, "world/already", "world/not-yet").await;

    let done = tls(&new.section(), "world", "done");
    assert_joined(&done, &already, "world/done", "world/already").await;
    let (accepted, _) = shake(&done, &not_yet).await;
    assert_eq!(accepted.expect_err("the old key has ended").reason, TlsFailure::Untrusted);
}

#[tokio::test]
async fn another_protocol_on_the_right_key_is_refused_and_both_sides_are_told() {
    let cluster = Cluster::new();
    let link = Tls::new(&identity(&cluster.section(), "world", "a"), b"sinew/1");
    let registry = Tls::new(&identity(&cluster.section(), "world", "b"), b"sinew-registry/1");
    let (accepted, dialled) = shake(&link, &registry).await;
    for error in [accepted.expect_err("refused"), dialled.expect_err("refused")] {
        assert_eq!(error.reason, TlsFailure::NotTls);
        assert!(error.text.contains("right port"), "{error}");
    }
}
