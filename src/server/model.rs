//! Complete server connections under every order of their threads: the real loop from head to response,
//! over a stream in memory.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use super::{ConnState, Server};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::handler::{Handler, Request, RequestExt, ResponseWriter};
use crate::net::{Stream, memory};
use crate::sync::explore::{Limits, any, explore, perhaps};
use crate::sync::{JoinHandle, Mutex, spawn};

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(name, None, body).expect("there is always room")
}

/// Notes of several threads, checked at the end. A handler cannot assert: the server catches its panic.
struct Notes<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Notes<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Notes<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    fn add(&self, note: T) {
        self.0.lock().push(note);
    }

    fn read(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Sends `bytes` in pieces and ends its stream, while another thread reads the responses. Returns them.
fn converse(stream: &Stream, bytes: &'static [u8]) -> String {
    converse_until(stream, bytes, true)
}

/// Does as [`converse`], but ends the stream only if `ends`. Otherwise the server closes the connection.
fn converse_until(stream: &Stream, bytes: &'static [u8], ends: bool) -> String {
    let writing = stream.clone();
    let writer = start("client", move || {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(next_cut(rest));
            if (&writing).write_all(piece).is_err() {
                // The server closed first. The bytes that it has not read do not matter.
                break;
            }
            rest = behind;
        }
        if ends {
            let _ = writing.shutdown(Shutdown::Write);
        }
    });
    let mut answers = String::new();
    let _ = { stream }.read_to_string(&mut answers);
    writer.join().expect("it does not panic");
    answers
}

/// Returns where a client's next write ends: behind a head, where bodies begin, or anywhere.
fn next_cut(bytes: &[u8]) -> usize {
    let end_of_head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    match (any(4), end_of_head) {
        (0, _) => 1 + any(bytes.len()),
        (_, Some(end)) => end + 4,
        (_, None) => bytes.len(),
    }
}

/// Returns a server without time limits that notes its connection's states.
fn server(handler: impl Handler, states: &Notes<ConnState>) -> Server {
    let states = states.clone();
    Server::with_handler(handler)
        .read_header_timeout(None)
        .idle_timeout(None)
        .on_connection_state(move |_, state| states.add(state))
}

/// Asserts that the connection was closed or hijacked once and last, and that no state follows itself.
fn assert_legal(states: &[ConnState]) {
    assert_eq!(states.first(), Some(&ConnState::New));
    let is_last = |state: &ConnState| matches!(state, ConnState::Closed | ConnState::Hijacked);
    assert_eq!(states.iter().position(is_last), Some(states.len() - 1), "{states:?}");
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "{states:?}");
}

/// A handler leaves its request's body to another thread and returns. That thread reads on or fails. The
/// next request is complete, also if its handler has the client watched before it reads the body.
#[test]
fn a_body_left_to_another_thread_does_not_touch_the_next_request() {
    const REQUESTS: &[u8] = b"POST /leaves HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd\
        POST /reads HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nefgh";
    explore(3000, Limits::Never, || {
        let (near, far) = memory::pair();
        let (left, read, states) = (Notes::new(), Notes::new(), Notes::new());
        let (of_left, of_read) = (left.clone(), read.clone());
        let handler = move |_: &mut ResponseWriter, request: &mut Request| {
            if request.uri().path() == "/leaves" {
                let mut body = std::mem::replace(request.body_mut(), Body::empty());
                let notes = of_left.clone();
                start("left behind", move || {
                    let mut piece = [0; 4];
                    while let Ok(count @ 1..) =
                        body.read(&mut piece[..if perhaps() { 4 } else { 2 }])
                    {
                        notes.add(piece[..count].to_vec());
                    }
                });
                return Ok(());
            }
            drop(request.context());
            let mut bytes = Vec::new();
            let outcome = request.body_mut().read_to_end(&mut bytes);
            of_read.add((outcome.is_ok(), bytes));
            Ok(())
        };
        let handle = server(handler, &states).serve_stream(near);
        let answers = converse(&far, REQUESTS);
        assert!(handle.shutdown(None));
        let served = answers.matches("HTTP/1.1 200").count();
        assert!((1..=2).contains(&served), "{answers}");
        let left = left.read().concat();
        assert!(b"abcd".starts_with(&left[..]), "{left:?}");
        assert!(left != b"abcd" || served == 2, "a body that was read is no reason to close");
        let read = read.read();
        assert_eq!(read.len(), served - 1);
        if let Some((whole, bytes)) = read.first() {
            assert!(*whole && bytes == b"efgh", "{bytes:?}");
        }
        assert_legal(&states.read());
    });
}

