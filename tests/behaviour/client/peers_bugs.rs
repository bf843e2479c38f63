//! Bugs that other clients have had.

use hangup::{ErrorKind, ResponseExt};

use super::{get, text};
use crate::support::{Over, alone, over_each};

over_each![
    a_head_that_arrives_in_two_reads,
    a_message_that_arrives_byte_by_byte,
    a_1xx_is_not_the_final_answer,
    trailers_do_not_break_the_next_response,
    a_content_length_allocates_nothing,
    a_chunk_size_allocates_nothing,
    a_response_that_is_not_http_is_one_clear_error,
];

/// A head may arrive in any pieces.
fn a_head_that_arrives_in_two_reads(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mut peer = None;
    for cut in 1..ANSWER.len() {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        peer.send(&ANSWER[..cut]);
        peer.send(&ANSWER[cut..]);
        assert_eq!(text(call.finish()), "ok", "cut at {cut}");
    }
}

fn a_message_that_arrives_byte_by_byte(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for answer in [
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nA: b\r\n\r\n",
    ] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        peer.send_byte_by_byte(answer);
        assert_eq!(text(call.finish()), "ok");
        assert_eq!(client.idle_connections(), 1);
    }
}

fn a_1xx_is_not_the_final_answer(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for interim in ["100 Continue", "102 Processing", "103 Early Hints", "199 Whatever"] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        // A length in it means nothing.
        peer.send(format!("HTTP/1.1 {interim}\r\nContent-Length: 5\r\n\r\n"));
        peer.answer(404, "final");
        let mut response = call.finish().unwrap();
        assert_eq!(response.status(), 404, "{interim}");
        assert_eq!(response.body_mut().read_text(10).unwrap(), "final");
        client.close_idle_connections();
        peer.expect_closed();
    }
}

fn trailers_do_not_break_the_next_response(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for round in 0..10 {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
        peer.send("A: b\r\nC: d\r\n\r\n");
        let response = call.finish().unwrap();
        assert_eq!(response.is_connection_reused(), round > 0);
        assert_eq!(text(Ok(response)), "ok");
    }
}

fn a_content_length_allocates_nothing(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for length in [u64::MAX, u64::MAX - 1, 1 << 62] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\nall there is"));
        peer.end();
        let mut response = call.finish().unwrap();
        assert_eq!(response.body().len(), Some(length));
        let error = response.body_mut().read_bytes(u64::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IncompleteBody, "{error}");
        peer.expect_closed();
    }
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n");
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::MalformedMessage);
}

fn a_chunk_size_allocates_nothing(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nok");
    peer.end();
    let error = call.finish().unwrap().body_mut().read_bytes(u64::MAX).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteBody, "{error}");
}

fn a_response_that_is_not_http_is_one_clear_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/1.1 2000 Many\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConte",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(answer);
        peer.end();
        let error = call.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedMessage, "{answer:?}: {error}");
        peer.expect_closed();
    }
}
