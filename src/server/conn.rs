//! One server connection, as a state machine.
//!
//! ```text
//!              ┌────────────────────┬───────────────────────────────────┐
//!              ▼                    ▼ the next request has arrived      │ the connection persists
//!   New, after the TLS handshake if there is one:
//!          Await ──first byte──▶ ReadHead ──head──▶ Serve ──responded───┤
//!            │                      │                 │                 ├──▶ Close
//!            │ end of stream,       │ malformed,      │ refused         │
//!            │ idle too long,       │ too large       ▼                 │
//!            ▼ shutdown             └──────────────▶ Refuse ─▶ Close    │
//!          Close                              HandedOver ◀──hijacked────┘
//! ```
//!
//! The `Drop` of [`Conn`] ends every connection that is not handed over, also if its thread panics. It
//! writes the encoded bytes, half-closes the connection, reads from it for at most 500 ms, and closes it.
//! Closing with unread input would reset the connection, and the reset could overtake the responses (RFC
//! 9112 section 9.6).
//!
//! Each state owns the reading half. While a handler has it, the connection cannot read.

mod serve;

use std::fmt::Display;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Uri, Version};

use super::body::ReadHalf;
use super::info::{ConnInfo, ConnRequestInfo};
use super::options::Shared;
use super::reader::ConnReader;
use super::response::{ActiveExchange, ReadSide, Wire, write_refusal};
use crate::error::Error;
use crate::h1::{CloseReason, HeadError, HeadScanner};
use crate::handler::{Request, ResponseEnd, ResponseState, ResponseWriter};
use crate::logging as log;
use crate::net::proxied::{self, Proxied};
use crate::net::{Addr, Buffer, Stream, tls};
use crate::serving::{ConnGuard, LINGER, Limit, Outcome, discard_rest};
use crate::sync::now;

/// How long the connection waits for its next request in a plain blocking read, with its buffers kept. A
/// busy client's next request comes within this time. After it the connection releases its memory and can
/// be woken. A graceful shutdown closes it no later than this.
const HOT: Duration = Duration::from_millis(100);

/// How many bytes of a request are read at first. They are read to the stack, so that a waiting connection
/// holds no buffer. Most heads fit.
const LANDING: usize = 1024;

/// How many bytes of a buffer a busy connection keeps for its next request.
const MOST_KEPT: usize = 64 * 1024;

/// For how many header fields a busy connection keeps memory: about as much as for bytes.
const MOST_FIELDS_KEPT: usize = MOST_KEPT / 100;

/// A connection on its thread.
pub(super) struct Conn {
    shared: Arc<Shared>,
    reader: Arc<ConnReader>,
    conn_info: Arc<ConnInfo>,
    guard: Arc<ConnGuard>,
    scanner: HeadScanner,
    wire: Wire,
    response: ResponseState,
    /// The current request. Between two requests it is empty, and its memory is reused.
    request: Request,
    /// The information on the latest request, kept for its memory.
    request_info: Option<Arc<ConnRequestInfo>>,
    /// When the current request began. It is set by the first use, right after the read of the first byte.
    begun: Option<Instant>,
    first: bool,
    /// Why the connection is closed, once it is known.
    reason: Option<CloseReason>,
}

enum Step {
    Await(ReadHalf),
    ReadHead(ReadHalf),
    Serve(ReadHalf),
    Refuse(Refusal),
    Close(CloseReason),
    HandedOver,
}

/// A response that the server makes itself, to a request that no handler sees.
struct Refusal {
    /// Made by [`Error::status`].
    error: Error,
    head_only: bool,
}

impl Conn {
    /// Not inlined, as [`serve`](Self::serve) is not.
    #[inline(never)]
    pub(super) fn new(
        shared: Arc<Shared>,
        stream: Stream,
        info: ConnInfo,
        guard: Arc<ConnGuard>,
    ) -> Box<Self> {
        stream.set_write_idle_timeout(shared.options.write_idle_timeout);
        let counting = guard.counting().clone();
        let reader = ConnReader::new(stream, shared.options.cancel_on_half_close, counting);
        let wire = Wire::new(Arc::clone(&reader), Arc::clone(&guard));
        // Boxed, so that idle connections do not keep it on their stack.
        Box::new(Self {
            wire,
            response: ResponseState::default(),
            shared,
            reader,
            conn_info: Arc::new(info),
            guard,
            scanner: HeadScanner::default(),
            request: Request::default(),
            request_info: None,
            begun: None,
            first: true,
            reason: None,
        })
    }

