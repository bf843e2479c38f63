//! Handlers that panic or fail.

use std::io::Write;

use hangup::{Error, Request, RequestExt, ResponseWriter, Result, Server};

use super::{echo_path, next, reports, served};
use crate::support::{Over, PATIENCE, alone, logs, over_each};

over_each![
    s13_a_panic_before_the_first_byte_closes_without_a_response,
    s13_an_error_before_the_first_byte_is_a_500_without_the_handlers_headers,
    s13_a_begun_chunked_body_is_never_ended_properly,
    s13_a_begun_body_of_declared_length_stays_short,
    #[cfg_attr(windows, ignore = "Wine ends the stream before it resets the connection")]
    s13_a_begun_body_that_ends_with_the_connection_is_reset,
    s13_the_server_serves_on_after_a_panic,
    s13_a_panic_with_a_background_read_leaves_no_thread,
    s13_responses_before_a_panic_arrive,
    s13_a_value_dropped_with_the_request_may_panic,
    s13_a_panic_of_the_state_callback_ends_nothing,
    s13_a_payload_that_panics_when_it_is_dropped_ends_nothing_else,
    s13_an_error_may_panic_when_it_is_printed_or_dropped,
];

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn fail(how: &str) -> Result<()> {
    match how {
        "panic" => panic!("on purpose"),
        _ => Err(Error::other("on purpose")),
    }
}

fn s13_a_panic_before_the_first_byte_closes_without_a_response(over: Over) {
    alone!();
    for written in [0, 100] {
        let (_server, _far, mut peer) =
            served(over, move |w: &mut ResponseWriter, _: &mut Request| {
                w.write_all(&vec![b'x'; written])?;
                fail("panic")
            });
        peer.send(GET).expect_end();
    }
}

fn s13_an_error_before_the_first_byte_is_a_500_without_the_handlers_headers(over: Over) {
    alone!();
    let (_server, _far, mut peer) = served(over, |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/good" {
            return echo_path(w, r);
        }
        w.set_status(hangup::http::StatusCode::CREATED).set_header("x-secret", "1")?;
        w.trailers_mut().insert("x-secret", 1.into());
        w.write_all(b"half an answer")?;
        fail("error")
    });
    let answer = peer.send(GET).expect_response();
    assert_eq!((answer.status, answer.text().as_str()), (500, "500 Internal Server Error\n"));
    assert_eq!(answer.field("x-secret"), None);
    // The connection is as good as before.
    peer.send("GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(peer.expect(200), "/good");
    let answer = peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").expect_head();
    assert_eq!(answer.status, 500);
    peer.half_close().expect_end();
}

fn s13_a_begun_chunked_body_is_never_ended_properly(over: Over) {
    alone!();
    for how in ["panic", "error"] {
        let (_server, _far, mut peer) =
            served(over, move |w: &mut ResponseWriter, _: &mut Request| {
                w.write_all(b"part")?;
                w.flush()?;
                w.write_all(b" of it")?;
                fail(how)
            });
        peer.send(GET);
        assert_eq!(peer.expect_head().field("transfer-encoding"), Some("chunked"));
        assert_eq!(peer.expect_chunk(), b"part");
        let rest = peer.rest();
        assert!(!rest.windows(3).any(|bytes| bytes == b"0\r\n"), "{how}: {rest:?}");
    }
}

fn s13_a_begun_body_of_declared_length_stays_short(over: Over) {
    alone!();
    for how in ["panic", "error"] {
        let (_server, _far, mut peer) =
            served(over, move |w: &mut ResponseWriter, _: &mut Request| {
                w.set_header("content-length", 10)?;
                w.write_all(b"part")?;
                w.flush()?;
                fail(how)
            });
        assert_eq!(peer.send(GET).expect_head().field("content-length"), Some("10"));
        peer.expect_text("part").expect_end();
    }
}

/// The end of the connection delimits an HTTP/1.0 body, so a FIN would make it look complete.
fn s13_a_begun_body_that_ends_with_the_connection_is_reset(over: Over) {
    alone!();
    for how in ["panic", "error"] {
        let server = over.server(move |w: &mut ResponseWriter, _: &mut Request| {
            w.write_all(b"part")?;
            w.flush()?;
            fail(how)
        });
        let mut peer = over.connect(&server);
        peer.send("GET / HTTP/1.0\r\n\r\n").expect_reset();
    }
}

