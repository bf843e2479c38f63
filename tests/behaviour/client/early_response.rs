//! T5, T6: responses that arrive before the request has been written.

use hangup::{Body, Context, ErrorKind, ResponseExt};

use super::{get, send, text};
use crate::support::scripted_server::{counted_body, fed, in_background};
use crate::support::{Over, alone, over_each, pattern, rounds};

over_each![each way:
    t05_an_early_response_is_read_and_its_connection_not_reused,
    t05_a_response_is_read_while_the_writer_is_blocked,
    t05_dropping_an_early_response_ends_the_writer,
    t05_a_small_body_whose_source_blocks_does_not_delay_the_head,
    t05_a_body_in_memory_that_does_not_fit_is_sent_by_the_writer_loop,
    t05_the_response_takes_precedence_over_the_failed_write,
    t05_a_response_that_arrived_before_the_reset_is_returned,
    t05_a_response_that_arrives_before_the_request_is_written_is_returned,
    t06_cancel_closes_the_connection_of_an_unread_body,
    t06_a_deadline_closes_the_connection_of_an_unread_body,
    t08_responses_outlive_their_client,
    t08_a_server_that_closes_ends_the_writer_and_its_source,
    t08_a_response_that_was_read_holds_no_descriptor,
];

/// A length that exceeds every socket buffer.
const ENORMOUS: u64 = 1 << 30;

/// A server that rejects a request, with a 403 for example, responds before it has read the body. The response is
/// valid, but the connection is in the middle of a request that may never end. Reusing it would mix up two
/// requests.
fn t05_an_early_response_is_read_and_its_connection_not_reused(over: Over) {
    alone!();
    const LENGTH: usize = 256 * 1024;
    let peers = over.peers();
    let client = over.client();
    let (mut feeder, source) = fed();
    feeder.feed(vec![b'x'; LENGTH - 1]);
    let url = peers.url("/a");
    let body = Body::from_sized_reader(source, LENGTH as u64);
    let post = send(&client, move |client| client.post(url).body(body));
    let mut first = peers.accept();
    first.expect_head("POST /a");
    first.read_body(LENGTH - 1);
    feeder.wait_until_asked();
    first.answer(200, "foo");
    assert_eq!(text(post.finish()), "foo");

    let next = get(&client, peers.url("/b"));
    let mut second = peers.accept();
    second.expect_request("GET /b");
    second.answer(200, "bar");
    let response = next.finish();
    assert!(!response.as_ref().unwrap().is_connection_reused());
    assert_eq!(text(response), "bar");

    assert!(first.expect_closed().is_empty(), "the last byte was withheld");
    feeder.feed("x");
    feeder.expect_dropped();
    feeder.end();
}

fn t05_a_response_is_read_while_the_writer_is_blocked(over: Over) {
    alone!();
    let peers = over.peers_with_small_buffers();
    let client = over.client();
    let (feeder, body) = counted_body(ENORMOUS);
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(body));
    let mut peer = peers.accept();
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\n");
    let mut response = call.finish().unwrap();
    assert_eq!(response.status(), 403);
    peer.send("nope");
    assert_eq!(response.body_mut().read_text(10).unwrap(), "nope");
    feeder.expect_dropped();
    assert_eq!(client.idle_connections(), 0);
}

fn t05_dropping_an_early_response_ends_the_writer(over: Over) {
    alone!();
    let peers = over.peers_with_small_buffers();
    let client = over.client();
    let (feeder, body) = counted_body(ENORMOUS);
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(body));
    let mut peer = peers.accept();
    peer.answer(403, "nope");
    drop(call.finish().unwrap());
    feeder.expect_dropped();
    peer.expect_closed();
}

/// The head waits for a small body, so that both are sent together. It does not wait long, since a server may
/// respond to the head alone.
fn t05_a_small_body_whose_source_blocks_does_not_delay_the_head(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let call =
        send(&client, move |client| client.post(url).body(Body::from_sized_reader(source, 4)));
    let mut peer = peers.accept();
    feeder.wait_until_asked();
    peer.expect_head("POST /");
    peer.answer(401, "who?");
    assert_eq!(text(call.finish()), "who?");
    peer.expect_closed();
    drop(feeder);
}

/// The writer loop also sends the rest of a large body in memory.
fn t05_a_body_in_memory_that_does_not_fit_is_sent_by_the_writer_loop(over: Over) {
    alone!();
    const LENGTH: usize = 8 << 20;
    let content = pattern(LENGTH);
    let peers = over.peers_with_small_buffers();
    let client = over.client();
    for round in 0..3 {
        let url = peers.url("/");
        let body = content.clone();
        let call = send(&client, move |client| client.put(url).body(body));
        let mut peer = peers.accept();
        let head = peer.expect_head("PUT /");
        assert!(head.to_lowercase().contains(&format!("content-length: {LENGTH}")), "{head}");
        if round == 0 {
            // An early answer to it is read as well.
            peer.answer(413, "too much");
            assert_eq!(text(call.finish()), "too much");
            peer.expect_closed();
        } else {
            assert!(peer.read_body(LENGTH) == content);
            peer.answer(200, "ok");
            let response = call.finish();
            assert_eq!(text(response), "ok");
            client.close_idle_connections();
            peer.expect_closed();
        }
    }
}

