//! Files as request bodies: sent again, and changed while they are sent.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use hangup::{ErrorKind, ResponseExt};

use super::{get, send, text};
use crate::support::{Over, alone, over_each, pattern};

over_each![each way:
    t11_a_file_is_sent_again_on_another_connection,
    t16_a_file_follows_a_redirect,
    t11_a_file_that_shrinks_while_it_is_sent_fails_the_call,
    t11_a_file_that_grows_keeps_its_length,
];

/// A length that exceeds every socket buffer.
const LENGTH: usize = 3_000_000;

/// A file that is removed at the end of its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(length: usize) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("hangup-upload-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, pattern(length)).expect("a temporary file");
        Self(path)
    }

    fn open(&self) -> File {
        File::open(&self.0).expect("the file")
    }

    fn set_length(&self, length: usize) {
        let file = File::options().write(true).open(&self.0).expect("the file");
        file.set_len(length as u64).expect("another length");
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn t11_a_file_is_sent_again_on_another_connection(over: Over) {
    alone!();
    for length in [10, LENGTH] {
        let (peers, client, scratch) = (over.peers(), over.client(), Scratch::new(length));
        let call = get(&client, peers.url("/first"));
        let mut peer = peers.accept();
        peer.expect_request("GET /first");
        peer.answer(200, "ok");
        text(call.finish());
        let (url, file) = (peers.url("/upload"), scratch.open());
        let call =
            send(&client, move |client| client.put(url).header("idempotency-key", "7").body(file));
        assert!(peer.expect_request("PUT /upload").body == pattern(length));
        drop(peer);
        let mut peer = peers.accept();
        let again = peer.expect_request("PUT /upload");
        assert_eq!(again.field("content-length"), Some(length.to_string().as_str()));
        assert!(again.body == pattern(length));
        peer.answer(200, "again");
        assert_eq!(text(call.finish()), "again");
    }
}

fn t16_a_file_follows_a_redirect(over: Over) {
    alone!();
    for (status, length) in [(307, 10), (308, LENGTH), (307, 0)] {
        let (peers, client, scratch) = (over.peers(), over.client(), Scratch::new(length));
        let (url, file) = (peers.url("/a"), scratch.open());
        let call = send(&client, move |client| client.put(url).body(file));
        let mut peer = peers.accept();
        assert!(peer.expect_request("PUT /a").body == pattern(length));
        peer.send(format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
        ));
        assert!(peer.expect_request("PUT /b").body == pattern(length));
        peer.answer(200, "there");
        let response = call.finish().expect("a response");
        assert_eq!(response.redirects(), 1);
        assert_eq!(text(Ok(response)), "there");
    }
}

fn t11_a_file_that_shrinks_while_it_is_sent_fails_the_call(over: Over) {
    alone!();
    let (peers, client, scratch) = (over.peers(), over.client(), Scratch::new(LENGTH));
    let (url, file) = (peers.url("/"), scratch.open());
    let body = hangup::Body::from(file);
    scratch.set_length(LENGTH / 2);
    let call = send(&client, move |client| client.put(url).body(body));
    let mut peer = peers.accept();
    let head = peer.expect_head("PUT /");
    assert!(head.contains(&LENGTH.to_string()), "{head}");
    // The missing bytes are not replaced.
    assert!(peer.expect_closed().len() <= LENGTH / 2);
    let error = call.finish().expect_err("half a body");
    assert_eq!(error.kind(), ErrorKind::BodySource, "{error}");
    assert!(error.to_string().contains("1500000 bytes shorter"), "{error}");
    peers.expect_no_more();
}

fn t11_a_file_that_grows_keeps_its_length(over: Over) {
    alone!();
    let (peers, client, scratch) = (over.peers(), over.client(), Scratch::new(LENGTH));
    let (url, file) = (peers.url("/"), scratch.open());
    let body = hangup::Body::from(file);
    scratch.set_length(LENGTH * 2);
    let call = send(&client, move |client| client.put(url).body(body));
    let mut peer = peers.accept();
    assert!(peer.expect_request("PUT /").body == pattern(LENGTH));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    // Nothing of the rest was sent behind it: the connection is good for more.
    let call = get(&client, peers.url("/next"));
    peer.expect_request("GET /next");
    peer.answer(200, "next");
    assert_eq!(text(call.finish()), "next");
}
