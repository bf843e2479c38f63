//! T1, T3, T7: which connections are reused, and when.

use std::io::Read;

use hangup::http::Version;
use hangup::{Body, ResponseExt, testing};

use super::{get, send, text};
use crate::support::scripted_server::in_background;
use crate::support::{Over, alone, over_each, rounds};

over_each![
    t03_each_condition_alone_prevents_reuse,
    t03_a_request_with_connection_close_is_the_last,
    t03_a_connection_is_not_reused_after_connect,
    t03_a_full_pool_closes_further_idle_connections,
    t07_the_next_request_reuses_the_connection,
    t07_the_next_request_reuses_the_connection_after_chunks,
    t07_the_next_request_reuses_the_connection_after_a_streamed_body,
    t07_the_next_request_reuses_the_connection_after_a_response_without_a_body,
    t07_the_next_request_reuses_the_connection_after_a_dropped_body,
    t01_threads_share_a_client,
    t03_a_connection_that_the_server_ends_behind_its_response_is_not_reused,
];

/// Sends one request to a server that responds with `answer`, and reads the body. Returns `true` if the
/// connection was kept.
fn is_kept_after(over: Over, answer: &str) -> bool {
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send(answer);
    if !answer.contains("Length") && !answer.contains("chunked") {
        peer.end();
    }
    let mut response = call.finish().expect("a response");
    let _ = response.body_mut().read_bytes(100);
    let kept = client.idle_connections() == 1;
    drop((client, response));
    peer.expect_closed();
    kept
}

fn t03_each_condition_alone_prevents_reuse(over: Over) {
    alone!();
    for (answer, kept) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true),
        ("HTTP/1.1 204 No Content\r\nX-Length: none\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", true),
        // The peer asked to close.
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false),
        // Not framed, or in two ways.
        ("HTTP/1.1 200 OK\r\n\r\nok", false),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nok\r\n0\r\n\r\n",
            false,
        ),
        // Bytes behind the message.
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok?", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n?", false),
        // A body that broke off, or is malformed.
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx\r\n\r\n", false),
        // Another protocol.
        ("HTTP/1.1 101 Switching Protocols\r\nX-Length: none\r\n\r\n", false),
    ] {
        // A message of no length ends with its head.
        assert_eq!(is_kept_after(over, answer), kept, "{answer:?}");
    }
}

fn t03_a_request_with_connection_close_is_the_last(over: Over) {
    alone!();
    for version in [Version::HTTP_10, Version::HTTP_11] {
        let peers = over.peers();
        let client = over.client();
        let url = peers.url("/");
        let call = send(&client, move |client| {
            let request = client.get(url).version(version);
            if version == Version::HTTP_11 {
                request.header("connection", "close")
            } else {
                request
            }
        });
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
        assert_eq!(client.idle_connections(), 0);
        peer.expect_closed();
    }
}

fn t03_a_connection_is_not_reused_after_connect(over: Over) {
    alone!();
    for (status, body) in [(200, ""), (407, "who are you?")] {
        let peers = over.peers();
        let client = over.client();
        let url = peers.url("");
        let call = send(&client, move |client| client.request(hangup::http::Method::CONNECT, url));
        let mut peer = peers.accept();
        peer.expect_request("CONNECT 127.0.0.1:");
        peer.answer(status, body);
        let mut response = call.finish().unwrap();
        assert_eq!(response.body_mut().read_text(100).unwrap(), body);
        assert_eq!(response.take_duplex().is_some(), status == 200);
        assert_eq!(client.idle_connections(), 0);
        peer.expect_closed();
    }
}

