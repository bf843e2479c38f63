//! T12: `Expect: 100-continue` (RFC 9110 section 10.1.1).

use std::time::Duration;

use hangup::Body;
use hangup::http::{Method, Version};

use super::{send, text};
use crate::support::scripted_server::{counted_body, fed};
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![
    t12_a_100_releases_the_body,
    t12_without_a_100_the_body_is_sent_anyway,
    t12_a_final_response_instead_of_the_100_spares_the_body,
    t12_expect_is_not_sent_without_content_or_in_http_1_0,
    t12_the_expect_header_is_a_list,
    t12_after_a_417_the_request_is_sent_again_without_expect,
    t12_a_417_is_returned_if_the_body_cannot_be_sent_again,
    t12_a_body_that_was_begun_before_the_417_is_not_repeated,
];

fn t12_a_100_releases_the_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().expect_continue_timeout(PATIENCE * 2).build();
    for body in [Body::from("in memory"), Body::from_chunks(["in ", "memory"])] {
        let url = peers.url("/");
        let call = send(&client, move |client| client.put(url).expect_continue().body(body));
        let mut peer = peers.accept();
        let head = peer.expect_head("PUT /");
        assert!(head.contains("100-continue"), "{head}");
        peer.expect_nothing_sent();
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        match head.contains("chunked") {
            true => assert_eq!(peer.read_body(24), b"3\r\nin \r\n6\r\nmemory\r\n0\r\n\r\n"[..24]),
            false => assert_eq!(peer.read_body(9), b"in memory"),
        }
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
        client.close_idle_connections();
    }
}

fn t12_without_a_100_the_body_is_sent_anyway(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().expect_continue_timeout(Duration::from_millis(20)).build();
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).expect_continue().body("anyway"));
    let mut peer = peers.accept();
    assert_eq!(peer.expect_request("PUT /").body, b"anyway");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert_eq!(client.idle_connections(), 1);
}

fn t12_a_final_response_instead_of_the_100_spares_the_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().expect_continue_timeout(PATIENCE * 2).build();
    for status in [403, 200] {
        let (feeder, body) = counted_body(1 << 20);
        let url = peers.url("/");
        let call = send(&client, move |client| client.put(url).expect_continue().body(body));
        let mut peer = peers.accept();
        peer.expect_head("PUT /");
        peer.answer(status, "without it");
        assert_eq!(text(call.finish()), "without it");
        assert_eq!(client.idle_connections(), 0);
        assert_eq!(peer.expect_closed(), b"", "the body was sent");
        feeder.expect_dropped();
    }
}

/// The table has requests with and without a body, and every way to set the expectation.
fn t12_expect_is_not_sent_without_content_or_in_http_1_0(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let empty = || Body::from_sized_reader(std::io::empty(), 0);
    for (method, version, body, expects) in [
        (Method::GET, Version::HTTP_11, Body::empty(), false),
        (Method::POST, Version::HTTP_11, Body::empty(), false),
        (Method::PUT, Version::HTTP_11, Body::from(""), false),
        (Method::PUT, Version::HTTP_11, empty(), false),
        (Method::PUT, Version::HTTP_10, Body::from("content"), false),
        (Method::PUT, Version::HTTP_11, Body::from("content"), true),
        (Method::PUT, Version::HTTP_11, Body::from_chunks(["content"]), true),
    ] {
        let of_call = (method.clone(), peers.url("/"));
        let call = send(&client, move |client| {
            let request = client.request(of_call.0, of_call.1).version(version).body(body);
            request.header("expect", "100-Continue")
        });
        let mut peer = peers.accept();
        let head = peer.expect_head("").to_ascii_lowercase();
        assert_eq!(head.contains("expect"), expects, "{head}");
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok", "{method} {version:?}");
        client.close_idle_connections();
        peer.expect_closed();
    }
}

/// Other expectations of the caller are sent unchanged.
fn t12_the_expect_header_is_a_list(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().expect_continue_timeout(PATIENCE * 2).build();
    for (body, expected) in [("content", true), ("", false)] {
        let url = peers.url("/");
        let call = send(&client, move |client| {
            let request = client.put(url).body(body);
            request.header("expect", "other").header("expect", "100-continue, more")
        });
        let mut peer = peers.accept();
        let head = peer.expect_head("PUT /");
        assert!(head.contains("other") && head.contains("more"), "{head}");
        assert_eq!(head.contains("100-continue"), expected, "{head}");
        peer.expect_nothing_sent();
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
        client.close_idle_connections();
    }
}

fn t12_after_a_417_the_request_is_sent_again_without_expect(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().expect_continue_timeout(PATIENCE * 2).build();
    for (number, body) in
        [Body::from("content"), Body::from_chunks(["con", "tent"]), sized("content")]
            .into_iter()
            .enumerate()
    {
        let url = peers.url("/");
        let call = send(&client, move |client| client.put(url).expect_continue().body(body));
        let mut peer = peers.accept();
        let head = peer.expect_head("PUT /");
        assert!(head.contains("100-continue"), "{head}");
        match number {
            1 => peer.send("HTTP/1.1 417 No\r\n\r\nwhatever"),
            _ => peer.answer(417, "no"),
        }
        let mut again = peers.accept();
        let request = again.expect_request("PUT /");
        assert!(!request.head.to_ascii_lowercase().contains("expect"), "{}", request.head);
        assert_eq!(request.body, b"content");
        assert_eq!(peer.expect_closed(), b"", "the body was sent");
        again.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
        client.close_idle_connections();
    }
}

fn sized(text: &'static str) -> Body {
    Body::from_sized_reader(text.as_bytes(), text.len() as u64)
}

/// The request is sent again once, and only if it had the expectation.
fn t12_a_417_is_returned_if_the_body_cannot_be_sent_again(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).expect_continue().body("content"));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    peer.answer(417, "no");
    let mut again = peers.accept();
    again.expect_request("PUT /");
    again.answer(417, "still no");
    assert_eq!(text(call.finish()), "still no");
    client.close_idle_connections();

    let url = peers.url("/");
    let call =
        send(&client, move |client| client.put(url).header("expect", "more").body("content"));
    let mut peer = peers.accept();
    peer.expect_request("PUT /");
    peer.answer(417, "no");
    assert_eq!(text(call.finish()), "no");
    peers.expect_no_more();
}

/// After a 100, or at the end of the wait for it, bytes have been read from the source and are gone. A body in
/// memory can be sent again.
fn t12_a_body_that_was_begun_before_the_417_is_not_repeated(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().expect_continue_timeout(PATIENCE * 2).build();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let body = Body::from_reader(source);
    let call = send(&client, move |client| client.put(url).expect_continue().body(body));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    feeder.wait_until_asked();
    peer.answer(417, "too late");
    assert_eq!(text(call.finish()), "too late");
    peer.expect_closed();

    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).expect_continue().body("content"));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(peer.read_body(7), b"content");
    peer.answer(417, "no");
    // The request was whole, so its connection is clean.
    assert_eq!(peer.expect_request("PUT /").body, b"content");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    drop(feeder);
}