    /// Serves the connection until it is closed or handed over.
    pub(super) fn run(mut self: Box<Self>) {
        let half = self.half();
        let first = self.open().map_or_else(Step::Close, |()| Step::Await(half));
        self.drive(first);
    }

    /// Responds with 503 and closes.
    pub(super) fn turn_away(mut self: Box<Self>) {
        self.has_read_no_head();
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let refusal = Refusal::new(status, "too many connections", false);
        let first = self.open().map_or_else(Step::Close, |()| Step::Refuse(refusal));
        self.drive(first);
    }

    fn half(&self) -> ReadHalf {
        ReadHalf { reader: Arc::clone(&self.reader), buffer: Buffer::default() }
    }

    fn drive(mut self: Box<Self>, mut step: Step) {
        loop {
            step = match step {
                Step::Await(half) => self.await_request(half),
                Step::ReadHead(half) => self.read_head(half),
                Step::Serve(half) => self.serve(half),
                Step::Refuse(refusal) => self.refuse(&refusal),
                Step::Close(reason) => return self.reason = Some(reason),
                Step::HandedOver => return,
            }
        }
    }

    fn stream(&self) -> &Stream {
        self.reader.stream()
    }

    /// Makes everything that comes before the first request.
    fn open(&mut self) -> Result<(), CloseReason> {
        if !self.shared.options.proxies.is_empty() {
            self.read_proxy_header()?;
        }
        self.shake_hands()
    }

    /// Reads the PROXY header, if the peer is a proxy that sends one.
    #[cold]
    fn read_proxy_header(&mut self) -> Result<(), CloseReason> {
        let options = &self.shared.options;
        if !options.is_proxy(&self.conn_info.remote) {
            return Ok(());
        }
        let limit = options.read_header_timeout;
        self.guard.begin_handshake(limit.and_then(|limit| after(Instant::now(), limit)));
        let below = self.stream().below_tls().unwrap_or_else(|| self.stream());
        match proxied::read_header(below) {
            Ok(Proxied { addresses, tls }) => {
                let mut info = ConnInfo::clone(&self.conn_info);
                info.behind_tls = tls;
                if let Some((client, proxy)) = addresses {
                    info.remote = Addr::Ip(client);
                    info.local = Some(Addr::Ip(proxy));
                }
                self.guard.end_handshake();
                self.conn_info = Arc::new(info);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                log::debug!("{}: {error}", self.conn_info.remote);
                Err(CloseReason::Malformed)
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::TimedOut {
                    self.guard.counting().timed_out(Limit::ReadHeader);
                }
                Err(read_failed(&error, CloseReason::TimedOut))
            }
        }
    }

    /// Makes the TLS handshake, if the server uses TLS.
    fn shake_hands(&mut self) -> Result<(), CloseReason> {
        if self.shared.options.acceptor.is_none() {
            return Ok(());
        }
        let limit = self.shared.options.tls_handshake_timeout;
        let deadline = limit.and_then(|limit| after(Instant::now(), limit));
        self.guard.begin_handshake(deadline);
        let Err(error) = self.stream().complete_handshake() else {
            self.guard.end_handshake();
            let tls = self.stream().tls();
            self.conn_info = Arc::new(ConnInfo { tls, ..ConnInfo::clone(&self.conn_info) });
            return Ok(());
        };
        if let Some(request) = tls::unencrypted(&error) {
            self.refuse_unencrypted(request);
            return Err(CloseReason::Malformed);
        }
        match tls::handshake_error(error, None) {
            error if error.is_timeout() => {
                self.guard.counting().timed_out(Limit::TlsHandshake);
                Err(CloseReason::TimedOut)
            }
            error => {
                log::debug!("{}: {error}", self.conn_info.remote);
                Err(CloseReason::TlsFailed)
            }
        }
    }

