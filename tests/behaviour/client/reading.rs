//! C6: responses that are read whole, as text, bytes and JSON.

use std::io::Read;

use hangup::client::DEFAULT_READ_LIMIT;
use hangup::{Client, Context, Error, ErrorKind, ResponseExt};

use super::{Response, get, send};
use crate::support::scripted_server::{Peers, in_background};
use crate::support::{Over, alone, over_each};

over_each![
    c06_a_body_is_read_whole,
    c06_a_body_beyond_the_limit_is_an_error,
    c06_a_body_that_is_cut_off_is_an_error,
    c06_the_context_ends_the_reading,
];

fn c06_a_body_is_read_whole(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    let long = "ü".repeat(200_000);
    for body in ["", "plain", &long] {
        for chunked in [false, true] {
            let mut read = |of: &dyn Fn(&mut Response)| {
                let call = get(&client, peers.url("/"));
                let peer = peer.get_or_insert_with(|| peers.accept());
                peer.expect_request("GET /");
                let (length, text) = (body.len(), serde_json::to_string(body).unwrap());
                match chunked {
                    false => peer.answer(200, body),
                    true if length == 0 => {
                        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
                    }
                    true => peer.send(format!(
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
                    )),
                }
                assert!(text.len() > length);
                of(&mut call.finish().unwrap());
                assert_eq!(client.idle_connections(), 1);
            };
            read(&|response| assert_eq!(response.text().unwrap(), body));
            read(&|response| assert_eq!(response.bytes().unwrap(), body));
            read(&|response| {
                assert_eq!(response.text_with_limit(body.len() as u64).unwrap(), body);
                assert_eq!(response.text().unwrap(), "", "it was read");
            });
            read(&|response| assert_eq!(response.bytes_with_limit(1 << 20).unwrap(), body));
        }
    }
}

/// Answers one request, and returns its response.
fn answered(content_type: &str, body: &[u8]) -> Response {
    let peers = Peers::new();
    let call = get(&Client::new(), peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let length = body.len();
    peer.send(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{content_type}Connection: close\r\n\r\n"
    ));
    peer.send(body);
    call.finish().unwrap()
}

#[test]
fn c06_text_is_decoded_by_the_charset_of_the_content_type() {
    alone!();
    for (content_type, body, expected) in [
        ("", &b"K\xc3\xb6ln"[..], Ok("Köln")),
        ("Content-Type: text/plain\r\n", b"K\xc3\xb6ln", Ok("Köln")),
        ("Content-Type: text/plain; charset=UTF-8\r\n", b"\xef\xbb\xbfK\xc3\xb6ln", Ok("Köln")),
        ("Content-Type: text/plain; charset=iso-8859-1\r\n", b"K\xf6ln", Ok("Köln")),
        ("Content-Type: text/html;Charset=\"Shift_JIS\"\r\n", b"\x93\xfa\x96\x7b", Ok("日本")),
        ("Content-Type: text/html; charset=utf-16le\r\n", b"x\0", Ok("x")),
        ("Content-Type: text/html; charset=none\r\n", b"K\xc3\xb6ln", Ok("Köln")),
        (
            "Content-Type: text/html; charset=none\r\n",
            b"K\xf6ln",
            Err("charset \"none\" is unknown"),
        ),
        ("", b"K\xf6ln", Err("invalid UTF-8 at byte 1")),
        ("Content-Type: text/plain; charset=utf-8\r\n", b"ab\xe2\x82", Err("at byte 2")),
    ] {
        let mut response = answered(content_type, body);
        match (response.text(), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected, "{content_type}"),
            (Err(error), Err(expected)) => {
                assert_eq!(error.kind(), ErrorKind::Decode);
                assert!(error.is_peer_fault() && error.to_string().contains(expected), "{error}");
            }
            (found, _) => panic!("{content_type}: {found:?}"),
        }
    }
}

