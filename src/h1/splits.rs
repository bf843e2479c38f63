//! Replays every codec test at every place where the network may cut a message.

use std::fmt::Debug;

use http::HeaderMap;

use super::head::{HeadError, HeadScanner};
use super::{BodyDecoder, BodyError, Next};

/// What a scanner says of `text` in one piece, after checking that it says the same however the
/// text is cut: a prefix of a good head asks for more; a bad one is found bad with the same
/// status, at the end at the latest.
pub(super) fn head<T: Debug>(
    text: &[u8],
    mut scan: impl FnMut(&mut HeadScanner, &[u8]) -> Result<Option<(T, usize)>, HeadError>,
) -> Result<(T, usize), HeadError> {
    let whole = scan(&mut HeadScanner::default(), text).map(|found| found.expect("a whole head"));
    for pieces in cuts(text) {
        let mut scanner = HeadScanner::default();
        let mut received = 0;
        let result = loop {
            let piece = pieces.get(received).expect("a verdict at the end at the latest");
            received += 1;
            let end = piece.as_ptr_range().end as usize - text.as_ptr() as usize;
            match scan(&mut scanner, &text[..end]) {
                Ok(None) => {}
                Ok(Some(found)) => break Ok(found),
                Err(error) => break Err(error),
            }
        };
        match (&whole, &result) {
            (Ok((head, end)), Ok((other, other_end))) => {
                assert_eq!(end, other_end);
                assert_eq!(format!("{head:?}"), format!("{other:?}"));
            }
            (Err(error), Err(other)) => assert_eq!(error.status(), other.status()),
            _ => panic!("in one piece {whole:?}, in pieces {result:?}"),
        }
    }
    whole
}

/// What a body comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) payload: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
    /// What stands behind the body; empty if it has not ended.
    pub(super) rest: Vec<u8>,
    pub(super) ended: bool,
}

/// Decodes `input` in one piece, and checks that every other way to cut it, and to take the
/// payload, gives the same. Errors come with the payload before them.
pub(super) fn body(
    decoder: impl Fn() -> BodyDecoder,
    input: &[u8],
) -> Result<Decoded, (BodyError, Vec<u8>)> {
    let whole = decode(decoder(), &[input], u64::MAX);
    for pieces in cuts(input) {
        assert_eq!(decode(decoder(), &pieces, u64::MAX), whole, "in pieces {pieces:?}");
        assert_eq!(decode(decoder(), &pieces, 1), whole, "one byte at a time of {pieces:?}");
    }
    whole
}

fn decode(
    mut decoder: BodyDecoder,
    pieces: &[&[u8]],
    most_at_once: u64,
) -> Result<Decoded, (BodyError, Vec<u8>)> {
    let mut payload = Vec::new();
    let mut rest = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            let (consumed, next) = match decoder.advance(input) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.advance(b"0\r\n\r\n"), Err(error.clone()), "errors stay");
                    return Err((error, payload));
                }
            };
            input = &input[consumed..];
            match next {
                Next::Payload(_) if input.is_empty() => break,
                Next::Payload(n) => {
                    let taken = n.min(input.len() as u64).min(most_at_once);
                    payload.extend_from_slice(&input[..taken as usize]);
                    input = &input[taken as usize..];
                    decoder.payload_taken(taken);
                }
                Next::NeedInput => {
                    assert!(input.is_empty(), "more is asked for only when all is consumed");
                    break;
                }
                Next::End => {
                    rest.extend_from_slice(input);
                    break;
                }
            }
        }
    }
    let ended = decoder.is_ended();
    Ok(Decoded { payload, trailers: decoder.take_trailers(), rest, ended })
}

/// Every cut into two, and byte by byte.
fn cuts(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let halves = (0..=text.len()).map(|at| vec![&text[..at], &text[at..]]);
    halves.chain([text.chunks(1).collect()])
}
