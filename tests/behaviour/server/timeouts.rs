//! Each time limit alone.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use hangup::{Error, Request, RequestExt, ResponseWriter, Server, TimeLimit};

use super::{also_in_memory, echo_path, next, reports};
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![
    s15_an_incomplete_head_closes_the_connection_without_a_response,
    s15_a_head_that_drips_does_not_extend_its_limit,
    s15_the_limit_for_a_head_begins_with_its_first_byte,
    s15_an_idle_connection_is_closed,
    s15_an_idle_connection_without_buffers_is_served_again,
    s15_an_incomplete_body_fails_its_handler_at_the_limit,
    s15_the_limit_for_a_request_ends_with_its_body,
    s15_a_client_that_never_reads_fails_its_handler,
    s15_a_client_that_sends_requests_and_never_reads_does_not_hold_its_thread,
    s15_a_handler_moves_its_deadlines,
    s15_a_deadline_of_one_request_does_not_apply_to_the_next,
    s15_a_read_deadline_that_passes_does_not_end_the_context,
    s15_a_limit_may_be_the_longest_duration,
    s15_the_limit_for_a_request_covers_its_head,
    s15_a_silent_body_fails_its_handler,
    s15_a_body_that_keeps_arriving_is_not_idle,
    s15_the_earliest_of_several_limits_applies,
    s15_a_client_that_stops_reading_fails_its_handler,
    s15_a_client_that_reads_slowly_gets_its_response,
    s15_a_refusal_has_the_write_limit_of_any_response,
];

const SHORT: Duration = Duration::from_millis(150);
const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

/// Creates a server without the default limits, so that a test sets only one.
fn unlimited(handler: impl hangup::Handler) -> Server {
    Server::with_handler(handler).read_header_timeout(None).idle_timeout(None)
}

fn s15_an_incomplete_head_closes_the_connection_without_a_response(over: Over) {
    alone!(waits);
    for part in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\nX: "] {
        // Before the server accepts, which begins the time for a first byte.
        let begun = Cell::new(Instant::now());
        let server = || {
            begun.set(Instant::now());
            unlimited(echo_path).read_header_timeout(SHORT)
        };
        also_in_memory(over, server, |peer| {
            peer.send(part).expect_end();
            assert!(begun.get().elapsed() >= SHORT, "{part:?}");
        });
    }
}

fn s15_a_head_that_drips_does_not_extend_its_limit(over: Over) {
    alone!(waits);
    let server = over.server_with(unlimited(echo_path).read_header_timeout(4 * SHORT));
    let mut peer = over.connect(&server);
    let begun = Instant::now();
    peer.send("GET / HTTP/1.1\r\nX: ");
    // A byte whenever half of the limit has passed without news of the end.
    peer.stream().set_read_deadline(Some(Instant::now() + 2 * SHORT));
    loop {
        let mut stream = peer.stream();
        match stream.read(&mut [0; 10]) {
            Ok(0) => break,
            Ok(_) => panic!("an answer"),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                peer.stream().set_read_deadline(Some(Instant::now() + 2 * SHORT));
                peer.send_in_vain("x");
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                break;
            }
        }
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!(begun.elapsed() >= 4 * SHORT);
}

fn s15_the_limit_for_a_head_begins_with_its_first_byte(over: Over) {
    alone!(waits);
    let server = over.server_with(unlimited(echo_path).read_header_timeout(4 * SHORT));
    let mut peer = over.connect(&server);
    peer.send(GET).expect(200);
    // Idle for longer than a head may take.
    std::thread::park_timeout(6 * SHORT);
    peer.send(GET);
    assert_eq!(peer.expect(200), "/a");
}

fn s15_an_idle_connection_is_closed(over: Over) {
    alone!(waits);
    // Shorter and longer than the wait that keeps the buffers.
    for limit in [SHORT, Duration::from_millis(600)] {
        also_in_memory(
            over,
            || unlimited(echo_path).idle_timeout(limit),
            |peer| {
                let begun = Instant::now();
                peer.send(GET).expect(200);
                peer.expect_end();
                // As the system rounds the shorter wait.
                assert!(begun.elapsed() + Duration::from_millis(20) >= limit, "{limit:?}");
            },
        );
    }
}

