//! A member that is let in and then misbehaves loses its link, with a sentence; nobody else notices.

use crate::client::Line;
use crate::field::{Enrolled, Field};
use crate::wire::{
    BEGIN, CONTINUE, CONTROL, Control, Goodbye, MAX_BODY_BYTES, MAX_CONTROL_BYTES, MESSAGE, REFUSAL, REPLY, REQUEST, Refusal, RefusalCode,
    asking, begin, frame, header, message,
};
use sinew::{DisconnectReason, Event, Rejection};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(8);

/// Gives lobby/mallory a link, as it should be.
pub(crate) fn link(field: &mut Field, mallory: &Enrolled) -> Line {
    let target = field.target();
    let (tls, hello) = (mallory.tls.clone(), target.hello(mallory.id(), "mallory"));
    let task = field.runtime.spawn(async move {
        let mut line = target.tls(&tls).await;
        line.agree(hello).await;
        line
    });
    let line = field.meanwhile(task);
    field.event("connected", |event| matches!(event, Event::ServerConnected { server } if server.name() == "mallory").then_some(()));
    line
}

fn disconnected(field: &mut Field) -> (DisconnectReason, String) {
    field.event("disconnected", |event| match event {
        Event::ServerDisconnected { server, reason, text, .. } if server.name() == "mallory" => Some((*reason, text.clone())),
        _ => None,
    })
}

/// These bytes end this link, and the event says this sentence.
fn breaks_the_protocol(field: &mut Field, mut line: Line, sent: Vec<u8>, sentence: &str) {
    let task = field.runtime.spawn(async move {
        line.write(&sent).await;
        line.closed().await;
    });
    field.meanwhile(task);
    let (reason, text) = disconnected(field);
    assert_eq!(reason, DisconnectReason::Protocol, "{text}");
    assert!(text.contains(sentence), "{text:?}");
}

/// These bytes on a started link end it, every time, and the event says this sentence.
fn misdeed(limits: &str, sent: Vec<u8>, sentence: &str) {
    let mut field = Field::new(LONG, limits);
    let mallory = field.enrol("mallory");
    for _ in 0..3 {
        let line = link(&mut field, &mallory);
        breaks_the_protocol(&mut field, line, sent.clone(), sentence);
    }
    assert_eq!(field.target.stats().rejected.iter().sum::<u64>(), 0, "it was a member until then");
}

#[test]
fn an_acknowledgement_of_what_was_never_sent() {
    misdeed("", Control::Ack { received: 1000 }.frame(), "acknowledged 1000 bytes, but 0 were sent");
}

#[test]
fn a_resume_where_nothing_is_to_be_resumed() {
    misdeed("", Control::Resume { received: 0 }.frame(), "there is nothing to resume here");
}

/// A link that goes on with the session of one that was cut.
fn resumed(field: &mut Field, mallory: &Enrolled) -> Line {
    drop(link(field, mallory));
    field.event("interrupted", |event| matches!(event, Event::ServerInterrupted { server } if server.name() == "mallory").then_some(()));
    let target = field.target();
    let (tls, mut hello) = (mallory.tls.clone(), target.hello(mallory.id(), "mallory"));
    (hello.session, hello.resume) = (2, Some(hello.session));
    let task = field.runtime.spawn(async move {
        let mut line = target.tls(&tls).await;
        assert!(line.agree(hello).await);
        line
    });
    let line = field.meanwhile(task);
    field.event("resumed", |event| matches!(event, Event::ServerResumed { server } if server.name() == "mallory").then_some(()));
    line
}

#[test]
fn forged_words_where_a_session_goes_on() {
    let forged = [
        (Control::Resume { received: 1 }.frame(), "cannot resume: acknowledged 1 bytes, but 0 were sent"),
        (Control::Resume { received: u64::MAX }.frame(), "cannot resume: acknowledged 18446744073709551615 bytes"),
        ([Control::Resume { received: 0 }.frame(), Control::Resume { received: 0 }.frame()].concat(), "there is nothing to resume here"),
        (Control::Ping { stamp: 1 }.frame(), "it was to be said first what is to be resumed"),
        (frame(MESSAGE, 0, 1, b"early"), "a message before it was said what is to be resumed"),
    ];
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    for (sent, sentence) in forged {
        let line = resumed(&mut field, &mallory);
        breaks_the_protocol(&mut field, line, sent, sentence);
    }
}

