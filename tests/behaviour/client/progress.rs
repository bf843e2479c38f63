//! Progress of uploads and downloads.

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use hangup::client::Progress;
use hangup::{Body, Client, ErrorKind};
use parking_lot::Mutex;

use super::{send, text};
use crate::support::scripted_server::fed;
use crate::support::{Over, alone, over_each};

over_each![each way:
    c05_an_upload_shows_what_is_about_to_be_written,
    c05_an_upload_that_is_sent_again_starts_over,
    c05_a_panic_of_the_upload_callback_fails_the_call,
];

/// The progress that a callback has seen, and the name of its thread.
type Seen = Arc<Mutex<Vec<(u64, Option<u64>, String)>>>;

fn record() -> (Seen, impl Fn(Progress) + Send + Sync + 'static) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let callback = move |Progress { bytes, total, .. }: Progress| {
        let thread = thread::current().name().unwrap_or_default().to_owned();
        log.lock().push((bytes, total, thread));
    };
    (seen, callback)
}

fn numbers(seen: &Seen) -> Vec<(u64, Option<u64>)> {
    seen.lock().iter().map(|(bytes, total, _)| (*bytes, *total)).collect()
}

fn c05_an_upload_shows_what_is_about_to_be_written(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for total in [Some(6), None] {
        let (mut feeder, source) = fed();
        let body = match total {
            Some(length) => Body::from_sized_reader(source, length),
            None => Body::from_reader(source),
        };
        let (seen, on_progress) = record();
        let url = peers.url("/");
        // The body may be set after the callback.
        let call =
            send(&client, move |client| client.put(url).on_upload_progress(on_progress).body(body));
        let mut peer = peers.accept();
        feeder.feed("one");
        peer.expect_head("PUT /");
        let first = if total.is_some() { "one" } else { "3\r\none\r\n" };
        assert_eq!(peer.read_body(first.len()), first.as_bytes());
        assert_eq!(numbers(&seen), [(3, total)]);
        feeder.feed("two");
        feeder.end();
        let rest = if total.is_some() { "two" } else { "3\r\ntwo\r\n0\r\n\r\n" };
        assert_eq!(peer.read_body(rest.len()), rest.as_bytes());
        assert_eq!(numbers(&seen), [(3, total), (6, total)]);
        assert!(seen.lock().iter().all(|(.., thread)| thread == "hangup-write"));
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(text(call.finish()), "ok");
    }
}

fn c05_an_upload_that_is_sent_again_starts_over(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (seen, on_progress) = record();
    let url = peers.url("/");
    let call = send(&client, move |client| {
        client.post(url).on_upload_progress(on_progress).body("in memory")
    });
    let mut peer = peers.accept();
    assert_eq!(peer.expect_request("POST /").body, b"in memory");
    peer.send("HTTP/1.1 307 Said\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(peer.expect_request("POST /x").body, b"in memory");
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert_eq!(numbers(&seen), [(9, Some(9)), (9, Some(9))]);
}

fn c05_a_panic_of_the_upload_callback_fails_the_call(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let url = peers.url("/");
    let call = send(&client, move |client| {
        client.post(url).body("text").on_upload_progress(|_| panic!("a faulty callback"))
    });
    let mut peer = peers.accept();
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource, "{error}");
    peer.expect_closed();
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn c05_a_download_counts_the_bytes_as_they_were_sent() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let plain = b"a text that repeats ".repeat(1000);
    let zipped = gzip(&plain);
    let mut peer = None;
    for (chunked, is_zipped) in [(false, false), (true, false), (false, true), (true, true)] {
        if is_zipped && !cfg!(feature = "gzip") {
            continue;
        }
        let (seen, on_progress) = record();
        let url = peers.url("/");
        let call = send(&client, move |client| client.get(url).on_download_progress(on_progress));
        let peer = peer.get_or_insert_with(|| peers.accept());
        peer.expect_request("GET /");
        let body = if is_zipped { &zipped } else { &plain };
        let coding = if is_zipped { "Content-Encoding: gzip\r\n" } else { "" };
        let length = body.len();
        match chunked {
            false => {
                peer.send(format!("HTTP/1.1 200 OK\r\n{coding}Content-Length: {length}\r\n\r\n"))
            }
            true => {
                let framing = "Transfer-Encoding: chunked";
                peer.send(format!("HTTP/1.1 200 OK\r\n{coding}{framing}\r\n\r\n{length:x}\r\n"));
            }
        }
        peer.send(body);
        peer.send(if chunked { "\r\n0\r\n\r\n" } else { "" });
        let mut response = call.finish().unwrap();
        assert_eq!(numbers(&seen), [], "the head is no progress");
        assert_eq!(response.body_mut().read_bytes(1 << 20).unwrap(), plain);
        let seen = seen.lock();
        let total = (!chunked).then_some(length as u64);
        assert!(seen.iter().all(|(_, of, _)| *of == total), "{seen:?}");
        assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "{seen:?}");
        assert_eq!(
            seen.last().unwrap().0,
            length as u64,
            "chunked: {chunked}, zipped: {is_zipped}"
        );
        let here = thread::current().name().unwrap_or_default().to_owned();
        assert!(seen.iter().all(|(.., thread)| *thread == here), "{seen:?}");
        assert_eq!(client.idle_connections(), 1);
    }
}

#[test]
fn c05_bodies_of_redirects_and_empty_ones_are_not_reported() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let (seen, on_progress) = record();
    let (sent, on_upload) = record();
    let url = peers.url("/");
    let call = send(&client, move |client| {
        client.get(url).on_download_progress(on_progress).on_upload_progress(on_upload)
    });
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 302 Said\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nmoved");
    peer.expect_request("GET /x");
    peer.send("HTTP/1.1 204 Said\r\n\r\n");
    assert_eq!(text(call.finish()), "");
    assert_eq!((numbers(&seen), numbers(&sent)), (vec![], vec![]));
}

#[test]
fn c05_a_panic_of_the_download_callback_passes_through_the_read() {
    alone!();
    let peers = Over::Tcp.peers();
    let client = Client::new();
    let url = peers.url("/");
    let call = send(&client, move |client| {
        client.get(url).on_download_progress(|_| panic!("a faulty callback"))
    });
    let mut peer = peers.accept();
    peer.expect_request("GET /");
    peer.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\nx");
    let mut response = call.finish().unwrap();
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        response.body_mut().read(&mut [0; 10])
    }));
    assert!(read.is_err());
    drop(response);
    peer.expect_closed();
}
