//! With a certificate of the cluster but without the right hello there is no link, and the other side is told why.

use crate::client::{Line, Target};
use crate::field::Field;
use crate::wire::{
    CONTROL, Claim, Control, Goodbye, Hello, MAX_CONTROL_BYTES, MESSAGE, Refusal, RefusalCode, Visibility, frame, header, message,
};
use sinew::Rejection;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(8);
const SHORT: Duration = Duration::from_millis(300);
const TIMES: usize = 60;

/// Nobody has this id.
const UNKNOWN: u64 = 4711;

/// After TLS `attack` does what it does with the connection.
fn attack<F>(field: &mut Field, reason: Rejection, times: usize, attack: impl Fn(Target, Line) -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tls = field.keys.tls("mallory");
    field.repel(reason, times, move |target| {
        let (tls, attack) = (tls.clone(), attack.clone());
        async move {
            let line = target.tls(&tls).await;
            attack(target, line).await;
        }
    });
}

fn bytes(reason: Rejection, deadline: Duration, sent: Vec<u8>) -> Field {
    let mut field = Field::new(deadline, "");
    attack(&mut field, reason, TIMES, move |_, mut line| {
        let sent = sent.clone();
        async move {
            line.write(&sent).await;
            line.closed().await;
        }
    });
    field
}

/// These bytes are no handshake, and the sentence says so.
fn malformed(sent: Vec<u8>, sentence: &str) {
    let field = bytes(Rejection::Malformed, LONG, sent);
    assert!(field.warnings[0].contains(sentence), "{:?}", field.warnings);
}

/// A well-formed hello that is refused with this code and, on both sides, this sentence.
fn refused(field: &mut Field, times: usize, code: RefusalCode, sentence: &str, hello: Hello) {
    attack(field, Rejection::Refused, times, move |_, mut line| {
        let hello = Control::Hello(hello.clone());
        async move {
            line.say(hello).await;
            let refusal = line.closed().await.expect("told why");
            assert_eq!(refusal.code, code, "{}", refusal.text);
        }
    });
    assert!(field.warnings[0].contains(sentence), "{:?}", field.warnings);
}

fn changed(code: RefusalCode, sentence: &str, change: impl Fn(&mut Hello)) {
    let mut field = Field::new(LONG, "");
    let mut hello = field.target().hello(UNKNOWN, "mallory");
    change(&mut hello);
    refused(&mut field, TIMES, code, sentence, hello);
}

#[test]
fn no_hello() {
    bytes(Rejection::TimedOut, SHORT, vec![]);
}

#[test]
fn half_a_header_and_silence() {
    bytes(Rejection::TimedOut, SHORT, header(10, CONTROL, 0, 0)[..5].to_vec());
}

#[test]
fn half_a_hello_and_silence() {
    let mut sent = header(200, CONTROL, 0, 0).to_vec();
    sent.extend([0; 100]);
    bytes(Rejection::TimedOut, SHORT, sent);
}

#[test]
fn half_a_hello_and_close() {
    let mut field = Field::new(LONG, "");
    attack(&mut field, Rejection::Aborted, TIMES, |_, mut line| async move {
        line.write(&header(200, CONTROL, 0, 0)).await;
        line.write(&[0; 100]).await;
    });
}

#[test]
fn a_frame_of_4_gib() {
    malformed(header(u32::MAX, CONTROL, 0, 0).to_vec(), "a control frame of 4294967295 bytes is over the limit of 65536");
}

#[test]
fn a_control_frame_one_byte_too_long() {
    malformed(frame(CONTROL, 0, 0, &vec![0; MAX_CONTROL_BYTES + 1]), "a control frame of 65537 bytes is over the limit");
}

#[test]
fn a_message_of_4_gib() {
    malformed(header(u32::MAX, MESSAGE, 0, 0).to_vec(), "a frame of 4294967295 bytes is over the limit");
}

#[test]
fn a_message_before_the_handshake() {
    malformed(message(7, b"early"), "a message before the handshake is complete");
}

#[test]
fn reserved_flag_bits() {
    malformed(frame(CONTROL, 0x80, 0, &[]), "reserved flag bits set");
}

#[test]
fn a_control_frame_with_a_tag() {
    malformed(frame(CONTROL, 0, 9, &[]), "control frame with tag 9");
}

#[test]
fn an_unknown_kind_of_frame() {
    malformed(frame(9, 0, 0, &[]), "unknown frame kind 9");
}

#[test]
fn an_unknown_control_message() {
    malformed(frame(CONTROL, 0, 0, &[200]), "malformed control message");
}

