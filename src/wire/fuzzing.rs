//! Fuzz target: bodies of control frames.

use super::control::Control;
use super::frame::{self, HEADER_BYTES, Header};

/// What is read can be said again, and is then the same; a refusal's text becomes one short line.
pub(crate) fn control(bytes: &[u8]) {
    let Ok(control) = Control::parse(bytes) else { return };
    let mut frame = Vec::new();
    control.append_to(&mut frame);
    let body = &frame[HEADER_BYTES..];
    assert!(body.len() <= bytes.len(), "writers use the shortest form");
    assert_eq!(frame::peek(&frame, 0), Some(Ok(Header::Control { len: body.len() })));
    assert_eq!(Control::parse(body).as_ref(), Ok(&control));
    if let Control::Refused(refusal) = control {
        let text = refusal.bounded().text;
        assert!(text.chars().count() <= 500 && !text.chars().any(char::is_control), "{text:?}");
    }
}