#[test]
fn c06_json_is_read_into_a_type() {
    alone!();
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Row {
        name: String,
        size: Option<u64>,
    }
    let json = "Content-Type: application/json\r\n";
    let mut response = answered(json, br#"[{"name":"a","size":1},{"name":"b"}]"#);
    let rows: Vec<Row> = response.json().unwrap();
    assert_eq!((rows.len(), &rows[1]), (2, &Row { name: "b".into(), size: None }));
    // The content type does not matter, nor does a byte order mark.
    let row: Row = answered("", b"\xef\xbb\xbf{\"name\":\"\\u00fc\"}").json_with_limit(99).unwrap();
    assert_eq!(row.name, "ü");

    for (body, expected) in [
        (&b""[..], "EOF while parsing a value at line 1 column 0"),
        (b"{\"name\": \"a\",\n \"size\": -1}", "at line 2 column 11"),
        (b"{}", "missing field `name` at line 1 column 2"),
        (b"{\"name\": \"K\xf6ln\"}", "invalid unicode code point at line 1 column"),
        (b"<!doctype html>", "expected value at line 1 column 1"),
        (b"{\"name\": \"a\"} x", "trailing characters at line 1 column 15"),
    ] {
        let error = answered(json, body).json::<Row>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        let text = error.to_string();
        assert!(text.starts_with("cannot decode the body: JSON: "), "{text}");
        assert!(text.contains(expected), "{text}");
        let cause = error.cause().and_then(|cause| cause.downcast_ref::<serde_json::Error>());
        assert!(cause.unwrap().line() >= 1);
    }
    let error = answered(json, b"[1,2,3]").json_with_limit::<Vec<u8>>(6).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

fn c06_a_body_beyond_the_limit_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let ask = || {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        (call, peer)
    };
    let too_large = |error: Error, text: &str| {
        assert_eq!((error.kind(), error.is_peer_fault()), (ErrorKind::TooLarge, true));
        assert!(error.to_string().contains(text), "{error}");
    };
    let (call, mut peer) = ask();
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked";
    peer.send(format!("{head}\r\n\r\n6\r\n123456\r\n0\r\n\r\n"));
    too_large(
        call.finish().unwrap().text_with_limit(5).unwrap_err(),
        "its reader's limit of 5 bytes",
    );
    peer.expect_closed();

    // With a declared length, nothing is read. A higher limit still reads all of it.
    let (call, mut peer) = ask();
    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", DEFAULT_READ_LIMIT + 1));
    let mut response = call.finish().unwrap();
    let text = "the default limit of 16777216 bytes";
    too_large(response.text().unwrap_err(), text);
    too_large(response.bytes().unwrap_err(), text);
    too_large(response.json::<String>().unwrap_err(), text);
    let reading = in_background(move || response.bytes_with_limit(u64::MAX));
    for _ in 0..DEFAULT_READ_LIMIT / (1 << 16) {
        peer.send([b'x'; 1 << 16]);
    }
    peer.send("x");
    assert_eq!(reading.finish().unwrap().len() as u64, DEFAULT_READ_LIMIT + 1);
}

fn c06_a_body_that_is_cut_off_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for head in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        for read in [
            |response: &mut Response| response.text().map(drop),
            |response: &mut Response| response.bytes().map(drop),
            |response: &mut Response| response.json::<u64>().map(drop),
        ] {
            let call = get(&client, peers.url("/"));
            let mut peer = peers.accept();
            peer.expect_request("GET /");
            peer.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n4\r\n1234"));
            peer.end();
            let error = read(&mut call.finish().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::IncompleteBody, "{error}");
        }
    }
}

fn c06_the_context_ends_the_reading(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for read in [
        |response: &mut Response| response.text().map(drop),
        |response: &mut Response| response.bytes().map(drop),
        |response: &mut Response| response.json::<u64>().map(drop),
    ] {
        let context = Context::new();
        let (url, call) = (peers.url("/"), context.clone());
        let call = send(&client, move |client| client.get(url).context(&call));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1");
        let mut response = call.finish().unwrap();
        let mut first = [0];
        response.body_mut().read_exact(&mut first).unwrap();
        let reading = in_background(move || read(&mut response));
        context.cancel();
        assert!(reading.finish().unwrap_err().is_cancelled());
        peer.expect_closed();
    }
}
