//! Everybody else: bare TLS peers that break one rule each, and peers that do not speak TLS at all.

use crate::support::*;
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, SanType, date_time_ymd};
use sinew::transport::tls::{TlsError, TlsFailure, explain_io};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

/// A stranger dials a member: what the member says, and what its alert says to a Sinew reader.
async fn dial_in(cluster: &Cluster, credentials: Option<&Credentials>, alpn: &[&[u8]]) -> (TlsError, Option<TlsError>) {
    let member = tls(&cluster.section(), "login", "login-1");
    let stranger = stranger_dialling(credentials, alpn);
    let (accepted, dialled) = sockets().await;
    let dialler = async {
        let error = match stranger.connect(any_name(), dialled).await {
            Ok(mut stream) => stream.read_u8().await.expect_err("a stranger gets no stream"),
            Err(error) => error,
        };
        explain_io(&error)
    };
    let (accepted, told) = in_time(async { tokio::join!(member.accept(accepted), dialler) }).await;
    (accepted.expect_err("a stranger gets no stream"), told)
}

/// A member dials a stranger.
async fn dial_out(cluster: &Cluster, credentials: &Credentials, alpn: &[&[u8]]) -> TlsError {
    let member = tls(&cluster.section(), "login", "login-1");
    let stranger = stranger_accepting(credentials, alpn);
    let (accepted, dialled) = sockets().await;
    let (_, dialled) = in_time(async { tokio::join!(stranger.accept(accepted), member.connect(dialled)) }).await;
    dialled.expect_err("a stranger gets no stream")
}

/// The certificate opens no door in either direction, and our sentence says `because`.
async fn assert_refused(cluster: &Cluster, credentials: &Credentials, because: &str) {
    let (inward, told) = dial_in(cluster, Some(credentials), &[ALPN]).await;
    assert_eq!(inward.reason, TlsFailure::Untrusted, "{inward}");
    assert!(inward.text.contains(because), "{inward}");
    let told = told.expect("an alert that Sinew can explain");
    assert_eq!(told.reason, TlsFailure::Untrusted, "{told}");
    assert!(told.text.starts_with("the peer "), "{told}");

    let outward = dial_out(cluster, credentials, &[ALPN]).await;
    assert_eq!(outward.reason, TlsFailure::Untrusted, "{outward}");
    assert!(outward.text.contains(because), "{outward}");
}

/// The other tests change one thing of this certificate, which as it is opens the door.
#[tokio::test]
async fn the_unchanged_test_certificate_is_welcome() {
    let cluster = Cluster::new();
    let member = tls(&cluster.section(), "login", "login-1");
    let stranger = stranger_dialling(Some(&cluster.forged(|_| {})), &[ALPN]);
    let (accepted, dialled) = sockets().await;
    let (accepted, _stream) = in_time(async { tokio::join!(member.accept(accepted), stranger.connect(any_name(), dialled)) }).await;
    assert_eq!(accepted.expect("a member").1.to_string(), "world/world-1");
}

#[tokio::test]
async fn no_certificate() {
    let (error, told) = dial_in(&Cluster::new(), None, &[ALPN]).await;
    assert_eq!(error.reason, TlsFailure::Untrusted);
    assert!(error.text.contains("presented no certificate"), "{error}");
    assert!(told.expect("an alert").text.contains("we presented no certificate"));
}

#[tokio::test]
async fn certificates_without_exactly_one_valid_sinew_name() {
    let cluster = Cluster::new();
    let too_long = format!("sinew://world/{}", "n".repeat(64));
    for names in [
        vec![],
        vec![uri("https://example.org/world-1")],
        vec![uri("sinew://world/world-1"), uri("sinew://login/login-1")],
        vec![uri("sinew://world/world-1"), uri("sinew://nonsense")],
        vec![uri("sinew://world")],
        vec![uri("sinew:///world-1")],
        vec![uri("sinew://world/")],
        vec![uri("sinew://world/world-1/more")],
        vec![uri("sinew://world/world 1")],
        vec![uri("SINEW://world/world-1")],
        vec![uri(&too_long)],
        vec![SanType::DnsName("world-1".try_into().expect("ASCII"))],
    ] {
        let credentials = cluster.forged(|params| params.subject_alt_names = names);
        assert_refused(&cluster, &credentials, "exactly one `sinew://GROUP/NAME`").await;
    }
}