#[test]
fn a_session_that_never_was_is_not_resumed() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let target = field.target();
    let (tls, mut hello) = (mallory.tls.clone(), target.hello(mallory.id(), "mallory"));
    hello.resume = Some(77);
    let task = field.runtime.spawn(async move {
        let mut line = target.tls(&tls).await;
        assert!(!line.agree(hello).await);
        line
    });
    let _line = field.meanwhile(task);
    field.event("connected", |event| matches!(event, Event::ServerConnected { server } if server.name() == "mallory").then_some(()));
}

#[test]
fn requests_and_answers_that_are_none() {
    misdeed("", frame(MESSAGE, REQUEST, 7, &[1; 11]), "a request or an answer of 11 bytes, 12 at least");
    misdeed("", frame(MESSAGE, REPLY, 7, &[]), "a request or an answer of 0 bytes");
    misdeed("", asking(REQUEST, 0, 1000, b"?"), "a request without a number");
    misdeed("", [asking(REQUEST, 5, 1000, b"?"), asking(REQUEST, 5, 1000, b"?")].concat(), "request 5 for the second time");
    misdeed("", frame(MESSAGE, 1 << 5, 7, b"x"), "reserved flag bits");
    // In fragments that do not say the same of themselves.
    let parts = [begin(REQUEST, 7, 70_000, &[1; 100]), frame(CONTINUE, REPLY, 7, &[1; 100])].concat();
    misdeed("", parts, "a fragment with tag 7 on lane 0, where a message with tag 7 was begun");
}

#[test]
fn a_flood_of_requests_and_of_answers_to_nobody_holds_no_memory() {
    let mut field = Field::new(LONG, "limits.requests_per_link = 100\n");
    let mallory = field.enrol("mallory");
    let mut line = link(&mut field, &mallory);
    let task = field.runtime.spawn(async move {
        for number in 1..=20_000_u64 {
            let forged = number << 20;
            let flood = [asking(REQUEST, number, u32::MAX, b""), asking(REPLY, forged, 0, b""), asking(REFUSAL, forged, 9, b"")].concat();
            line.write(&flood).await;
        }
        line
    });
    let line = field.meanwhile(task);
    field.until("all have come", |field| field.target.stats().replies_late == 40_000);
    let stats = field.target.stats();
    assert_eq!((stats.requests_received, stats.connected), (100, 2), "the honest one and this one");
    drop(line);
}

#[test]
fn properties_over_the_limit() {
    let all = [("key".to_string(), "x".repeat(4094))].into();
    misdeed("", Control::Properties { all }.frame(), "4097 bytes, more than 4096");
    misdeed("", frame(CONTROL, 0, 0, &[13, 253, 255, 255, 255, 255, 255, 255, 255, 127]), "malformed control message");
}

#[test]
fn a_pong_that_was_never_pinged() {
    misdeed("", Control::Pong { stamp: u64::MAX }.frame(), "a pong with stamp 18446744073709551615, which was never sent");
}

#[test]
fn a_hello_on_a_started_link() {
    let field = Field::new(LONG, "");
    let hello = field.target().hello(4711, "mallory");
    drop(field);
    misdeed("", Control::Hello(hello).frame(), "found hello");
}

#[test]
fn other_steps_of_the_handshake_on_a_started_link() {
    misdeed("", Control::Confirm.frame(), "found confirm");
    misdeed("", Control::Confirmed.frame(), "found confirmed");
    let refusal = Refusal { code: RefusalCode::Cluster, text: "no".into() };
    misdeed("", Control::Refused(refusal).frame(), "found refused");
}

#[test]
fn a_message_over_the_receivers_limit() {
    misdeed(
        "limits.max_message_bytes = 1000",
        header(1001, MESSAGE, 0, 1).to_vec(),
        "a message of 1001 bytes is over limits.max_message_bytes = 1000",
    );
}

#[test]
fn a_message_of_4_gib() {
    misdeed("", header(u32::MAX, MESSAGE, 0, 1).to_vec(), "a message of 4294967295 bytes is over limits.max_message_bytes");
}

#[test]
fn a_control_frame_one_byte_too_long() {
    misdeed("", frame(CONTROL, 0, 0, &vec![0; MAX_CONTROL_BYTES + 1]), "a control frame of 65537 bytes is over the limit");
}