    /// Responds to a client that speaks plain HTTP to a TLS port, in plain HTTP.
    fn refuse_unencrypted(&self, request: &[u8]) {
        let Some(below) = self.stream().below_tls() else { return };
        let text = "400 Bad Request: this port speaks HTTPS, and the request came without TLS\n";
        let mut response = Vec::new();
        write_refusal(&mut response, StatusCode::BAD_REQUEST, text, asks_for_head_only(request));
        below.set_write_deadline(after(Instant::now(), LINGER));
        if below.send_all(&mut [IoSlice::new(&response)]).is_ok() {
            read_out(below);
        }
    }

    /// Waits for the first byte of a request.
    fn await_request(&mut self, mut half: ReadHalf) -> Step {
        match self.wait_idle(&mut half) {
            Ok(0) => return Step::Close(CloseReason::EndOfStream),
            Ok(_) => {}
            Err(reason) => {
                if reason == CloseReason::IdleTooLong {
                    let limit = if self.first { Limit::ReadHeader } else { Limit::Idle };
                    self.guard.counting().timed_out(limit);
                }
                return Step::Close(reason);
            }
        }
        match self.guard.active() {
            Ok(()) => self.request_begun(half),
            Err(reason) => Step::Close(reason),
        }
    }

    fn request_begun(&mut self, half: ReadHalf) -> Step {
        self.begun = None;
        self.first = false;
        Step::ReadHead(half)
    }

    /// Returns when the current request began. Only requests with a time limit need the clock.
    fn begun(&mut self) -> Instant {
        *self.begun.get_or_insert_with(Instant::now)
    }

    /// Writes the responses so far, within the time limit of the last of them.
    fn write_responses(&mut self) -> io::Result<()> {
        let outcome = self.wire.write_out();
        self.stream().set_write_deadline(None);
        outcome
    }