/// After the first half second of idle time, the connection waits without buffers.
fn s15_an_idle_connection_without_buffers_is_served_again(over: Over) {
    alone!(waits);
    also_in_memory(
        over,
        || unlimited(echo_path),
        |peer| {
            for _ in 0..2 {
                peer.send(GET);
                assert_eq!(peer.expect(200), "/a");
                std::thread::park_timeout(Duration::from_millis(600));
            }
        },
    );
}

fn s15_an_incomplete_body_fails_its_handler_at_the_limit(over: Over) {
    alone!();
    let (report, limits) = reports();
    let server = unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
        let error = r.body_mut().read_bytes(100).unwrap_err();
        report.send(error.timed_out()).unwrap();
        echo_path(w, r)
    });
    let server = over.server_with(server.read_timeout(SHORT));
    let mut peer = over.connect(&server);
    peer.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    assert_eq!(next(&limits), Some(TimeLimit::Request));
    let answer = peer.expect_response();
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    peer.half_close().expect_end();
}

fn s15_the_limit_for_a_request_ends_with_its_body(over: Over) {
    alone!(waits);
    let (report, ends) = reports();
    let server = unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/last" {
            return echo_path(w, r);
        }
        r.body_mut().read_bytes(100)?;
        // Longer than a request may take; the background read goes on.
        report.send(r.context().wait_timeout(3 * SHORT).is_some()).unwrap();
        r.close_notify().recv_timeout(PATIENCE).expect("the next request");
        echo_path(w, r)
    });
    let server = over.server_with(server.read_timeout(SHORT));
    for request in [GET, "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"] {
        let mut peer = over.connect(&server);
        peer.send(request);
        assert!(!next(&ends));
        peer.send("GET /last HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(peer.expect(200), "/a");
        assert_eq!(peer.expect(200), "/last");
    }
}

fn s15_a_client_that_never_reads_fails_its_handler(over: Over) {
    alone!(waits);
    let (report, ends) = reports();
    let server = unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
        let error = loop {
            if let Err(error) = w.write_all(&[b'x'; 64 * 1024]) {
                break Error::from(error);
            }
        };
        report.send((error.timed_out(), r.context().is_done())).unwrap();
        Err(error)
    });
    let server = over.server_with(server.write_timeout(SHORT));
    let mut peer = over.connect(&server);
    peer.send(GET);
    assert_eq!(next(&ends), (Some(TimeLimit::Send), true));
    // The answer never looks whole.
    assert!(!peer.expect_head().fields("transfer-encoding").is_empty());
    server.handle().shutdown(PATIENCE);
    let rest = peer.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

/// The limit was once removed before the responses to pipelined requests were written.
fn s15_a_client_that_sends_requests_and_never_reads_does_not_hold_its_thread(over: Over) {
    alone!(waits);
    let server =
        unlimited(|w: &mut ResponseWriter, _: &mut Request| Ok(w.write_all(&[b'x'; 2000])?));
    let server = over.server_with(server.write_timeout(SHORT));
    let socket = TcpStream::connect(server.addr()).unwrap();
    socket2::SockRef::from(&socket).set_recv_buffer_size(4096).unwrap();
    socket2::SockRef::from(&socket).set_send_buffer_size(4096).unwrap();
    let peer = over.carried_by(socket);
    // So long that the answers to those that came together are few, and wait for the end of all.
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(1000));
    // As much as the server takes: once it neither reads nor closes, this times out.
    let mut stream = peer.stream();
    stream.set_write_deadline(Some(Instant::now() + PATIENCE));
    let error = loop {
        if let Err(error) = stream.write_all(request.as_bytes()) {
            break error;
        }
    };
    assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "the server has closed it");
}

fn s15_a_handler_moves_its_deadlines(over: Over) {
    alone!(waits);
    let (report, limits) = reports();
    let (arrived, arrivals) = bounded(0);
    let server = unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
        // Later: what the server's limit would have ended goes on.
        w.set_read_deadline(None);
        arrived.send(()).unwrap();
        let mut byte = [0];
        r.body_mut().read_exact(&mut byte)?;
        // Earlier: what nothing would have ended ends.
        w.set_read_deadline(Some(Instant::now() + SHORT));
        let error = Error::from(r.body_mut().read(&mut byte).unwrap_err());
        report.send(error.timed_out()).unwrap();
        w.set_write_deadline(Some(Instant::now()));
        w.write_all(b"x")?;
        report.send(Error::from(w.flush().unwrap_err()).timed_out()).unwrap();
        Ok(())
    });
    let server = over.server_with(server.read_timeout(4 * SHORT));
    let mut peer = over.connect(&server);
    peer.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    arrivals.recv_timeout(PATIENCE).unwrap();
    // Beyond the limit of the server's.
    std::thread::park_timeout(6 * SHORT);
    peer.send("b");
    assert_eq!(next(&limits), Some(TimeLimit::Request));
    assert_eq!(next(&limits), Some(TimeLimit::Send));
    peer.half_close().rest();
}

