use super::*;
use crate::h1::splits;

fn decoder(framing: Framing) -> BodyDecoder {
    BodyDecoder::request(framing, BodyLimits::default())
}

#[test]
fn a_body_with_a_length_ends_there() {
    let decoded = splits::body(|| decoder(Framing::Length(5)), b"helloGET /").unwrap();
    assert_eq!(decoded.payload, b"hello");
    assert_eq!(decoded.rest, b"GET /");
    assert!(decoded.ended);
}

#[test]
fn an_empty_body_has_ended_before_it_began() {
    for framing in [Framing::Empty, Framing::Length(0)] {
        assert!(decoder(framing).is_ended());
        assert_eq!(decoder(framing).remaining(), Some(0));
        let decoded = splits::body(|| decoder(framing), b"GET /").unwrap();
        assert_eq!((&decoded.payload[..], &decoded.rest[..]), (&b""[..], &b"GET /"[..]));
    }
}

#[test]
fn a_body_until_close_ends_with_the_stream() {
    let decoded = splits::body(|| decoder(Framing::UntilClose), b"hello").unwrap();
    assert_eq!(decoded.payload, b"hello");
    assert!(!decoded.ended);

    let mut body = decoder(Framing::UntilClose);
    assert_eq!(body.advance(b""), Ok((0, Next::Payload(u64::MAX))));
    assert_eq!(body.remaining(), None);
    assert_eq!(body.end_of_stream(), Ok(()));
    assert!(body.is_ended());
    assert_eq!(body.advance(b"x"), Ok((0, Next::End)));
}

#[test]
fn empty_input_asks_what_comes_next() {
    let mut body = decoder(Framing::Length(5));
    assert_eq!(body.advance(b""), Ok((0, Next::Payload(5))));
    body.payload_taken(2);
    assert_eq!(body.advance(b""), Ok((0, Next::Payload(3))));
    assert_eq!(body.remaining(), Some(3));

    let mut body = decoder(Framing::Chunked);
    assert_eq!(body.advance(b""), Ok((0, Next::NeedInput)));
    assert_eq!(body.advance(b"5\r\n"), Ok((3, Next::Payload(5))));
    assert_eq!(body.advance(b""), Ok((0, Next::Payload(5))));
    assert_eq!(body.remaining(), None);
}

#[test]
fn an_early_end_of_stream_says_how_much_is_missing() {
    let mut body = decoder(Framing::Length(5));
    body.payload_taken(2);
    let error = body.end_of_stream().unwrap_err();
    assert_eq!(error, BodyError::Incomplete { missing: Some(3) });
    assert_eq!(error.to_string(), "body incomplete: the stream ended 3 bytes early");
    assert_eq!(body.advance(b"abc"), Err(error));
    assert!(!body.is_ended());
}

#[test]
fn a_chunked_body_is_incomplete_up_to_its_very_last_byte() {
    let input = b"3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n";
    for end in 0..=input.len() {
        let mut body = decoder(Framing::Chunked);
        let mut rest = &input[..end];
        loop {
            let (framing, next) = body.advance(rest).unwrap();
            rest = &rest[framing..];
            let Next::Payload(most) = next else { break };
            let here = rest.len().min(most as usize);
            rest = &rest[here..];
            body.payload_taken(here as u64);
            if rest.is_empty() {
                break;
            }
        }
        let expected = match end == input.len() {
            true => Ok(()),
            false => Err(BodyError::Incomplete { missing: None }),
        };
        assert_eq!(body.end_of_stream(), expected, "after {end} bytes");
    }
}

#[test]
fn an_end_of_stream_behind_the_body_is_in_order() {
    let mut body = decoder(Framing::Length(2));
    body.payload_taken(2);
    assert_eq!(body.end_of_stream(), Ok(()));
}

#[test]
fn the_largest_length_costs_nothing() {
    let mut body = decoder(Framing::Length(u64::MAX));
    assert_eq!(body.advance(b"abc"), Ok((0, Next::Payload(u64::MAX))));
    body.payload_taken(3);
    assert_eq!(body.remaining(), Some(u64::MAX - 3));
    assert!(size_of::<BodyDecoder>() < 256);
}
#[test]
fn a_stream_that_was_cut_off_ends_no_body() {
    for (framing, text) in [
        (Framing::UntilClose, "body incomplete: the stream was cut off"),
        (Framing::Chunked, "body incomplete: the stream ended before the last chunk"),
        (Framing::Length(1), "body incomplete: the stream ended 1 byte early"),
    ] {
        let error = decoder(framing).cut_off().unwrap_err();
        assert!(error.is_incomplete());
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(decoder(Framing::Empty).cut_off(), Ok(()));
}

#[test]
fn limits_of_one_are_singular() {
    for (error, text) in [
        (BodyError::ExtensionTooLarge { limit: 1 }, "chunk extensions larger than 1 byte"),
        (
            BodyError::TooManyExtensions { limit: 1 },
            "chunk extensions exceed the payload by more than 1 byte",
        ),
        (BodyError::TrailersTooLarge { limit: 1 }, "trailers larger than 1 byte"),
        (BodyError::TooManyTrailers { limit: 1 }, "more than 1 trailer"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
