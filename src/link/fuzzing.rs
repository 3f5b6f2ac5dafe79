//! Fuzz targets: the bytes of a link and of a datagram.

use super::receiving::{Found, Receiving};
use crate::buffer::{Buffer, Pool};
use crate::event::Span;
use crate::message::{Delivery, SendMode};
use crate::wire::control::Control;

pub(crate) use super::sending::fuzzing::resume;

/// What a server allows its messages.
const LIMITS: [usize; 4] = [100, 65_528, 65_529, 1 << 20];

/// Everything a stream said.
#[derive(Debug, Default, PartialEq)]
struct Said {
    messages: Vec<(u16, Delivery, Vec<u8>)>,
    controls: Vec<Control>,
    position: u64,
    ended: bool,
    error: Option<String>,
}

/// The first byte holds options, the second says how the rest, a stream, is cut to pieces. Cut or whole, it says the same.
pub(crate) fn frames(bytes: &[u8]) {
    let [options, cuts, stream @ ..] = bytes else { return };
    let limit = LIMITS[usize::from(options >> 1 & 3)];
    let resumes = options & 1 != 0;
    let whole = listen(stream, limit, resumes, || usize::MAX);
    let mut state = u32::from(*cuts);
    let pieces = listen(stream, limit, resumes, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1 + (state >> 16) as usize % (1 << (cuts % 16))
    });
    assert_eq!(whole, pieces);
}

fn listen(stream: &[u8], limit: usize, resumes: bool, mut piece: impl FnMut() -> usize) -> Said {
    let pool = Pool::new(1 << 20);
    let mut receiving = if resumes { Receiving::start().resume() } else { Receiving::start() };
    let (mut said, mut came, mut parsed_to) = (Said::default(), 0, 0);
    while came < stream.len() && said.error.is_none() {
        came += piece().min(stream.len() - came);
        let bytes = &stream[parsed_to..came];
        let (mut spans, mut large): (Vec<Span>, Vec<Buffer>) = (Vec::new(), Vec::new());
        let found = Found { spans: &mut spans, large: &mut large };
        let obey = |control: Control| {
            said.controls.push(control.clone());
            match control {
                Control::Goodbye(goodbye) => Ok(Some(goodbye)),
                Control::Hello(_) | Control::Confirm => Err("out of place".into()),
                _ => Ok(None),
            }
        };
        let (parsed, outcome) = receiving.parse(&pool, bytes, limit, found, obey);
        assert!(parsed.bytes <= bytes.len() && parsed.messages <= parsed.bytes as u64);
        for span in spans {
            let payload = match span.large {
                0 => &bytes[span.start as usize..][..span.len as usize],
                number => large[usize::from(number) - 1].bytes(),
            };
            assert!(payload.len() == span.len as usize && payload.len() <= limit);
            said.messages.push((span.label.tag, span.label.delivery, payload.to_vec()));
        }
        parsed_to += parsed.bytes;
        said.error = outcome.err();
        assert!(receiving.assembling() <= 4 * Pool::size_for(limit), "{} bytes for unfinished messages", receiving.assembling());
    }
    assert!(receiving.position() <= parsed_to as u64);
    (said.position, said.ended) = (receiving.position(), receiving.ended());
    said
}

/// What a datagram holds lies in it, in order, and is unreliable.
pub(crate) fn datagram(bytes: &[u8]) {
    const OFFSET: usize = 1000;
    let mut spans = Vec::new();
    if super::datagrams::parse(bytes, OFFSET, &mut spans).is_none() {
        return;
    }
    let mut at = OFFSET;
    for span in spans {
        assert_eq!(span.start as usize, at + 8);
        assert!(span.label.delivery.mode == SendMode::Unreliable && span.large == 0);
        at = (span.start + span.len) as usize;
    }
    assert_eq!(at, OFFSET + bytes.len());
}