#[tokio::test]
async fn another_kind_of_name_beside_the_sinew_name_does_no_harm() {
    let cluster = Cluster::new();
    let member = tls(&cluster.section(), "login", "login-1");
    let credentials = cluster.forged(|params| params.subject_alt_names.push(uri("spiffe://example.org/world")));
    let stranger = stranger_dialling(Some(&credentials), &[ALPN]);
    let (accepted, dialled) = sockets().await;
    let (accepted, _stream) = in_time(async { tokio::join!(member.accept(accepted), stranger.connect(any_name(), dialled)) }).await;
    assert_eq!(accepted.expect("a member").1.to_string(), "world/world-1");
}

#[tokio::test]
async fn an_expired_certificate() {
    let cluster = Cluster::new();
    let credentials = cluster.forged(|params| params.not_after = date_time_ymd(2021, 3, 4));
    assert_refused(&cluster, &credentials, "expired on 2021-03-04").await;
}

#[tokio::test]
async fn a_certificate_of_the_future() {
    let cluster = Cluster::new();
    let credentials = cluster.forged(|params| params.not_before = date_time_ymd(2110, 3, 4));
    assert_refused(&cluster, &credentials, "valid only from 2110-03-04").await;
}

#[tokio::test]
async fn a_certificate_for_another_purpose() {
    let cluster = Cluster::new();
    let credentials = cluster.forged(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]);
    assert_refused(&cluster, &credentials, "extended key usage").await;
}

#[tokio::test]
async fn a_self_signed_certificate() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let certificate = leaf_params("sinew://world/world-1").self_signed(&key).expect("signed");
    let credentials = Credentials::new(vec![certificate.der().clone()], &key);
    assert_refused(&Cluster::new(), &credentials, "signed by another cluster's key").await;
}

/// Same names throughout, but the signature is another key's.
#[tokio::test]
async fn an_authority_that_only_claims_our_clusters_name() {
    let ours = Cluster::new();
    let forger = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let mut authority = rcgen::CertificateParams::default();
    authority.distinguished_name = common_name(&ours.key.name());
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let certificate = leaf_params("sinew://world/world-1").signed_by(&key, &rcgen::Issuer::new(authority, forger)).expect("signed");
    assert_refused(&ours, &Credentials::new(vec![certificate.der().clone()], &key), "signed by another cluster's key").await;
}

/// A server with an issued certificate must not be able to name new members.
#[tokio::test]
async fn a_certificate_issued_by_a_mere_server() {
    let cluster = Cluster::new();
    let section = cluster.issued("world", "world-1", 30);
    let text = std::fs::read_to_string(section.key.as_ref().expect("set")).expect("readable");
    let mut server = rcgen::CertificateParams::default();
    server.distinguished_name = common_name("world/world-1");
    let issuer = rcgen::Issuer::new(server, rcgen::KeyPair::from_pem(&text).expect("a key"));

    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let certificate = leaf_params("sinew://login/login-1").signed_by(&key, &issuer).expect("signed");
    let mut credentials = Credentials::from_files(&section);
    credentials.chain.insert(0, certificate.der().clone());
    credentials.key = Credentials::new(Vec::new(), &key).key;
    assert_refused(&cluster, &credentials, "certificate").await;
}

