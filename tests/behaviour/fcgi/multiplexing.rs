//! Several concurrent requests on one connection, and bodies that no handler reads.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use hangup::net::{Parked, Stream};
use hangup::server::ServerHandle;
use hangup::{Body, Request, ResponseWriter, Result, fcgi};

use super::raw::{END, GET_VALUES, PARAMS, STDIN, begin, opened, pairs, record, request};
use super::{echo, next, path, reports, serve, serve_here, serve_with};
use crate::support::{PATIENCE, alone};

#[test]
fn f03_two_handlers_of_one_connection_interleave() {
    alone!();
    let (_server, mut peer) = serve(|w: &mut ResponseWriter, r: &mut Request| {
        let mut byte = [0];
        while r.body_mut().read(&mut byte)? > 0 {
            w.write_all(&byte)?;
            w.flush()?;
        }
        Ok(())
    });
    peer.send([opened(1, "/", true), opened(2, "/", true)].concat());
    for (id, byte) in [(1, b"a"), (2, b"b"), (2, b"c"), (1, b"d")] {
        peer.send(record(STDIN, id, byte));
        assert!(peer.expect(6, id).ends_with(byte));
    }
    peer.send(record(STDIN, 2, &[]));
    assert!(peer.expect(6, 2).is_empty());
    peer.expect(END, 2);
    peer.send(record(STDIN, 1, b"e"));
    assert_eq!(peer.expect(6, 1), b"e");
}

#[test]
fn f02_many_requests_at_once_are_all_answered() {
    alone!();
    let (_server, mut peer) = serve(echo);
    let body = |id: u16| id.to_string().repeat(1000);
    let begun: Vec<u8> = (1..=80).flat_map(|id| opened(id, "/", true)).collect();
    peer.send(begun);
    for id in (1..=80).rev() {
        peer.send(record(STDIN, id, body(id).as_bytes())).send(record(STDIN, id, &[]));
    }
    for (id, answer) in peer.expect_answers(80) {
        answer.expect("200 OK", &body(id));
    }
}

#[test]
fn f09_more_requests_than_a_connection_may_have_are_refused() {
    alone!();
    let server = |most| fcgi::Server::new(echo).max_requests_per_connection(most);
    for (most, status) in [(1, 1), (2, 2)] {
        let (_server, mut peer) = serve_with(server(most));
        for id in 1..=most {
            peer.send(opened(id as u16, "/", true));
        }
        peer.send(begin(9, 1, true));
        assert_eq!(peer.expect(END, 9), [0, 0, 0, 0, status, 0, 0, 0]);
        peer.send(record(STDIN, 1, &[])).expect_answer(1).expect("200 OK", "");
        peer.send(request(9, "/", "now", true)).expect_answer(9).expect("200 OK", "now");
    }
}

#[test]
fn f09_more_handlers_than_there_may_be_are_refused() {
    alone!();
    let (_server, mut peer) = serve_with(fcgi::Server::new(echo).max_threads(1));
    peer.send([opened(1, "/", true), opened(2, "/", true)].concat());
    assert_eq!(peer.expect(END, 2)[4], 2, "overloaded");
    peer.send(record(STDIN, 1, &[])).expect_answer(1).expect("200 OK", "");
}

/// A handler that reads its body only after a signal.
fn waits_before_it_reads(
    server: impl FnOnce(fcgi::Server) -> fcgi::Server,
) -> (hangup::testing::TestServer, super::WebServer, crossbeam_channel::Sender<()>) {
    let (release, released) = bounded(0);
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        if r.uri().path() != "/waits" {
            return path(w, r);
        }
        released.recv_timeout(PATIENCE).expect("to be released");
        match r.body_mut().read_bytes(1 << 30) {
            Ok(bytes) => write!(w, "{}", bytes.len())?,
            Err(error) => write!(w, "{:?}: {error}", error.kind())?,
        }
        Ok(())
    };
    let (server, peer) = serve_with(server(fcgi::Server::new(handler)));
    (server, peer, release)
}

const PIECE: [u8; 1000] = [b'x'; 1000];

