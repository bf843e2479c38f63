//! Adapted bodies over a connection: what they keep, and when the connection is free again.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hangup::http::HeaderValue;
use hangup::{Body, ErrorKind, Piece};

use super::{get, send, text};
use crate::support::scripted_server::fed;
use crate::support::{Over, alone, over_each};

over_each![
    c08_a_decoders_connection_is_free_once_its_body_was_read,
    c08_a_decoders_message_that_is_cut_off_is_an_error,
    c06_a_limited_body_that_fits_keeps_its_connection,
    c06_a_limited_body_that_is_too_long_is_an_error,
    c05_progress_is_seen_in_both_directions,
    c03_a_bodys_type_is_sent_unless_the_caller_sets_one,
];

fn zipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A gzip reader stops at the end of the gzip data, before the last chunk.
fn c08_a_decoders_connection_is_free_once_its_body_was_read(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let zipped = zipped("plain text");
    let mut peer = None;
    for end in ["0\r\nETag: 7\r\n\r\n", "7\r\npadding\r\n0\r\nETag: 7\r\n\r\n"] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        peer.send(format!("{:x}\r\n", zipped.len()));
        peer.send(&zipped);
        peer.send(format!("\r\n{end}"));
        let mut body = call.finish().unwrap().into_body().map_reader(GzDecoder::new);
        assert_eq!(body.read_text(100).unwrap(), "plain text");
        assert_eq!(client.idle_connections(), 1, "it is free before the body is dropped");
        assert_eq!(body.take_trailers().unwrap()["etag"], "7");
    }
}

fn c08_a_decoders_message_that_is_cut_off_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let zipped = zipped("plain text");
    let call = get(&client, peers.url("/"));
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    let length = zipped.len() + 1;
    peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
    peer.send(&zipped);
    peer.end();
    let mut body = call.finish().unwrap().into_body().map_reader(GzDecoder::new);
    let error = body.read_text(100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteBody, "{error}");
}

fn c06_a_limited_body_that_fits_keeps_its_connection(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let mut peer = None;
    for chunked in [false, true] {
        let call = get(&client, peers.url("/"));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        match chunked {
            false => peer.answer(200, "12345"),
            true => peer.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\n12345\r\n0\r\nETag: 7\r\n\r\n",
            ),
        }
        let mut body = call.finish().unwrap().into_body().limited(5);
        assert_eq!(body.len(), (!chunked).then_some(5));
        let mut read = String::new();
        body.read_to_string(&mut read).unwrap();
        assert_eq!((read.as_str(), client.idle_connections()), ("12345", 1));
        assert_eq!(body.take_trailers().is_some(), chunked);
    }
}

fn c06_a_limited_body_that_is_too_long_is_an_error(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for declared in [true, false] {
        let call = get(&client, peers.url("/"));
        let mut peer = peers.accept();
        peer.expect_request("GET /");
        match declared {
            true => peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n12"),
            false => peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n123456"),
        }
        let mut body = call.finish().unwrap().into_body().limited(5);
        let error = body.read_text(100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(error.to_string().contains("its reader's limit of 5 bytes"), "{error}");
        drop(body);
        peer.end();
        peer.expect_closed();
    }
}

fn c05_progress_is_seen_in_both_directions(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let progress = || {
        let seen = Arc::new(AtomicU64::new(0));
        let log = Arc::clone(&seen);
        let inspect = move |piece: Piece<'_>| {
            assert_eq!(piece.total, Some(6));
            log.store(piece.end, Ordering::SeqCst);
        };
        (seen, inspect)
    };
    let ((sent, on_sent), (received, on_received)) = (progress(), progress());
    let (mut feeder, source) = fed();
    let body = Body::from_sized_reader(source, 6).inspect(on_sent);
    let url = peers.url("/");
    let call = send(&client, move |client| client.put(url).body(body));
    let mut peer = peers.accept();
    feeder.feed("one");
    assert!(peer.expect_head("PUT /").to_lowercase().contains("content-length: 6"));
    assert_eq!((peer.read_body(3), sent.load(Ordering::SeqCst)), (b"one".to_vec(), 3));
    feeder.feed("two");
    assert_eq!((peer.read_body(3), sent.load(Ordering::SeqCst)), (b"two".to_vec(), 6));
    feeder.end();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none");
    let mut body = call.finish().unwrap().into_body().inspect(on_received);
    body.read_exact(&mut [0; 3]).unwrap();
    assert_eq!(received.load(Ordering::SeqCst), 3);
    peer.send("two");
    assert_eq!(body.read_text(100).unwrap(), "two");
    assert_eq!((received.load(Ordering::SeqCst), client.idle_connections()), (6, 1));
}

fn c03_a_bodys_type_is_sent_unless_the_caller_sets_one(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let csv = || Body::from("a,b").with_content_type(HeaderValue::from_static("text/csv"));
    let mut peer = None;
    for (own, expected) in [(None, "text/csv"), (Some("text/plain"), "text/plain")] {
        let (url, body) = (peers.url("/"), csv());
        let call = send(&client, move |client| {
            let request = client.put(url).body(body);
            own.into_iter().fold(request, |request, own| request.header("content-type", own))
        });
        let peer = peer.get_or_insert_with(|| peers.accept());
        let request = peer.expect_request("PUT /");
        assert_eq!(request.field("content-type"), Some(expected), "{}", request.head);
        assert_eq!(request.head.to_lowercase().matches("content-type").count(), 1);
        peer.answer(200, "ok");
        assert_eq!(text(call.finish()), "ok");
    }
}