#[tokio::test]
async fn an_authority_that_poses_as_a_server() {
    let cluster = Cluster::new();
    let credentials = cluster.forged(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_refused(&cluster, &credentials, "cannot be used").await;
}

/// Certificates are shown to everybody who asks; only the private key proves anything.
#[tokio::test]
async fn a_copied_certificate_without_its_private_key() {
    let cluster = Cluster::new();
    let mut credentials = Credentials::from_files(&cluster.issued("world", "world-1", 30));
    credentials.key = cluster.forged(|_| {}).key;
    assert_refused(&cluster, &credentials, "does not hold the private key").await;
}

#[tokio::test]
async fn a_member_that_names_no_protocol_or_another() {
    let cluster = Cluster::new();
    let credentials = cluster.forged(|_| {});
    let (error, told) = dial_in(&cluster, Some(&credentials), &[b"h2"]).await;
    assert_eq!(error.reason, TlsFailure::NotTls);
    assert!(told.expect("an alert").text.contains("not this protocol"));
    assert_eq!(dial_out(&cluster, &credentials, &[b"h2"]).await.reason, TlsFailure::NotTls);

    let (error, _) = dial_in(&cluster, Some(&credentials), &[]).await;
    assert_eq!(error.reason, TlsFailure::NotTls);
    assert!(error.text.contains("did not name the protocol \"sinew-test/1\""), "{error}");
    let error = dial_out(&cluster, &credentials, &[]).await;
    assert_eq!(error.reason, TlsFailure::NotTls);
    assert!(error.text.contains("did not name the protocol \"sinew-test/1\""), "{error}");
}

/// What a member says to a dialler that sends `bytes` and then ends its side.
async fn receive(bytes: &[u8]) -> TlsError {
    let member = tls(&Cluster::new().section(), "login", "login-1");
    let (accepted, mut dialled) = sockets().await;
    dialled.write_all(bytes).await.expect("written");
    dialled.shutdown().await.expect("shut down");
    in_time(member.accept(accepted)).await.expect_err("not a member")
}

/// What a member says that dials somebody who answers `bytes` to its first words.
async fn hear(bytes: &[u8]) -> TlsError {
    let member = tls(&Cluster::new().section(), "login", "login-1");
    let (mut accepted, dialled) = sockets().await;
    let other = async {
        let mut hello = [0; 64];
        accepted.read_exact(&mut hello).await.expect("a client hello");
        accepted.write_all(bytes).await.expect("written");
        accepted.shutdown().await.expect("shut down");
        // Until the member hangs up: a reset here would race with the answer.
        let mut rest = Vec::new();
        let _ = accepted.read_to_end(&mut rest).await;
    };
    let (_, dialled) = in_time(async { tokio::join!(other, member.connect(dialled)) }).await;
    dialled.expect_err("not a member")
}

#[tokio::test]
async fn plain_http() {
    for request in ["GET / HTTP/1.1\r\nHost: world\r\n\r\n", "POST /x HTTP/1.0\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "G"] {
        let error = receive(request.as_bytes()).await;
        assert_eq!(error.reason, TlsFailure::NotTls);
        assert!(error.text.contains("plain HTTP, not a Sinew server"), "{error}");
    }
    let error = hear(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(error.reason, TlsFailure::NotTls);
    assert!(error.text.contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn garbage() {
    for bytes in [&b"\0\x01\x02\x03"[..], b"SSH-2.0-OpenSSH_9.9\r\n", &[0xff; 4096], b"\x16\x03\x01\xff\xff", &[0x16; 4096]] {
        let error = receive(bytes).await;
        assert_eq!(error.reason, TlsFailure::NotTls, "{error} after {bytes:?}");
    }
    let half_a_hello = &tls12_client_hello()[..20];
    assert_eq!(receive(half_a_hello).await.reason, TlsFailure::Io);
    assert_eq!(hear(b"SSH-2.0-OpenSSH_9.9\r\n").await.reason, TlsFailure::NotTls);
    assert_eq!(hear(&[0; 4096]).await.reason, TlsFailure::NotTls);
}

#[tokio::test]
async fn a_peer_that_hangs_up() {
    for error in [receive(b"").await, hear(b"").await] {
        assert_eq!(error.reason, TlsFailure::Io);
        assert!(error.text.contains("closed the connection"), "{error}");
    }
}

#[tokio::test]
async fn a_dialler_that_knows_only_tls_1_2() {
    let error = receive(&tls12_client_hello()).await;
    assert_eq!(error.reason, TlsFailure::NotTls);
    assert!(error.text.contains("TLS 1.2 or older"), "{error}");
}

#[tokio::test]
async fn an_answer_in_tls_1_2() {
    // A fatal alert `protocol_version` in a TLS 1.2 record.
    let error = hear(b"\x15\x03\x03\x00\x02\x02\x46").await;
    assert_eq!(error.reason, TlsFailure::NotTls);
    assert!(error.text.contains("does not speak TLS 1.3"), "{error}");
}

/// RFC 5246 §7.4.1.2, with the extensions a TLS 1.2 client sends and without `supported_versions`.
fn tls12_client_hello() -> Vec<u8> {
    let extensions = [
        &b"\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17"[..], // supported_groups: x25519, secp256r1
        b"\x00\x0b\x00\x02\x01\x00",                      // ec_point_formats: uncompressed
        b"\x00\x0d\x00\x06\x00\x04\x08\x07\x04\x03",      // signature_algorithms: ed25519, ecdsa_secp256r1_sha256
    ]
    .concat();
    let mut body = b"\x03\x03".to_vec();
    body.extend([7; 32]); // random
    body.push(0); // no session id
    body.extend(b"\x00\x02\xc0\x2b"); // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    body.extend(b"\x01\x00"); // no compression
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut hello = b"\x16\x03\x01".to_vec();
    hello.extend((body.len() as u16 + 4).to_be_bytes());
    hello.extend(b"\x01\x00");
    hello.extend((body.len() as u16).to_be_bytes());
    hello.extend(body);
    hello
}
