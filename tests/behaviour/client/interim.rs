//! T12: interim responses and protocol switches.

use std::io::{Read, Write};
use std::time::Duration;

use crossbeam_channel::unbounded;
use hangup::http::Method;
use hangup::{Body, ErrorKind, ResponseExt};

use super::{get, send, text};
use crate::support::scripted_server::{fed, in_background};
use crate::support::{Over, alone, over_each};

over_each![
    t12_interim_responses_are_skipped_and_reported,
    t12_too_many_interim_responses_are_an_error,
    t12_a_101_hands_out_a_duplex,
    t12_a_response_to_connect_hands_out_a_duplex,
    t12_a_duplex_that_is_not_taken_is_closed,
    t12_a_101_within_the_request_is_an_error,
    t12_a_callback_that_panics_on_the_read_thread_fails_its_call,
];

over_each![each way:
    t12_an_end_after_an_interim_response_is_an_empty_reply,
];

over_each![t12_a_callback_that_panics_on_the_callers_thread_resumes_there,];

fn t12_interim_responses_are_skipped_and_reported(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (seen, sees) = unbounded();
    let url = peers.url("/");
    let call = send(&client, move |client| {
        client.get(url).on_informational(move |status, headers| {
            seen.send((status.as_u16(), headers.get("link").is_some())).unwrap();
        })
    });
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert_eq!(sees.iter().collect::<Vec<_>>(), [(100, false), (103, true), (102, false)]);
    assert_eq!(client.idle_connections(), 1);
}

fn t12_too_many_interim_responses_are_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    let mut sent = 0;
    while peer.try_send(&interim).is_ok() {
        sent += interim.len();
        assert!(sent < 1 << 26, "without end");
    }
    assert_eq!(call.finish().unwrap_err().kind(), ErrorKind::TooLarge);
}

/// Switches the connection to another protocol, with its first bytes right behind the response's head.
fn becomes_a_duplex(over: Over, method: Method, path: &str, answer: &str) {
    let peers = over.peers();
    let client = over.client();
    let url = peers.url(path);
    let of_call = method.clone();
    let call = send(&client, move |client| {
        client.request(of_call, url).header("upgrade", "echo").header("connection", "upgrade")
    });
    let mut peer = peers.accept();
    peer.expect_head(method.as_str());
    peer.send(format!("{answer}\r\n\r\nright behind"));
    let mut response = call.finish().unwrap();
    assert_eq!(client.idle_connections(), 0);
    let mut duplex = response.take_duplex().expect("another protocol");
    assert!(response.take_duplex().is_none(), "only once");
    let mut bytes = [0; 12];
    duplex.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"right behind");

    duplex.write_all(b"there").unwrap();
    assert_eq!(peer.read_body(5), b"there");
    peer.send("and back");
    let mut bytes = [0; 8];
    duplex.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"and back");
    // Both at once.
    let (mut stream, _) = duplex.into_parts();
    let mut reading = stream.clone();
    let read = in_background(move || {
        let mut bytes = [0; 4];
        reading.read_exact(&mut bytes).map(|()| bytes)
    });
    stream.write_all(b"ping").unwrap();
    assert_eq!(peer.read_body(4), b"ping");
    peer.send("pong");
    assert_eq!(&read.finish().unwrap(), b"pong");
    // The client is done with it; its owner is not.
    drop(client);
    stream.write_all(b"still").unwrap();
    assert_eq!(peer.read_body(5), b"still");
    drop((stream, response));
    peer.expect_end();
}

fn t12_a_101_hands_out_a_duplex(over: Over) {
    alone!();
    let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade";
    becomes_a_duplex(over, Method::GET, "/", switching);
}

fn t12_a_response_to_connect_hands_out_a_duplex(over: Over) {
    alone!();
    // Neither a length nor a coding means anything in it.
    becomes_a_duplex(over, Method::CONNECT, "", "HTTP/1.1 200 OK\r\nContent-Length: 5");
}

fn t12_a_duplex_that_is_not_taken_is_closed(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    for _ in 0..3 {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        peer.send("HTTP/1.1 101 Switching Protocols\r\n\r\n");
        drop(call.finish().unwrap());
        peer.expect_closed();
    }
}

/// The writer loop must not write the rest of the request into another protocol.
fn t12_a_101_within_the_request_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (feeder, source) = fed();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).body(Body::from_reader(source)));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    peer.send("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedMessage, "{error}");
    peer.expect_closed();
    drop(feeder);
}

/// With a limit for sending, the connection's thread reads the response.
fn t12_a_callback_that_panics_on_the_read_thread_fails_its_call(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    for _ in 0..2 {
        let url = peers.url("/");
        let call = send(&client, move |client| {
            let request =
                client.put(url).send_timeout(Duration::MAX).body(Body::from_chunks(["a"]));
            request.on_informational(|_, _| panic!("as the test has it"))
        });
        let mut peer = peers.accept();
        peer.expect_request("PUT /");
        peer.send("HTTP/1.1 103 Early Hints\r\n\r\n");
        let error = call.finish().unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        peer.expect_closed();
    }
}

/// The callback is the caller's code on the caller's thread, so its panic is the caller's. The
/// connection is closed and its place is free.
fn t12_a_callback_that_panics_on_the_callers_thread_resumes_there(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client_builder().max_connections_per_host(1).build();
    for body in [Body::empty(), Body::from("in memory"), Body::from_chunks(["streamed"])] {
        let (client, url) = (client.clone(), peers.url("/"));
        let call = in_background(move || {
            let request = client.put(url).body(body);
            let request = request.on_informational(|_, _| panic!("as the test has it"));
            let sent = std::panic::AssertUnwindSafe(|| drop(request.send()));
            std::panic::catch_unwind(sent).map_err(|payload| *payload.downcast::<&str>().unwrap())
        });
        let mut peer = peers.accept();
        peer.expect_request("PUT /");
        peer.send("HTTP/1.1 103 Early Hints\r\n\r\n");
        assert_eq!(call.finish(), Err("as the test has it"));
        peer.expect_closed();
    }
    let call = get(&client, peers.url("/next"));
    let mut peer = peers.accept();
    peer.expect_request("GET /next");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// A complete interim response is no part of a final one.
fn t12_an_end_after_an_interim_response_is_an_empty_reply(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for (answer, kind) in [
        ("HTTP/1.1 103 Early Hints\r\n\r\n", ErrorKind::EmptyReply),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\n\r\n", ErrorKind::EmptyReply),
        ("HTTP/1.1 103 Early Hints\r\n\r\nH", ErrorKind::MalformedMessage),
        ("HTTP/1.1 103 Early Hints\r\n", ErrorKind::MalformedMessage),
        ("", ErrorKind::EmptyReply),
    ] {
        for pieces in [1, answer.len().max(1)] {
            let call = get(&client, peers.url("/"));
            let mut peer = peers.accept();
            peer.expect_request("GET /");
            for piece in answer.as_bytes().chunks(answer.len().max(1).div_ceil(pieces)) {
                peer.send(piece);
            }
            peer.end();
            assert_eq!(call.finish().unwrap_err().kind(), kind, "{answer:?}");
            peer.expect_closed();
        }
    }
}