#[test]
fn frames_that_are_none() {
    misdeed("", frame(MESSAGE, 0x40, 0, b"x"), "reserved flag bits set");
    misdeed("", frame(9, 0, 0, b"x"), "unknown frame kind 9");
    misdeed("", frame(CONTROL, 0, 0, &[77]), "malformed control message");
}

#[test]
fn fragments_where_none_belong() {
    let ten = [7; 10];
    misdeed("", frame(CONTINUE, 0, 1, &ten), "a fragment on lane 0, where no message was begun");
    let twice = [begin(2, 1, 70_000, &ten), begin(2, 1, 70_000, &ten)].concat();
    misdeed("", twice, "a second message in fragments on lane 1, where one of 70000 bytes is not complete");
    let between = [begin(6, 1, 70_000, &ten), frame(MESSAGE, 6, 1, b"x")].concat();
    misdeed("", between, "a message between the fragments of another on lane 3");
    let other = [begin(0, 1, 70_000, &ten), frame(CONTINUE, 0, 2, &ten)].concat();
    misdeed("", other, "a fragment with tag 2 on lane 0, where a message with tag 1 was begun");
    let other = [begin(0, 1, 70_000, &ten), frame(CONTINUE, 1, 1, &ten)].concat();
    misdeed("", other, "a fragment with tag 1 on lane 0");
}

#[test]
fn fragments_that_add_up_to_nothing_that_was_announced() {
    let ten = [7; 10];
    misdeed("", begin(0, 1, u32::MAX, &ten), "a message of 4294967295 bytes is over limits.max_message_bytes");
    misdeed(
        "limits.max_message_bytes = 100000",
        begin(0, 1, 100_001, &ten),
        "a message of 100001 bytes is over limits.max_message_bytes = 100000",
    );
    misdeed("", begin(0, 1, 10, &ten), "a message of 10 bytes in fragments, though it fits in one frame");
    let more = [begin(0, 1, 65_600, &[7; 65_524]), frame(CONTINUE, 0, 1, &[7; 77])].concat();
    misdeed("", more, "a fragment of 77 bytes on lane 0, where 76 are missing");
    misdeed("", frame(BEGIN, 0, 1, &[1, 2, 3, 4]), "a fragment of 4 bytes carries nothing");
    misdeed("", frame(CONTINUE, 0, 1, &[]), "a fragment of 0 bytes carries nothing");
    misdeed("", header(MAX_BODY_BYTES as u32 + 1, MESSAGE, 0, 1).to_vec(), "a frame of 65529 bytes is over the limit of 65528");
    misdeed("", header(u32::MAX, BEGIN, 0, 1).to_vec(), "a frame of 4294967295 bytes is over the limit");
}

#[test]
fn what_was_whole_before_the_mistake_still_counts() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let mut line = link(&mut field, &mallory);
    let task = field.runtime.spawn(async move {
        let mut sent = message(5, b"the last words");
        sent.extend(frame(9, 0, 0, b""));
        line.write(&sent).await;
        line.closed().await;
    });
    field.meanwhile(task);
    let payload = field.event("the message", |event| match event {
        Event::Message { message, .. } => Some(message.payload.to_vec()),
        _ => None,
    });
    assert_eq!(payload, b"the last words");
    assert_eq!(disconnected(&mut field).0, DisconnectReason::Protocol);
}

#[test]
fn words_about_datagrams_that_are_not_true() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let mut line = link(&mut field, &mallory);
    let task = field.runtime.spawn(async move {
        let mut sent = Vec::new();
        for number in 0..100 {
            sent.extend(Control::Datagrams { binding: [number; 32] }.frame());
            sent.extend(Control::DatagramsBound.frame());
            sent.extend(Control::DatagramsWanted.frame());
        }
        sent.extend(message(5, b"by the stream"));
        line.write(&sent).await;
        line
    });
    let line = field.meanwhile(task);
    field.event("the message", |event| matches!(event, Event::Message { message, .. } if message.tag == 5).then_some(()));
    assert_eq!(field.target.stats().received_by_datagram, 0);
    drop(line);
    assert_eq!(disconnected(&mut field).0, DisconnectReason::Lost);
}

