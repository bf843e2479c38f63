//! Leniency towards responses, and one verdict for a head however it is cut.

use super::*;
use crate::h1::splits;

fn request(text: &[u8], limits: &Limits) -> Result<Option<(RequestHead, usize)>, HeadError> {
    splits::verdict(text, |scanner, buf| scanner.request(buf, limits))
}

fn response(text: &[u8], limits: &Limits) -> Result<Option<(ResponseHead, usize)>, HeadError> {
    splits::verdict(text, |scanner, buf| scanner.response(buf, limits))
}

/// Field lines, and the fields that a response makes of them.
const FORGIVEN: &[(&str, &[(&str, &str)])] = &[
    ("\n\n", &[]),
    ("\r\n\n", &[]),
    ("\n\r\n", &[]),
    ("\nA: b\n\n", &[("a", "b")]),
    ("\r\nA: b\n\r\n", &[("a", "b")]),
    ("\r\nA: b\r\n\n", &[("a", "b")]),
    ("\nA: b\r\nC:\n\n", &[("a", "b"), ("c", "")]),
    ("\r\nA : b\r\n\r\n", &[("a", "b")]),
    ("\r\nA\t \t: b : c\r\nD:e\r\n\r\n", &[("a", "b : c"), ("d", "e")]),
    ("\nA :b\n\tc : d\nE :e\n\n", &[("a", "b  c : d"), ("e", "e")]),
    ("\r\nA: b\r\n  \r\n c\r\n\r\n", &[("a", "b       c")]),
];

#[test]
fn responses_are_read_leniently_and_requests_are_not() {
    for (rest, fields) in FORGIVEN {
        let text = format!("HTTP/1.1 200 OK{rest}behind");
        let end = text.len() - "behind".len();
        let found = response(text.as_bytes(), &Limits::default());
        let (head, used) = found.expect(rest).expect(rest);
        assert_eq!(used, end, "{rest:?}");
        let fields_read = head.headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap()));
        assert_eq!(fields_read.collect::<Vec<_>>(), *fields, "{rest:?}");
        let text = format!("GET / HTTP/1.0{rest}behind");
        let error = request(text.as_bytes(), &Limits::default()).expect_err(rest);
        assert_eq!(error.status(), 400, "{rest:?}");
    }
}

#[test]
fn malformed_responses_are_refused() {
    for rest in [
        "\r\n A: b\r\n\r\n",
        "\n A: b\n\n",
        "\r\nA\r\n\r\n",
        "\nA \n :b\n\n",
        "\r\n: b\r\n\r\n",
        "\r\n : b\r\n\r\n",
        "\r\nA B: c\r\n\r\n",
        "\r\nA B : c\r\n\r\n",
        "\r\nA: b\rc\r\n\r\n",
        "\r\nA: b\r\r\n\r\n",
        "\r\nA\r: b\r\n\r\n",
        "\r\nA: b\0\r\n\r\n",
        "\r\nA: b\r\n\r\r\n\r\n",
        "\r\r\nA: b\r\n\r\n",
    ] {
        let text = format!("HTTP/1.1 200 OK{rest}");
        assert!(response(text.as_bytes(), &Limits::default()).is_err(), "{rest:?}");
    }
}

/// Heads in order, which are then damaged.
const REQUESTS: &[&str] = &[
    "\r\nPUT /a?b HTTP/1.1\r\nHost: h\r\nA:b\r\n\r\nx",
    "GET http://h:1/ HTTP/1.1\r\nHost: i\r\nA: \tb \r\n\r\n",
    "OPTIONS * HTTP/1.0\r\n\r\n",
];

const RESPONSES: &[&str] = &[
    "HTTP/1.1 200 OK\r\nA: b\r\nC : d\r\n\r\nx",
    "HTTP/1.0 404 Own\twords\nA:b\n c\n\n",
    "HTTP/1.1  200\r\n\r\n",
];

/// Small enough to be exceeded, and not.
const LIMITS: [Limits; 3] = [
    Limits { max_bytes: 1 << 20, max_fields: 1000 },
    Limits { max_bytes: 1 << 20, max_fields: 1 },
    Limits { max_bytes: 34, max_fields: 1000 },
];

#[test]
fn a_damaged_head_has_one_verdict_however_it_is_cut() {
    for limits in &LIMITS {
        // `splits` compares.
        for text in REQUESTS.iter().flat_map(|text| splits::damaged(text)) {
            let _ = request(&text, limits);
        }
        for text in RESPONSES.iter().flat_map(|text| splits::damaged(text)) {
            let _ = response(&text, limits);
        }
    }
}

#[test]
fn the_limit_on_fields_holds_for_a_head_that_comes_at_once() {
    for (max_fields, fields) in (0..4).flat_map(|most| (0..=4).map(move |count| (most, count))) {
        let limits = Limits { max_fields, ..Limits::default() };
        let rest = format!("\r\n{}\r\n", "A: b\r\n".repeat(fields));
        let verdicts = [
            request(format!("GET / HTTP/1.0{rest}").as_bytes(), &limits).map(|_| ()),
            response(format!("HTTP/1.1 200 OK{rest}").as_bytes(), &limits).map(|_| ()),
        ];
        for verdict in verdicts {
            assert_eq!(verdict.is_ok(), fields <= max_fields, "{fields} of {max_fields}");
        }
    }
    let limits = Limits { max_fields: 1, ..Limits::default() };
    let error = request(b"GET / HTTP/1.0\r\nA:\r\nB:\r\n\r\n", &limits).unwrap_err();
    assert_eq!((error.status().as_u16(), error.is_too_large()), (431, true));
    assert_eq!(error.to_string(), "request head with more than 1 field");
}
