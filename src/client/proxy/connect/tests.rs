use super::super::negotiate::tests::{negotiated, splits};
use super::*;

fn connect() -> Connect<'static> {
    let authorization = HeaderValue::from_static("Basic dTpw");
    let agent = HeaderValue::from_static("test/1");
    Connect::new("host.test:443".to_owned(), Some(&agent), Some(&authorization)).unwrap()
}

const REQUEST: &str = "CONNECT host.test:443 HTTP/1.1\r\nHost: host.test:443\r\n\
                       User-Agent: test/1\r\nProxy-Authorization: Basic dTpw\r\n\r\n";

#[test]
fn c13_a_success_opens_the_tunnel_whatever_its_fields_say() {
    for response in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200\n\n",
        "HTTP/1.1 299 Odd\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    ] {
        splits(connect, response.as_bytes(), b"bytes of the origin\r\n\r\n", REQUEST.as_bytes());
    }
}

/// In a tunnel without TLS, a body would pass for the origin's response, at once or later.
#[test]
fn c13_a_success_with_a_body_opens_no_tunnel_without_tls() {
    let plain = || connect().refuse_body();
    for fields in [
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\nContent-Length: 6\r\n",
        "Content-Length: x\r\n",
    ]
    .into_iter()
    .chain(["Transfer-Encoding: chunked\r\n", "transfer-encoding: x\r\nContent-Length: 0\r\n"])
    {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        for body in ["", "bytes"] {
            let response = format!("{response}{body}");
            let refusal = negotiated(plain(), &[response.as_bytes()]).1.unwrap_err();
            assert_eq!(refusal.text, "200 OK to CONNECT host.test:443 declares a body", "{fields}");
            assert_eq!(refusal.reason, Reason::Other);
        }
    }
    for fields in ["", "Content-Length: 0\r\n", "Content-Length: 00\r\nContent-Length: 0\r\n"] {
        let response = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        splits(plain, response.as_bytes(), b"of the origin", REQUEST.as_bytes());
    }
}

#[test]
fn c13_any_other_response_refuses_the_tunnel() {
    for (response, status, text) in [
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", 502, "502 Bad Gateway to CONNECT host.test:443"),
        ("HTTP/1.1 407 Say Who\r\n\r\n", 407, "407 Say Who to CONNECT host.test:443"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            101,
            "101 Switching Protocols to CONNECT host.test:443",
        ),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", 302, "302 Found to CONNECT host.test:443"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n",
            403,
            "403 Forbidden to CONNECT host.test:443",
        ),
    ] {
        let (_, refusal) = negotiated(connect(), &[response.as_bytes()]);
        let refusal = refusal.unwrap_err();
        let reason = Reason::Status(StatusCode::from_u16(status).unwrap());
        assert_eq!((refusal.reason, &*refusal.text), (reason, text), "{response}");
        // The same at every split.
        for cut in 1..response.len() {
            let (one, two) = response.as_bytes().split_at(cut);
            assert_eq!(negotiated(connect(), &[one, two]).1.unwrap_err(), refusal, "cut at {cut}");
        }
    }
}

#[test]
fn c13_a_refusal_quotes_the_first_line_of_a_short_text() {
    let quoted = |fields: &str, body: &str| {
        let response = format!("HTTP/1.1 403 No\r\n{fields}\r\n{body}");
        let refusal = negotiated(connect(), &[response.as_bytes()]).1.unwrap_err();
        refusal.text.strip_prefix("403 No to CONNECT host.test:443").unwrap().to_owned()
    };
    let plain = "Content-Type: text/plain; charset=utf-8\r\n";
    let length = format!("{plain}Content-Length: 12\r\n");
    assert_eq!(quoted(&length, "\n not you \nx and not this"), ": \"not you\"");
    let chunked = format!("{plain}Transfer-Encoding: chunked\r\n");
    assert_eq!(quoted(&chunked, "4\r\nnot \r\n5\r\nyou\nx\r\n0\r\n\r\n"), ": \"not you\"");
    assert_eq!(quoted(plain, "not\u{1b}[1m you"), ": \"not\\u{1b}[1m you\"");
    assert_eq!(quoted(plain, &"x".repeat(1000)), format!(": \"{}\"", "x".repeat(MOST_QUOTED)));
    assert_eq!(quoted("Content-Type: text/html\r\n", "<html>"), "");
    assert_eq!(quoted("Content-Type: t\r\n", "x"), "");
    assert_eq!(quoted("", "text"), "");
    assert_eq!(quoted(plain, ""), "");
    assert_eq!(quoted(&format!("{plain}Content-Length: x\r\n"), "text"), "");
}

#[test]
fn c13_what_is_not_http_or_too_large_is_refused() {
    let refused = |response: &str| negotiated(connect(), &[response.as_bytes()]).1.unwrap_err();
    let refusal = refused("SSH-2.0-OpenSSH_9\r\n");
    assert_eq!(refusal.reason, Reason::Other);
    let expected = "invalid response to CONNECT host.test:443: ";
    assert!(refusal.text.starts_with(expected), "{}", refusal.text);
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(LIMITS.max_bytes));
    assert!(refused(&long).text.starts_with(expected));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(LIMITS.max_bytes / 25 + 1);
    assert_eq!(refused(&interim).text, "interim responses to CONNECT exceed 65536 bytes");
}

#[test]
fn c13_nothing_can_be_injected_into_a_connect() {
    for target in ["host test:443", "host\r\nX: y:443", "", "h\u{e4}st:443"] {
        assert!(Connect::new(target.to_owned(), None, None).is_err(), "{target:?}");
    }
}