fn t03_a_full_pool_closes_further_idle_connections(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_idle_connections_per_host(1).build();
    let calls = [get(&client, peers.url("/")), get(&client, peers.url("/"))];
    let mut both = [peers.accept(), peers.accept()];
    // Both before the first answer, whose connection would serve the other call.
    both.iter_mut().for_each(|peer| drop(peer.expect_request("GET /")));
    both.iter_mut().for_each(|peer| peer.answer(200, "ok"));
    for call in calls {
        assert_eq!(text(call.finish()), "ok");
    }
    assert_eq!(client.idle_connections(), 1);
    drop(client);
    both.iter_mut().for_each(|peer| drop(peer.expect_closed()));
}

/// Sends the same response to every request of a connection.
fn answer_all(peer: &mut testing::Peer, answer: &str) {
    while peer.next_request().is_some() {
        if peer.try_send(answer).is_err() {
            return;
        }
    }
}

/// Sends many requests in sequence, each of which must reuse the connection of the one before.
fn uses_one_connection(
    over: Over,
    answer: &'static str,
    body: impl Fn() -> Body,
    read: impl Fn(&mut Body),
) {
    let peers = over.peers().serve(move |_, peer| answer_all(peer, answer));
    let client = over.client();
    for round in 0..rounds(1000) {
        let mut response = client.post(peers.url("/")).body(body()).send().unwrap();
        read(response.body_mut());
        assert_eq!(response.is_connection_reused(), round > 0, "round {round}");
    }
    assert_eq!(peers.connections(), 1);
    drop(client);
}

const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
const NO_BODY: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn to_the_end(body: &mut Body) {
    body.read_text(100).unwrap();
}

fn t07_the_next_request_reuses_the_connection(over: Over) {
    alone!();
    uses_one_connection(over, LENGTH, Body::empty, to_the_end);
}

fn t07_the_next_request_reuses_the_connection_after_chunks(over: Over) {
    alone!();
    uses_one_connection(over, CHUNKS, Body::empty, to_the_end);
}

fn t07_the_next_request_reuses_the_connection_after_a_streamed_body(over: Over) {
    alone!();
    uses_one_connection(over, LENGTH, || Body::from_chunks(["a", "b"]), to_the_end);
}

/// The writer loop may not have reported yet when the response arrives. A response without a body, and a body that
/// is dropped unread, wait for the report as a body that is read does.
fn t07_the_next_request_reuses_the_connection_after_a_response_without_a_body(over: Over) {
    alone!();
    uses_one_connection(over, NO_BODY, || Body::from_chunks(["a", "b"]), |_| {});
}

fn t07_the_next_request_reuses_the_connection_after_a_dropped_body(over: Over) {
    alone!();
    uses_one_connection(over, LENGTH, || Body::from_chunks(["a", "b"]), |_| {});
}

fn t01_threads_share_a_client(over: Over) {
    alone!();
    const THREADS: usize = 16;
    let peers = over.peers().serve(|_, peer| {
        while let Some(request) = peer.next_request("POST /") {
            peer.answer(200, std::str::from_utf8(&request.body).unwrap());
        }
    });
    let client = over.client();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (client, url) = (client.clone(), peers.url("/"));
            in_background(move || {
                for round in 0..rounds(200) {
                    let text = format!("{thread} {round}");
                    let body = match round % 2 {
                        0 => Body::from(text.clone()),
                        _ => Body::from_chunks([text.clone()]),
                    };
                    let answer = super::text(client.post(&url).body(body).send());
                    assert_eq!(answer, text, "an answer that is another's");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.finish());
    // A dial that was overtaken by a connection that came free is one more; and several calls are made
    // in the time of a handshake.
    let most = if over.is_encrypted() { 10 * THREADS } else { 2 * THREADS };
    let connections = peers.connections();
    assert!(connections <= most, "{connections}");
    drop(client);
}

fn t03_a_connection_that_the_server_ends_behind_its_response_is_not_reused(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for _ in 0..rounds(200) {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.answer(200, "ok");
        peer.end();
        let mut response = call.finish().unwrap();
        let mut body = String::new();
        response.body_mut().read_to_string(&mut body).unwrap();
        assert_eq!(body, "ok");
        peer.expect_closed();
    }
}
