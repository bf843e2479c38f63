//! The scripted server of this crate, [`hangup::testing::Script`], over each transport of the tests:
//!
//! ```ignore
//! let mut peer = peers.accept();
//! peer.expect_request("GET /a");
//! peer.answer(200, "ok");
//! ```
//!
//! An expectation that is not met within [`PATIENCE`] fails the test. The client's part of a script runs
//! [`in_background`].

use std::borrow::BorrowMut;
use std::convert::Infallible;
use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use hangup::Body;
use hangup::testing::{self, Script};

use super::{Over, PATIENCE};

/// The size of a socket's receive buffer in tests that fill it, in bytes.
const SMALL_BUFFER: usize = 4096;

/// A script whose connections the test accepts.
pub(crate) struct Peers(Script);

impl Peers {
    /// Listens on plain TCP.
    pub(crate) fn new() -> Self {
        Self::over(Over::Tcp)
    }

    pub(crate) fn over(over: Over) -> Self {
        Self(over.script())
    }

    /// Listens on plain TCP, on every IPv6 address of this machine.
    #[cfg(target_os = "linux")]
    pub(crate) fn on_ipv6() -> Self {
        Self(Script::on((Ipv6Addr::UNSPECIFIED, 0).into()))
    }

    /// Limits the receive buffers of its connections to about 4 KiB, so that unread bytes soon block the
    /// client.
    pub(crate) fn with_small_buffers(self) -> Self {
        Self(self.0.receive_buffer(SMALL_BUFFER))
    }

    #[cfg(unix)]
    pub(crate) fn on_unix_socket() -> Self {
        let path = std::env::temp_dir().join(format!("hangup-client-{}", std::process::id()));
        Self(Script::on_unix_socket(path))
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.0.addr()
    }

    #[cfg(unix)]
    pub(crate) fn path(&self) -> std::path::PathBuf {
        match self.0.local_addr() {
            hangup::net::Addr::Unix(Some(path)) => path,
            other => panic!("a script on {other}"),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.url("").trim_end_matches('/'))
    }

    /// Accepts the next connection.
    #[track_caller]
    pub(crate) fn accept(&self) -> Peer {
        Peer(self.0.accept())
    }

    /// Accepts the next connection without a handshake, as a proxy that the client speaks to in the clear.
    #[track_caller]
    pub(crate) fn accept_plain(&self) -> Peer {
        Peer(self.0.accept_plain())
    }

    /// Checks that no other client has connected.
    #[track_caller]
    pub(crate) fn expect_no_more(&self) {
        self.0.expect_no_connection();
    }

    /// Runs `script` for every connection, with its number, on a separate thread. The threads end when the
    /// client has closed all connections and the [`Served`] is dropped.
    pub(crate) fn serve<F>(self, script: F) -> Served
    where
        F: Fn(usize, &mut Peer<&mut testing::Peer>) + Send + Sync + 'static,
    {
        let script = self.0.connections(move |peer| {
            script(peer.connection() - 1, &mut Peer(&mut *peer));
            peer.close()
        });
        Served { script, counted: AtomicUsize::new(0) }
    }
}

/// A script that runs for each connection. Dropping it waits for the connections' scripts, so drop the client
/// first.
pub(crate) struct Served {
    script: Script,
    counted: AtomicUsize,
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.script.url("").trim_end_matches('/'))
    }

    /// Returns the number of connections accepted since the last call.
    pub(crate) fn connections(&self) -> usize {
        let accepted = self.script.accepted();
        accepted - self.counted.swap(accepted, Ordering::Relaxed)
    }
}

/// The server's end of a connection, which the test or a script has.
pub(crate) struct Peer<P = testing::Peer>(P);

impl<P: BorrowMut<testing::Peer>> Deref for Peer<P> {
    type Target = testing::Peer;

    fn deref(&self) -> &Self::Target {
        self.0.borrow()
    }
}

impl<P: BorrowMut<testing::Peer>> DerefMut for Peer<P> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.borrow_mut()
    }
}

/// A received request.
#[derive(Debug)]
pub(crate) struct Received {
    /// The start line and the headers, without the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The lines of the trailer section.
    pub(crate) trailers: String,
}

impl<P: BorrowMut<testing::Peer>> Peer<P> {
    /// Returns the server's end of a connection that this one carries, as behind a proxy.
    #[track_caller]
    pub(crate) fn carrying(mut self, over: Over) -> Self {
        over.secure(&mut self);
        self
    }

    /// Expects that the client ends the TLS handshake on this connection.
    #[cfg(feature = "tls")]
    #[track_caller]
    pub(crate) fn refused_handshake(mut self) {
        self.expect_failed_tls(&super::carrier::acceptor());
    }

    /// Reads a request whose head begins with `begin`.
    #[track_caller]
    pub(crate) fn expect_request(&mut self, begin: &str) -> Received {
        self.next_request(begin).expect("a request before the end of the stream")
    }

    /// Reads a request whose head begins with `begin`. Returns `None` if the stream ends instead.
    #[track_caller]
    pub(crate) fn next_request(&mut self, begin: &str) -> Option<Received> {
        let request = (**self).next_request()?;
        let head = request.head();
        assert!(head.starts_with(begin), "expected {begin}, got {head}");
        Some(Received {
            head: head.to_owned(),
            body: request.body().to_owned(),
            trailers: request.trailers().to_owned(),
        })
    }