/// A request's context is narrowed, and another thread ends it at any moment. The read of a body that never
/// arrives in full returns with the context's error, whatever it was doing.
#[test]
fn a_narrowed_context_ends_the_read_of_a_body() {
    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
    explore(3000, Limits::Never, || {
        let (near, far) = memory::pair();
        let (read, states) = (Notes::new(), Notes::new());
        let notes = read.clone();
        let handler = move |_: &mut ResponseWriter, request: &mut Request| {
            // With or without a watch on the client.
            let context = if perhaps() { request.context().child() } else { Context::new() };
            request.set_context(context.clone());
            start("cancels", move || context.cancel());
            let mut bytes = Vec::new();
            let error = request.body_mut().read_to_end(&mut bytes).map_err(Error::from);
            notes.add((error.map_err(|error| error.kind()), bytes));
            Ok(())
        };
        let handle = server(handler, &states).serve_stream(near);
        let answers = converse_until(&far, REQUEST, false);
        // Until then the server lingers.
        far.close();
        assert!(handle.shutdown(None));
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
        let read = read.read();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].0, Err(ErrorKind::Cancelled));
        assert!(b"ab".starts_with(&read[0].1[..]));
        assert_legal(&states.read());
    });
}

/// Pipelined requests get their responses in order, whatever signals their handlers use.
#[test]
fn watched_requests_are_answered_in_order() {
    const REQUESTS: &[u8] = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab\
        GET /3 HTTP/1.1\r\nHost: a\r\n\r\n";
    explore(1000, Limits::Never, || {
        let (near, far) = memory::pair_with_capacity(16);
        let states = Notes::new();
        let handler = |writer: &mut ResponseWriter, request: &mut Request| {
            let early = perhaps().then(|| request.context());
            let notify = perhaps().then(|| request.close_notify());
            let mut body = String::new();
            request.body_mut().read_to_string(&mut body)?;
            let late = perhaps().then(|| request.context());
            if let Some(notify) = notify {
                // Another request follows, or the client goes away.
                notify.recv().expect("close-notify does not disconnect");
            }
            write!(writer, "{}{body};", request.uri().path())?;
            drop((early, late));
            Ok(())
        };
        let handle = server(handler, &states).serve_stream(near);
        let answers = converse(&far, REQUESTS);
        assert!(handle.shutdown(None));
        let bodies = answers.lines().filter(|line| line.starts_with('/')).collect::<String>();
        assert!(bodies.starts_with("/1;"), "{answers}");
        for body in ["/1;", "/2ab;", "/3;"] {
            assert!(answers.contains(body), "{body} in {answers}");
        }
        assert_legal(&states.read());
    });
}

/// A handler takes over the connection while its client is watched, and gets every byte.
#[test]
fn a_hijacked_connection_comes_with_all_its_bytes() {
    const BYTES: &[u8] = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
        GET /hijack HTTP/1.1\r\nHost: a\r\n\r\nwhat follows is not HTTP";
    explore(2000, Limits::Never, || {
        let (near, far) = memory::pair_with_capacity(8 + any(64));
        let (received, states) = (Notes::new(), Notes::new());
        let notes = received.clone();
        let handler = move |writer: &mut ResponseWriter, request: &mut Request| {
            let context = perhaps().then(|| request.context());
            let notify = perhaps().then(|| request.close_notify());
            if request.uri().path() == "/hijack" {
                if let (Some(notify), true) = (notify, perhaps()) {
                    notify.recv().expect("close-notify does not disconnect");
                }
                let mut bytes = String::new();
                writer.hijack()?.read_to_string(&mut bytes)?;
                notes.add(bytes);
            }
            drop(context);
            Ok(())
        };
        let handle = server(handler, &states).serve_stream(near);
        let answers = converse(&far, BYTES);
        assert!(handle.shutdown(None));
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
        assert_eq!(received.read(), ["what follows is not HTTP"]);
        let states = states.read();
        assert_legal(&states);
        assert_eq!(states.last(), Some(&ConnState::Hijacked));
    });
}

