//! Requests that are too large, and closing so that the response arrives.

use std::io::Write;

use crossbeam_channel::bounded;
use hangup::{Request, ResponseWriter, Server};

use super::{echo_path, next, reports, served_with};
use crate::support::{Over, PATIENCE, alone, over_each, rounds};

over_each![
    s08_a_head_one_byte_beyond_the_limit_is_431,
    s08_the_default_limit_is_slightly_over_one_mebibyte,
    s08_too_many_fields_are_431,
    s08_the_limit_on_fields_is_an_option,
    s08_a_client_that_has_sent_much_more_reads_the_whole_431,
    s08_a_client_that_has_sent_ten_unread_mebibytes_reads_the_response,
    s08_the_server_sends_fin_at_once_and_waits_for_the_clients,
    s08_unread_input_behind_a_last_request_does_not_reset_the_connection,
];

/// The bytes that the server accepts beyond its limit.
const SLOP: usize = 4096;

fn small() -> Server {
    Server::new(echo_path).max_header_bytes(1000)
}

/// Returns a head of exactly `length` bytes.
fn head_of(bytes: usize) -> String {
    let (start, end) = ("GET /a HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n");
    format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
}

fn s08_a_head_one_byte_beyond_the_limit_is_431(over: Over) {
    alone!();
    let server = over.server_with(small());
    let mut peer = over.connect(&server);
    peer.send(head_of(1000 + SLOP));
    assert_eq!(peer.expect(200), "/a");

    peer.send(head_of(1000 + SLOP + 1));
    let answer = peer.expect_response();
    assert_eq!(answer.status, 431);
    assert_eq!(answer.field("connection"), Some("close"));
    assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
    assert!(answer.field("date").is_some());
    assert!(answer.text().contains("larger than 5096 bytes"), "{answer:?}");
    peer.expect_end();
}

fn s08_the_default_limit_is_slightly_over_one_mebibyte(over: Over) {
    alone!();
    let server = over.server(echo_path);
    let mut peer = over.connect(&server);
    peer.send(head_of((1 << 20) + SLOP));
    assert_eq!(peer.expect(200), "/a");
    peer.send(head_of((1 << 20) + SLOP + 1));
    assert_eq!(peer.expect_response().status, 431);
    peer.expect_end();
}

fn s08_too_many_fields_are_431(over: Over) {
    alone!();
    let (_server, _far, mut peer) = served_with(over, Server::new(echo_path));
    peer.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(1000)));
    assert_eq!(peer.expect_response().status, 431);
    peer.expect_end();
}

fn s08_the_limit_on_fields_is_an_option(over: Over) {
    alone!();
    for most in [1, 3, 1500] {
        let (_server, _far, mut peer) = served_with(over, Server::new(echo_path).max_headers(most));
        let request = |fields: usize| {
            format!("GET /a HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(fields - 1))
        };
        peer.send(request(most));
        assert_eq!(peer.expect(200), "/a");
        peer.send(request(most + 1));
        assert_eq!(peer.expect_response().status, 431, "{most}");
        peer.expect_end();
    }
}

/// Closing with unread input resets the connection, and the reset discards the bytes that the client has not
/// read yet.
fn s08_a_client_that_has_sent_much_more_reads_the_whole_431(over: Over) {
    alone!();
    let server = over.server_with(small());
    for _ in 0..20 {
        let mut peer = over.connect(&server);
        peer.send_in_vain(head_of(100_000)).send_in_vain(vec![b'x'; 1 << 20]);
        let answer = peer.expect_response();
        assert_eq!(answer.status, 431);
        assert!(!answer.body.is_empty());
        peer.expect_end();
    }
}

fn s08_a_client_that_has_sent_ten_unread_mebibytes_reads_the_response(over: Over) {
    alone!();
    let server = over.server(|w: &mut ResponseWriter, _: &mut Request| {
        w.set_status(hangup::http::StatusCode::PAYLOAD_TOO_LARGE);
        Ok(w.write_all(b"too large for me")?)
    });
    let size = 10 << 20;
    let mut peer = over.connect(&server);
    peer.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"));
    peer.send_in_vain(vec![b'x'; size]);
    let answer = peer.expect_response();
    assert_eq!((answer.status, answer.text().as_str()), (413, "too large for me"));
    assert_eq!(answer.field("connection"), Some("close"));
    peer.expect_end();
}

/// The server sends FIN with the response, not at the end of the lingering.
fn s08_the_server_sends_fin_at_once_and_waits_for_the_clients(over: Over) {
    alone!();
    let (_server, far, mut peer) = served_with(over, small());
    peer.send("no http\r\n");
    assert_eq!(peer.expect_response().status, 400);
    peer.expect_end();
    // It still reads: nothing that the client says now meets a reset.
    assert!(!far.is_closed());
    peer.send("more").half_close();
}

/// Bytes behind a last request were once left unread, so closing reset the connection before the response was
/// read.
fn s08_unread_input_behind_a_last_request_does_not_reset_the_connection(over: Over) {
    alone!();
    // More than the client's side holds: the rest is still the server's when it closes.
    const ANSWER: usize = 4 << 20;
    let (arrived, arrivals) = reports();
    let (go, gone) = bounded(0);
    let server = over.server(move |w: &mut ResponseWriter, _: &mut Request| {
        arrived.send(()).unwrap();
        gone.recv_timeout(PATIENCE).unwrap();
        Ok(w.write_all(&vec![b'x'; ANSWER])?)
    });
    for _ in 0..rounds(20) {
        let mut peer = over.connect(&server);
        peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        next(&arrivals);
        // It stays in the socket: the server's buffer has been filled already.
        peer.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
        go.send(()).unwrap();
        assert_eq!(peer.expect_response().body.len(), ANSWER);
        peer.expect_end();
    }
}
