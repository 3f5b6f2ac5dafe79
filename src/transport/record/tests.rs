//! Against ourselves, against plain rustls, and against every kind of record that must not be taken.

use super::*;
use rustls::{AlertDescription, ClientConnection, ServerConnection};
use std::io::{Read, Write};

mod pair;
use pair::{Ours, Pair, Peer, provider_of};

const SUITES: [&str; 3] = ["TLS13_AES_128_GCM_SHA256", "TLS13_AES_256_GCM_SHA384", "TLS13_CHACHA20_POLY1305_SHA256"];

#[test]
fn what_one_side_seals_the_other_opens_with_every_suite() {
    for suite in SUITES {
        let Pair { mut client, mut server } = Pair::new(provider_of(suite));
        for size in [1, 2, 15, 16, 17, 1000, MAX_PLAIN - 1, MAX_PLAIN] {
            let plain: Vec<u8> = (0..size).map(|at| (at * 7) as u8).collect();
            let record = client.seal(&plain);
            assert_eq!(record.len(), size + OVERHEAD, "{suite}");
            assert_eq!(Opener::record_len(&record), Ok(Some(record.len())));
            assert_eq!(server.open(&record), Ok(plain.clone()), "{suite}");
            let back = server.seal(&plain);
            assert_eq!(client.open(&back), Ok(plain), "{suite}");
        }
    }
}

#[test]
fn plain_rustls_opens_what_we_seal_and_we_open_what_it_seals() {
    for suite in SUITES {
        let (mut ours, mut theirs) = Peer::server(provider_of(suite));
        exchange(&mut ours, &mut theirs, 20, |_, _| {});
        let (mut ours, mut theirs) = Peer::client(provider_of(suite));
        exchange(&mut ours, &mut theirs, 20, |_, _| {});
    }
}

#[test]
fn keys_change_in_both_directions_between_ourselves() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    client.sealer.update_every(3);
    server.sealer.update_every(5);
    for round in 0..200_u32 {
        let plain = round.to_be_bytes();
        let records = client.send(&plain);
        assert_eq!(server.receive(&records), Ok(plain.to_vec()));
        let records = server.send(&plain);
        assert_eq!(client.receive(&records), Ok(plain.to_vec()));
    }
    assert!(client.updates >= 60 && server.updates >= 30, "{} {}", client.updates, server.updates);
}

#[test]
fn keys_change_in_both_directions_with_plain_rustls() {
    for suite in SUITES {
        // The client's turn and the server's: rustls asks for a change of our key with each of its own.
        let (mut ours, mut theirs) = Peer::server(provider_of(suite));
        ours.sealer.update_every(4);
        exchange(&mut ours, &mut theirs, 60, refresh_every_third);
        assert!(ours.updates >= 20, "{suite}: {}", ours.updates);
        let (mut ours, mut theirs) = Peer::client(provider_of(suite));
        ours.sealer.update_every(4);
        exchange(&mut ours, &mut theirs, 60, refresh_every_third);
        assert!(ours.updates >= 20, "{suite}: {}", ours.updates);
    }
}

#[test]
fn a_request_for_a_new_key_is_answered_before_more_data() {
    let (mut ours, mut theirs) = Peer::client(provider_of(SUITES[0]));
    assert!(!ours.sealer.update_due());
    theirs.refresh();
    theirs.write(b"x");
    assert_eq!(ours.receive(&theirs.sent()), Ok(b"x".to_vec()));
    assert!(ours.sealer.update_due());
    let records = ours.send(b"y");
    assert!(!ours.sealer.update_due(), "once is enough");
    assert_eq!(records.len(), (5 + OVERHEAD) + (1 + OVERHEAD));
    theirs.take(&records);
    assert_eq!(theirs.read(), b"y");
}

