//! T10: idle connections are watched.

use std::time::Duration;

use crossbeam_channel::bounded;
use hangup::http::Method;
use hangup::{Client, ResponseExt};

use super::{get, send, text};
use crate::support::scripted_server::{Peer, Peers, eventually};
use crate::support::{Over, alone, logs, over_each, rounds};

over_each![
    t10_the_end_of_the_stream_removes_the_connection,
    t10_a_408_on_an_idle_connection_is_not_logged_and_other_bytes_are,
    t10_stray_bytes_are_never_the_next_response,
    t10_a_connection_that_is_about_to_be_closed_is_not_taken,
    t10_an_idle_connection_is_closed_in_time,
    t10_a_slow_response_does_not_count_as_idle_time,
    t10_the_end_of_the_idle_time_fails_no_call,
    t10_idle_connections_are_closed_when_asked,
];

/// Gives the client one idle connection, and returns the server's end.
fn idle(client: &Client, peers: &Peers) -> Peer {
    let call = get(client, peers.url("/first"));
    let mut peer = peers.accept();
    peer.expect_request("GET /first");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    peer
}

fn is_empty(client: &Client) {
    eventually("the pool is empty", || client.idle_connections() == 0);
}

fn t10_the_end_of_the_stream_removes_the_connection(over: Over) {
    alone!();
    logs::collect();
    let peers = over.peers();
    let client = over.client();
    let mut peer = idle(&client, &peers);
    peer.end();
    is_empty(&client);
    peer.expect_closed();
    let peer = idle(&client, &peers);
    peer.reset();
    is_empty(&client);
    assert_eq!(logs::warnings(), [""; 0]);
}

fn t10_a_408_on_an_idle_connection_is_not_logged_and_other_bytes_are(over: Over) {
    alone!();
    for (bytes, warns) in [
        ("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("?", true),
    ] {
        logs::collect();
        let peers = over.peers();
        let client = over.client();
        let mut peer = idle(&client, &peers);
        peer.send(bytes);
        is_empty(&client);
        peer.expect_closed();
        assert_eq!(!logs::warnings().is_empty(), warns, "{bytes:?}: {:?}", logs::warnings());
    }
}

const STRAY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";

/// A client that matched stray bytes to its next request would let an attacker choose the response.
fn t10_stray_bytes_are_never_the_next_response(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for round in 0..rounds(300) {
        let call = get(&client, peers.url("/one"));
        let mut peer = peers.accept();
        peer.expect_request("GET /one");
        peer.answer(200, "one");
        // In another segment, which the client may read with the answer, or not.
        peer.send(STRAY);
        assert_eq!(text(call.finish()), "one", "round {round}");
        let url = peers.url("/two");
        let method = if round % 2 == 0 { Method::GET } else { Method::POST };
        let call = send(&client, move |client| client.request(method, url));
        let mut other = peers.accept();
        other.expect_request("");
        other.answer(200, "two");
        let response = call.finish();
        assert!(!response.as_ref().unwrap().is_connection_reused());
        assert_eq!(text(response), "two", "round {round}");
        assert_eq!(peer.expect_closed(), b"", "something was sent on a spoilt connection");
        client.close_idle_connections();
        other.expect_closed();
    }
}

/// The watch once consumed the end of the stream, or bytes, on a connection that a call had just taken. A POST
/// then failed though nothing was wrong with it.
fn t10_a_connection_that_is_about_to_be_closed_is_not_taken(over: Over) {
    alone!();
    let (stray, strays) = bounded::<()>(0);
    let (sent, is_sent) = bounded(0);
    let peers = over.peers().serve(move |_, peer| {
        while peer.next_request("POST /").is_some() {
            peer.answer(200, "ok");
            if strays.recv().is_err() {
                return;
            }
            peer.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
            sent.send(()).unwrap();
        }
    });
    let client = over.client();
    for round in 0..rounds(2000) {
        assert_eq!(text(client.post(peers.url("/")).send()), "ok", "round {round}");
        stray.send(()).unwrap();
        is_sent.recv().unwrap();
    }
    drop((stray, client));
}

fn t10_an_idle_connection_is_closed_in_time(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().idle_timeout(Duration::from_millis(30)).build();
    let mut peer = idle(&client, &peers);
    peer.expect_end();
    is_empty(&client);
}

/// The idle time ends with the next request, however long its response takes.
fn t10_a_slow_response_does_not_count_as_idle_time(over: Over) {
    alone!();
    let limit = Duration::from_millis(30);
    let peers = over.peers();
    let client = over.client_builder().idle_timeout(limit).build();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    std::thread::park_timeout(limit * 3);
    peer.answer(200, "late");
    assert_eq!(text(call.finish()), "late");
    peer.expect_end();
}

/// A connection whose idle time ends at the moment of its next use serves the request, or is not taken.
fn t10_the_end_of_the_idle_time_fails_no_call(over: Over) {
    alone!();
    let limit = Duration::from_millis(2);
    let peers = over.peers().serve(|_, peer| {
        while peer.next_request("POST /").is_some() {
            let _ = peer.try_send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let client = over.client_builder().idle_timeout(limit).build();
    let rounds = rounds(300);
    for round in 0..rounds {
        assert_eq!(text(client.post(peers.url("/")).send()), "ok", "round {round}");
        let earlier = Duration::from_micros((300 * round / rounds) as u64);
        std::thread::park_timeout(limit - earlier);
    }
    drop(client);
}

fn t10_idle_connections_are_closed_when_asked(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = idle(&client, &peers);
    client.close_idle_connections();
    assert_eq!(client.idle_connections(), 0);
    peer.expect_end();
    // The client goes on.
    let mut peer = idle(&client, &peers);
    drop(client);
    peer.expect_end();
}
