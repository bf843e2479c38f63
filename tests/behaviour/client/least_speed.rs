//! C16: a transfer that is slower than the call demands ends.

use std::io::Read;
use std::time::{Duration, Instant};

use crossbeam_channel::after;
use hangup::client::RequestBuilder;
use hangup::{Error, TimeLimit};

use super::{get, send, text};
use crate::support::scripted_server::{counted_body, fed, in_background};
use crate::support::{Over, alone, over_each};

over_each![each way:
    c16_a_body_that_trickles_is_too_slow,
    c16_a_head_that_does_not_come_is_too_slow,
    c16_a_head_that_trickles_is_too_slow,
    c16_a_peer_that_takes_no_upload_is_too_slow,
    c16_a_peer_that_is_silent_after_an_upload_is_too_slow,
    c16_a_transfer_that_is_fast_enough_is_not_ended,
    c16_a_reader_that_takes_its_time_is_not_the_peers_fault,
    c16_a_source_that_takes_its_time_is_not_the_peers_fault,
    c16_the_call_overrides_the_client,
];

/// The period over which transfers are measured that are too slow.
const PERIOD: Duration = Duration::from_millis(400);
/// The period over which transfers are measured that are not. A busy machine does not take as long.
const LONG: Duration = Duration::from_millis(1500);

/// Checks that a call has failed by the least speed, not before the first period was over.
fn expect_too_slow(begun: Instant, error: &Error) {
    assert_eq!(error.timed_out(), Some(TimeLimit::Speed), "{error}");
    assert!(error.to_string().ends_with("less than 1000 bytes per second for 400ms"), "{error}");
    assert!(begun.elapsed() >= PERIOD, "{:?}", begun.elapsed());
}

fn demanding(request: RequestBuilder) -> RequestBuilder {
    request.min_speed(1000, PERIOD)
}

/// Lets time pass in which the code under test must do nothing.
fn pass(time: Duration) {
    let _ = after(time).recv();
}

fn c16_a_body_that_trickles_is_too_slow(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over
        .client_builder()
        .min_speed(1000, PERIOD)
        .idle_read_timeout(Duration::from_secs(5))
        .build();
    let begun = Instant::now();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    let mut response = call.finish().expect("a head that comes at once");
    let reading = in_background(move || {
        let mut whole = Vec::new();
        response.body_mut().read_to_end(&mut whole).map_err(Error::from)
    });
    while reading.is_running() && peer.try_send("x").is_ok() {
        pass(Duration::from_millis(5));
    }
    expect_too_slow(begun, &reading.finish().unwrap_err());
    assert_eq!(client.idle_connections(), 0);
}

fn c16_a_head_that_does_not_come_is_too_slow(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (begun, url) = (Instant::now(), peers.url("/"));
    let call = send(&client, move |client| demanding(client.get(url)));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    expect_too_slow(begun, &call.finish().unwrap_err());
    assert_eq!(peer.expect_closed(), b"");
}

fn c16_a_head_that_trickles_is_too_slow(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (begun, url) = (Instant::now(), peers.url("/"));
    let call = send(&client, move |client| {
        demanding(client.get(url)).response_head_timeout(Duration::from_secs(8))
    });
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nX-Long: ");
    while call.is_running() && peer.try_send("x").is_ok() {
        pass(Duration::from_millis(5));
    }
    expect_too_slow(begun, &call.finish().unwrap_err());
}

fn c16_a_peer_that_takes_no_upload_is_too_slow(over: Over) {
    alone!(waits);
    let peers = over.peers_with_small_buffers();
    let client = over.client();
    let (begun, url) = (Instant::now(), peers.url("/"));
    let (feeder, body) = counted_body(1 << 30);
    let call = send(&client, move |client| demanding(client.put(url).body(body)));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    expect_too_slow(begun, &call.finish().unwrap_err());
    feeder.expect_dropped();
}

fn c16_a_peer_that_is_silent_after_an_upload_is_too_slow(over: Over) {
    alone!();
    let (peers, client) = (over.peers(), over.client());
    let (begun, url) = (Instant::now(), peers.url("/"));
    let (mut feeder, source) = fed();
    let call = send(&client, move |client| {
        demanding(client.put(url).body(hangup::Body::from_reader(source)))
    });
    let mut peer = peers.accept();
    feeder.feed("all of it");
    feeder.end();
    assert_eq!(peer.expect_request("PUT /").body, b"all of it");
    expect_too_slow(begun, &call.finish().unwrap_err());
}

fn c16_a_transfer_that_is_fast_enough_is_not_ended(over: Over) {
    alone!(waits);
    let (peers, client) = (over.peers(), over.client());
    let url = peers.url("/");
    let call = send(&client, move |client| client.get(url).min_speed(1, LONG));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n");
    let response = call.finish();
    let reading = in_background(move || text(response));
    for _ in 0..40 {
        peer.send("x");
        pass(LONG / 30);
    }
    assert_eq!(reading.finish(), "x".repeat(40));
    // The next exchange of the connection has no such limit.
    let call = get(&client, peers.url("/next"));
    peer.expect_request("GET /next");
    pass(2 * LONG);
    peer.answer(200, "late");
    assert_eq!(text(call.finish()), "late");
}

fn c16_a_reader_that_takes_its_time_is_not_the_peers_fault(over: Over) {
    alone!(waits);
    let (peers, client) = (over.peers(), over.client());
    let url = peers.url("/");
    let call = send(&client, move |client| client.get(url).min_speed(1000, LONG));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let length = 8 << 20;
    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
    let sending = in_background(move || {
        peer.send(vec![b'x'; length]);
        peer
    });
    let mut response = call.finish().unwrap();
    let mut piece = vec![0; 64 * 1024];
    for _ in 0..2 {
        pass(LONG + PERIOD);
        assert!(response.body_mut().read(&mut piece).unwrap() > 0);
    }
    let mut rest = Vec::new();
    response.body_mut().read_to_end(&mut rest).unwrap();
    drop(sending.finish());
}

fn c16_a_source_that_takes_its_time_is_not_the_peers_fault(over: Over) {
    alone!(waits);
    let (peers, client) = (over.peers(), over.client());
    let url = peers.url("/");
    let (mut feeder, source) = fed();
    let call = send(&client, move |client| {
        client.put(url).body(hangup::Body::from_reader(source)).min_speed(1000, LONG)
    });
    let mut peer = peers.accept();
    for _ in 0..3 {
        feeder.wait_until_asked();
        pass(LONG);
        feeder.feed("piece");
    }
    feeder.end();
    assert_eq!(peer.expect_request("PUT /").body, b"piecepiecepiece");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert_eq!(client.idle_connections(), 1);
}

fn c16_the_call_overrides_the_client(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client_builder().min_speed(1_000_000, PERIOD).build();
    let url = peers.url("/");
    let call = send(&client, move |client| client.get(url).min_speed(0, PERIOD));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    pass(2 * PERIOD);
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}