    /// Reads only the head of a request, which begins with `begin`.
    #[track_caller]
    pub(crate) fn expect_head(&mut self, begin: &str) -> String {
        let head = (**self).expect_head("").request().head().to_owned();
        assert!(head.starts_with(begin), "expected {begin}, got {head}");
        head
    }

    /// Reads `length` bytes.
    #[track_caller]
    pub(crate) fn read_body(&mut self, length: usize) -> Vec<u8> {
        self.read_bytes(length)
    }

    /// Sends a response with a Content-Length.
    #[track_caller]
    pub(crate) fn answer(&mut self, status: u16, body: &str) {
        let length = body.len();
        self.send(format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{body}"));
    }

    /// Sends bytes.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        (**self).send(bytes);
    }

    /// Sends each byte in a separate segment.
    #[track_caller]
    pub(crate) fn send_byte_by_byte(&mut self, bytes: &str) {
        self.drip(bytes, Duration::ZERO);
    }

    /// Checks that no bytes of the client are unread.
    #[track_caller]
    pub(crate) fn expect_nothing_sent(&mut self) {
        self.expect_nothing();
    }

    /// Closes the connection with a reset.
    pub(crate) fn reset(mut self) {
        (*self).reset();
    }

    /// Shuts down the sending side.
    pub(crate) fn end(&mut self) {
        self.half_close();
    }
}

impl Received {
    /// Returns a header's value.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|pair| pair.1)
    }

    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.field(name) == Some(value)
    }
}

/// Runs a part of the script on another thread.
pub(crate) fn in_background<T: Send + 'static>(
    part: impl FnOnce() -> T + Send + 'static,
) -> Background<T> {
    let (sender, result) = bounded(1);
    let thread = thread::spawn(move || {
        let _ = sender.send(part());
    });
    Background { thread, result }
}

pub(crate) struct Background<T> {
    thread: JoinHandle<()>,
    result: Receiver<T>,
}

impl<T> Background<T> {
    /// Waits for its end and returns its result.
    pub(crate) fn finish(self) -> T {
        match self.result.recv_timeout(PATIENCE) {
            Ok(result) => {
                self.thread.join().unwrap();
                result
            }
            Err(RecvTimeoutError::Timeout) => panic!("it does not return"),
            Err(RecvTimeoutError::Disconnected) => match self.thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("it returned a result"),
            },
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.result.is_empty()
    }
}

/// Creates a body source that the test feeds.
pub(crate) fn fed() -> (Feeder, impl Read + Send + 'static) {
    let (pieces, source) = unbounded();
    let (asking, asked) = unbounded();
    let (alive, dropped) = bounded(0);
    let source = Fed { pieces: source, rest: Vec::new(), asking, _alive: alive };
    (Feeder { pieces: Some(pieces), asked, dropped }, source)
}

/// The test's end of such a source.
pub(crate) struct Feeder {
    pieces: Option<Sender<io::Result<Vec<u8>>>>,
    asked: Receiver<()>,
    dropped: Receiver<Infallible>,
}

struct Fed {
    pieces: Receiver<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    asking: Sender<()>,
    _alive: Sender<Infallible>,
}

impl Feeder {
    pub(crate) fn feed(&self, piece: impl Into<Vec<u8>>) {
        let _ = self.pieces.as_ref().unwrap().send(Ok(piece.into()));
    }

    pub(crate) fn fail(&self, error: &'static str) {
        let _ = self.pieces.as_ref().unwrap().send(Err(io::Error::other(error)));
    }

    /// Ends the source.
    pub(crate) fn end(&mut self) {
        self.pieces = None;
    }

    /// Waits until a read of the empty source blocks.
    pub(crate) fn wait_until_asked(&self) {
        self.asked.recv_timeout(PATIENCE).expect("the source is read");
    }

    /// Waits until the source is dropped.
    pub(crate) fn expect_dropped(&self) {
        let outcome = self.dropped.recv_timeout(PATIENCE);
        assert_eq!(outcome.unwrap_err(), RecvTimeoutError::Disconnected, "it is still there");
    }
}

impl Read for Fed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let piece = self.pieces.try_recv().or_else(|_| {
                let _ = self.asking.send(());
                self.pieces.recv()
            });
            match piece {
                Ok(piece) => self.rest = piece?,
                Err(_) => return Ok(0),
            }
        }
        let count = self.rest.len().min(buf.len());
        buf[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

/// Creates a streamed body of `length` bytes, whose [`Feeder`] sees it dropped.
pub(crate) fn counted_body(length: u64) -> (Feeder, Body) {
    let (feeder, source) = fed();
    (feeder, Body::from_sized_reader(Endless { _held: source }, length))
}

/// A source of endless bytes that holds a [`Fed`] to report its drop.
struct Endless<R> {
    _held: R,
}

impl<R> Read for Endless<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(b'x');
        Ok(buf.len())
    }
}

/// An address that never accepts.
pub(crate) struct BlackHole {
    pub(crate) addr: SocketAddr,
    _hole: testing::BlackHole,
}

impl BlackHole {
    pub(crate) fn new() -> Self {
        Self::of(testing::BlackHole::new())
    }

    pub(crate) fn v6() -> Self {
        Self::of(testing::BlackHole::on(Ipv6Addr::LOCALHOST.into()))
    }

    fn of(hole: testing::BlackHole) -> Self {
        Self { addr: hole.addr(), _hole: hole }
    }
}

/// Waits until `condition` holds, by polling: nothing signals it.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never happens: {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}
