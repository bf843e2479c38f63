//! T2, T4: a connection is reused only after its request has been written completely.

use std::time::{Duration, Instant};

use hangup::{Body, ResponseExt};

use super::{Response, send, text};
use crate::support::scripted_server::{fed, in_background};
use crate::support::{Over, alone, over_each};

over_each![each way:
    t04_a_finished_response_waits_at_most_50ms_for_the_writer,
    t04_a_writer_that_is_merely_late_keeps_the_connection,
    t04_the_last_bytes_do_not_wait_for_the_writer,
    t02_a_failed_write_fails_the_call,
    t02_a_request_follows_a_streamed_one_on_the_same_connection,
];

/// The time that a wait of 50 ms may take on a busy machine.
const GENEROUS: Duration = Duration::from_secs(2);

fn t04_a_finished_response_waits_at_most_50ms_for_the_writer(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    peer.answer(200, "ok");
    let mut response = call.finish().unwrap();
    feeder.wait_until_asked();
    let begun = Instant::now();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(50), "the writer was given {waited:?}");
    assert!(waited < GENEROUS, "{waited:?}");
    assert_eq!(client.idle_connections(), 0);
    // Its chunk's size, perhaps, but no end.
    assert!(!peer.expect_closed().ends_with(b"0\r\n\r\n"));
    drop(feeder);
}

/// A late writer keeps the connection: the last piece of the request is written after the last byte of the
/// response, within the 50 ms.
fn is_waited_for(over: Over, answer: &str, end: impl Fn(Response) + Copy + Send + 'static) -> bool {
    let peers = over.peers();
    let client = over.client();
    // A machine that is busy for 50 ms may miss it now and then.
    (0..20).any(|_| {
        let (mut feeder, source) = fed();
        let url = peers.url("/");
        let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
        let mut peer = peers.accept();
        peer.expect_head("POST /");
        peer.send(answer);
        let response = call.finish().unwrap();
        feeder.wait_until_asked();
        let ending = in_background(move || end(response));
        feeder.feed("late");
        feeder.end();
        ending.finish();
        let kept = client.idle_connections() == 1;
        client.close_idle_connections();
        peer.expect_closed();
        kept
    })
}

fn t04_a_writer_that_is_merely_late_keeps_the_connection(over: Over) {
    alone!();
    for answer in
        ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 204 No Content\r\n\r\n"]
    {
        let read = |mut response: Response| drop(response.body_mut().read_text(10).unwrap());
        assert!(is_waited_for(over, answer, read), "{answer:?} read");
        assert!(is_waited_for(over, answer, drop), "{answer:?} dropped");
    }
}

fn t04_the_last_bytes_do_not_wait_for_the_writer(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    peer.answer(200, "ok");
    let mut response = call.finish().unwrap();
    std::io::Read::read_exact(response.body_mut(), &mut [0; 2]).unwrap();
    // Were it settled already, the end of the stream would not be waited for.
    let begun = Instant::now();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "");
    assert!(begun.elapsed() >= Duration::from_millis(50));
    peer.expect_closed();
    drop(feeder);
}

fn t02_a_failed_write_fails_the_call(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    peer.answer(200, "ok");
    let mut response = call.finish().unwrap();
    // The answer is here, and the writer fails before it has been read.
    feeder.wait_until_asked();
    feeder.fail("the disk is gone");
    feeder.expect_dropped();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
    assert_eq!(client.idle_connections(), 0);
    peer.expect_closed();
}

fn t02_a_request_follows_a_streamed_one_on_the_same_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/");
    let first = send(&client, {
        let url = url.clone();
        move |client| client.post(url).body(Body::from_chunks(["a", "b"]))
    });
    let mut peer = peers.accept();
    let request = peer.expect_request("POST /");
    assert!(request.has("transfer-encoding", "chunked"));
    assert_eq!(request.body, b"ab");
    peer.answer(200, "one");
    assert_eq!(text(first.finish()), "one");
    let second = send(&client, move |client| client.post(url).body("in memory"));
    assert_eq!(peer.expect_request("POST /").body, b"in memory");
    peer.answer(200, "two");
    let response = second.finish();
    assert!(response.as_ref().unwrap().is_connection_reused());
    assert_eq!(text(response), "two");
}
