use super::*;
use crate::h1::splits::{self, Decoded};
use crate::h1::{BodyDecoder, Framing};

const LIMITS: BodyLimits =
    BodyLimits { extension_bytes: 8, extension_debt: 20, trailer_bytes: 30, trailer_fields: 3 };

fn decode(input: &[u8]) -> Result<Decoded, BodyError> {
    splits::body(|| BodyDecoder::request(Framing::Chunked, LIMITS), input).map_err(|(e, _)| e)
}

fn decode_response(input: &[u8]) -> Result<Decoded, BodyError> {
    splits::body(|| BodyDecoder::response(Framing::Chunked, LIMITS), input).map_err(|(e, _)| e)
}

#[track_caller]
fn refused(input: &[u8]) -> BodyError {
    match decode(input) {
        Err(error) => error,
        Ok(decoded) => panic!("{:?} came to {decoded:?}", input.escape_ascii().to_string()),
    }
}

#[test]
fn chunks_and_their_payload() {
    for (input, payload) in [
        ("0\r\n\r\n", ""),
        ("1\r\na\r\n0\r\n\r\n", "a"),
        ("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        ("003\r\nabc\r\n000\r\n\r\n", "abc"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("9\r\n\r\n0\r\n\r\n12\r\n0\r\n\r\n", "\r\n0\r\n\r\n12"),
        ("1;a=b\r\nx\r\n0;c\r\n\r\n", "x"),
        ("1;a=\"\tb\"\r\nx\r\n0\r\n\r\n", "x"),
        ("1 ; a=b\r\nx\r\n0\r\n\r\n", "x"),
        ("1\t;a\r\nx\r\n0 ;a\r\n\r\n", "x"),
        ("1 ;a = b\r\nx\r\n0;a =b\r\n\r\n", "x"),
        ("1 ; a ; b\r\nx\r\n0\r\n\r\n", "x"),
    ] {
        let decoded = decode(input.as_bytes()).expect(input);
        assert_eq!(decoded.payload, payload.as_bytes(), "{input:?}");
        assert_eq!(decoded.trailers, None, "{input:?}");
        assert!(decoded.ended, "{input:?}");
    }
}

#[test]
fn bytes_behind_the_last_chunk_are_left_untouched() {
    let decoded = decode(b"1\r\na\r\n0\r\n\r\n\r\nGET / HTTP/1.1\r\n").unwrap();
    assert_eq!(decoded.rest, b"\r\nGET / HTTP/1.1\r\n");
}

#[test]
fn sizes_that_are_no_hexadecimal_numbers() {
    for input in [
        "\r\n",
        ";a\r\n",
        "+1\r\na",
        "-1\r\na",
        "0x1\r\na",
        " 1\r\na",
        "1 \r\na",
        "1\t\r\na",
        "1 \na",
        "1 a\r\n",
        "1 \t1;a\r\n",
        "1 \0;a\r\n",
        "1_0\r\na",
        "g\r\n",
        "1,\r\na",
        "\"1\"\r\na",
        "1\0\r\na",
        "\u{ff11}\r\na",
    ] {
        assert_eq!(refused(input.as_bytes()), BodyError::ChunkSize, "{input:?}");
    }
}

#[test]
fn the_largest_size_and_one_digit_more() {
    let decoder = || BodyDecoder::request(Framing::Chunked, LIMITS);
    let next = decoder().advance(b"ffffffffffffffff\r\n").unwrap();
    assert_eq!(next, (18, crate::h1::Next::Payload(u64::MAX)));
    assert_eq!(refused(b"10000000000000000\r\n"), BodyError::ChunkSize);
    assert_eq!(refused(b"00000000000000001\r\na"), BodyError::ChunkSize);
}

#[test]
fn line_ends_are_crlf_and_nothing_else() {
    for input in [
        "1\na\r\n0\r\n\r\n",
        "1\ra\r\n0\r\n\r\n",
        "1;a\n",
        "1;a\rb",
        "1\r\na\n0\r\n\r\n",
        "1\r\na\r0\r\n\r\n",
        "1\r\nab\r\n",
        "1\r\na0\r\n\r\n",
        "0\n\r\n",
        "0\r\n\n",
        "0\r\n\r\r",
        "0\r\nA: b\n\r\n",
        "0\r\nA: b\r\n\n",
    ] {
        assert_eq!(refused(input.as_bytes()), BodyError::LineEnd, "{input:?}");
    }
}

#[test]
fn control_characters_in_extensions_are_refused() {
    for input in ["1;\0\r\n", "1;a=\x01\r\n", "1;\x7f\r\n"] {
        assert_eq!(refused(input.as_bytes()), BodyError::ChunkExtension, "{input:?}");
    }
}

#[test]
fn extensions_of_one_chunk_as_long_as_allowed_and_one_byte_more() {
    assert!(decode(b"1;234567\r\na\r\n0\r\n\r\n").is_ok());
    assert!(decode(b"1;2345678\r\na\r\n0\r\n\r\n").is_ok());
    assert_eq!(refused(b"1;23456789\r\na"), BodyError::ExtensionTooLarge { limit: 8 });
}

#[test]
fn tiny_chunks_with_extensions_cannot_go_on_for_ever() {
    // Each chunk adds four bytes to the debt and pays one back: 20 is reached in the sixth,
    // and the seventh goes beyond.
    let chunk = "1;abc\r\nx\r\n";
    assert!(decode(format!("{}0\r\n\r\n", chunk.repeat(6)).as_bytes()).is_ok());
    let error = refused(chunk.repeat(7).as_bytes());
    assert_eq!(error, BodyError::TooManyExtensions { limit: 20 });
}

#[test]
fn extensions_that_the_payload_makes_up_for_are_never_too_many() {
    let chunk = "8;1234567\r\n01234567\r\n";
    let decoded = decode(format!("{}0\r\n\r\n", chunk.repeat(20)).as_bytes()).unwrap();
    assert_eq!(decoded.payload.len(), 160);
}

#[test]
fn trailers_are_collected() {
    let decoded = decode(b"1\r\na\r\n0\r\nA: 1\r\nB:2\r\na: 3\r\n\r\nrest").unwrap();
    let trailers = decoded.trailers.unwrap();
    assert_eq!(trailers.len(), 3);
    assert_eq!(trailers.get_all("a").iter().collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(trailers["b"], "2");
    assert_eq!(decoded.rest, b"rest");
}

#[test]
fn trailers_as_many_as_allowed_and_one_more() {
    assert!(decode(b"0\r\nA:\r\nB:\r\nC:\r\n\r\n").is_ok());
    let error = refused(b"0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n");
    assert_eq!(error, BodyError::TooManyTrailers { limit: 3 });
    assert_eq!(error.status(), 431);
}

#[test]
fn trailers_as_large_as_allowed_and_one_byte_more() {
    assert!(decode(b"0\r\nA: 3456789012345678901234567\r\n\r\n").is_ok());
    let error = refused(b"0\r\nA: 34567890123456789012345678\r\n\r\n");
    assert_eq!(error, BodyError::TrailersTooLarge { limit: 30 });
    let endless = [&b"0\r\n"[..], &[b'a'; 31]].concat();
    assert_eq!(refused(&endless), BodyError::TrailersTooLarge { limit: 30 });
}

#[test]
fn trailers_that_are_no_fields() {
    for input in
        ["0\r\nA\r\n\r\n", "0\r\nA : b\r\n\r\n", "0\r\n A: b\r\n\r\n", "0\r\nA: b\rc\r\n\r\n"]
    {
        assert!(matches!(refused(input.as_bytes()), BodyError::Trailer(_)), "{input:?}");
    }
}

#[test]
fn trailers_about_framing_or_routing_are_refused() {
    for name in ["content-length", "transfer-encoding", "host", "trailer", "connection", "te"] {
        let error = refused(format!("0\r\n{name}: 1\r\n\r\n").as_bytes());
        let name = http::HeaderName::from_static(name);
        assert_eq!(error, BodyError::ForbiddenTrailer(name));
    }
}

#[test]
fn other_forbidden_trailers_are_dropped() {
    let decoded = decode(b"0\r\nSet-Cookie: a=b\r\nX: y\r\n\r\n").unwrap();
    let trailers = decoded.trailers.unwrap();
    assert_eq!((trailers.len(), &trailers["x"]), (1, &http::HeaderValue::from_static("y")));
}
/// Each is taken from a response, and refused in a request.
const FORGIVEN: &[(&str, &str)] = &[
    ("1\na\r\n0\r\n\r\n", "a"),
    ("1\r\na\n0\r\n\r\n", "a"),
    ("1\na\n0\n\n", "a"),
    ("1;a=b\na\n0;c\n\n", "a"),
    ("1\r\na\r\n0\n\r\n", "a"),
    ("1\r\na\r\n0\r\n\n", "a"),
    ("1 \r\na\r\n0\r\n\r\n", "a"),
    ("1\t \r\na\r\n0  \r\n\r\n", "a"),
    ("1 \na\n0 \n\n", "a"),
    ("1 \na\n0\nA: b\n\n", "a"),
    ("0\r\nA: b\n\r\n", ""),
    ("0\r\nA: b\r\n\n", ""),
    ("0\r\nA : b\r\n\r\n", ""),
    ("0\r\nA: b\r\n c\r\n\r\n", ""),
    ("0\r\nHost: a\r\nA: b\r\n\r\n", ""),
    ("0\r\nContent-Length: 5\r\n\r\n", ""),
    ("0\nContent-Length : 5\nTE: a\n\n", ""),
];

#[test]
fn responses_are_read_leniently_and_requests_are_not() {
    for (input, payload) in FORGIVEN {
        let behind = format!("{input}behind");
        let decoded = decode_response(behind.as_bytes()).expect(input);
        assert_eq!(decoded.payload, payload.as_bytes(), "{input:?}");
        assert_eq!(decoded.rest, b"behind", "{input:?}");
        let trailers = decoded.trailers.unwrap_or_default();
        assert_eq!(trailers.contains_key("a"), input.contains('A'), "{input:?}");
        assert!(trailers.keys().all(|name| name == "a"), "{input:?}: {trailers:?}");
        refused(behind.as_bytes());
    }
}

#[test]
fn malformed_chunks_of_a_response_are_refused() {
    for input in [
        "\n",
        " 1\na\n",
        "1 a\n",
        "1 1\na",
        "1\ra\r\n",
        "1;\0\n",
        "1\nab\n",
        "1\na\r0\n",
        "0\n\r\r",
        "0x1\na\n",
        "0\nA\n\n",
        "0\n A: b\n\n",
        "0\nA: b\rc\n\n",
    ] {
        let verdict = decode_response(input.as_bytes());
        assert!(verdict.is_err(), "{input:?} came to {verdict:?}");
    }
}

#[test]
fn blanks_count_as_extensions() {
    for decode in [decode, decode_response] {
        assert!(decode(b"1       ;\r\na\r\n0\r\n\r\n").is_ok());
        let error = decode(b"1        ;\r\na").unwrap_err();
        assert_eq!(error, BodyError::ExtensionTooLarge { limit: 8 });
        let error = decode("1   ;\r\nx\r\n".repeat(7).as_bytes()).unwrap_err();
        assert_eq!(error, BodyError::TooManyExtensions { limit: 20 });
    }
    let error = decode_response(b"1         ").unwrap_err();
    assert_eq!(error, BodyError::ExtensionTooLarge { limit: 8 });
}

#[test]
fn a_damaged_body_has_one_verdict_however_it_is_cut() {
    let bodies = ["1;a=b\r\nx\r\n0\r\nA: b\r\n\r\nrest", "2 ; a\nxy\n0\nA : b\nHost: h\n\n"];
    for text in bodies.into_iter().flat_map(splits::damaged) {
        // `splits` compares the cuts.
        let (strict, lenient) = (decode(&text), decode_response(&text));
        assert!(strict.is_err() || strict == lenient, "{}", text.escape_ascii());
    }
}
