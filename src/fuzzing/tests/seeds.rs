//! The seeds: real messages, as the library writes them. `tests/fuzz/corpus` holds them as files, and besides whatever once broke something.

use crate::config::Visibility;
use crate::id::ServerId;
use crate::message::{Label, Lane, SendMode, Writer};
use crate::wire::codec;
use crate::wire::control::{Claim, Control, Goodbye, Hello, LinkTopology, Refusal, RefusalCode, Terms, Welcome};
use crate::wire::frame::Header;
use serde::Serialize;

/// A target, a file's name, and what is in it.
pub(super) type Seed = (&'static str, &'static str, Vec<u8>);

pub(super) fn all() -> Vec<Seed> {
    [controls(), streams(), sessions(), payloads(), configurations(), crate::registry::embedded::fuzzing::seeds()].concat()
}

fn controls() -> Vec<Seed> {
    let claim = |id| Claim { id: server(id), group: "lobby".into(), name: "lobby-1".into(), incarnation: 1_760_000_000_000 };
    let topology = LinkTopology {
        dialer_visibility: Some(Visibility::External),
        acceptor_visibility: None,
        dialer_connects_to_acceptor: true,
        acceptor_connects_to_dialer: false,
    };
    let terms = Terms { app_version: "1.4.0".into(), mixed_app_versions: false, topology };
    let hello = Hello {
        protocol_min: 1,
        protocol_max: 1,
        cluster: "default".into(),
        from: claim(7),
        to: server(300),
        terms: terms.clone(),
        session: 12,
        resume: Some(9),
    };
    let refusal = Refusal { code: RefusalCode::Topology, text: "the groups differ\n".into() };
    let named = [
        ("hello", Control::Hello(hello)),
        ("welcome", Control::Welcome(Welcome { protocol: 1, from: claim(300), terms, resumed: true })),
        ("refused", Control::Refused(refusal)),
        ("confirm", Control::Confirm),
        ("ping", Control::Ping { stamp: 1 << 40 }),
        ("ack", Control::Ack { received: 70_000 }),
        ("goodbye", Control::Goodbye(Goodbye::Replaced)),
        ("datagrams", Control::Datagrams { binding: [7; 32] }),
        ("resume", Control::Resume { received: 251 }),
    ];
    named.map(|(name, control)| ("control", name, encoded(&control))).to_vec()
}

fn streams() -> Vec<Seed> {
    let on = |lane| SendMode::Reliable.on(Lane::from_bits(lane));
    let message = |tag, payload: &[u8]| frame(Header::Message { len: payload.len(), label: Label::message(tag, on(0)) }, payload);
    let unreliable = |payload: &[u8]| {
        frame(Header::Message { len: payload.len(), label: Label::message(513, SendMode::Unreliable.on(Lane::HIGHEST)) }, payload)
    };
    // The first of a message of 65,600 bytes, and some of the next.
    let begin = frame(Header::Begin { len: 8, label: Label::message(3, on(1)) }, b"\x40\0\x01\0abcd");
    let proceed = frame(Header::Continue { len: 5, label: Label::message(3, on(1)) }, b"efghi");
    let (ping, ack) = (control(&Control::Ping { stamp: 5 }), control(&Control::Ack { received: 300 }));
    let (resume, goodbye) = (control(&Control::Resume { received: 20 }), control(&Control::Goodbye(Goodbye::Stopped)));
    let open = [&[6, 3][..], &ping, &message(1, b"hello"), &unreliable(b"hi"), &ack, &message(2, b""), &goodbye, &ack].concat();
    let resumed = [&[7, 9][..], &resume, &message(1, b"again"), &begin, &message(9, b"another lane"), &proceed, &ping].concat();
    let out_of_place = [&[0, 1][..], &begin, &frame(Header::Message { len: 1, label: Label::message(3, on(1)) }, b"x")].concat();
    vec![
        ("frames", "open", open),
        ("frames", "resumed", resumed),
        ("frames", "out-of-place", out_of_place),
        ("datagram", "two", [unreliable(b"hi"), unreliable(b"")].concat()),
        ("datagram", "reliable", message(1, b"no")),
    ]
}

/// Steps of the `resume` target: no meaning of their own, but every kind is among them. What libFuzzer has found lies beside them.
fn sessions() -> Vec<Seed> {
    let spread = |by: u8| (0..=u8::MAX).cycle().map(|at| at.wrapping_mul(by)).take(600).collect();
    vec![("resume", "odd", spread(37)), ("resume", "even", spread(142))]
}

fn payloads() -> Vec<Seed> {
    let mut fields = Writer::new();
    fields.write_u32(70_000).write_str("Köln").write_bool(true).write_i64(-5).write_f32(1.5).write_u128(u128::MAX).write_bytes(b"ab");
    let program = [3, 14, 0, 9, 11, 5, 15];
    let whole = crate::message::fuzzing::seeds();
    let fields = [&[program.len() as u8][..], &program, fields.as_slice()].concat();
    let mut seeds = vec![("reader", "fields", fields)];
    seeds.extend(whole.into_iter().map(|(name, value)| ("reader", name, [&[0][..], &value].concat())));
    seeds
}

fn configurations() -> Vec<Seed> {
    let whole = "[server]\ngroup = \"world\" # which\nname = 'w1'\nlisten = \"127.0.0.1:0\"\n[server.properties]\nmap = \"forest\"\n\
        [groups.world]\nconnects_to = [\"world\", \"lobby\"]\nvisibility = \"internal\"\n[groups.lobby]\n[limits]\noutbox_bytes = 1_000_000\n\
        [cluster]\nname = \"c\"\n[log]\nlevel = \"warn\"\n\0SINEW_LIMITS_KEEP_ALIVE_MS=500\0SINEW_SERVER_NAME=w2\0";
    let fixed = "[server]\ngroup='a'\nname='a1'\n[groups.a]\nconnects_to=['b']\n[groups.b]\n[registry]\nkind='fixed'\n\
        [[registry.servers]]\nid=1\ngroup='a'\nname='a1'\naddress='127.0.0.1:4000'\n[[registry.servers]]\nid=2\ngroup='b'\nname='b1'\naddress='[::1]:4001'\n";
    let mistakes = "[server]\ngroup = 'wrold'\nport = 99999999999\n[groups.world]\n[limit]\nx = 1\n";
    let seed = |name, text: &str| ("config", name, text.as_bytes().to_vec());
    vec![seed("whole", whole), seed("fixed", fixed), seed("mistakes", mistakes)]
}

fn server(id: u64) -> ServerId {
    ServerId::new(id).expect("an id")
}

fn frame(header: Header, body: &[u8]) -> Vec<u8> {
    [&header.to_bytes()[..], body].concat()
}

fn control(control: &Control) -> Vec<u8> {
    let mut frame = Vec::new();
    control.append_to(&mut frame);
    frame
}

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes);
    bytes
}