#[test]
fn a_key_that_is_used_up_seals_nothing_more() {
    let Pair { mut client, .. } = Pair::new(provider_of(SUITES[0]));
    let mut out = [0; 64];
    client.sealer.key.sequence = (1 << 24) - 2;
    assert!(client.sealer.update_due());
    client.sealer.seal(b"x", &mut out).expect("one more may come");
    client.sealer.seal(b"x", &mut out).expect("the last one");
    assert_eq!(client.sealer.seal(b"x", &mut out), Err(RecordError::KeyUsedUp));

    // No limit of the cipher, but there are only so many numbers.
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[2]));
    client.sealer.key.sequence = u64::MAX;
    assert!(client.sealer.update_due());
    assert_eq!(client.sealer.seal(b"x", &mut out), Err(RecordError::KeyUsedUp));
    client.sealer.key.sequence = 0;
    let record = client.seal(b"x");
    server.opener.key.sequence = u64::MAX;
    assert_eq!(server.open(&record), Err(RecordError::KeyUsedUp));
}

#[test]
fn an_update_comes_due_long_before_the_key_is_used_up() {
    let Pair { mut client, .. } = Pair::new(provider_of(SUITES[0]));
    client.sealer.key.sequence = (1 << 24) - (1 << 16) - 1;
    assert!(!client.sealer.update_due());
    client.seal(b"x");
    assert!(client.sealer.update_due());
}

#[test]
fn a_close_is_told_from_an_end() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let mut out = [0; 64];
    let written = client.sealer.close(&mut out).expect("room");
    assert_eq!(server.opener.open(&out[..written], &mut [0; 64]), Ok(Opened::Closed));
    // And by plain rustls.
    let (mut ours, mut theirs) = Peer::server(provider_of(SUITES[0]));
    let written = ours.sealer.close(&mut out).expect("room");
    assert!(theirs.take(&out[..written]).peer_has_closed());
    theirs.close();
    assert_eq!(ours.opener.open(&theirs.sent(), &mut [0; 64]), Ok(Opened::Closed));
}

#[test]
fn an_alert_is_an_error_with_its_name() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let mut out = [0; 64];
    let written = client.sealer.abort(AlertDescription::UnknownCA, &mut out).expect("room");
    let error = server.opener.open(&out[..written], &mut [0; 64]).expect_err("the end");
    assert_eq!(error, RecordError::Alert(AlertDescription::UnknownCA));
    assert!(error.to_string().contains("UnknownCA"), "{error}");
}

#[test]
fn every_altered_bit_is_noticed() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let record = client.seal(b"to be or not to be");
    for at in 0..record.len() * 8 {
        let mut altered = record.clone();
        altered[at / 8] ^= 1 << (at % 8);
        server.opener.key.sequence = 0;
        assert!(server.open(&altered).is_err(), "bit {at}");
        if at / 8 >= HEADER {
            server.opener.key.sequence = 0;
            assert_eq!(server.open(&altered), Err(RecordError::Altered), "bit {at}");
        }
    }
    server.opener.key.sequence = 0;
    assert_eq!(server.open(&record), Ok(b"to be or not to be".to_vec()));
}

#[test]
fn records_that_are_lost_repeated_or_swapped_are_noticed() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let (first, second) = (client.seal(b"1"), client.seal(b"2"));
    assert_eq!(server.open(&second), Err(RecordError::Altered), "the first is missing");
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    assert_eq!(server.open(&first), Err(RecordError::Altered), "another connection's");
    let record = client.seal(b"1");
    server.opener.key.sequence = 0;
    assert_eq!(server.open(&record), Ok(b"1".to_vec()));
    assert_eq!(server.open(&record), Err(RecordError::Altered), "a second time");
    // And what a side has sealed is not taken for the other's.
    client.sealer.key.sequence = client.opener.key.sequence;
    let own = client.seal(b"1");
    assert_eq!(client.open(&own), Err(RecordError::Altered));
}

#[test]
fn what_begins_no_encrypted_record_is_refused_by_its_header() {
    assert_eq!(Opener::record_len(&[]), Ok(None));
    assert_eq!(Opener::record_len(&[23, 3, 3, 0]), Ok(None));
    assert_eq!(Opener::record_len(&[23, 3, 3, 0, 17]), Ok(Some(22)));
    assert_eq!(Opener::record_len(&[23, 3, 3, 0x41, 0]), Ok(Some(HEADER + MAX_SEALED)));
    assert_eq!(Opener::record_len(&[23, 3, 3, 0x41, 1]), Err(RecordError::TooLong(MAX_SEALED + 1)));
    assert_eq!(Opener::record_len(&[23, 3, 3, 0, 16]), Err(RecordError::TooShort(16)));
    assert_eq!(Opener::record_len(&[23, 3, 1, 0, 17]), Err(RecordError::Version(0x0301)));
    for kind in [0x14, 0x15, 0x16, 0x18, 0, 0xff, b'G'] {
        assert_eq!(Opener::record_len(&[kind, 3, 3, 0, 17]), Err(RecordError::NotEncrypted(kind)));
    }
}

