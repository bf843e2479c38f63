//! T15: each time limit is a deadline, and its error names it.

use std::io::Read;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use hangup::{Body, Context, TimeLimit};

use super::{get, send, text};
use crate::support::scripted_server::{BlackHole, Peer, counted_body, fed, in_background};
use crate::support::{Over, alone, over_each};

over_each![
    t15_the_connect_limit_covers_resolving,
    t15_the_connect_limit_covers_connecting,
    t15_the_send_limit_ends_a_blocked_write,
    t15_the_send_limit_is_not_restarted_by_a_partial_write,
    t15_the_head_limit_ends_the_wait_for_a_head,
    t15_the_head_limit_is_not_restarted_by_a_part_of_the_head,
    t15_the_head_limit_begins_with_the_last_byte_of_the_request,
    t15_the_idle_limit_ends_a_silent_body,
    t15_the_write_idle_limit_ends_a_stuck_upload,
    t15_the_write_idle_limit_spares_an_upload_that_makes_progress,
    t15_the_call_limit_covers_every_step,
    t15_the_call_limit_covers_queueing_and_redirects,
];

/// Long enough for the events that must precede it, also on a busy machine.
const LIMIT: Duration = Duration::from_millis(250);
/// The time that a limit may take on a busy machine. A limit that restarts never ends.
const GENEROUS: Duration = Duration::from_secs(10);

/// Sends `piece` repeatedly, faster than the limit, until the client has closed.
fn drip(mut peer: Peer, piece: &'static str) -> crate::support::scripted_server::Background<()> {
    in_background(move || {
        while peer.try_send(piece).is_ok() {
            std::thread::park_timeout(LIMIT / 6);
        }
    })
}

fn t15_the_connect_limit_covers_resolving(over: Over) {
    alone!();
    let (release, released) = bounded::<()>(0);
    let client = over
        .client_builder()
        .connect_timeout(LIMIT)
        .resolver(move |_: &str, _: u16, _: &Context| {
            let _ = released.recv();
            Ok(Vec::new())
        })
        .build();
    let error = get(&client, over.url("slow.test", "/")).finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::Resolve), "{error}");
    assert!(error.is_connect());
    drop(release);
}

fn t15_the_connect_limit_covers_connecting(over: Over) {
    alone!();
    let hole = BlackHole::new();
    let client = over.client_builder().connect_timeout(LIMIT).build();
    let error = get(&client, over.url(hole.addr, "/")).finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::Connect), "{error}");
}

fn t15_the_send_limit_ends_a_blocked_write(over: Over) {
    alone!();
    let peers = over.peers_with_small_buffers();
    let client = over.client_builder().send_timeout(LIMIT).build();
    let (feeder, body) = counted_body(1 << 30);
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(body));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    let error = call.finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::Send), "{error}");
    feeder.expect_dropped();
    peer.expect_closed();
}

/// A server that reads a little now and then does not extend the limit.
fn t15_the_send_limit_is_not_restarted_by_a_partial_write(over: Over) {
    alone!();
    let peers = over.peers_with_small_buffers();
    let client = over.client_builder().send_timeout(LIMIT).build();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let begun = Instant::now();
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    while call.is_running() {
        assert!(begun.elapsed() < GENEROUS, "the limit does not come");
        feeder.feed("x");
        peer.read_body(1);
        std::thread::park_timeout(LIMIT / 6);
    }
    assert_eq!(call.finish().unwrap_err().timed_out(), Some(TimeLimit::Send));
    drop(feeder);
}

fn t15_the_head_limit_ends_the_wait_for_a_head(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().response_head_timeout(LIMIT).build();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let error = call.finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::ResponseHead), "{error}");
    peer.expect_closed();
}

fn t15_the_head_limit_is_not_restarted_by_a_part_of_the_head(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client_builder().response_head_timeout(LIMIT).build();
    for piece in ["X-A: b\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        if piece.starts_with('X') {
            peer.send("HTTP/1.1 200 OK\r\n");
        }
        let begun = Instant::now();
        let dripping = drip(peer, piece);
        let error = call.finish().unwrap_err();
        assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
        assert_eq!(error.timed_out(), Some(TimeLimit::ResponseHead), "{error}");
        dripping.finish();
    }
}

