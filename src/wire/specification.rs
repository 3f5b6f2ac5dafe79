//! Holds `WIRE.md` to the code: its tables and its examples are read out of the page and compared.

use super::control::{Claim, Control, Goodbye, Hello, LinkTopology, Refusal, RefusalCode, Terms, Welcome};
use super::frame::{HEADER_BYTES, Header, MAX_BODY_BYTES, MAX_CONTROL_BYTES};
use super::{ALPN, PROTOCOL, codec};
use crate::config::{LimitsSection, Visibility};
use crate::id::ServerId;
use crate::message::{Label, Lane, SendMode};

const PAGE: &str = include_str!("WIRE.md");

/// The bytes of the example with this name.
fn example(name: &str) -> Vec<u8> {
    let fence = format!("```hex {name}\n");
    let (_, rest) = PAGE.split_once(&fence).expect("the page has this example");
    let (body, _) = rest.split_once("```").expect("the example ends");
    let digits = body.lines().flat_map(|line| line.split('#').next().unwrap_or_default().split_whitespace());
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("two hexadecimal digits")).collect()
}

/// First and second column of the table whose heading has `title` in its second column.
fn table(title: &str) -> Vec<(String, String)> {
    let heading = format!("| number | {title} |");
    let rows = PAGE.lines().skip_while(|line| !line.starts_with(&heading)).skip(2).take_while(|line| line.starts_with('|'));
    let column = |row: &str, number: usize| row.split('|').nth(number).unwrap_or_default().trim().trim_matches('`').to_string();
    rows.map(|row| (column(row, 1), column(row, 2))).collect()
}

/// The number that stands for a variant on the wire, and its name in the code.
fn numbered<T: serde::Serialize + std::fmt::Debug>(values: &[T]) -> Vec<(String, String)> {
    let number = |value: &T| {
        let mut bytes = Vec::new();
        codec::encode(value, &mut bytes);
        bytes[0].to_string()
    };
    let name = |value: &T| format!("{value:?}").split(['(', ' ']).next().unwrap_or_default().to_string();
    values.iter().map(|value| (number(value), name(value))).collect()
}

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).expect("a valid id")
}

fn hello() -> Hello {
    let topology = LinkTopology {
        dialer_visibility: Some(Visibility::External),
        acceptor_visibility: Some(Visibility::Internal),
        dialer_connects_to_acceptor: true,
        acceptor_connects_to_dialer: false,
    };
    Hello {
        protocol_min: 1,
        protocol_max: 1,
        cluster: "default".into(),
        from: Claim { id: id(7), group: "lobby".into(), name: "lobby-1".into(), incarnation: 1_760_000_000_000 },
        to: id(300),
        terms: Terms { app_version: "1.4.0".into(), mixed_app_versions: false, topology },
        session: 12,
        resume: Some(9),
    }
}

fn assert_control(name: &str, control: Control) {
    let bytes = example(name);
    let mut written = Vec::new();
    control.append_to(&mut written);
    assert_eq!(bytes, written, "example `{name}` against what the code writes");
    let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>().expect("a whole header");
    assert_eq!(Header::parse(*header, 0), Ok(Header::Control { len: body.len() }));
    assert_eq!(Control::parse(body), Ok(control));
}

#[test]
fn the_control_examples_are_what_the_code_writes_and_reads() {
    assert_control("hello", Control::Hello(hello()));
    assert_control("ack", Control::Ack { received: 70_000 });
}

#[test]
fn the_message_example_is_what_the_code_writes_and_reads() {
    let header = Header::Message { len: 2, label: Label::message(513, SendMode::Unreliable.on(Lane::HIGHEST)) };
    let bytes = example("message");
    let (front, body) = bytes.split_first_chunk::<HEADER_BYTES>().expect("a whole header");
    assert_eq!((*front, body), (header.to_bytes(), &b"hi"[..]));
    assert_eq!(Header::parse(*front, 2), Ok(header));
}

#[test]
fn the_tables_number_the_variants_as_the_code_does() {
    let hello = hello();
    let welcome = Welcome { protocol: 1, from: hello.from.clone(), terms: hello.terms.clone(), resumed: false };
    let controls = [
        Control::Hello(hello),
        Control::Welcome(welcome),
        Control::Refused(Refusal { code: RefusalCode::Protocol, text: String::new() }),
        Control::Confirm,
        Control::Confirmed,
        Control::Ping { stamp: 0 },
        Control::Pong { stamp: 0 },
        Control::Ack { received: 0 },
        Control::Goodbye(Goodbye::Stopped),
        Control::DatagramsWanted,
        Control::Datagrams { binding: [0; 32] },
        Control::DatagramsBound,
        Control::Resume { received: 0 },
        Control::Properties { all: Default::default() },
    ];
    assert_eq!(table("control"), numbered(&controls));
    let codes = [
        RefusalCode::Protocol,
        RefusalCode::Cluster,
        RefusalCode::Identity,
        RefusalCode::WrongServer,
        RefusalCode::AppVersion,
        RefusalCode::Topology,
        RefusalCode::Unlisted,
        RefusalCode::Replaced,
        RefusalCode::Unavailable,
        RefusalCode::Malformed,
        RefusalCode::Reversed,
    ];
    assert_eq!(table("refusal"), numbered(&codes));
    assert_eq!(
        table("goodbye"),
        numbered(&[Goodbye::Stopped, Goodbye::YouLeft, Goodbye::Superseded, Goodbye::Replaced, Goodbye::Unrelated])
    );
}

#[test]
fn the_limits_and_deadlines_are_those_of_the_code() {
    assert!(PAGE.contains(&format!("A control body is at most {MAX_CONTROL_BYTES} bytes")));
    assert!(PAGE.contains(&format!("the body of every other frame at most {MAX_BODY_BYTES} bytes")));
    assert!(PAGE.contains(&format!("The ALPN protocol is `{}`", String::from_utf8_lossy(ALPN))));
    assert!(PAGE.contains(&format!("builds offer {} to {}", PROTOCOL.start(), PROTOCOL.end())));
    let limits = LimitsSection::default();
    let deadlines = [
        ("handshake_ms", limits.handshake_ms),
        ("keep_alive_ms", limits.keep_alive_ms),
        ("interrupted_after_ms", limits.interrupted_after_ms),
        ("resume_window_ms", limits.resume_window_ms),
        ("drain_ms", limits.drain_ms),
    ];
    for (key, ms) in deadlines {
        assert!(PAGE.contains(&format!("| {} s | `limits.{key}` |", ms / 1000)), "limits.{key} is {ms} ms");
    }
}

/// The page's promise that a later variant cannot be mistaken for an earlier one.
#[test]
fn an_unknown_variant_is_malformed() {
    assert!(Control::parse(&[12]).is_err());
    assert!(Control::parse(&[3, 0]).is_err(), "bytes left over");
    assert!(Control::parse(&[3]).is_ok());
}