#[test]
fn a_record_of_another_length_than_its_header_says_is_not_opened() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let record = client.seal(b"some text");
    let mut out = [0; 64];
    for wrong in [&record[..record.len() - 1], &[&record[..], &[0]].concat(), &record[..3], &[]] {
        assert!(matches!(server.opener.open(wrong, &mut out), Err(RecordError::Buffer { .. })), "{}", wrong.len());
    }
    assert_eq!(server.opener.open(&record, &mut out[..9]), Err(RecordError::Buffer { need: 10, have: 9 }));
    assert_eq!(server.opener.open(&record, &mut out[..10]), Ok(Opened::Data(9)));
}

#[test]
fn nothing_and_too_much_are_not_sealed() {
    let Pair { mut client, .. } = Pair::new(provider_of(SUITES[0]));
    let mut out = vec![0; 2 * MAX_PLAIN];
    assert!(matches!(client.sealer.seal(&[], &mut out), Err(RecordError::Buffer { .. })));
    assert!(matches!(client.sealer.seal(&vec![0; MAX_PLAIN + 1], &mut out), Err(RecordError::Buffer { .. })));
    let too_small = RecordError::Buffer { need: 4 + OVERHEAD, have: 3 + OVERHEAD };
    assert_eq!(client.sealer.seal(b"text", &mut out[..3 + OVERHEAD]), Err(too_small));
    assert_eq!(client.sealer.key.sequence, 0);
}

#[test]
fn padding_is_taken_off_and_content_types_are_checked() {
    // Content, type, zeros: exactly what stands inside a record.
    let inside = |client: &mut Ours, bytes: &[u8]| client.seal_inside(bytes);
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let record = inside(&mut client, b"text\x17\0\0\0\0\0\0\0");
    assert_eq!(server.open(&record), Ok(b"text".to_vec()));
    let record = inside(&mut client, b"te\0\0\x17");
    assert_eq!(server.open(&record), Ok(b"te\0\0".to_vec()), "zeros of the content stay");
    let full = [&[0; MAX_PLAIN][..], &[0x17], &[0; 239]].concat();
    assert!(server.open(&inside(&mut client, &full)).is_ok_and(|data| data == [0; MAX_PLAIN]));
    let empty = inside(&mut client, b"\x17\0\0");
    assert_eq!(server.opener.open(&empty, &mut [0; 64]), Ok(Opened::Data(0)));
    let canceled = inside(&mut client, &[1, 90, 0x15]);
    assert_eq!(server.opener.open(&canceled, &mut [0; 64]), Ok(Opened::Data(0)));

    let too_much = [&[1; MAX_PLAIN + 1][..], &[0x17]].concat();
    let refused: [(&[u8], RecordError); 8] = [
        (&[0; 20], RecordError::Untyped),
        (&too_much, RecordError::TooMuchInside(MAX_PLAIN + 1)),
        (&[1, 0x14], RecordError::UnknownContent(0x14)),
        (&[1, 0x99], RecordError::UnknownContent(0x99)),
        (&[0x15], RecordError::MalformedAlert),
        (&[1, 0, 0, 0x15], RecordError::MalformedAlert),
        (&[2, 20, 0x15], RecordError::Alert(AlertDescription::BadRecordMac)),
        (&[0x16], RecordError::MalformedHandshake),
    ];
    for (bytes, expected) in refused {
        let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
        let record = inside(&mut client, bytes);
        assert_eq!(server.open(&record), Err(expected));
    }
}

