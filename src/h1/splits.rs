//! Replays every codec test at every place where the network may split a message.

use std::fmt::Debug;

use http::HeaderMap;

use super::head::{HeadError, HeadScanner};
use super::{BodyDecoder, BodyError, Next};
use crate::rounds;

/// Returns a scanner's verdict on `text`, a whole head or an invalid one; see [`verdict`].
pub(super) fn head<T: Debug>(
    text: &[u8],
    scan: impl FnMut(&mut HeadScanner, &[u8]) -> Result<Option<(T, usize)>, HeadError>,
) -> Result<(T, usize), HeadError> {
    verdict(text, scan).map(|found| found.expect("a whole head"))
}

/// Returns a scanner's verdict on `text` in one piece. Checks that each way to split the text gives the same
/// head, the same error, or needs more.
pub(super) fn verdict<T: Debug>(
    text: &[u8],
    mut scan: impl FnMut(&mut HeadScanner, &[u8]) -> Result<Option<(T, usize)>, HeadError>,
) -> Result<Option<(T, usize)>, HeadError> {
    let whole = scan(&mut HeadScanner::default(), text);
    // Heads can only be compared as text.
    let whole_head = matches!(whole, Ok(Some(_))).then(|| format!("{whole:?}"));
    for pieces in cuts(text) {
        let mut scanner = HeadScanner::default();
        let mut end = 0;
        let verdicts = pieces.iter().map(|piece| {
            end += piece.len();
            scan(&mut scanner, &text[..end])
        });
        let result = verdicts.into_iter().find(|verdict| !matches!(verdict, Ok(None)));
        let result = result.unwrap_or(Ok(None));
        let same = match (&whole, &result) {
            (Ok(Some(_)), Ok(Some(_))) => whole_head == Some(format!("{result:?}")),
            (Ok(None), Ok(None)) => true,
            (Err(whole), Err(result)) => whole == result,
            _ => false,
        };
        assert!(same, "in one piece {whole:?}, in pieces {pieces:?} {result:?}");
    }
    whole
}

/// The result of decoding a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) payload: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
    /// The bytes after the body; empty if it has not ended.
    pub(super) rest: Vec<u8>,
    pub(super) ended: bool,
}

/// Decodes `input` in one piece, and checks that every other way to split it, and to take the payload,
/// gives the same. An error is returned with the payload before it.
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

/// Bytes that mean something in a head, or nothing anywhere.
const TELLING: &[u8] = b"\0\t\n\r :/a1\x0b\x7f\xe9";

/// Every text that comes of `text` by putting a byte in the place of another, or before it, or by
/// leaving one out. By default one in 7 of them.
pub(super) fn damaged(text: &str) -> impl Iterator<Item = Vec<u8>> {
    let text = text.as_bytes();
    let damaged = (0..text.len()).flat_map(move |at| {
        let with = move |byte: &[u8], rest| [&text[..at], byte, &text[rest..]].concat();
        let other =
            TELLING.iter().flat_map(move |byte| [with(&[*byte], at + 1), with(&[*byte], at)]);
        other.chain([with(b"", at + 1)])
    });
    damaged.step_by(rounds::one_in(7))
}