#[test]
fn an_empty_control_message() {
    malformed(frame(CONTROL, 0, 0, &[]), "malformed control message");
}

#[test]
fn bytes_behind_a_control_message() {
    let mut body = Control::Confirm.body();
    body.push(0);
    malformed(frame(CONTROL, 0, 0, &body), "1 bytes are left over");
}

#[test]
fn a_hello_with_a_forged_length_inside() {
    // A cluster name of 2^63 bytes.
    malformed(frame(CONTROL, 0, 0, &[0, 1, 1, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0x80]), "malformed control message");
}

#[test]
fn an_id_that_names_no_server() {
    let field = Field::new(LONG, "");
    let (zero, huge) = (field.target().hello(0, "mallory"), field.target().hello(1 << 53, "mallory"));
    drop(field);
    for hello in [zero, huge] {
        malformed(Control::Hello(hello).frame(), "a server id is between 1 and 2^53 - 1");
    }
}

#[test]
fn steps_that_are_not_the_diallers() {
    let claim = Claim { id: UNKNOWN, group: "lobby".into(), name: "mallory".into(), incarnation: 1 };
    let field = Field::new(LONG, "");
    let terms = field.target().hello(UNKNOWN, "mallory").terms;
    drop(field);
    malformed(
        Control::Welcome(crate::wire::Welcome { protocol: 1, from: claim, terms, resumed: false }).frame(),
        "expected hello, found welcome",
    );
    malformed(Control::Confirm.frame(), "expected hello, found confirm");
    malformed(Control::Ping { stamp: 1 }.frame(), "expected hello, found ping");
    malformed(Control::Goodbye(Goodbye::Stopped).frame(), "expected hello, found goodbye");
}

#[test]
fn a_refusal_instead_of_a_hello() {
    let text = format!("line one\nERROR a forged line\x1b[31m{}", "x".repeat(60_000));
    let field = bytes(Rejection::Refused, LONG, Control::Refused(Refusal { code: RefusalCode::Identity, text }).frame());
    one_short_line(&field.warnings[0]);
}

#[test]
fn another_group_than_the_certificates() {
    changed(RefusalCode::Identity, "says it is world/mallory shows a certificate for lobby/mallory", |hello| {
        hello.from.group = "world".into()
    });
}

#[test]
fn another_name_than_the_certificates() {
    changed(RefusalCode::Identity, "says it is lobby/honest shows a certificate for lobby/mallory", |hello| {
        hello.from.name = "honest".into()
    });
}

#[test]
fn another_cluster_name() {
    changed(RefusalCode::Cluster, "the dialing server is of cluster `other`", |hello| hello.cluster = "other".into());
}

#[test]
fn only_newer_protocol_versions() {
    changed(RefusalCode::Protocol, "speaks protocol versions 7 to 9", |hello| (hello.protocol_min, hello.protocol_max) = (7, 9));
}

#[test]
fn protocol_versions_upside_down() {
    changed(RefusalCode::Protocol, "speaks protocol versions 9 to 0", |hello| (hello.protocol_min, hello.protocol_max) = (9, 0));
}

#[test]
fn a_hello_for_another_server() {
    changed(RefusalCode::WrongServer, "not server 4712", |hello| hello.to = UNKNOWN + 1);
}

#[test]
fn another_app_version() {
    changed(RefusalCode::AppVersion, "app version", |hello| hello.terms.app_version = "2.0".into());
}

#[test]
fn another_topology() {
    changed(RefusalCode::Topology, "group `world`: external on the dialing server, internal on the accepting one", |hello| {
        hello.terms.acceptor_visibility = Some(Visibility::External);
    });
}

#[test]
fn the_servers_own_id() {
    let mut field = Field::new(LONG, "");
    let hello = field.target().hello(field.target().id.get(), "mallory");
    refused(&mut field, TIMES, RefusalCode::WrongServer, "two servers are running as lobby/mallory", hello);
}

#[test]
fn the_id_of_somebody_else() {
    let mut field = Field::new(LONG, "");
    let hello = field.target().hello(field.honest().get(), "mallory");
    refused(&mut field, TIMES, RefusalCode::Identity, "is lobby/honest in the registry but claims to be lobby/mallory", hello);
}

#[test]
fn an_id_the_registry_does_not_know() {
    // The registry's news may be late, so the server waits for half of its deadline before it refuses.
    let mut field = Field::new(Duration::from_secs(2), "");
    let hello = field.target().hello(UNKNOWN, "mallory");
    refused(&mut field, 24, RefusalCode::Unlisted, "is not in this server's view of the registry", hello);
}

