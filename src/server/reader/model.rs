//! The connection reader under every order of its threads.
//!
//! A client sends requests of three bytes, in pieces that ignore their borders, and then ends its stream.
//! The connection's thread reads them, with or without a watch on the client. Another thread asks for the
//! same request's signals at any moment, also after the request has ended. The reader's debug assertions
//! check each step. The models check the outcome.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;

use super::super::info::{ConnInfo, ConnRequestInfo};
use super::ConnReader;
use crate::handler::RequestInfo;
use crate::net::{Addr, Stream, memory};
use crate::serving::{Counting, Signals};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::explore::{Limits, any, explore, perhaps};
use crate::sync::{JoinHandle, spawn};

/// The number of bytes of a request. The last one is its body.
const REQUEST: usize = 3;

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(name, None, body).expect("there is always room")
}

/// Returns the bytes that the client sends. No byte occurs twice.
fn sent(requests: usize) -> Vec<u8> {
    (0..requests * REQUEST).map(|byte| byte as u8).collect()
}

/// A client that sends `requests`, and then ends its stream, closes, or resets.
struct Client {
    thread: JoinHandle<()>,
    /// Set just before the client goes away.
    goes: Arc<AtomicBool>,
}

impl Client {
    fn start(stream: Stream, requests: usize, politely: bool) -> Self {
        let goes = Arc::new(AtomicBool::new(false));
        let about_to = Arc::clone(&goes);
        let thread = start("client", move || {
            let bytes = sent(requests);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + any(rest.len().min(4)));
                (&stream).write_all(piece).expect("the server reads all");
                rest = behind;
            }
            about_to.store(true, Ordering::SeqCst);
            match any(3) {
                0 if !politely => stream.reset(),
                1 => stream.close(),
                _ => drop(stream.shutdown(Shutdown::Write)),
            }
        });
        Self { thread, goes }
    }
}

/// The connection's thread, with the bytes that it has read beyond the current request.
struct Server {
    reader: Arc<ConnReader>,
    buffer: Vec<u8>,
    received: Vec<u8>,
}

impl Server {
    fn new(stream: Stream, cancel_on_half_close: bool) -> Self {
        let reader = ConnReader::new(stream, cancel_on_half_close, Counting::default());
        Self { reader, buffer: Vec::new(), received: Vec::new() }
    }

    /// Reads until it has `count` bytes. Returns `false` at the end of the stream.
    fn receive(&mut self, count: usize) -> bool {
        while self.buffer.len() < count {
            let mut piece = vec![0; 1 + any(4)];
            match self.reader.read(&mut piece) {
                Ok(0) | Err(_) => return false,
                Ok(count) => self.buffer.extend_from_slice(&piece[..count]),
            }
        }
        self.received.extend(self.buffer.drain(..count));
        true
    }

    fn info(&self) -> Arc<ConnRequestInfo> {
        Arc::new(ConnRequestInfo {
            signals: Arc::new(Signals::default()),
            reader: Arc::clone(&self.reader),
            conn: Arc::new(ConnInfo {
                remote: Addr::Memory,
                local: None,
                behind_tls: false,
                tls: None,
            }),
            number: self.reader.begin_request(None),
        })
    }

    fn body_ended(&self) {
        self.reader.body_ended(!self.buffer.is_empty());
    }

    /// Returns all bytes that were read, and those that a hijacker would read.
    fn rest(mut self) -> Vec<u8> {
        self.received.append(&mut self.buffer);
        self.received.extend(self.reader.take_held());
        while self.receive(1) {}
        self.received
    }
}

/// Asks for a request's signals on a separate thread, and waits for the context. It must end at the latest
/// when the handler has returned.
fn second_party(info: Arc<ConnRequestInfo>) -> JoinHandle<()> {
    start("second party", move || {
        let notify = info.close_notify();
        drop(info.context().wait());
        assert!(notify.try_iter().count() <= 1);
    })
}