    /// Reads into the empty buffer: first with all memory kept, then as an idle connection without
    /// buffers. Not inlined: see [`serve`](Self::serve).
    #[inline(never)]
    fn wait_idle(&mut self, half: &mut ReadHalf) -> Result<usize, CloseReason> {
        let options = &self.shared.options;
        // A new connection has as long for its first byte as for the head.
        let limit = if self.first {
            options.read_header_timeout.or(options.idle_timeout)
        } else {
            options.idle_timeout
        };
        let hot = limit.map_or(HOT, |limit| limit.min(HOT));
        // On the stack, of which every request uses more than this.
        let mut landing = [0; LANDING];
        let outcome = match self.reader.read_for(&mut landing, Some(hot)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                half.buffer.release();
                self.release();
                let rest = limit.map(|limit| limit.saturating_sub(hot));
                let until = rest.and_then(|rest| after(now(), rest));
                self.guard.await_request(until, self.first)?;
                // Over TLS the rest of a record may still be missing.
                self.reader.read_for(&mut landing, rest)
            }
            outcome => outcome,
        };
        let count = outcome.map_err(|error| read_failed(&error, CloseReason::IdleTooLong))?;
        half.buffer.put(&landing[..count]);
        Ok(count)
    }

    /// Releases the memory that is kept only for a next request that comes soon.
    #[cold]
    fn release(&mut self) {
        self.response.release();
        self.wire.release();
        self.stream().release();
        self.scanner = HeadScanner::default();
        self.request = Request::default();
        self.request_info = None;
    }

    /// Releases memory that an unusually large request or response has taken. A busy connection must not
    /// keep it forever.
    fn trim(&mut self, half: &mut ReadHalf) {
        let fields = self.request.headers().capacity().max(self.response.fields_capacity());
        let large = half.buffer.is_oversized(MOST_KEPT) || self.wire.capacity() > MOST_KEPT;
        if large || fields > MOST_FIELDS_KEPT {
            self.trim_all(half);
        }
    }

    #[cold]
    fn trim_all(&mut self, half: &mut ReadHalf) {
        if half.buffer.is_oversized(MOST_KEPT) {
            half.buffer.trim();
        }
        self.release();
        self.wire.trim(MOST_KEPT);
    }

    /// Reads until the request's head is complete. Not inlined, as [`serve`](Self::serve) is not.
    #[inline(never)]
    fn read_head(&mut self, mut half: ReadHalf) -> Step {
        let limits = self.shared.options.head_limits();
        let mut timed = false;
        loop {
            match self.scanner.request_into(half.buffer.data(), &limits, &mut self.request) {
                Ok(Some(used)) => {
                    half.buffer.consume(used);
                    if timed {
                        self.stream().set_read_deadline(None);
                    }
                    return Step::Serve(half);
                }
                Ok(None) => {}
                Err(error) => return self.refuse_head(&half, &error),
            }
            if !timed {
                // Responses to earlier requests must not wait for the rest of this one.
                if self.write_responses().is_err() {
                    return Step::Close(CloseReason::IoFailed);
                }
                let begun = self.begun();
                let options = &self.shared.options;
                let limits = [options.read_header_timeout, options.read_timeout];
                let limit = limits.into_iter().flatten().min();
                self.stream().set_read_deadline(limit.and_then(|limit| after(begun, limit)));
                timed = true;
            }
            match half.buffer.fill(|buf| self.reader.read(buf)) {
                Ok(0) => return Step::Close(CloseReason::EndOfStream),
                Ok(_) => {}
                Err(error) => {
                    let reason = read_failed(&error, CloseReason::TimedOut);
                    if reason == CloseReason::TimedOut {
                        self.guard.counting().timed_out(Limit::ReadHeader);
                    }
                    return Step::Close(reason);
                }
            }
        }
    }

    #[cold]
    fn refuse_head(&mut self, half: &ReadHalf, error: &HeadError) -> Step {
        log::debug!("{}: {error}", self.conn_info.remote);
        self.has_read_no_head();
        let head_only = asks_for_head_only(half.buffer.data());
        Step::Refuse(Refusal::new(error.status(), error, head_only))
    }

    /// Sets the method and the target of a request whose head was not read. Those of an earlier one may be there.
    #[cold]
    fn has_read_no_head(&mut self) {
        *self.request.method_mut() = Method::from_bytes(UNREAD).unwrap_or_default();
        *self.request.uri_mut() = Uri::try_from(UNREAD).unwrap_or_default();
    }

    fn set_write_deadline(&self) {
        let limit = self.shared.options.write_timeout;
        let deadline = limit.and_then(|limit| after(Instant::now(), limit));
        self.stream().set_write_deadline(deadline);
    }

    #[cold]
    fn refuse(&mut self, refusal: &Refusal) -> Step {
        self.set_write_deadline();
        // A client whose request cannot be read may speak HTTP/1.0.
        let persist = Err(CloseReason::Malformed);
        let exchange = ActiveExchange::new(Version::HTTP_10, ReadSide::Gone, None, false, persist);
        self.wire.begin(exchange);
        self.response.begin(refusal.head_only);
        let Self { shared, wire, response, request, conn_info, guard, .. } = self;
        let mut writer = ResponseWriter::new(response, wire);
        let (error, counting) = (&refusal.error, guard.counting());
        let outcome =
            shared.service.refuse(&mut writer, error, request, &conn_info.remote, counting);
        let exchange = self.wire.finish();
        match outcome {
            Outcome::Ended(ResponseEnd::Whole) => Step::Close(CloseReason::Malformed),
            Outcome::Ended(ResponseEnd::Broken) => Step::Close(CloseReason::IoFailed),
            _ => self.break_off(&exchange, CloseReason::HandlerFailed),
        }
    }
}

impl Drop for Conn {
    /// Closes the connection, however its thread leaves it.
    fn drop(&mut self) {
        if !self.reader.retire() {
            // It was handed over.
            return;
        }
        let reason = self.reason.unwrap_or(CloseReason::HandlerFailed);
        log::debug!("{}: connection closed: {reason}", self.conn_info.remote);
        // Complete responses must not be lost because of a later request.
        let _ = self.wire.write_out();
        self.guard.closing();
        // Nothing follows the end of the stream.
        if reason != CloseReason::EndOfStream {
            read_out(self.stream());
        }
        self.stream().close();
        self.guard.closed();
    }
}

