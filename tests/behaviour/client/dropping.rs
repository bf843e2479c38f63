//! T9: bodies that are dropped unread.

use std::time::{Duration, Instant};

use hangup::Body;

use super::{get, send};
use crate::support::scripted_server::{Peer, fed};
use crate::support::{Over, alone, over_each};

over_each![
    t09_dropping_a_body_whose_small_rest_has_arrived_keeps_the_connection,
    t09_dropping_a_body_with_a_large_rest_closes_the_connection_at_once,
    t09_dropping_a_body_with_a_slow_rest_closes_the_connection_within_50ms,
    t09_dropping_a_body_whose_rest_drips_does_not_block_the_caller,
    t09_dropping_a_body_without_a_length_closes_the_connection_at_once,
    t09_dropping_a_body_does_not_wait_for_a_stalled_writer,
];

/// The time that a wait of 50 ms may take on a busy machine.
const GENEROUS: Duration = Duration::from_secs(2);

/// Drops the response `answer` to a request. Returns the time that the drop took, and whether the connection was
/// kept.
fn drop_after(over: Over, answer: &[u8]) -> (Duration, bool, Peer) {
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send(answer);
    let response = call.finish().unwrap();
    let begun = Instant::now();
    drop(response);
    (begun.elapsed(), client.idle_connections() == 1, peer)
}

fn with_length(length: usize, there: usize) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + there, b'x');
    answer
}

fn t09_dropping_a_body_whose_small_rest_has_arrived_keeps_the_connection(over: Over) {
    alone!();
    assert!(drop_after(over, &with_length(10_000, 10_000)).1);
    assert!(drop_after(over, &with_length(256 * 1024, 256 * 1024)).1, "just within the limit");
    let chunks =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n";
    assert!(drop_after(over, chunks).1);
}

fn t09_dropping_a_body_with_a_large_rest_closes_the_connection_at_once(over: Over) {
    alone!();
    // All of it is there already.
    let (_, kept, mut peer) = drop_after(over, &with_length(256 * 1024 + 1, 256 * 1024 + 1));
    assert!(!kept);
    peer.expect_closed();
    let mut chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    chunks += &format!("40000\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", "x".repeat(0x40000));
    let (_, kept, mut peer) = drop_after(over, chunks.as_bytes());
    assert!(!kept, "its size is not known beforehand");
    peer.expect_closed();
    // Nor does it ever end.
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let response = call.finish().unwrap();
    let sending = crate::support::scripted_server::in_background(move || {
        let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
        let mut chunks = 0;
        while peer.try_send(&chunk).is_ok() {
            chunks += 1;
            assert!(chunks < 100_000, "a drain without limit");
        }
    });
    drop(response);
    assert_eq!(client.idle_connections(), 0);
    sending.finish();
}

fn t09_dropping_a_body_with_a_slow_rest_closes_the_connection_within_50ms(over: Over) {
    alone!();
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n";
    for answer in [&with_length(100, 99)[..], chunks] {
        let (took, kept, mut peer) = drop_after(over, answer);
        assert!(!kept);
        assert!(took >= Duration::from_millis(45), "it was given {took:?}");
        assert!(took < GENEROUS, "{took:?}");
        peer.expect_closed();
    }
}

/// The drain has one deadline: a server that sends a byte now and then does not extend it.
fn t09_dropping_a_body_whose_rest_drips_does_not_block_the_caller(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().idle_read_timeout(Duration::from_secs(60)).build();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send(with_length(200_000, 0));
    let response = call.finish().unwrap();
    let dripping = crate::support::scripted_server::in_background(move || {
        while peer.try_send("x").is_ok() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    });
    let begun = Instant::now();
    drop(response);
    assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
    dripping.finish();
}

fn t09_dropping_a_body_without_a_length_closes_the_connection_at_once(over: Over) {
    alone!();
    let (took, kept, mut peer) = drop_after(over, b"HTTP/1.1 200 OK\r\n\r\nmore to come");
    assert!(!kept && took < GENEROUS);
    peer.expect_closed();
}

/// Draining and the wait for the writer share one limit.
fn t09_dropping_a_body_does_not_wait_for_a_stalled_writer(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    peer.answer(200, "ok");
    let response = call.finish().unwrap();
    feeder.wait_until_asked();
    let begun = Instant::now();
    drop(response);
    assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
    peer.expect_closed();
    drop(feeder);
}