#[test]
fn only_key_updates_and_tickets_for_clients_may_follow_a_handshake() {
    const UPDATE: [u8; 5] = [24, 0, 0, 1, 0];
    const TICKET: [u8; 6] = [4, 0, 0, 2, 7, 7];
    let from_client = |messages: &[u8]| {
        let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
        let record = client.seal_inside(&[messages, &[0x16]].concat());
        server.opener.open(&record, &mut [0; 128])
    };
    let from_server = |messages: &[u8]| {
        let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
        let record = server.seal_inside(&[messages, &[0x16]].concat());
        client.opener.open(&record, &mut [0; 128])
    };
    for open in [&from_client as &dyn Fn(&[u8]) -> Result<Opened, RecordError>, &from_server] {
        assert_eq!(open(&UPDATE), Ok(Opened::KeyUpdate));
        assert_eq!(open(&[UPDATE, UPDATE].concat()), Err(RecordError::MalformedHandshake));
        assert_eq!(open(&[24, 0, 0, 1, 2]), Err(RecordError::MalformedHandshake));
        assert_eq!(open(&[24, 0, 0, 0]), Err(RecordError::MalformedHandshake));
        assert_eq!(open(&[24, 0, 0, 1]), Err(RecordError::MalformedHandshake), "goes on in another record");
        assert_eq!(open(&[24, 0, 0]), Err(RecordError::MalformedHandshake));
        for kind in [1, 2, 11, 13, 20, 254] {
            assert_eq!(open(&[kind, 0, 0, 0]), Err(RecordError::UnexpectedHandshake(kind)));
        }
    }
    assert_eq!(from_client(&TICKET), Err(RecordError::UnexpectedHandshake(4)));
    assert_eq!(from_server(&TICKET), Ok(Opened::Data(0)));
    assert_eq!(from_server(&[TICKET, TICKET].concat()), Ok(Opened::Data(0)));
    assert_eq!(from_server(&[&TICKET[..], &UPDATE].concat()), Ok(Opened::KeyUpdate));
    assert_eq!(from_server(&[&TICKET[..], &[4, 0]].concat()), Err(RecordError::MalformedHandshake));
}

#[test]
fn a_peer_that_never_sends_data_is_given_up() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let mut out = [0; 64];
    for round in 0..2 {
        for _ in 0..Opener::MOST_WITHOUT_DATA {
            let written = client.sealer.update(&mut out).expect("room");
            assert_eq!(server.opener.open(&out[..written], &mut [0; 64]), Ok(Opened::KeyUpdate));
        }
        if round == 0 {
            let record = client.seal(b"data");
            assert_eq!(server.open(&record), Ok(b"data".to_vec()));
        }
    }
    let written = client.sealer.update(&mut out).expect("room");
    assert_eq!(server.opener.open(&out[..written], &mut [0; 64]), Err(RecordError::TooManyWithoutData));
}

#[test]
fn sealing_and_opening_allocate_nothing() {
    let Pair { mut client, mut server } = Pair::new(provider_of(SUITES[0]));
    let plain = vec![7; MAX_PLAIN];
    let (mut sealed, mut opened) = (vec![0; MAX_PLAIN + OVERHEAD], vec![0; MAX_PLAIN + 1]);
    let spent = allocation_counter::measure(|| {
        for size in (1..=MAX_PLAIN).step_by(1000) {
            let length = client.sealer.seal(&plain[..size], &mut sealed).expect("room");
            assert_eq!(server.opener.open(&sealed[..length], &mut opened), Ok(Opened::Data(size)));
        }
    });
    assert_eq!(spent.count_total, 0, "{spent:?}");
}

/// A conversation with plain rustls, a record each way and turn.
fn exchange(ours: &mut Ours, theirs: &mut Peer, turns: u32, mut before: impl FnMut(u32, &mut Peer)) {
    for turn in 0..turns {
        before(turn, theirs);
        let plain = vec![turn as u8; 1 + 300 * turn as usize];
        theirs.write(&plain);
        assert_eq!(ours.receive(&theirs.sent()), Ok(plain.clone()), "turn {turn}");
        theirs.take(&ours.send(&plain[..plain.len().min(MAX_PLAIN)]));
        assert_eq!(theirs.read(), &plain[..plain.len().min(MAX_PLAIN)], "turn {turn}");
    }
}

fn refresh_every_third(turn: u32, theirs: &mut Peer) {
    if turn.is_multiple_of(3) {
        theirs.refresh();
    }
}