/// The limit concerns the server: it begins when the request has been written, however long that took.
fn t15_the_head_limit_begins_with_the_last_byte_of_the_request(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client_builder().response_head_timeout(LIMIT).build();
    let (mut feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    feeder.wait_until_asked();
    std::thread::park_timeout(LIMIT * 2);
    assert!(call.is_running());
    feeder.end();
    assert_eq!(peer.read_body(5), b"0\r\n\r\n");
    let error = call.finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::ResponseHead), "{error}");
}

fn t15_the_write_idle_limit_ends_a_stuck_upload(over: Over) {
    alone!(waits);
    let peers = over.peers_with_small_buffers();
    let client = over.client_builder().idle_write_timeout(LIMIT).build();
    let (begun, url) = (Instant::now(), peers.url("/"));
    let (feeder, body) = counted_body(1 << 30);
    let call = send(&client, move |client| client.put(url).body(body));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    let error = call.finish().unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::WriteIdle), "{error}");
    assert!(begun.elapsed() >= LIMIT);
    feeder.expect_dropped();
}

/// The server takes some bytes within each limit, but never enough for the client's socket to become writable.
fn t15_the_write_idle_limit_spares_an_upload_that_makes_progress(over: Over) {
    alone!(waits);
    let limit = 4 * LIMIT;
    let peers = over.peers();
    let client = over.client_builder().idle_write_timeout(limit).build();
    let url = peers.url("/");
    let (feeder, body) = counted_body(1 << 30);
    let call = send(&client, move |client| client.put(url).body(body));
    let mut peer = peers.accept();
    peer.expect_head("PUT /");
    let begun = Instant::now();
    while begun.elapsed() < 3 * limit {
        peer.read_bytes(64 * 1024);
        std::thread::park_timeout(limit / 12);
    }
    peer.answer(200, "early");
    assert_eq!(text(call.finish()), "early");
    drop(peer);
    feeder.expect_dropped();
}

fn t15_the_idle_limit_ends_a_silent_body(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client_builder().idle_read_timeout(LIMIT).build();
    for head in ["Content-Length: 100\r\n", "", "Transfer-Encoding: chunked\r\n"] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n5\r\nabc"));
        let mut response = call.finish().unwrap();
        let error = response.body_mut().read_bytes(1000).unwrap_err();
        assert_eq!(error.timed_out(), Some(TimeLimit::IdleRead), "{error}");
        peer.expect_closed();
        // It is not the end of anything later, either.
        let again = response.body_mut().read(&mut [0]).unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::TimedOut);
    }
}

/// A slow body is not silent, but the limit of the whole call ends it.
fn t15_the_call_limit_covers_every_step(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client_builder().idle_read_timeout(GENEROUS).timeout(LIMIT * 3).build();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    let mut response = call.finish().unwrap();
    let begun = Instant::now();
    let dripping = drip(peer, "x");
    let error = response.body_mut().read_bytes(100_000).unwrap_err();
    assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
    assert_eq!(error.timed_out(), Some(TimeLimit::Call), "{error}");
    dripping.finish();
}

fn t15_the_call_limit_covers_queueing_and_redirects(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    let holding = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let url = peers.url("/");
    let queued = send(&client, move |client| client.get(url).timeout(LIMIT));
    assert_eq!(queued.finish().unwrap_err().timed_out(), Some(TimeLimit::Call));
    let url = peers.url("/a");
    peer.answer(200, "");
    holding.finish().unwrap();
    let call = send(&client, move |client| client.get(url).timeout(LIMIT * 3));
    let redirecting = in_background(move || {
        while peer.next_request("GET /").is_some() {
            std::thread::park_timeout(LIMIT / 2);
            let _ =
                peer.try_send("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
        }
    });
    assert_eq!(call.finish().unwrap_err().timed_out(), Some(TimeLimit::Call));
    // Between two requests, the limit leaves the connection idle in the pool.
    drop(client);
    redirecting.finish();
}
