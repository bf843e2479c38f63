//! Responses that are streamed, and responses that are held back for others.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use hangup::http::{HeaderMap, Response, StatusCode};
use hangup::testing::Parked;
use hangup::{Body, Request, ResponseWriter, Server, respond};

use super::{echo_path, next, reports, served, served_over};
use crate::support::{Over, PATIENCE, alone, over_each, rounds};

over_each![
    s12_a_body_of_a_source_goes_out_before_its_source_has_to_wait,
    s12_the_first_piece_of_a_source_decides_the_type,
    s12_a_body_of_known_length_goes_out_before_its_source_has_to_wait,
    s12_a_body_that_is_forwarded_arrives_piece_by_piece,
    s12_a_body_that_is_sent_back_arrives_piece_by_piece,
    s12_a_file_and_bytes_in_memory_are_sent_at_once,
    s12_status_and_headers_are_those_that_were_sent,
    s18_responses_without_bodies_are_held_back_up_to_a_limit,
    s15_memory_of_a_large_request_and_its_response_is_freed,
];

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Creates a body source that the test feeds.
struct Pipe {
    pieces: Receiver<Vec<u8>>,
    rest: Vec<u8>,
}

fn pipe() -> (Sender<Vec<u8>>, Pipe) {
    let (sender, pieces) = bounded(10);
    (sender, Pipe { pieces, rest: Vec::new() })
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.pieces.recv().unwrap_or_default();
        }
        let count = self.rest.len().min(buf.len());
        buf[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

fn events(body: Body) -> Response<Body> {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

fn s12_a_body_of_a_source_goes_out_before_its_source_has_to_wait(over: Over) {
    alone!();
    for sends in [true, false] {
        let (sender, source) = pipe();
        let source = Arc::new(parking_lot::Mutex::new(Some(source)));
        let (_server, _far, mut peer) = match sends {
            true => served(over, move |w: &mut ResponseWriter, _: &mut Request| {
                w.send(events(Body::from_reader(source.lock().take().unwrap())))
            }),
            false => served(
                over,
                respond(move |_| Ok(events(Body::from_reader(source.lock().take().unwrap())))),
            ),
        };
        let head = peer.send(GET).expect_head();
        assert_eq!(head.field("transfer-encoding"), Some("chunked"));
        for piece in [&b"a"[..], b"two", &[b'x'; 3000], &[b'y'; 5000], b"z"] {
            sender.send(piece.to_vec()).unwrap();
            let mut came = Vec::new();
            while came.len() < piece.len() {
                came.extend(peer.expect_chunk());
            }
            assert_eq!(came, piece);
        }
        drop(sender);
        peer.expect_text("0\r\n\r\n");
    }
}

/// The head of a response without a type waits for the first piece, which decides it.
fn s12_the_first_piece_of_a_source_decides_the_type(over: Over) {
    alone!();
    let (sender, source) = pipe();
    let source = Arc::new(parking_lot::Mutex::new(Some(source)));
    let (_server, _far, mut peer) = served(over, move |w: &mut ResponseWriter, _: &mut Request| {
        w.send(Response::new(Body::from_reader(source.lock().take().unwrap())))
    });
    sender.send(b"<html>".to_vec()).unwrap();
    let head = peer.send(GET).expect_head();
    assert_eq!(head.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(peer.expect_chunk(), b"<html>");
    sender.send(b"more".to_vec()).unwrap();
    assert_eq!(peer.expect_chunk(), b"more");
    drop(sender);
    peer.expect_text("0\r\n\r\n");
}

fn s12_a_body_of_known_length_goes_out_before_its_source_has_to_wait(over: Over) {
    alone!();
    let (sender, source) = pipe();
    let source = Arc::new(parking_lot::Mutex::new(Some(source)));
    let (_server, _far, mut peer) = served(over, move |w: &mut ResponseWriter, _: &mut Request| {
        let source = source.lock().take().unwrap();
        w.send(events(Body::from_sized_reader(source, 6)))
    });
    let head = peer.send(GET).expect_head();
    assert_eq!(head.field("content-length"), Some("6"));
    for piece in ["ab", "c", "def"] {
        sender.send(piece.into()).unwrap();
        peer.expect_text(piece);
    }
}

/// A forwarding server once held back an event stream until 16 KiB of it had arrived.
fn s12_a_body_that_is_forwarded_arrives_piece_by_piece(over: Over) {
    alone!();
    for (field, pieces, end) in [
        ("Transfer-Encoding: chunked", ["1\r\na", "\r\n3\r\ntwo\r", "\n1\r\nc\r\n"], "0\r\n\r\n"),
        ("Content-Length: 5", ["a", "two", "c"], ""),
        ("Connection: close", ["a", "two", "c"], ""),
    ] {
        let (peers, client) = (over.peers(), over.client());
        let url = over.url(peers.addr(), "/events");
        let handler = respond(move |_| client.get(&url).send());
        let (_server, _far, mut peer) = served(over, handler);
        peer.send(GET);
        let mut upstream = peers.accept();
        upstream.expect_request("GET /events");
        upstream.send(format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n"));
        let chunked = peer.expect_head().field("transfer-encoding").is_some();
        for (piece, text) in pieces.iter().zip(["a", "two", "c"]) {
            upstream.send(piece);
            match chunked {
                true => assert_eq!(peer.expect_chunk(), text.as_bytes()),
                false => drop(peer.expect_text(text)),
            }
        }
        upstream.send(end);
        drop(upstream);
        if chunked {
            peer.expect_text("0\r\n\r\n");
        }
    }
}

fn s12_a_body_that_is_sent_back_arrives_piece_by_piece(over: Over) {
    alone!();
    let handler = respond(|r| Ok(Response::new(std::mem::take(r.body_mut()))));
    let (_server, _far, mut peer) = served(over, handler);
    peer.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    // The answer does not begin before the body has.
    for (count, piece) in ["a", "two", "three"].into_iter().enumerate() {
        peer.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
        if count == 0 {
            assert_eq!(peer.expect_head().status, 200);
        }
        assert_eq!(peer.expect_chunk(), piece.as_bytes());
    }
    peer.send("0\r\n\r\n");
    peer.expect_text("0\r\n\r\n");
    // A complete body is sent in one piece.
    peer.send(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    let answer = peer.expect_response();
    assert_eq!((answer.field("content-length"), answer.text().as_str()), (Some("3"), "abc"));
}

fn s12_a_file_and_bytes_in_memory_are_sent_at_once(over: Over) {
    alone!();
    let (_server, _far, mut peer) = served(
        over,
        respond(|r| {
            Ok(Response::new(match r.uri().path() {
                "/file" => std::fs::File::open("Cargo.toml")?.into(),
                _ => Body::from("short"),
            }))
        }),
    );
    peer.send(GET);
    assert!(peer.read_once().ends_with("\r\n\r\nshort"));
    let text = std::fs::read_to_string("Cargo.toml").unwrap();
    peer.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
    let came = peer.read_once();
    let (_, begun) = came.split_once("\r\n\r\n").expect("a whole head");
    assert!(!begun.is_empty() && text.starts_with(begun), "{came}");
}

fn s12_status_and_headers_are_those_that_were_sent(over: Over) {
    alone!();
    let (report, seen) = reports::<(StatusCode, HeaderMap, HeaderMap)>();
    let (_server, _far, mut peer) = served(over, move |w: &mut ResponseWriter, _: &mut Request| {
        w.set_status(StatusCode::CREATED).set_header("x-sent", 1)?;
        w.flush()?;
        w.set_status(StatusCode::IM_A_TEAPOT).set_header("x-late", 1)?;
        w.headers_mut().clear();
        let late = w.headers_mut().clone();
        report.send((w.status(), w.headers().clone(), late)).unwrap();
        Ok(())
    });
    let answer = peer.send(GET).expect_response();
    assert_eq!((answer.status, answer.field("x-late")), (201, None));
    let (status, headers, late) = next(&seen);
    assert_eq!((status, headers.len()), (StatusCode::CREATED, 1));
    assert_eq!(headers["x-sent"], "1");
    assert!(late.is_empty());
    // The next answer has nothing of that.
    let answer = peer.send(GET).expect_response();
    assert_eq!((answer.status, answer.field("x-sent")), (201, Some("1")));
}

/// The server once collected all responses for a client that read none: the limit counted only bodies.
fn s18_responses_without_bodies_are_held_back_up_to_a_limit(over: Over) {
    alone!();
    let requests = rounds(2000);
    let answered = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&answered);
    let server = Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/first" {
            return echo_path(w, r);
        }
        counter.fetch_add(1, Ordering::SeqCst);
        w.set_status(StatusCode::NO_CONTENT).set_header("x-large", "x".repeat(4096))?;
        Ok(())
    });
    let (_server, far, mut peer) = served_over(over.pair_in_memory(), server);
    // A large head makes the buffer large that the others are read into.
    let large = format!("GET /first HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(700_000));
    let stream = peer.stream().clone();
    let sender = std::thread::spawn(move || {
        let _ = (&stream).write_all((large + &GET.repeat(requests)).as_bytes());
    });
    assert_eq!(peer.expect(200), "/first");
    assert!(far.wait_until_parked(Parked::Write, PATIENCE));
    // 64 KiB are in the pipe, 16 KiB held back, and TLS has as much again.
    let answered_by_then = answered.load(Ordering::SeqCst);
    assert!(answered_by_then < 100, "{answered_by_then} answers");
    for _ in 0..requests {
        assert_eq!(peer.expect_head().status, 204);
    }
    sender.join().unwrap();
}

fn s15_memory_of_a_large_request_and_its_response_is_freed(over: Over) {
    alone!();
    let server = Server::new(|w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/large" {
            w.set_header("x-large", "x".repeat(200_000))?;
        }
        echo_path(w, r)
    });
    let server = server.max_header_bytes(4 << 20);
    let (_server, _far, mut peer) = served_over(over.pair(), server);
    let large = format!("GET /large HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(2 << 20));
    for _ in 0..3 {
        // The next request is there already when the memory is given back: it must be served whole.
        peer.send(format!("{large}{GET}GET /par")).send("t HTTP/1.1\r\nHost: a\r\n\r\n");
        for path in ["/large", "/", "/part"] {
            assert_eq!(peer.expect(200), path);
        }
    }
}
