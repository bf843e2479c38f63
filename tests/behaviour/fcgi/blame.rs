//! H1 over FastCGI: the status of an error depends on its cause.

use std::io::Write;
use std::time::{Duration, Instant};

use hangup::http::StatusCode;
use hangup::{Error, Request, ResponseWriter, Result, fcgi};
use log::Level;

use super::raw::{
    ABORT, Answer, END, PARAMS, STDIN, WebServer, begin, opened, pairs, record, request, variables,
};
use super::{next, reports, serve, serve_with};
use crate::support::{alone, logs};

/// Reads at most 4 bytes of the body, and hides the error in another.
fn reads_four(_: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match r.body_mut().read_bytes(4) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::status(StatusCode::IM_A_TEAPOT, "cannot read")),
    }
}

/// Returns a request with a declared length and a part of its body.
fn declared(length: &str, body: &[u8]) -> Vec<u8> {
    let params = [variables("/"), pairs(&[("CONTENT_LENGTH", length)])].concat();
    let mut bytes =
        [begin(1, 1, true), record(PARAMS, 1, &params), record(PARAMS, 1, &[])].concat();
    bytes.extend(record(STDIN, 1, body));
    bytes
}

#[track_caller]
fn expect_status(answer: &Answer, status: &str) {
    assert!(answer.head.starts_with(&format!("Status: {status}")), "{answer:?}");
}

/// Expects the end of the request without a response.
#[track_caller]
fn expect_no_answer(peer: &mut WebServer) {
    let answer = peer.expect_answer(1);
    assert_eq!((answer.head.as_str(), answer.body.as_str(), answer.status), ("", "", 0));
    assert_ne!(answer.exit, 0);
}

#[test]
fn h01_a_failed_request_body_decides_the_status() {
    alone!();
    logs::collect();
    let (_server, mut peer) = serve(reads_four);
    let whole = [declared("5", b"hello"), record(STDIN, 1, &[])].concat();
    for bytes in [whole, request(1, "/", "hello", true)] {
        expect_status(&peer.send(bytes).expect_answer(1), "413");
    }
    peer.send(request(1, "/", "four", true)).expect_answer(1).expect("200 OK", "");

    // Shorter than it was declared to be: the client has gone.
    peer.send([declared("3", b"hi"), record(STDIN, 1, &[])].concat());
    expect_no_answer(&mut peer);
    peer.send([opened(1, "/", true), record(ABORT, 1, &[])].concat());
    expect_no_answer_at_all(&mut peer);
    peer.send(declared("3", b"hi")).half_close();
    expect_no_answer(&mut peer);
    peer.expect_end();
    assert_eq!(logs::of_servers(Level::Warn), [""; 0]);
    let told = logs::of_servers(Level::Debug);
    assert!(told.iter().any(|line| line.contains("POST / answered with 413")), "{told:?}");
}

/// Expects the end of an aborted request.
#[track_caller]
fn expect_no_answer_at_all(peer: &mut WebServer) {
    assert_eq!(peer.expect(END, 1), [0; 8]);
}

#[test]
fn h01_a_body_that_is_too_slow_is_answered_with_408() {
    alone!();
    let soon = Duration::from_millis(20);
    let (_server, mut peer) = serve_with(fcgi::Server::new(reads_four).body_idle_timeout(soon));
    expect_status(&peer.send(declared("3", b"hi")).expect_answer(1), "408");
    // The connection goes on.
    peer.send(record(STDIN, 1, b"too late")).send(request(1, "/", "four", true));
    peer.expect_answer(1).expect("200 OK", "");

    let (_server, mut peer) = serve(move |w: &mut ResponseWriter, r: &mut Request| {
        w.set_read_deadline(Some(Instant::now() + soon));
        reads_four(w, r)
    });
    expect_status(&peer.send(opened(1, "/", true)).expect_answer(1), "408");
}

#[test]
fn h01_a_body_that_exceeds_the_held_back_limit_is_answered_with_413() {
    alone!();
    let (release, released) = reports();
    let server = fcgi::Server::new(move |w: &mut ResponseWriter, r: &mut Request| {
        next(&released);
        reads_four(w, r)
    });
    let (_server, mut peer) = serve_with(server.max_held_back(5000).body_patience(Duration::ZERO));
    peer.send(opened(1, "/", true));
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &[b'x'; 1000]));
    }
    // The answer comes behind the body.
    peer.send(record(9, 0, &[])).expect(10, 0);
    release.send(()).unwrap();
    expect_status(&peer.expect_answer(1), "413");
}

#[test]
fn h01_an_error_after_the_head_sends_no_second_response() {
    alone!();
    let (_server, mut peer) = serve(|w: &mut ResponseWriter, r: &mut Request| {
        w.write_all(b"begun")?;
        w.flush()?;
        reads_four(w, r)
    });
    let answer = peer.send(request(1, "/", "hello", true)).expect_answer(1);
    answer.expect("200 OK", "begun");
    assert_ne!(answer.exit, 0);
}

/// The kind of an error does not identify its cause: the handler may have called another server.
#[test]
fn h01_an_error_of_a_call_that_the_handler_made_is_a_500() {
    alone!();
    let (_server, mut peer) = serve(|_: &mut ResponseWriter, r: &mut Request| {
        r.body_mut().read_bytes(100)?;
        let mut other = hangup::Body::from("an answer that is too long");
        other.read_bytes(4).map(drop)
    });
    expect_status(&peer.send(request(1, "/", "hello", true)).expect_answer(1), "500");
}

/// A handler that did not read the body did not fail because of it.
#[test]
fn h01_an_unread_body_that_fails_does_not_decide_the_status() {
    alone!();
    let (release, released) = reports();
    let server = fcgi::Server::new(move |_: &mut ResponseWriter, _: &mut Request| {
        next::<()>(&released);
        Err(Error::from("no such row"))
    });
    let (_server, mut peer) = serve_with(server.max_held_back(10).body_patience(Duration::ZERO));
    peer.send(opened(1, "/", true));
    peer.send(record(STDIN, 1, &[b'x'; 10])).send(record(STDIN, 1, &[b'x'; 10]));
    peer.send(record(9, 0, &[])).expect(10, 0);
    release.send(()).unwrap();
    expect_status(&peer.expect_answer(1), "500");
}

#[test]
fn h02_a_hook_turns_errors_into_responses() {
    alone!();
    let server = fcgi::Server::new(reads_four).on_error(|error, status, request| {
        let text = format!("{} for {}: {:?}", status.as_u16(), request.uri(), error.kind());
        hangup::Response::builder().status(status).header("x-hook", "1").body(text).unwrap()
    });
    let (_server, mut peer) = serve_with(server);
    let answer = peer.send(request(1, "/a", "hello", true)).expect_answer(1);
    expect_status(&answer, "413");
    assert!(answer.head.to_lowercase().contains("x-hook: 1"), "{answer:?}");
    assert_eq!(answer.body, "413 for /a: TooLarge");
}