#[test]
fn f08_a_body_up_to_the_limit_is_held_back_while_others_continue() {
    alone!();
    let (_server, mut peer, release) = waits_before_it_reads(|server| server.max_held_back(5000));
    peer.send(opened(1, "/waits", true));
    for _ in 0..5 {
        peer.send(record(STDIN, 1, &PIECE));
    }
    peer.send(record(STDIN, 1, &[]));
    peer.send(request(2, "/other", "", true)).expect_answer(2).expect("200 OK", "/other");
    release.send(()).unwrap();
    peer.expect_answer(1).expect("200 OK", "5000");
}

/// One of several concurrent requests does not block the others.
#[test]
fn f08_beyond_the_limit_a_multiplexed_body_fails_and_others_continue() {
    alone!();
    let ask = record(GET_VALUES, 0, &pairs(&[("FCGI_MPXS_CONNS", "")]));
    for asks in [true, false] {
        let (_server, mut peer, release) =
            waits_before_it_reads(|server| server.max_held_back(5000).body_patience(None));
        peer.send(opened(1, "/waits", true));
        if asks {
            peer.send(&ask).expect(10, 0);
        } else {
            peer.send(request(2, "/", "", true)).expect_answer(2).expect("200 OK", "/");
        }
        for _ in 0..20 {
            peer.send(record(STDIN, 1, &PIECE));
        }
        peer.send(record(STDIN, 1, &[]));
        peer.send(request(2, "/other", "", true)).expect_answer(2).expect("200 OK", "/other");
        release.send(()).unwrap();
        let answer = peer.expect_answer(1);
        assert!(answer.body.starts_with("TooLarge") && answer.body.contains("5000"), "{answer:?}");
    }
}

/// With a single request, reading waits for the handler, and no byte of the body is lost.
#[test]
fn f08_beyond_the_limit_the_connection_waits_for_its_only_handler() {
    alone!();
    let (_server, mut peer, release) =
        waits_before_it_reads(|server| server.max_held_back(5000).body_patience(None));
    peer.send(opened(1, "/waits", true));
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &PIECE));
    }
    peer.send(record(STDIN, 1, &[]));
    release.send(()).unwrap();
    peer.expect_answer(1).expect("200 OK", "20000");
}

#[test]
fn f08_the_wait_for_a_handler_has_a_limit() {
    alone!();
    let patience = Duration::from_millis(20);
    let (_server, mut peer, release) =
        waits_before_it_reads(|server| server.max_held_back(5000).body_patience(patience));
    peer.send(opened(1, "/waits", true));
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &PIECE));
    }
    peer.send(record(STDIN, 1, &[]));
    peer.send(request(2, "/other", "", true)).expect_answer(2).expect("200 OK", "/other");
    release.send(()).unwrap();
    assert!(peer.expect_answer(1).body.starts_with("TooLarge"));
}

#[test]
fn f08_a_handler_that_never_reads_its_body_still_responds() {
    alone!();
    let (_server, mut peer) = serve_with(fcgi::Server::new(path).max_held_back(5000));
    for _ in 0..3 {
        peer.send(opened(1, "/", true));
        for _ in 0..20 {
            peer.send(record(STDIN, 1, &PIECE));
        }
        peer.send(record(STDIN, 1, &[])).expect_answer(1).expect("200 OK", "/");
    }
}

#[test]
#[cfg_attr(hangup_portable, ignore = "its unread records hide the end of the stream")]
#[cfg_attr(
    not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_vendor = "apple"
    )),
    ignore = "its unread records hide the end of the stream"
)]
fn f08_a_web_server_that_closes_is_noticed_while_the_connection_waits() {
    alone!();
    let (report, seen) = reports();
    let (_server, mut peer) = serve_with(
        fcgi::Server::new(move |_: &mut ResponseWriter, r: &mut Request| {
            report.send("begun".to_owned()).unwrap();
            report.send(super::reason(r)).unwrap();
            Ok(())
        })
        .max_held_back(5000)
        .body_patience(None),
    );
    peer.send(opened(1, "/", true));
    assert_eq!(next(&seen), "begun");
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &PIECE));
    }
    drop(peer);
    assert!(next(&seen).contains("closed"));
}