/// The server responds without reading, and closes. Its system resets the connection, since bytes are unread. The
/// client's write fails, though the response has arrived.
fn t05_the_response_takes_precedence_over_the_failed_write(over: Over) {
    alone!();
    let client = over.client();
    for round in 0..rounds(200) {
        let peers = over.peers();
        let url = peers.url("/");
        let call = send(&client, move |client| {
            client.post(url).body(match round % 2 {
                0 => Body::from(vec![b'x'; 512 * 1024]),
                _ => counted_body(512 * 1024).1,
            })
        });
        let mut peer = peers.accept();
        peer.expect_head("POST /");
        peer.answer(413, "too much");
        // The response arrives in one segment, whatever follows it.
        drop(peer);
        let mut response = call.finish().unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(response.status(), 413);
        assert_eq!(response.body_mut().read_text(100).unwrap(), "too much", "round {round}");
    }
}

/// A reset behind a response must not discard it.
fn t05_a_response_that_arrived_before_the_reset_is_returned(over: Over) {
    alone!();
    let client = over.client();
    for round in 0..rounds(200) {
        let peers = over.peers();
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.answer(200, "the last");
        peer.reset();
        let mut response = call.finish().unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(response.body_mut().read_text(100).unwrap(), "the last", "round {round}");
    }
}

/// A server at its limit responds at once, and closes before the request arrives.
fn t05_a_response_that_arrives_before_the_request_is_written_is_returned(over: Over) {
    alone!();
    let client = over.client();
    for round in 0..rounds(100) {
        let peers = over.peers();
        let url = peers.url("/");
        let call = send(&client, move |client| match round % 3 {
            0 => client.get(url),
            1 => client.post(url).body("some"),
            _ => client.post(url).body(counted_body(1 << 20).1),
        });
        let mut peer = peers.accept();
        peer.answer(503, "full");
        peer.end();
        let mut response = call.finish().unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(response.status(), 503);
        assert_eq!(response.body_mut().read_text(100).unwrap(), "full");
        peer.expect_closed();
    }
}

/// A connection whose body was not read could not be returned. Its reader waited without end and ignored the
/// cancellation.
fn t06_cancel_closes_the_connection_of_an_unread_body(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let context = Context::new();
    let (url, of_call) = (peers.url("/"), context.clone());
    let call = send(&client, move |client| client.get(url).context(&of_call));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    let mut response = call.finish().unwrap();
    context.cancel();
    // While the response is held, and not read.
    peer.expect_closed();
    let error = response.body_mut().read_bytes(100).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

fn t06_a_deadline_closes_the_connection_of_an_unread_body(over: Over) {
    alone!(waits);
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/");
    // Long enough for a handshake on a busy machine.
    let limit = std::time::Duration::from_secs(1);
    let call = send(&client, move |client| client.get(url).timeout(limit));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun");
    let mut response = call.finish().unwrap();
    peer.expect_closed();
    let error = response.body_mut().read_bytes(100).unwrap_err();
    assert_eq!(error.timed_out(), Some(hangup::TimeLimit::Call), "{error}");
}

fn t08_responses_outlive_their_client(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    let mut response = call.finish().unwrap();
    drop(client);
    let reading = in_background(move || response.body_mut().read_text(10));
    peer.send("two");
    assert_eq!(reading.finish().unwrap(), "onetwo");
    peer.expect_end();
}

fn t08_a_server_that_closes_ends_the_writer_and_its_source(over: Over) {
    alone!();
    let peers = over.peers_with_small_buffers();
    let client = over.client();
    for reset in [false, true] {
        let (feeder, body) = counted_body(ENORMOUS);
        let url = peers.url("/");
        let call = send(&client, move |client| client.post(url).body(body));
        let mut peer = peers.accept();
        peer.expect_head("POST /");
        if reset {
            peer.reset();
        } else {
            drop(peer);
        }
        let error = call.finish().unwrap_err();
        let kinds = [ErrorKind::Send, ErrorKind::Receive, ErrorKind::EmptyReply];
        assert!(kinds.contains(&error.kind()), "{error}");
        feeder.expect_dropped();
    }
}

fn t08_a_response_that_was_read_holds_no_descriptor(over: Over) {
    alone!(check);
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\n\r\nto the end");
    peer.end();
    let mut response = call.finish().unwrap();
    assert_eq!(response.body_mut().read_text(100).unwrap(), "to the end");
    drop((client, peer, peers));
    drop(check);
    assert_eq!(response.status(), 200);
}