#[test]
fn a_hello_at_the_last_moment_does_not_buy_more_time() {
    let deadline = Duration::from_secs(4);
    let mut field = Field::new(deadline, "");
    let target = field.target();
    let (tls, hello) = (field.keys.tls("mallory"), target.hello(UNKNOWN, "mallory"));
    let task = field.runtime.spawn(async move {
        let began = Instant::now();
        let mut line = target.tls(&tls).await;
        let frame = Control::Hello(hello).frame();
        let (last, most) = frame.split_last().expect("not empty");
        line.write(most).await;
        tokio::time::sleep_until((began + deadline * 3 / 4).into()).await;
        line.write(&[*last]).await;
        line.closed().await;
        began.elapsed()
    });
    let open = field.meanwhile(task);
    assert!(open < deadline + Duration::from_millis(700), "open for {open:?}");
    assert_eq!(field.target.stats().rejected.iter().sum::<u64>(), 1);
}

#[test]
fn a_member_that_is_refused_for_ever_new_reasons_does_not_fill_the_log() {
    let mut field = Field::new(LONG, "");
    let target = field.target();
    let (tls, hello) = (field.keys.tls("mallory"), target.hello(UNKNOWN, "mallory"));
    let task = field.runtime.spawn(async move {
        for number in 0..100 {
            let mut line = target.tls(&tls).await;
            line.say(Control::Hello(Hello { cluster: format!("cluster-{number}"), ..hello.clone() })).await;
            line.closed().await.expect("told why");
        }
    });
    field.meanwhile(task);
    field.until("counted", |field| field.target.stats().rejected(Rejection::Refused) == 100);
    assert!((2..=16).contains(&field.warnings.len()), "{:#?}", field.warnings);
}

#[test]
fn a_hello_that_would_forge_log_lines() {
    let mut field = Field::new(LONG, "");
    let mut hello = field.target().hello(UNKNOWN, "mallory");
    hello.cluster = format!("x`\nERROR a forged line\x1b[31m{}", "y".repeat(65_000));
    attack(&mut field, Rejection::Refused, TIMES, move |_, mut line| {
        let hello = Control::Hello(hello.clone());
        async move {
            line.say(hello).await;
            let refusal = line.closed().await.expect("told why");
            assert_eq!(refusal.code, RefusalCode::Cluster);
        }
    });
    one_short_line(&field.warnings[0]);
}

#[test]
fn two_hellos() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let hello = field.target().hello(mallory.id(), "mallory");
    attack(&mut field, Rejection::Malformed, TIMES, move |_, mut line| {
        let hello = Control::Hello(hello.clone());
        async move {
            line.say(hello.clone()).await;
            line.say(hello).await;
            line.closed().await;
        }
    });
    assert!(field.warnings[0].contains("expected confirm, found hello"), "{:?}", field.warnings);
}

#[test]
fn a_welcome_that_is_never_confirmed() {
    let mut field = Field::new(SHORT, "");
    let mallory = field.enrol("mallory");
    let hello = field.target().hello(mallory.id(), "mallory");
    attack(&mut field, Rejection::TimedOut, TIMES, move |_, mut line| {
        let hello = Control::Hello(hello.clone());
        async move {
            line.say(hello).await;
            line.closed().await;
        }
    });
}

#[test]
fn a_hello_byte_by_byte_is_slow_but_welcome() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let target = field.target();
    let (tls, hello) = (mallory.tls.clone(), target.hello(mallory.id(), "mallory"));
    let task = field.runtime.spawn(async move {
        let mut line = target.tls(&tls).await;
        for byte in Control::Hello(hello).frame() {
            line.write(&[byte]).await;
        }
        line.expect("welcome", |control| matches!(control, Control::Welcome(_)).then_some(())).await;
        for byte in Control::Confirm.frame() {
            line.write(&[byte]).await;
        }
        line.expect("confirmed", |control| matches!(control, Control::Confirmed).then_some(())).await;
        line
    });
    let line = field.meanwhile(task);
    field.event("connected", |event| matches!(event, sinew::Event::ServerConnected { server } if server.name() == "mallory").then_some(()));
    assert_eq!(field.target.stats().rejected.iter().sum::<u64>(), 0);
    drop(line);
}

/// Whatever a stranger wrote, it is one line of bounded length in the log.
fn one_short_line(line: &str) {
    assert!(line.len() < 1000 && !line.contains(char::is_control), "{line:?}");
}