fn s13_the_server_serves_on_after_a_panic(over: Over) {
    alone!();
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
        "/panic" => panic!("on purpose"),
        _ => echo_path(w, r),
    });
    let mut other = over.connect(&server);
    for _ in 0..20 {
        let mut peer = over.connect(&server);
        peer.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").expect_end();
        other.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(other.expect(200), "/other");
    }
    drop(other);
    assert!(server.handle().shutdown(PATIENCE));
}

fn s13_a_panic_with_a_background_read_leaves_no_thread(over: Over) {
    alone!(waits);
    let server = over.server(|_: &mut ResponseWriter, r: &mut Request| {
        let _context = r.context();
        panic!("on purpose")
    });
    let mut peer = over.connect(&server);
    peer.send(GET).expect_end();
    assert!(server.handle().shutdown(PATIENCE));
    assert_eq!(server.handle().connections(), 0);
}

fn s13_responses_before_a_panic_arrive(over: Over) {
    alone!();
    let (_server, _far, mut peer) =
        served(over, |w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
            "/panic" => panic!("on purpose"),
            _ => echo_path(w, r),
        });
    let panic = "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n";
    peer.send([GET, GET, panic, GET].concat());
    assert_eq!(peer.expect(200), "/");
    assert_eq!(peer.expect(200), "/");
    peer.expect_end();
}

fn s13_a_value_dropped_with_the_request_may_panic(over: Over) {
    alone!(waits);
    #[derive(Clone)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "on purpose");
        }
    }
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| {
        r.extensions_mut().insert(Bomb);
        echo_path(w, r)
    });
    // The answer had been given; nothing more is served behind it.
    let mut peer = over.connect(&server);
    peer.send([GET, GET].concat());
    assert_eq!(peer.expect(200), "/");
    peer.expect_silence_to_the_end();
    assert!(server.handle().shutdown(PATIENCE));
}

/// The callback also runs on the accepting thread, which its panic once ended.
fn s13_a_panic_of_the_state_callback_ends_nothing(over: Over) {
    alone!();
    let (report, states) = reports();
    let server = Server::new(echo_path).on_connection_state(move |_, state| {
        report.send(state).unwrap();
        panic!("on purpose");
    });
    let server = over.server_with(server);
    for _ in 0..2 {
        let mut peer = over.connect(&server);
        assert_eq!(peer.send(GET).expect(200), "/");
    }
    assert_eq!(next(&states), hangup::server::ConnState::New);
}

/// A panic payload that panics each time that it is dropped.
#[derive(Debug)]
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        std::panic::panic_any(Self);
    }
}

/// Such a payload once ended the connection's thread and leaked its watch thread and descriptors. From the
/// state callback, it ended the accept loop.
fn s13_a_payload_that_panics_when_it_is_dropped_ends_nothing_else(over: Over) {
    alone!();
    let server = Server::new(|w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
        "/panic" => {
            let _context = r.context();
            std::panic::panic_any(Payload)
        }
        _ => echo_path(w, r),
    });
    let server = server.on_connection_state(|_, _| std::panic::panic_any(Payload));
    let server = over.server_with(server);
    for _ in 0..3 {
        let mut peer = over.connect(&server);
        peer.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n").expect_end();
        let mut peer = over.connect(&server);
        assert_eq!(peer.send(GET).expect(200), "/");
    }
    assert!(server.handle().shutdown(PATIENCE));
}

fn s13_an_error_may_panic_when_it_is_printed_or_dropped(over: Over) {
    alone!();
    #[derive(Debug)]
    struct Printed;
    impl std::fmt::Display for Printed {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            std::panic::panic_any(Payload)
        }
    }
    impl std::error::Error for Printed {}
    #[derive(Debug)]
    struct Dropped(#[allow(dead_code, reason = "dropped")] Payload);
    impl std::fmt::Display for Dropped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("on purpose")
        }
    }
    impl std::error::Error for Dropped {}
    logs::collect();
    let server = over.server(|w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
        "/printed" => Err(Error::other(Printed)),
        "/dropped" => Err(Error::other(Dropped(Payload))),
        _ => echo_path(w, r),
    });
    for path in ["/printed", "/dropped"] {
        let mut peer = over.connect(&server);
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        peer.rest();
        let mut peer = over.connect(&server);
        assert_eq!(peer.send(GET).expect(200), "/");
    }
    assert!(server.handle().shutdown(PATIENCE));
}