#[test]
fn half_a_frame_and_silence() {
    let mut field = Field::new(LONG, "limits.keep_alive_ms = 100\nlimits.interrupted_after_ms = 1500\nlimits.resume_window_ms = 200");
    let mallory = field.enrol("mallory");
    let mut line = link(&mut field, &mallory);
    let task = field.runtime.spawn(async move {
        line.write(&header(100, MESSAGE, 0, 1)).await;
        line.write(b"half of it").await;
        line.closed().await;
    });
    field.meanwhile(task);
    field.event("interrupted", |event| matches!(event, Event::ServerInterrupted { server } if server.name() == "mallory").then_some(()));
    assert_eq!(disconnected(&mut field).0, DisconnectReason::Silent);
}

#[test]
fn half_a_frame_and_close() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let mut line = link(&mut field, &mallory);
    let task = field.runtime.spawn(async move {
        line.write(&header(100, MESSAGE, 0, 1)).await;
        line.write(b"half of it").await;
    });
    field.meanwhile(task);
    assert_eq!(disconnected(&mut field).0, DisconnectReason::Lost);
}

#[test]
fn a_goodbye_that_is_not_true_ends_only_the_link_it_came_on() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    for goodbye in [Goodbye::Superseded, Goodbye::YouLeft] {
        let mut line = link(&mut field, &mallory);
        let task = field.runtime.spawn(async move {
            line.say(Control::Goodbye(goodbye)).await;
            line.closed().await;
        });
        field.meanwhile(task);
        disconnected(&mut field);
        assert!(field.target.find(mallory.entry.id).is_some(), "the registry's word counts, not the goodbye's");
    }
}

#[test]
fn two_links_of_one_member_the_newer_counts() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let first = link(&mut field, &mallory);
    let target = field.target();
    let (tls, hello) = (mallory.tls.clone(), target.hello(mallory.id(), "mallory"));
    let task = field.runtime.spawn(async move {
        let mut second = target.tls(&tls).await;
        second.agree(hello).await;
        // It says its goodbye and gives this side the time to say one too; `drain_ms` at most.
        first.closed().await;
        second
    });
    let second = field.meanwhile(task);
    assert_eq!(disconnected(&mut field).0, DisconnectReason::Superseded);
    field.event("connected anew", |event| matches!(event, Event::ServerConnected { server } if server.name() == "mallory").then_some(()));
    drop(second);
    assert_eq!(disconnected(&mut field).0, DisconnectReason::Lost);
}

#[test]
fn an_issued_certificate_opens_one_name_only() {
    let mut field = Field::new(LONG, "");
    // Mallory has stolen the certificate of lobby/mallory, and knows the honest server's id, group and name.
    let to = sinew::transport::identity::PeerIdentity::new("lobby", "mallory").expect("a valid name");
    let issued = field.keys.key.issue(&to, 1).expect("issued").write(field.keys.directory.path(), "mallory", true).expect("written");
    let [cert, key, ca] = issued.map(|path| path.display().to_string());
    let text =
        format!("server.group = 'lobby'\nserver.name = 'mallory'\n[groups.lobby]\n[cluster]\nca = '{ca}'\ncert = '{cert}'\nkey = '{key}'");
    let config = sinew::ServerConfig::load(&text, "a test", std::iter::empty()).expect("a configuration");
    let identity = sinew::transport::identity::Identity::load(&config.cluster, &config.server).expect("the identity loads");
    let tls = sinew::transport::tls::Tls::new(&identity, crate::field::ALPN);
    let hello = field.target().hello(field.honest().get(), "honest");
    field.repel(Rejection::Refused, 24, move |target| {
        let (tls, hello) = (tls.clone(), Control::Hello(hello.clone()));
        async move {
            let mut line = target.tls(&tls).await;
            line.say(hello).await;
            assert_eq!(line.closed().await.expect("told why").code, RefusalCode::Identity);
        }
    });
}

#[test]
fn a_member_that_deregisters_but_keeps_its_link_is_shown_out() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let line = link(&mut field, &mallory);
    let id = mallory.entry.id;
    drop(mallory);
    // Deregistered, it says nothing: the server ends the link by itself after `drain_ms`.
    let task = field.runtime.spawn(line.closed());
    field.meanwhile(task);
    field.event("left", |event| matches!(event, Event::ServerLeft { server, .. } if server.id() == id).then_some(()));
}
