//! Heads, each tried whole and cut at every place.

use http::Version;

use super::*;
use crate::h1::splits;

const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_fields: 1000 };

fn request(text: &[u8]) -> Result<(RequestHead, usize), HeadError> {
    splits::head(text, |scanner, buf| scanner.request(buf, &LIMITS))
}

fn response(text: &[u8]) -> Result<(ResponseHead, usize), HeadError> {
    splits::head(text, |scanner, buf| scanner.response(buf, &LIMITS))
}

fn refused(text: &str) -> HeadError {
    request(text.as_bytes()).expect_err(text)
}

#[test]
fn a_request() {
    let text = b"PUT /a?b=c HTTP/1.1\r\nHost: example.com\r\nX-A: 1\r\nx-a:2\r\n\r\n";
    let (head, consumed) = request(text).unwrap();
    assert_eq!(consumed, text.len());
    assert_eq!(head.method, Method::PUT);
    assert_eq!(head.target, "/a?b=c");
    assert_eq!(head.version, Version::HTTP_11);
    assert_eq!(head.headers["host"], "example.com");
    assert_eq!(head.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn a_response() {
    let text = b"HTTP/1.1 404 Nothing here\r\nServer: s\r\n\r\n";
    let (head, consumed) = response(text).unwrap();
    assert_eq!(consumed, text.len());
    assert_eq!(head.version, Version::HTTP_11);
    assert_eq!(head.status, 404);
    assert_eq!(head.reason.as_deref(), Some("Nothing here"));
    assert_eq!(head.headers["server"], "s");
}

#[test]
fn heads_without_fields() {
    assert_eq!(request(b"GET / HTTP/1.0\r\n\r\n").unwrap().0.headers.len(), 0);
    assert_eq!(response(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().0.headers.len(), 0);
}

#[test]
fn bytes_behind_a_head_are_left_untouched() {
    let text = b"GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n\0\n\r";
    let mut scanner = HeadScanner::default();
    let (first, consumed) = scanner.request(text, &LIMITS).unwrap().unwrap();
    assert_eq!(first.target, "/1");
    let (second, more) = scanner.request(&text[consumed..], &LIMITS).unwrap().unwrap();
    assert_eq!(second.target, "/2");
    assert_eq!(&text[consumed + more..], b"\0\n\r");
}

#[test]
fn two_empty_lines_before_a_request_are_skipped_and_counted() {
    for lines in ["", "\r\n", "\r\n\r\n"] {
        let text = format!("{lines}GET / HTTP/1.0\r\n\r\n");
        assert_eq!(request(text.as_bytes()).unwrap().1, text.len());
    }
}

#[test]
fn a_third_empty_line_is_refused() {
    assert_eq!(refused("\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n").status(), 400);
}

#[test]
fn no_empty_line_before_a_response_is_skipped() {
    assert!(response(b"\r\nHTTP/1.1 200 OK\r\n\r\n").is_err());
}

#[test]
fn bare_lf_is_no_line_end() {
    for text in [
        "\nGET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\n\r\n",
        "GET / HTTP/1.0\n\n",
        "GET / HTTP/1.0\r\n\n",
        "GET / HTTP/1.0\r\nA: b\n\r\n",
        "GET / HTTP/1.0\r\nA: b\r\n\n",
        "GET / HTTP/1.0\r\nA: b\nc\r\n\r\n",
    ] {
        assert_eq!(refused(text).status(), 400, "{text:?}");
    }
    let error = refused("GET / HTTP/1.0\r\nA: b\n\r\n");
    assert_eq!(error.to_string(), "request line 2: ends in LF alone, without CR");
}

#[test]
fn bare_cr_is_refused_everywhere() {
    for text in [
        "\rGET / HTTP/1.0\r\n\r\n",
        "GET\r / HTTP/1.0\r\n\r\n",
        "GET /\r HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\r\n\r\n",
        "GET / HTTP/1.0\r\nA\r: b\r\n\r\n",
        "GET / HTTP/1.0\r\nA:\rb\r\n\r\n",
        "GET / HTTP/1.0\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/1.0\r\nA: b\r\r\n\r\n",
        "GET / HTTP/1.0\r\nA: b\r\n\r\r\n\r\n",
    ] {
        assert_eq!(refused(text).status(), 400, "{text:?}");
    }
}

#[test]
fn control_characters_are_refused_everywhere() {
    for control in (0..0x20).chain([0x7f]).filter(|b| !b"\t\r\n".contains(b)).map(char::from) {
        for text in [
            format!("G{control}T / HTTP/1.0\r\n\r\n"),
            format!("GET /{control} HTTP/1.0\r\n\r\n"),
            format!("GET / HTTP/1.0\r\nA{control}: b\r\n\r\n"),
            format!("GET / HTTP/1.0\r\nA: b{control}\r\n\r\n"),
        ] {
            assert_eq!(refused(&text).status(), 400, "{text:?}");
        }
    }
}

#[test]
fn space_before_the_colon_is_refused() {
    let error = refused("GET / HTTP/1.0\r\na: b\r\nc: d\r\ncontent-length : 3\r\n\r\n");
    let message = "request field 3 (`content-length `): space before the colon";
    assert_eq!(error.to_string(), message);
}

#[test]
fn folded_lines_are_refused_in_requests() {
    let error = refused("GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n");
    assert_eq!(error.to_string(), "request field 2: line folding");
    refused("GET / HTTP/1.0\r\n A: b\r\n\r\n");
}

#[test]
fn folded_lines_are_joined_in_responses() {
    let (head, _) = response(b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\nD: e\r\n\r\n").unwrap();
    assert_eq!(head.headers["a"], "b   c");
    assert_eq!(head.headers["d"], "e");
    assert!(response(b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n").is_err());
}

#[test]
fn statuses_of_errors() {
    for (text, status) in [
        ("GET /\r\n", 400),
        ("GET / HTTP/2.0\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/0.9\r\n", 505),
        ("GET / HTTP/x\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET /#a HTTP/1.1\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ] {
        assert_eq!(refused(text).status(), status, "{text:?}");
    }
}

#[test]
fn bytes_of_another_protocol_are_refused_before_any_line_end() {
    let limits = &LIMITS;
    for text in [&b"\x16\x03\x01\x02\x00"[..], b"\x16", b"\0", b"{\"a\":", b"GET\0", b"GET \xff"] {
        assert!(HeadScanner::default().request(text, limits).is_err(), "{text:?}");
    }
    for text in [&b"220 smtp ready"[..], b"S", b"HTTPX", b"\x15\x03", b"HTTP/1.1 200 \0"] {
        assert!(HeadScanner::default().response(text, limits).is_err(), "{text:?}");
    }
}

#[test]
fn a_bad_start_line_is_refused_before_the_fields_have_come() {
    for text in [&b"GET /\r\n"[..], b"GET / HTTP/9.9\r\n", b"GET * HTTP/1.1\r\n"] {
        assert!(HeadScanner::default().request(text, &LIMITS).is_err(), "{text:?}");
    }
}

#[test]
fn a_head_of_exactly_the_limit_and_one_byte_more() {
    for lines in ["", "\r\n\r\n"] {
        let head = "GET / HTTP/1.0\r\nA: 12345\r\n\r\n";
        let text = format!("{lines}{head}");
        let parse = |max_bytes, text: &[u8]| {
            let limits = Limits { max_bytes, max_fields: 1 };
            splits::head(text, |scanner, buf| scanner.request(buf, &limits))
        };
        assert_eq!(parse(head.len(), text.as_bytes()).unwrap().1, text.len());
        let error = parse(head.len() - 1, text.as_bytes()).unwrap_err();
        assert_eq!(error.status(), 431);
        assert_eq!(error.to_string(), format!("request head larger than {} bytes", head.len() - 1));
    }
}

#[test]
fn a_head_without_end_is_refused_once_it_is_longer_than_the_limit() {
    let limits = Limits { max_bytes: 100, max_fields: 10 };
    for start in ["GET /", "GET / HTTP/1.0\r\nA: "] {
        let mut text = start.as_bytes().to_vec();
        text.resize(100, b'a');
        let mut scanner = HeadScanner::default();
        assert!(scanner.request(&text, &limits).unwrap().is_none());
        text.push(b'a');
        let error = scanner.request(&text, &limits).unwrap_err();
        assert!(error.is_too_large());
    }
}

#[test]
fn bytes_beyond_the_limit_do_not_change_the_verdict() {
    let limits = Limits { max_bytes: 20, max_fields: 10 };
    for rest in ["\n", "\r\n\r\n", "\0"] {
        let text = format!("GET / HTTP/1.0\r\nA: bc{rest}");
        let error = HeadScanner::default().request(text.as_bytes(), &limits).unwrap_err();
        assert!(error.is_too_large(), "{rest:?}");
    }
}

#[test]
fn as_many_fields_as_allowed_and_one_more() {
    let text = |fields: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "A:\r\n".repeat(fields));
    let (head, _) =
        HeadScanner::default().request(text(1000).as_bytes(), &LIMITS).unwrap().unwrap();
    assert_eq!(head.headers.len(), 1000);
    let error = HeadScanner::default().request(text(1001).as_bytes(), &LIMITS).unwrap_err();
    assert_eq!(error.status(), 431);
    assert_eq!(error.to_string(), "request head with more than 1000 fields");
}

#[test]
fn a_head_that_drips_in_is_looked_at_once() {
    // Bytes that were looked at are overwritten with bytes that are an error wherever they stand: a
    // scanner that looked at them again would refuse. Only the last two bytes (a CRLF that
    // is cut in two) and the first five (the protocol's name) may be looked at again.
    let start = "HTTP/1.1 200 OK and a long reason that goes on for a while";
    let head = format!("{start}\r\n{}\r\n", "Name: value\r\n".repeat(100));
    let mut scanner = HeadScanner::default();
    for end in 1..head.len() {
        let mut buf = head.as_bytes()[..end].to_vec();
        // The start line is read once more, when it is complete.
        let read_once_more = if end <= start.len() + 2 { 5.min(end) } else { 0 };
        let seen = end.saturating_sub(3).max(read_once_more);
        if end != start.len() + 2 {
            buf[read_once_more..seen].fill(b'\n');
        }
        assert!(scanner.response(&buf, &LIMITS).unwrap().is_none(), "at {end}");
    }
    assert!(scanner.response(head.as_bytes(), &LIMITS).unwrap().is_some());
}

#[test]
fn a_scanner_that_was_reset_starts_anew() {
    let mut scanner = HeadScanner::default();
    assert!(scanner.request(b"GET /old HTTP/1.1\r\nHost", &LIMITS).unwrap().is_none());
    scanner.reset();
    let (head, _) = scanner.request(b"GET /new HTTP/1.0\r\n\r\n", &LIMITS).unwrap().unwrap();
    assert_eq!(head.target, "/new");
}
