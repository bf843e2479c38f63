//! Bodies of requests and responses: no panic, and the same payload, trailers, rest and error however
//! they are cut. A body that a request may have decodes equally in a response.

#![no_main]

use hangup::h1::{BodyDecoder, BodyError, BodyLimits, Framing, Next};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;

const LIMITS: BodyLimits = BodyLimits::new().with_extensions(16, 32).with_trailers(64, 4);

fuzz_target!(|input: &[u8]| {
    let Some((kind, input)) = input.split_first() else { return };
    let framing = match kind % 8 {
        0 => Framing::Empty,
        1 => Framing::UntilClose,
        2 => Framing::Length(u64::from(*kind)),
        _ => Framing::Chunked,
    };
    let Some((ends, text)) = hangup_fuzz::cuts(input) else { return };
    let [of_request, of_response] = [BodyDecoder::request, BodyDecoder::response].map(|decoder| {
        let whole = decode(decoder(framing, LIMITS), text, &[text.len()]);
        assert_eq!(whole, decode(decoder(framing, LIMITS), text, &ends));
        whole
    });
    if of_request.outcome.is_ok() {
        assert_eq!(of_request, of_response);
    }
});

#[derive(Debug, PartialEq)]
struct Decoded {
    payload: Vec<u8>,
    outcome: Result<Outcome, BodyError>,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Unfinished,
    Ended { trailers: Option<HeaderMap>, behind: usize },
}

fn decode(mut decoder: BodyDecoder, text: &[u8], ends: &[usize]) -> Decoded {
    let mut payload = Vec::new();
    let mut at = 0;
    for end in ends {
        loop {
            let (consumed, next) = match decoder.advance(&text[at..*end]) {
                Ok(step) => step,
                Err(error) => return Decoded { payload, outcome: Err(error) },
            };
            at += consumed;
            match next {
                Next::Payload(_) if at == *end => break,
                Next::Payload(most) => {
                    let taken = most.min((end - at) as u64);
                    payload.extend_from_slice(&text[at..at + taken as usize]);
                    at += taken as usize;
                    decoder.payload_taken(taken);
                }
                Next::NeedInput => {
                    assert_eq!(at, *end, "more is asked for only when all is consumed");
                    break;
                }
                Next::End => {
                    assert!(decoder.is_ended());
                    let trailers = decoder.take_trailers();
                    let outcome = Ok(Outcome::Ended { trailers, behind: at });
                    return Decoded { payload, outcome };
                }
                _ => unreachable!("a part of a body that this target does not know"),
            }
        }
    }
    Decoded { payload, outcome: Ok(Outcome::Unfinished) }
}
