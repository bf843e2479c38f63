//! Slightly malformed responses that a client reads: no other parser sees them after it.

use hangup::{Client, ErrorKind, ResponseExt};

use super::{get, text};
use crate::support::{Over, alone, over_each};

over_each![
    t03_a_slightly_malformed_response_is_read_and_its_connection_reused,
    t03_a_response_with_invalid_framing_is_an_error_and_closes_the_connection,
    t03_a_response_with_two_framings_is_read_and_closes_the_connection,
    t03_a_205_may_have_a_body,
    t13_a_response_may_have_5000_header_fields,
];

/// Responses with the body `hello`.
const FORGIVABLE: &[&str] = &[
    "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello",
    "HTTP/1.1 200 OK\nContent-Length: 5\r\n\nhello",
    "HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200  OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length\t: 5\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\t \r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 ; a=b\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.9 200\nTransfer-Encoding :chunked\n\n3\nhel\n2 ;a\nlo\n0\n\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA : b\n\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: a\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\nContent-Length: 9\n\n",
    "HTTP/1.1 100\n\nHTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
];

fn t03_a_slightly_malformed_response_is_read_and_its_connection_reused(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for answer in FORGIVABLE {
        for in_pieces in [false, true] {
            let call = get(&client, peers.url("/"));
            let peer = peer.get_or_insert_with(|| peers.accept());
            peer.expect_request("GET /");
            match in_pieces {
                true => peer.send_byte_by_byte(answer),
                false => peer.send(answer),
            }
            assert_eq!(text(call.finish()), "hello", "{answer:?}");
            assert_eq!(client.idle_connections(), 1, "{answer:?}");
        }
    }
}

fn t03_a_response_with_invalid_framing_is_an_error_and_closes_the_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for answer in [
        "HTTP/1.1 200 OK\nContent-Length : 5\nContent-Length: 6\n\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\nTransfer-Encoding : gzip\n\nhello",
        "HTTP/1.1 200 OK\r\nContent Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 O\0K\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        for in_pieces in [false, true] {
            let call = get(&client, peers.url("/"));
            let mut peer = peers.accept();
            peer.expect_request("GET /");
            match in_pieces {
                // The client may have closed the connection before the last byte.
                true => answer.as_bytes().chunks(1).for_each(|byte| drop(peer.try_send(byte))),
                false => peer.send(answer),
            }
            let error = call.finish().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MalformedMessage, "{answer:?}: {error}");
            peer.expect_closed();
        }
    }
    for chunks in [" 5\r\nhello", "5 5\r\nhello", "5\nhello!\n", "5\rhello"] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
        let error = call.finish().unwrap().body_mut().read_bytes(100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedMessage, "{chunks:?}: {error}");
        peer.expect_closed();
    }
}

fn t03_a_response_with_two_framings_is_read_and_closes_the_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send(
        "HTTP/1.1 200 OK\nContent-Length : 9\nTransfer-Encoding : chunked\n\n5 \nhello\n0\n\n",
    );
    assert_eq!(text(call.finish()), "hello");
    peer.expect_closed();
}

fn t03_a_205_may_have_a_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for (rest, body) in [
        ("Content-Length: 0\r\n\r\n", ""),
        ("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""),
        ("Content-Length: 5\r\n\r\nhello", "hello"),
    ] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        peer.send(format!("HTTP/1.1 205 Reset Content\r\n{rest}"));
        let response = call.finish().unwrap();
        assert_eq!(response.status(), 205);
        assert_eq!(text(Ok(response)), body);
        assert_eq!(client.idle_connections(), 1);
    }
}

fn t13_a_response_may_have_5000_header_fields(over: Over) {
    alone!();
    let peers = over.peers();
    let limited =
        |most: usize| -> Client { over.client_builder().max_response_headers(most).build() };
    for (client, most) in [(over.client(), 5000), (limited(2), 2), (limited(6000), 6000)] {
        for fields in [most, most + 1] {
            let call = get(&client, peers.url("/"));
            let mut peer = peers.accept();
            peer.expect_request("GET /");
            let cookies = "Set-Cookie: a=b\r\n".repeat(fields - 1);
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{cookies}\r\n"));
            match call.finish() {
                Ok(response) => {
                    assert_eq!((fields, response.headers().len()), (most, most));
                    assert!(!response.is_connection_reused());
                    drop(response);
                    client.close_idle_connections();
                }
                Err(error) => {
                    assert_eq!(fields, most + 1, "{error}");
                    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
                }
            }
            peer.expect_closed();
        }
    }
}