fn s15_a_deadline_of_one_request_does_not_apply_to_the_next(over: Over) {
    alone!(waits);
    also_in_memory(
        over,
        || {
            unlimited(|w: &mut ResponseWriter, r: &mut Request| {
                let _context = r.context();
                if r.uri().path() == "/limited" {
                    let soon = Instant::now() + SHORT;
                    w.set_read_deadline(Some(soon));
                    w.set_write_deadline(Some(soon));
                }
                let body = r.body_mut().read_text(100)?;
                Ok(write!(w, "{} {body}", r.uri())?)
            })
        },
        |peer| {
            peer.send("GET /limited HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(peer.expect(200), "/limited ");
            peer.send("PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
            std::thread::park_timeout(2 * SHORT);
            assert_eq!(peer.send("body").expect(200), "/b body");
        },
    );
}

/// A read deadline that passes during a background read must not look like the end of the stream.
fn s15_a_read_deadline_that_passes_does_not_end_the_context(over: Over) {
    alone!();
    let (report, ends) = reports();
    let server = over.server_with(unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
        w.set_read_deadline(Some(Instant::now() + SHORT));
        let context = r.context();
        report.send(context.wait_timeout(3 * SHORT).is_some()).unwrap();
        report.send(context.wait_timeout(PATIENCE).is_some()).unwrap();
        Ok(())
    }));
    let mut peer = over.connect(&server);
    peer.send(GET);
    assert!(!next(&ends), "the deadline is the handler's own");
    drop(peer);
    assert!(next(&ends), "the client is still watched");
}

/// `Instant::now() + Duration::MAX` overflows.
fn s15_a_limit_may_be_the_longest_duration(over: Over) {
    alone!(waits);
    let ever = Duration::MAX;
    also_in_memory(
        over,
        || {
            let server = Server::new(echo_path).read_header_timeout(ever).read_timeout(ever);
            let server = server.body_idle_timeout(ever).write_idle_timeout(ever);
            server.write_timeout(ever).idle_timeout(ever)
        },
        |peer| {
            peer.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n")
                .send("\r\n")
                .send("body");
            assert_eq!(peer.expect(200), "/a");
            std::thread::park_timeout(Duration::from_millis(600));
            assert_eq!(peer.send(GET).expect(200), "/a");
        },
    );
}

/// Without a shorter limit for heads, a dripping head once held its thread without end.
fn s15_the_limit_for_a_request_covers_its_head(over: Over) {
    alone!(waits);
    for header_limit in [None, Some(PATIENCE)] {
        also_in_memory(
            over,
            || unlimited(echo_path).read_header_timeout(header_limit).read_timeout(2 * SHORT),
            |peer| {
                let begun = Instant::now();
                peer.send("GET / HTTP/1.1\r\nX: ").expect_end();
                assert!(begun.elapsed() >= 2 * SHORT);
                assert!(begun.elapsed() < PATIENCE);
            },
        );
    }
}

/// Reads its body, and reports the limit that ended the read.
fn reads_body(report: crossbeam_channel::Sender<Option<TimeLimit>>) -> Server {
    unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
        let outcome = r.body_mut().read_text(100);
        report.send(outcome.as_ref().err().and_then(Error::timed_out)).unwrap();
        Ok(w.write_all(outcome?.as_bytes())?)
    })
}

fn s15_a_silent_body_fails_its_handler(over: Over) {
    alone!(waits);
    let (report, limits) = reports();
    for request in [
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        also_in_memory(
            over,
            || reads_body(report.clone()).body_idle_timeout(SHORT),
            |peer| {
                let begun = Instant::now();
                let answer = peer.send(request).expect_response();
                assert!(begun.elapsed() >= SHORT);
                assert_eq!(next(&limits), Some(TimeLimit::BodyIdle));
                assert_eq!((answer.status, answer.field("connection")), (408, Some("close")));
            },
        );
    }
}

