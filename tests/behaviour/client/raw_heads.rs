//! T12, T16: the heads of responses as received.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use hangup::client::{RawHead, RequestBuilder};
use hangup::{Body, Client, ErrorKind};

use super::{Response, send, text};
use crate::support::scripted_server::{Background, Peers};
use crate::support::{Over, alone, over_each};

over_each![
    t12_raw_heads_are_reported_as_received,
    t12_a_raw_head_that_arrives_in_pieces_is_reported_once,
    t12_raw_heads_are_reported_before_the_call_fails,
    t12_the_raw_head_of_a_101_is_reported,
    t16_raw_heads_of_redirects_are_reported,
    t12_a_raw_head_callback_that_panics_on_the_read_thread_fails_its_call,
];

/// A reported head, and whether it was complete.
type Shown = (String, bool);

/// Sends a request and returns a channel of its raw heads.
fn watch(
    client: &Client,
    peers: &Peers,
    more: impl Fn(RequestBuilder) -> RequestBuilder + Send + 'static,
) -> (Background<hangup::Result<Response>>, Receiver<Shown>) {
    let (seen, sees) = unbounded();
    let url = peers.url("/");
    let call = send(client, move |client| {
        more(client.get(url)).on_raw_head(move |head: &RawHead<'_>| {
            let bytes = String::from_utf8_lossy(head.as_bytes()).into_owned();
            seen.send((bytes, head.is_complete())).unwrap();
        })
    });
    (call, sees)
}

fn t12_raw_heads_are_reported_as_received(over: Over) {
    alone!();
    let early = "HTTP/1.1 103 Early hints\r\nLINK: </a>\r\n\r\n";
    let last = "HTTP/1.1 200 Fine By Me\r\nX-MiXed:  a \r\nx-mixed:b\r\ncontent-length: 2\r\n\r\n";
    // The caller reads the response, or the connection's thread does.
    for limit in [None, Some(crate::support::PATIENCE)] {
        let peers = over.peers();
        let client = over.client();
        let (call, sees) = watch(&client, &peers, move |request| request.send_timeout(limit));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(format!("{early}{last}ok"));
        assert_eq!(text(call.finish()), "ok");
        let expected = [early, last].map(|head| (head.to_owned(), true));
        assert_eq!(sees.iter().collect::<Vec<_>>(), expected);
        assert_eq!(client.idle_connections(), 1);
    }
}

fn t12_a_raw_head_that_arrives_in_pieces_is_reported_once(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (call, sees) = watch(&client, &peers, |request| request);
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let head = "HTTP/1.1 200 OK\r\nCONTENT-LENGTH: 0\r\n\r\n";
    for byte in head.chars() {
        peer.send(byte.to_string());
    }
    assert_eq!(text(call.finish()), "");
    assert_eq!(sees.iter().collect::<Vec<_>>(), [(head.to_owned(), true)]);
}

fn t12_raw_heads_are_reported_before_the_call_fails(over: Over) {
    alone!();
    const EARLY: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    for (sent, shown) in [
        // Cut off.
        ("", vec![]),
        ("HTTP/1.1 20", vec![]),
        ("HTTP/1.1 200 OK\r\nConte", vec![(OK, false)]),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", vec![(EARLY, true), (OK, false)]),
        // Malformed.
        ("nonsense\r\n\r\nok", vec![("nonsense\r\n\r\n", false)]),
        ("HTTP/1.1 200 OK\r\n: b\r\n\r\nok", vec![("HTTP/1.1 200 OK\r\n: b\r\n\r\n", false)]),
        // The head is fine, but says nothing certain of the body.
        (
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
            vec![("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", true)],
        ),
    ] {
        let peers = over.peers();
        let client = over.client();
        let (call, sees) = watch(&client, &peers, |request| request);
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send(sent);
        drop(peer);
        call.finish().expect_err(sent);
        let expected: Vec<_> =
            shown.into_iter().map(|(head, complete)| (head.to_owned(), complete)).collect();
        assert_eq!(sees.iter().collect::<Vec<_>>(), expected, "{sent:?}");
    }
}

fn t12_the_raw_head_of_a_101_is_reported(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (call, sees) = watch(&client, &peers, |request| request);
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n\r\n";
    peer.send(format!("{head}beyond"));
    call.finish().unwrap();
    assert_eq!(sees.iter().collect::<Vec<_>>(), [(head.to_owned(), true)]);
}

fn t16_raw_heads_of_redirects_are_reported(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (call, sees) = watch(&client, &peers, |request| request);
    let mut peer = peers.accept();
    let found = "HTTP/1.1 302 Over There\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    peer.expect_request("GET /");
    peer.send(found);
    peer.expect_request("GET /there");
    peer.send(format!("{last}ok"));
    assert_eq!(text(call.finish()), "ok");
    let expected = [found, last].map(|head| (head.to_owned(), true));
    assert_eq!(sees.iter().collect::<Vec<_>>(), expected);
}

fn t12_a_raw_head_callback_that_panics_on_the_read_thread_fails_its_call(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/");
    let held = Arc::new(());
    let dropped = Arc::downgrade(&held);
    let call = send(&client, move |client| {
        let request = client.put(url).send_timeout(Duration::MAX).body(Body::from_chunks(["a"]));
        request.on_raw_head(move |_| panic!("as the test has it, with {held:?}"))
    });
    let mut peer = peers.accept();
    peer.expect_request("PUT /");
    peer.answer(200, "ok");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.to_string().contains("panicked"), "{error}");
    peer.expect_closed();
    assert!(dropped.upgrade().is_none());
}