/// Two threads shut the server down at any moment. Both return, and no connection is left, also if its
/// client would have stayed.
#[test]
fn a_shutdown_leaves_no_connection() {
    const REQUESTS: &[u8] = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    // A thread that waits in a plain read checks for the shutdown when that wait ends.
    explore(3000, Limits::AnyMoment, || {
        let (near, far) = memory::pair();
        let states = Notes::new();
        let handler = |_: &mut ResponseWriter, request: &mut Request| {
            if perhaps() {
                drop(request.context());
            }
            Ok(())
        };
        let handle = server(handler, &states).serve_stream(near);
        let stops = [true, perhaps()].map(|gently| {
            let handle = handle.clone();
            start("stops", move || {
                if gently {
                    assert!(handle.shutdown(None));
                    assert_eq!(handle.connections(), 0);
                } else {
                    handle.close();
                }
            })
        });
        let answers = converse_until(&far, REQUESTS, perhaps());
        // The client ends its side after the server. Until then the server may linger.
        drop(far);
        for stop in stops {
            stop.join().expect("it does not panic");
        }
        assert!(answers.matches("HTTP/1.1 200").count() <= 2, "{answers}");
        assert_legal(&states.read());
    });
}

/// A request that was sent before the shutdown began gets its response, wherever it is at that moment: on a
/// new connection, or on one whose thread waits in a plain read, is parked, or has just read it. So does the
/// second of two that were sent together.
#[test]
fn h15_a_graceful_shutdown_loses_no_request_that_has_arrived() {
    const REQUEST: &[u8] = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    explore(3000, Limits::AnyMoment, || {
        let (near, mut far) = memory::pair();
        let states = Notes::new();
        let handle = server(|_: &mut ResponseWriter, _: &mut Request| Ok(()), &states);
        let handle = handle.serve_stream(near);
        let earlier = any(2);
        for _ in 0..earlier {
            far.write_all(REQUEST).expect("it is open");
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                assert_eq!(far.read(&mut byte).expect("it is open"), 1);
                answer.push(byte[0]);
            }
        }
        let sent = 1 + any(2);
        far.write_all(&REQUEST.repeat(sent)).expect("it is open");
        let stopping = handle.clone();
        let stops = start("stops", move || assert!(stopping.shutdown(None)));
        let mut answers = String::new();
        let _ = far.read_to_string(&mut answers);
        drop(far);
        stops.join().expect("it does not panic");
        assert_eq!(answers.matches("HTTP/1.1 200").count(), sent, "{answers}");
        assert_eq!(handle.connections(), 0);
        assert_legal(&states.read());
    });
}

/// A new connection exceeds the limit while another may be idle. One of them is served, and no connection
/// is left.
#[test]
fn s16_making_room_loses_no_request_that_has_arrived() {
    const REQUEST: &[u8] = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    explore(800, Limits::AnyMoment, || {
        let (near, mut far) = memory::pair();
        let states = Notes::new();
        let server = server(|_: &mut ResponseWriter, _: &mut Request| Ok(()), &states);
        let handle = server.max_connections(1).serve_stream(near);
        far.write_all(REQUEST).expect("it is open");
        let mut answers = String::new();
        while !answers.ends_with("\r\n\r\n") {
            let mut byte = [0];
            assert_eq!(far.read(&mut byte).expect("it is open"), 1);
            answers.push(char::from(byte[0]));
        }
        far.write_all(REQUEST).expect("it is open");
        let (near, mut other) = memory::pair();
        let entering = handle.clone();
        let enters = start("enters", move || entering.enter(near));
        let asks = start("asks", move || {
            let _ = other.write_all(REQUEST);
            let mut answer = String::new();
            let _ = other.read_to_string(&mut answer);
            assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 503"));
        });
        let stopping = handle.clone();
        enters.join().expect("it does not panic");
        let _ = far.shutdown(Shutdown::Write);
        let _ = far.read_to_string(&mut answers);
        drop(far);
        // Ends the other connection, if it does not end by itself.
        assert!(stopping.shutdown(None));
        asks.join().expect("it does not panic");
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
        assert_eq!(handle.connections(), 0);
    });
}

/// Time limits run out at any moment. The connection ends, and the handler notices.
#[test]
fn time_limits_may_run_out_at_any_moment() {
    const REQUESTS: &[u8] = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    explore(1500, Limits::AnyMoment, || {
        let (near, far) = memory::pair();
        let states = Notes::new();
        let of_server = states.clone();
        let handler = |_: &mut ResponseWriter, request: &mut Request| {
            let context = perhaps().then(|| request.context());
            let _ = request.body_mut().read_bytes(10);
            drop(context);
            Ok(())
        };
        let limit = std::time::Duration::from_secs(5);
        let handle = Server::with_handler(handler)
            .read_timeout(limit)
            .write_timeout(limit)
            .on_connection_state(move |_, state| of_server.add(state))
            .serve_stream(near);
        let answers = converse(&far, REQUESTS);
        assert!(handle.shutdown(None));
        assert!(answers.matches("HTTP/1.1 200").count() <= 2, "{answers}");
        assert_legal(&states.read());
    });
}