/// Starts a server whose handler gives the body to the test at `/gives`, and returns after a signal.
fn gives_its_body_away(
    server: impl FnOnce(fcgi::Server) -> fcgi::Server,
) -> (ServerHandle, super::WebServer, Stream, Receiver<Body>, Sender<()>) {
    let (release, released) = bounded(0);
    let (give, given) = reports();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        if r.uri().path() == "/gives" {
            give.send(std::mem::replace(r.body_mut(), Body::empty())).unwrap();
            released.recv_timeout(PATIENCE).expect("to be released");
        }
        path(w, r)
    };
    let server = server(fcgi::Server::new(handler).max_held_back(5000).body_patience(None));
    let (handle, peer, far) = serve_here(server);
    (handle, peer, far, given, release)
}

/// The connection does not wait for the reader of a dropped body, which may have panicked.
#[test]
fn f08_a_dropped_body_holds_nothing_back() {
    alone!();
    let (_handle, mut peer, far, given, release) = gives_its_body_away(|server| server);
    peer.send(opened(1, "/gives", true));
    let body = next(&given);
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &PIECE));
    }
    assert!(far.wait_until_parked(Parked::Hangup, PATIENCE));
    let reader = thread::spawn(move || {
        let _body = body;
        panic!("on purpose");
    });
    reader.join().unwrap_err();
    peer.send(request(2, "/other", "", true)).expect_answer(2).expect("200 OK", "/other");
    release.send(()).unwrap();
    peer.expect_answer(1).expect("200 OK", "/gives");
}

/// The connection does not wait for a handler that has returned, wherever the body is.
#[test]
fn f08_a_handler_that_returns_makes_room() {
    alone!();
    let (_handle, mut peer, far, given, release) = gives_its_body_away(|server| server);
    peer.send(opened(1, "/gives", true));
    let _body = next(&given);
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &PIECE));
    }
    assert!(far.wait_until_parked(Parked::Hangup, PATIENCE));
    release.send(()).unwrap();
    peer.expect_answer(1).expect("200 OK", "/gives");
    peer.send(request(2, "/other", "", true)).expect_answer(2).expect("200 OK", "/other");
}

/// Bytes beyond the declared length are no part of the body. The connection does not wait for its reader.
#[test]
fn f08_bytes_beyond_the_declared_length_hold_nothing_back() {
    alone!();
    for (length, body) in [("0", ""), ("3", "abc")] {
        let (_handle, mut peer, _far, given, release) = gives_its_body_away(|server| server);
        let more = pairs(&[("CONTENT_LENGTH", length)]);
        let params = [super::raw::variables("/gives"), more].concat();
        peer.send([begin(1, 1, true), record(PARAMS, 1, &params), record(PARAMS, 1, &[])].concat());
        let mut kept = next(&given);
        peer.send(record(STDIN, 1, b"abc"));
        assert_eq!(kept.read_text(10).unwrap(), body);
        for _ in 0..20 {
            peer.send(record(STDIN, 1, &PIECE));
        }
        peer.send(request(2, "/other", "", true)).expect_answer(2).expect("200 OK", "/other");
        release.send(()).unwrap();
        peer.expect_answer(1).expect("200 OK", "/gives");
    }
}

/// The end of the web server's stream is seen once. The connection then waits without polling it.
#[test]
fn f08_the_wait_for_a_handler_sees_the_end_of_the_stream_once() {
    alone!();
    let (report, seen) = reports();
    let (release, released) = bounded::<()>(0);
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        report.send(super::reason(r)).unwrap();
        released.recv_timeout(PATIENCE).expect("to be released");
        write!(w, "{}", r.body_mut().read_bytes(1 << 20)?.len())?;
        Ok(())
    };
    let server = fcgi::Server::new(handler).max_held_back(5000).body_patience(None);
    let (_handle, mut peer, far) = serve_here(server);
    peer.send(opened(1, "/", true));
    for _ in 0..20 {
        peer.send(record(STDIN, 1, &PIECE));
    }
    peer.send(record(STDIN, 1, &[])).half_close();
    assert!(next(&seen).contains("closed"));
    assert!(far.wait_until_parked(Parked::Hangup, PATIENCE));
    release.send(()).unwrap();
    peer.expect_answer(1).expect("200 OK", "20000");
    peer.expect_end();
}
