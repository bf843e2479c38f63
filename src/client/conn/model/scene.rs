//! The machinery of the models: a pool for one connection, a peer with a script, and requests.

use std::io::{self, Read, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::Method;

use crate::body::Body;
use crate::client::conn::{
    Conn, ConnConfig, ExchangeId, Failure, Outgoing, OutgoingFraming, Owner, ReceivedBody,
    ReceivedResponse,
};
use crate::client::options::CallOptions;
use crate::client::route::Route;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::h1::{CloseReason, Limits};
use crate::net::{Addr, Dialed, Hangup, Stream, memory};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::explore::{any, perhaps};
use crate::sync::{Condvar, JoinHandle, Mutex, spawn};

pub(super) fn start(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(name, None, body).expect("threads can be started")
}

/// A pool for one connection, which records what becomes of it.
#[derive(Default)]
struct Pool {
    records: Mutex<Records>,
    /// Goes with `records`. Predicates: the connection is idle; it has been closed. Notified by the
    /// methods of `Owner`.
    changed: Condvar,
}

#[derive(Default)]
struct Records {
    idle: Option<Conn>,
    given_back: usize,
    closed: usize,
}

impl Owner for Pool {
    fn put_back(&self, conn: &Conn) -> bool {
        let mut records = self.records.lock();
        records.given_back += 1;
        let before = records.idle.replace(conn.clone());
        assert!(before.is_none(), "given back twice");
        drop(records);
        self.changed.notify_all();
        // As the client's pool does: the connection may have been closed meanwhile.
        if conn.is_closed() {
            self.records.lock().idle = None;
        }
        true
    }

    fn closed(&self, _: &Conn) {
        let mut records = self.records.lock();
        records.closed += 1;
        records.idle = None;
        self.changed.notify_all();
    }
}

/// A connection and its pool.
pub(super) struct Scene {
    pool: Arc<Pool>,
    pub(super) conn: Conn,
}

impl Scene {
    /// Connects to a peer that follows `script`, and then waits until the client closes. `capacity` is
    /// the number of bytes that the stream holds in each direction.
    pub(super) fn with(
        capacity: usize,
        script: impl FnOnce(&mut Peer) -> io::Result<()> + Send + 'static,
    ) -> (Self, JoinHandle<()>) {
        Self::with_idle_timeout(None, capacity, script)
    }

    pub(super) fn with_idle_timeout(
        idle_timeout: Option<Duration>,
        capacity: usize,
        script: impl FnOnce(&mut Peer) -> io::Result<()> + Send + 'static,
    ) -> (Self, JoinHandle<()>) {
        let (near, far) = memory::pair_with_capacity(capacity);
        let pool = Arc::new(Pool::default());
        let dialed = Dialed {
            stream: near,
            remote: Addr::Memory,
            resolved_in: Duration::ZERO,
            connected_in: Duration::ZERO,
        };
        let owner: Weak<dyn Owner> = Arc::<Pool>::downgrade(&pool);
        let config = ConnConfig {
            route: Route::of_model(),
            secured_in: Duration::ZERO,
            tunnelled_in: Duration::ZERO,
            owner,
            idle_timeout,
            response_limits: Limits { max_bytes: 4096, max_fields: 1000 },
        };
        let conn = Conn::start(dialed, config).expect("threads can be started");
        let peer = start("peer", move || {
            let mut peer = Peer { stream: far, seen: Vec::new() };
            // The client may close first.
            if script(&mut peer).is_ok() {
                let _ = peer.stream.wait_hangup(Hangup::EndOfStream);
            }
        });
        (Self { pool, conn }, peer)
    }

    /// Makes a call on the connection. Returns `None` if the connection cannot be used.
    pub(super) fn call(
        &self,
        outgoing: Outgoing,
        options: &CallOptions,
    ) -> Option<Result<ReceivedResponse, Failure>> {
        let conn = match self.given_back() {
            0 => self.conn.clone(),
            _ => self.pool.records.lock().idle.take()?,
        };
        let id = conn.begin()?;
        Some(conn.round_trip(id, outgoing, options))
    }

    /// Waits until the connection is idle, and takes it into use. Returns `None` if it is closed.
    pub(super) fn begin_next(&self) -> Option<ExchangeId> {
        let mut records = self.pool.records.lock();
        loop {
            if let Some(conn) = records.idle.take() {
                drop(records);
                return conn.begin();
            }
            if records.closed > 0 {
                return None;
            }
            self.pool.changed.wait(&mut records);
        }
    }

    /// Returns how often the connection was given back.
    pub(super) fn given_back(&self) -> usize {
        self.pool.records.lock().given_back
    }

    /// Closes the connection if it is still open, and checks that its pool hears of that once. Returns
    /// how often the connection was given back.
    pub(super) fn end(self) -> usize {
        self.conn.close(Error::new(ErrorKind::Closed), CloseReason::ShuttingDown);
        assert!(self.conn.is_closed());
        let mut records = self.pool.records.lock();
        while records.closed == 0 {
            self.pool.changed.wait(&mut records);
        }
        assert_eq!(records.closed, 1);
        records.given_back
    }
}

/// The other end of the connection. It compares bytes and parses no HTTP.
pub(super) struct Peer {
    pub(super) stream: Stream,
    /// The bytes that were received and not yet expected.
    seen: Vec<u8>,
}

impl Peer {
    /// Reads until `end` has been received.
    pub(super) fn expect(&mut self, end: &[u8]) -> io::Result<()> {
        while !self.seen.windows(end.len()).any(|piece| piece == end) {
            let mut piece = [0; 64];
            match { &self.stream }.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.seen.extend_from_slice(&piece[..count]),
            }
        }
        let place = self.seen.windows(end.len()).position(|piece| piece == end);
        self.seen.drain(..place.expect("it was received") + end.len());
        Ok(())
    }

    /// Writes in pieces.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let cut = if perhaps() { rest.len() } else { 1 + any(rest.len()) };
            let (piece, behind) = rest.split_at(cut);
            { &self.stream }.write_all(piece)?;
            rest = behind;
        }
        Ok(())
    }
}