/// The method and the target of a request whose head was not read.
const UNREAD: &[u8] = b"-";

/// Half-closes `stream`, and discards its input for at most [`LINGER`]. Has no effect on a stream that was
/// closed or reset.
#[cold]
fn read_out(stream: &Stream) {
    if !stream.is_closed() && stream.shutdown(Shutdown::Write).is_ok() {
        discard_rest(stream);
    }
}

impl Refusal {
    /// Turns the error of a request into its response.
    #[cold]
    fn new(status: StatusCode, detail: impl Display, head_only: bool) -> Self {
        Self { error: Error::status(status, detail.to_string()), head_only }
    }
}

/// Returns why a connection is closed if its next request cannot be read. A TLS stream that was cut
/// between two requests counts as ended.
#[cold]
fn read_failed(error: &io::Error, timed_out: CloseReason) -> CloseReason {
    match error.kind() {
        io::ErrorKind::TimedOut => timed_out,
        io::ErrorKind::UnexpectedEof => CloseReason::EndOfStream,
        _ => CloseReason::IoFailed,
    }
}

/// Returns `true` if the response to a request with an invalid head has no body.
fn asks_for_head_only(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"HEAD ")
}

/// Returns the moment `limit` after `start`, or `None` if the clock cannot represent it.
fn after(start: Instant, limit: Duration) -> Option<Instant> {
    start.checked_add(limit)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::handler::Sink;
    use crate::net::memory;
    use crate::server::{Http, Server};
    use crate::serving::ServerCore;

    fn connection(server: Server, stream: Stream) -> (Box<Conn>, ReadHalf) {
        let Server { shared, core } = server;
        let shared = Arc::new(shared);
        let core = ServerCore::new(Arc::new(Http(Arc::clone(&shared))), core);
        let guard = core.admit(&stream, &Addr::Memory).expect("room");
        let info = ConnInfo { remote: Addr::Memory, local: None, behind_tls: false, tls: None };
        let conn = Conn::new(shared, stream, info, guard);
        let half = conn.half();
        (conn, half)
    }

    #[test]
    fn an_idle_connection_holds_no_buffers() {
        let (_client, stream) = memory::pair();
        let server = Server::new(|_: &mut ResponseWriter, _: &mut Request| Ok(()));
        let (mut conn, mut half) =
            connection(server.idle_timeout(Duration::from_millis(1)), stream);
        half.buffer.fill(|room| Ok(room.len())).unwrap();
        half.buffer.consume(half.buffer.data().len());
        conn.wire.informational(StatusCode::EARLY_HINTS, &HeaderMap::new()).unwrap();
        assert!(half.buffer.capacity() > 0 && conn.wire.capacity() > 0);

        conn.first = false;
        assert_eq!(conn.wait_idle(&mut half).unwrap_err(), CloseReason::IdleTooLong);
        assert_eq!((half.buffer.capacity(), conn.wire.capacity()), (0, 0));
    }

    /// A busy connection once kept the memory of its largest request forever.
    #[test]
    fn s15_a_busy_connection_gives_large_buffers_back() {
        let (_client, stream) = memory::pair();
        let server = Server::new(|_: &mut ResponseWriter, _: &mut Request| Ok(()));
        let (mut conn, mut half) = connection(server, stream);
        half.buffer.put(&vec![b'x'; 2 << 20]);
        half.buffer.consume((2 << 20) - 3);
        conn.wire.reserve(1 << 20);
        conn.request.headers_mut().reserve(2000);
        conn.trim(&mut half);
        assert_eq!(half.buffer.data(), b"xxx");
        assert!(half.buffer.capacity() <= MOST_KEPT && conn.wire.capacity() <= MOST_KEPT);
        assert_eq!(conn.request.headers().capacity(), 0);
        // Memory of usual size is kept.
        conn.request.headers_mut().reserve(50);
        half.buffer.fill(|room| Ok(room.len())).unwrap();
        let kept = half.buffer.capacity();
        conn.trim(&mut half);
        assert_eq!(half.buffer.capacity(), kept);
        assert!(conn.request.headers().capacity() >= 50);
    }
}
