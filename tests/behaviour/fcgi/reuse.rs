//! Request ids and connections that are reused.

use std::io::Write;
use std::thread;
use std::time::Duration;

use hangup::testing::TestServer;
use hangup::{Request, ResponseWriter, Result, fcgi};

use super::raw::{STDIN, WebServer, opened, record, request};
use super::{echo, next, path, reports, serve, serve_with};
use crate::support::{alone, rounds};

/// nginx with `fastcgi_keep_conn on` gives every request of a connection the id 1.
#[test]
fn f03_an_id_is_used_a_thousand_times_on_one_connection() {
    alone!();
    let (_server, mut peer) = serve(echo);
    for number in 0..rounds(1000) {
        let body = number.to_string().repeat(number % 50);
        peer.send(request(1, "/", &body, true)).expect_answer(1).expect("200 OK", &body);
    }
}

/// The id is free when a web server begins a new request as soon as END_REQUEST arrives.
#[test]
fn f03_an_id_is_free_the_moment_its_end_arrives() {
    alone!();
    let (server, _) = serve(path);
    let exchange = |id: u16| {
        let mut peer = WebServer::connect(&server);
        let bytes = request(id, "/x", "", true);
        for _ in 0..rounds(2000) {
            peer.send(&bytes).expect_answer(id).expect("200 OK", "/x");
        }
    };
    thread::scope(|scope| {
        for id in [1, 65_535] {
            scope.spawn(move || exchange(id));
        }
    });
}

#[test]
fn f03_a_body_that_was_not_read_does_not_spoil_the_next_request() {
    alone!();
    let (_server, mut peer) = serve(path);
    for _ in 0..20 {
        peer.send(opened(1, "/first", true)).expect_answer(1).expect("200 OK", "/first");
        // The rest of its body arrives after its end.
        peer.send(record(STDIN, 1, &[b'x'; 1000])).send(record(STDIN, 1, &[]));
    }
}

#[test]
fn f04_without_keep_conn_the_connection_is_closed_and_sees_no_reset() {
    alone!();
    let (server, mut peer) = serve(path);
    peer.send(request(1, "/", "", false)).expect_answer(1).expect("200 OK", "/");
    peer.expect_end();
    // The server reads the records that still arrive, so that the web server can read the response.
    let mut peer = WebServer::connect(&server);
    peer.send(opened(1, "/", false)).expect_answer(1).expect("200 OK", "/");
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &[b'x'; 60_000]));
    }
    peer.send(record(STDIN, 1, &[]));
    peer.expect_end();
}

#[test]
fn f04_a_request_without_keep_conn_is_the_last_to_begin() {
    alone!();
    let (_server, mut peer) = serve(echo);
    peer.send([opened(1, "/", true), opened(2, "/", false)].concat());
    // A request that begins behind it gets no response.
    peer.send(request(3, "/", "ignored", true));
    peer.send([record(STDIN, 2, b"two"), record(STDIN, 2, &[])].concat());
    peer.expect_answer(2).expect("200 OK", "two");
    peer.send([record(STDIN, 1, b"one"), record(STDIN, 1, &[])].concat());
    peer.expect_answer(1).expect("200 OK", "one");
    peer.expect_end();
}

#[test]
fn f01_a_response_streams_as_it_is_written() {
    alone!();
    let (release, released) = crossbeam_channel::bounded::<()>(0);
    let (_server, mut peer) = serve(move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        for piece in ["one", "two"] {
            w.write_all(piece.as_bytes())?;
            w.flush()?;
            released.recv()?;
        }
        Ok(w.write_all(&[b'x'; 200_000])?)
    });
    peer.send(opened(1, "/", true));
    let first = String::from_utf8(peer.expect(6, 1)).unwrap();
    assert!(first.starts_with("Status: 200 OK\r\n") && first.ends_with("\r\n\r\none"), "{first}");
    release.send(()).unwrap();
    assert_eq!(peer.expect(6, 1), b"two");
    release.send(()).unwrap();
    let answer = peer.expect_answer(1);
    assert_eq!(answer.head.len() + answer.body.len(), 200_000);
}

/// Starts a server for one connection, on which a request runs.
fn busy(server: impl FnOnce(fcgi::Server) -> fcgi::Server) -> (TestServer, WebServer) {
    let (report, begun) = reports();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| {
        report.send(()).unwrap();
        echo(w, r)
    };
    let (running, mut peer) = serve_with(server(fcgi::Server::new(handler).max_connections(1)));
    peer.send(opened(1, "/", true));
    next(&begun);
    (running, peer)
}

#[test]
fn f09_connections_beyond_the_limit_get_overloaded() {
    alone!();
    let (server, mut peer) = busy(|server| server);
    let mut second = WebServer::connect(&server);
    second.send(request(5, "/", "", true));
    assert_eq!(second.expect_answer(5).status, 2, "overloaded");
    // The server reads and discards the records that still arrive.
    second.send(record(STDIN, 5, &[b'x'; 60_000]));
    second.expect_end();
    peer.send(record(STDIN, 1, b"busy")).send(record(STDIN, 1, &[]));
    peer.expect_answer(1).expect("200 OK", "busy");
}

/// A connection that waits to be refused does not hold a thread for long.
#[test]
fn f09_a_connection_that_will_be_refused_has_a_time_limit() {
    alone!();
    let (server, mut peer) = busy(|server| server.idle_timeout(Duration::from_millis(20)));
    WebServer::connect(&server).expect_end();
    peer.send(record(STDIN, 1, &[])).expect_answer(1).expect("200 OK", "");
}