/// A request body that is produced while it is sent, and that counts its drop.
struct Source {
    pieces: usize,
    dropped: Arc<AtomicUsize>,
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.pieces == 0 {
            return Ok(0);
        }
        self.pieces -= 1;
        let count = buf.len().min(10);
        buf[..count].fill(b'x');
        Ok(count)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

pub(super) fn get() -> Outgoing {
    Outgoing {
        method: Method::GET,
        head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        body: Body::empty(),
        framing: OutgoingFraming::Unsaid,
        closes: false,
        expect: None,
    }
}

pub(super) fn upload(pieces: usize, dropped: &Arc<AtomicUsize>) -> Outgoing {
    Outgoing {
        method: Method::PUT,
        head: b"PUT / HTTP/1.1\r\n\r\n".to_vec(),
        body: Body::from_reader(Source { pieces, dropped: Arc::clone(dropped) }),
        framing: OutgoingFraming::Chunked,
        closes: false,
        expect: None,
    }
}

/// Chooses between the ways of a request: a limit for sending asks for the full one. This limit never
/// runs out.
pub(super) fn any_way() -> CallOptions {
    CallOptions { send: perhaps().then_some(Duration::MAX), ..CallOptions::default() }
}

pub(super) fn any_way_under(context: &Context) -> CallOptions {
    CallOptions { context: Some(context.clone()), ..any_way() }
}

/// Reads the whole body as text.
///
/// # Errors
///
/// If the body was cut short.
pub(super) fn read(response: ReceivedResponse) -> io::Result<String> {
    let ReceivedBody::Body(mut body) = response.body else { panic!("it stays HTTP") };
    let mut text = String::new();
    body.read_to_string(&mut text).map(|_| text)
}

/// The head of a response with a body of three bytes.
pub(super) const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
pub(super) const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