fn s15_a_body_that_keeps_arriving_is_not_idle(over: Over) {
    alone!(waits);
    let (report, limits) = reports();
    also_in_memory(
        over,
        || reads_body(report.clone()).body_idle_timeout(8 * SHORT),
        |peer| {
            peer.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
            // Together longer than the limit.
            for _ in 0..5 {
                std::thread::park_timeout(2 * SHORT);
                peer.send("x");
            }
            assert_eq!(peer.expect(200), "xxxxx");
            assert_eq!(next(&limits), None);
        },
    );
}

fn s15_the_earliest_of_several_limits_applies(over: Over) {
    alone!(waits);
    for (path, expected) in [
        ("/none", TimeLimit::BodyIdle),
        ("/later", TimeLimit::BodyIdle),
        ("/earlier", TimeLimit::Request),
        ("/lifted", TimeLimit::BodyIdle),
    ] {
        let (report, limits) = reports();
        let server = unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
            match r.uri().path() {
                "/later" => w.set_read_deadline(Some(Instant::now() + PATIENCE)),
                "/earlier" => w.set_read_deadline(Some(Instant::now())),
                "/lifted" => w.set_read_deadline(None),
                _ => {}
            }
            let error = r.body_mut().read_text(100).unwrap_err();
            report.send(error.timed_out()).unwrap();
            Err(error)
        });
        let server = server.body_idle_timeout(2 * SHORT).read_timeout(PATIENCE);
        let server = over.server_with(server);
        let mut peer = over.connect(&server);
        peer.send(format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab"));
        assert_eq!(next(&limits), Some(expected), "{path}");
        assert_eq!(peer.expect_response().status, 408);
    }
}

/// Writes until an error, and reports the limit that caused it.
fn writes_on(report: crossbeam_channel::Sender<Option<TimeLimit>>) -> Server {
    unlimited(move |w: &mut ResponseWriter, r: &mut Request| {
        if r.uri().path() == "/deadline" {
            w.set_write_deadline(Some(Instant::now() + SHORT));
        }
        let error = loop {
            if let Err(error) = w.write_all(&[b'x'; 64 * 1024]) {
                break Error::from(error);
            }
        };
        report.send(error.timed_out()).unwrap();
        Err(error)
    })
}

fn s15_a_client_that_stops_reading_fails_its_handler(over: Over) {
    alone!(waits);
    for (path, limit, expected) in
        [("/", SHORT, TimeLimit::WriteIdle), ("/deadline", PATIENCE, TimeLimit::Send)]
    {
        let (report, limits) = reports();
        also_in_memory(
            over,
            || writes_on(report.clone()).write_idle_timeout(limit),
            |peer| {
                let begun = Instant::now();
                peer.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
                assert_eq!(next(&limits), Some(expected));
                assert!(begun.elapsed() >= SHORT);
                // Over TLS there may be no room to say that this is the end.
                assert!(!peer.expect_head().fields("transfer-encoding").is_empty());
            },
        );
    }
}

/// The client reads some bytes within each limit, but never enough for the server's socket to become writable.
fn s15_a_client_that_reads_slowly_gets_its_response(over: Over) {
    alone!(waits);
    let limit = 6 * SHORT;
    let (report, limits) = reports();
    also_in_memory(
        over,
        || writes_on(report.clone()).write_idle_timeout(limit),
        |peer| {
            let begun = Instant::now();
            peer.send(GET).expect_head();
            let mut stream = peer.stream();
            stream.set_read_deadline(Some(begun + 2 * PATIENCE));
            let mut piece = vec![0; 64 * 1024];
            while begun.elapsed() < 2 * limit {
                stream.read_exact(&mut piece).expect("more of the answer");
                std::thread::park_timeout(SHORT / 2);
            }
            assert!(limits.is_empty(), "it was cut off by {:?}", limits.recv());
            peer.stream().reset();
            assert_eq!(next(&limits), None);
        },
    );
}

/// The response to a refused request may have any length.
fn s15_a_refusal_has_the_write_limit_of_any_response(over: Over) {
    alone!(waits);
    let server = unlimited(echo_path).write_idle_timeout(SHORT);
    let server = server.on_error(|_: &Error, status, _: &Request| {
        let response = hangup::http::Response::builder().status(status);
        response.body(vec![b'x'; 32 << 20]).unwrap()
    });
    let server = over.server_with(server);
    let mut peer = over.connect(&server);
    peer.send("nonsense\r\n\r\n");
    assert_eq!(peer.expect_head().status, 400);
    let handle = server.handle();
    assert!(handle.shutdown(PATIENCE), "its thread is free");
}