/// Watching the client never damages a request, and the watch ends with its connection.
#[test]
fn no_byte_is_lost_to_the_watch() {
    explore(4000, Limits::Never, || {
        let (near, far) = memory::pair_with_capacity(1 + any(8));
        let requests = 3;
        let client = Client::start(far, requests, true);
        let cancel_on_half_close = perhaps();
        let mut server = Server::new(near, cancel_on_half_close);
        let mut others = Vec::new();
        for _ in 0..requests {
            assert!(server.receive(REQUEST - 1), "the whole request comes");
            let info = server.info();
            let mut asked = perhaps().then(|| info.context());
            if perhaps() {
                others.push(second_party(Arc::clone(&info)));
            }
            assert!(server.receive(1), "the whole body comes");
            server.body_ended();
            if perhaps() {
                asked.get_or_insert_with(|| info.context());
            }
            if asked.as_ref().is_some_and(|context| context.is_done()) {
                assert!(client.goes.load(Ordering::SeqCst), "it is done, and nobody has gone");
            }
            info.signals.finish();
            server.reader.end_request();
            if let Some(context) = asked {
                assert!(context.is_done(), "the handler has returned");
            }
        }
        server.reader.retire();
        client.thread.join().expect("it does not panic");
        for other in others {
            other.join().expect("it does not panic");
        }
        assert_eq!(server.rest(), sent(requests));
    });
}

/// A handler that waits for its client to go away notices, however much is still unread.
#[test]
fn a_client_that_goes_is_noticed() {
    explore(4000, Limits::Never, || {
        let (near, far) = memory::pair();
        let client = Client::start(far, 2, false);
        let mut server = Server::new(near, true);
        if !server.receive(REQUEST - 1) {
            // The client has reset the connection, so bytes may be lost.
            client.thread.join().expect("it does not panic");
            return;
        }
        let info = server.info();
        let early = perhaps().then(|| info.context());
        if perhaps() && server.receive(1) {
            server.body_ended();
        }
        let context = early.unwrap_or_else(|| info.context());
        let notify = info.close_notify();
        drop(context.wait());
        assert!(client.goes.load(Ordering::SeqCst), "it is done, and nobody has gone");
        notify.recv().expect("going away fires it as well");
        assert!(notify.try_recv().is_err(), "it fires once");
        server.reader.retire();
        client.thread.join().expect("it does not panic");
    });
}

/// Close-notify fires when the next request begins to arrive: together with this one, before the handler
/// asks, or while it waits. The next request's first byte is not lost.
#[test]
fn the_next_request_fires_close_notify_once() {
    explore(3000, Limits::Never, || {
        let (near, far) = memory::pair();
        let client = Client::start(far, 2, true);
        let mut server = Server::new(near, true);
        assert!(server.receive(REQUEST), "the first request comes");
        let info = server.info();
        server.body_ended();
        let notify = info.close_notify();
        notify.recv().expect("the second request comes, or its client goes");
        let other = second_party(Arc::clone(&info));
        server.reader.end_request();
        info.signals.finish();
        assert!(notify.try_recv().is_err(), "it fires once");
        server.reader.retire();
        client.thread.join().expect("it does not panic");
        other.join().expect("it does not panic");
        assert_eq!(server.rest(), sent(2));
    });
}

/// The connection is handed over while its client is watched and other threads ask for signals.
#[test]
fn a_watched_connection_can_be_handed_over() {
    explore(3000, Limits::Never, || {
        let (near, far) = memory::pair_with_capacity(1 + any(8));
        let client = Client::start(far, 2, true);
        let mut server = Server::new(near, true);
        assert!(server.receive(REQUEST), "the first request comes");
        let info = server.info();
        server.body_ended();
        let context = perhaps().then(|| info.context());
        let other = second_party(Arc::clone(&info));
        server.reader.retire();
        info.signals.finish();
        assert!(context.is_none_or(|context| context.is_done()));
        let reader = Arc::clone(&server.reader);
        let late = start("late", move || reader.watch(0, &info.signals));
        assert_eq!(server.rest(), sent(2), "nobody else reads any more");
        for thread in [client.thread, other, late] {
            thread.join().expect("it does not panic");
        }
    });
}

/// Aborts do not change the handler's read deadline.
#[test]
fn an_abort_puts_the_deadline_back() {
    explore(2000, Limits::Never, || {
        let (near, far) = memory::pair();
        let client = Client::start(far, 1, true);
        let mut server = Server::new(near, true);
        assert!(server.receive(REQUEST), "the request comes");
        let info = server.info();
        server.body_ended();
        let deadline = Some(crate::sync::now() + std::time::Duration::from_secs(600));
        server.reader.stream().set_read_deadline(deadline);
        drop(info.context());
        server.reader.end_request();
        assert_eq!(server.reader.stream().read_deadline(), deadline);
        server.reader.retire();
        client.thread.join().expect("it does not panic");
    });
}
