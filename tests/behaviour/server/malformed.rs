//! Malformed requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hangup::{Request, ResponseWriter, Server};

use super::{echo_path, in_memory_with, served_with};
use crate::support::{Over, alone, over_each};

over_each![
    s09_a_malformed_request_gets_its_status_and_ends_the_connection,
    s09_an_end_of_stream_within_a_request_gets_no_response,
    s09_a_malformed_body_ends_the_connection,
    s09_a_handler_learns_that_the_body_is_malformed_or_cut_short,
];

/// Malformed requests, each with its status.
pub(super) const MALFORMED: &[(&str, u16)] = &[
    ("\0\0\0\0", 400),
    ("\x16\x03\x01\x02\x00\x01\x00", 400),
    ("GET\r\n\r\n", 400),
    ("GET /\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: a\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
    ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
    ("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417),
];

fn counting() -> (Server, Arc<AtomicUsize>) {
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    let server = Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        count.fetch_add(1, Ordering::Relaxed);
        echo_path(w, r)
    });
    (server, served)
}

fn s09_a_malformed_request_gets_its_status_and_ends_the_connection(over: Over) {
    alone!();
    for (request, status) in MALFORMED {
        let (server, served) = counting();
        let server = over.server_with(server);
        let mut peer = over.connect(&server);
        peer.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.expect(200), "/good");
        peer.send([request, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
        let answer = peer.expect_response();
        assert_eq!(answer.status, *status, "{request:?}");
        assert_eq!(answer.field("connection"), Some("close"), "{request:?}");
        peer.expect_end();
        drop(peer);
        drop(server);
        assert_eq!(served.load(Ordering::Relaxed), 1, "{request:?}");
    }
}

#[test]
fn s09_an_error_response_is_complete() {
    alone!();
    for (request, status) in MALFORMED {
        let (_server, _far, mut peer) = in_memory_with(Server::new(echo_path));
        peer.send(request);
        let answer = peer.expect_response();
        let date = answer.field("date").unwrap_or_else(|| panic!("no Date: {answer:?}"));
        assert!(date.ends_with(" GMT"), "{date}");
        let length = answer.field("content-length").expect("a length");
        assert_eq!(length, answer.body.len().to_string());
        assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
        assert!(answer.text().starts_with(&status.to_string()), "{answer:?}");
        peer.half_close();
    }
}

#[test]
fn s09_an_error_response_to_head_has_no_body() {
    alone!();
    for request in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "\r\nHEAD / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        "HEAD / HTTP/9.9\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nExpect: the unexpected\r\n\r\n",
    ] {
        let (_server, _far, mut peer) = in_memory_with(Server::new(echo_path));
        peer.send(request);
        let answer = peer.expect_head();
        assert!(answer.status >= 400, "{request:?}");
        assert!(answer.field("content-length").is_some_and(|length| length != "0"));
        peer.half_close().expect_end();
    }
}

fn s09_an_end_of_stream_within_a_request_gets_no_response(over: Over) {
    alone!();
    for part in ["", "\r\n", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"] {
        let (server, served) = counting();
        let server = over.server_with(server);
        let mut peer = over.connect(&server);
        peer.send(part).half_close();
        peer.expect_end();
        assert_eq!(served.load(Ordering::Relaxed), 0, "{part:?}");
    }
}

fn s09_a_malformed_body_ends_the_connection(over: Over) {
    alone!();
    for body in ["g\r\nx", "5\r\nhello", "ffffffffffffffffff\r\n", "1\r\nxy\r\n"] {
        let (server, served) = counting();
        let server = over.server_with(server);
        let mut peer = over.connect(&server);
        peer.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        peer.send(body).send_in_vain("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").half_close();
        peer.expect(200);
        peer.expect_end();
        drop(server);
        assert_eq!(served.load(Ordering::Relaxed), 1, "{body:?}");
    }
}

fn s09_a_handler_learns_that_the_body_is_malformed_or_cut_short(over: Over) {
    alone!();
    use hangup::ErrorKind::{IncompleteBody, MalformedMessage};
    for (request, kind) in [
        ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", MalformedMessage),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhel", IncompleteBody),
        ("Content-Length: 9\r\n\r\nhel", IncompleteBody),
    ] {
        let (_server, _far, mut peer) = served_with(
            over,
            Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
                let error = r.body_mut().read_bytes(100).unwrap_err();
                assert_eq!(error.kind(), kind);
                // It stays one, and the answer is still possible.
                assert_eq!(r.body_mut().read_bytes(100).unwrap_err().kind(), kind);
                w.set_status(hangup::http::StatusCode::BAD_REQUEST);
                Ok(())
            }),
        );
        peer.send(format!("PUT / HTTP/1.1\r\nHost: a\r\n{request}")).half_close();
        let answer = peer.expect_response();
        assert_eq!((answer.status, answer.field("connection")), (400, Some("close")));
        peer.expect_end();
    }
}
