//! A client connection and its three parties.
//!
//! ```text
//!                 job ┌─────────────┐ bytes
//!             ┌──────▶│ writer loop │──────────┐
//!  ┌────────┐ │       └─────────────┘          ▼
//!  │ caller │─┤ wrote ◀──┘     │ wrote      ┌──────┐
//!  └────────┘ │                ▼            │ peer │
//!    ▲        │ expectation ┌─────────────┐ └──────┘
//!    │        └────────────▶│ reader loop │◀───┘
//!    └──────────────────────└─────────────┘
//!              answer, with the body and the buffer it is read from
//! ```
//!
//! | party | owns | ends when |
//! | --- | --- | --- |
//! | caller | the call: its context, its time limits | it has the answer, or gives up |
//! | reader loop, `hangup-read` | the reading half: the buffer, lent to the response body while that is unread | the connection is closed or handed over |
//! | writer loop, `hangup-write` | the body that it streams; started with the first one | the connection is closed or handed over |
//!
//! That is the full way. A request whose bytes are in memory and fit into the socket's buffer is written
//! by the caller itself, and then the caller reads the answer itself as well. It also reads the answer
//! itself beside a writer loop that nothing holds up. Nobody can tell, and the thread switches are
//! saved: `exchange.rs` has the three ways. Whatever would block the caller is the loops'.
//!
//! The connection is closed in one place, [`Shared::close_if`], once: the first cause is kept, the
//! stream is closed, and the channels disconnect on which the parties wait: `closed` for all three, and
//! the writer loop's jobs.

mod answer;
mod body;
mod exchange;
mod keep_alive;
mod life;
mod messages;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod reader;
mod send;
mod writer;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

pub(super) use exchange::{
    Blame, FailedAt, Failure, Outgoing, OutgoingFraming, Patience, Withhold,
};
pub(super) use life::ExchangeId;
pub(super) use messages::{Answer, AnswerBody, OnInformational, OnRawHead};

use self::life::{Condition, Ending, State, Writer};
use self::messages::{Expectation, WriteError, Wrote};
use super::target::Key;
use crate::error::{Error, ErrorKind};
use crate::h1::{CloseReason, Limits};
use crate::logging as log;
use crate::net::{Addr, Buffer, Dialed, Stream, TlsInfo};
use crate::sync::channel::{Receiver, Sender, TryRecvError, after, bounded, select};
use crate::sync::{self, Mutex};

/// How long the end of a response waits for the end of its request before the connection is given
/// up as not reusable: a writer that is done only has to be scheduled.
const WROTE_PATIENCE: Duration = Duration::from_millis(50);

/// How often the idle watch looks whether its limit has changed, if the peer announces limits.
const LIMIT_CHECK: Duration = Duration::from_secs(1);

/// The loops' stacks, in bytes. The reader loop calls the user's callback for interim responses, the
/// writer loop the user's body source.
const LOOP_STACK: usize = 512 * 1024;

/// The pool that a connection comes from and returns to.
pub(super) trait Owner: Send + Sync {
    /// Takes a clean connection back. Returns `false` if there is no place for it.
    fn put_back(&self, conn: &Conn) -> bool;
    /// Frees the connection's place, once, when it has been closed or handed over.
    fn closed(&self, conn: &Conn);
}

/// A handle on a connection.
#[derive(Clone)]
pub(super) struct Conn(Arc<Shared>);

/// What the three parties share.
pub(super) struct Shared {
    stream: Stream,
    key: Key,
    owner: Weak<dyn Owner>,
    idle_timeout: Option<Duration>,
    response_limits: Limits,
    /// Disconnects when the connection is closed or handed over.
    closed: Receiver<Infallible>,
    state: Mutex<State>,
    expectations: Sender<Expectation>,
    /// Wakes the reader loop when it sleeps.
    calls: Sender<()>,
    facts: Arc<ConnFacts>,
}

/// What is known of a connection from its making.
#[derive(Clone, Debug)]
pub(super) struct ConnFacts {
    pub(super) remote: Addr,
    pub(super) local: Addr,
    pub(super) tls: Option<TlsInfo>,
    pub(super) resolved_in: Duration,
    pub(super) connected_in: Duration,
    pub(super) secured_in: Duration,
}

/// What a connection is made with.
pub(super) struct ConnConfig {
    pub(super) key: Key,
    /// How long the TLS handshake took.
    pub(super) secured_in: Duration,
    pub(super) owner: Weak<dyn Owner>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) response_limits: Limits,
}

impl Conn {
    /// Starts the reader loop on a fresh connection.
    ///
    /// # Errors
    ///
    /// The operating system's, if there is no room for a thread.
    pub(super) fn start(dialed: Dialed, config: ConnConfig) -> io::Result<Self> {
        let Dialed { stream, remote, resolved_in, connected_in, .. } = dialed;
        let facts = ConnFacts {
            remote,
            local: stream.local_addr().unwrap_or(Addr::Unknown),
            tls: stream.tls(),
            resolved_in,
            connected_in,
            secured_in: config.secured_in,
        };
        let (closer, closed) = bounded(0);
        let (expectations, expected) = bounded(1);
        let (calls, called) = bounded(1);
        let shared = Arc::new(Shared {
            stream,
            key: config.key,
            owner: config.owner,
            idle_timeout: config.idle_timeout,
            response_limits: config.response_limits,
            closed,
            state: Mutex::new(State::new(closer)),
            expectations,
            calls,
            facts: Arc::new(facts),
        });
        let of_reader = Arc::clone(&shared);
        sync::spawn("hangup-read", Some(LOOP_STACK), move || {
            of_reader.run_loop(|| reader::run(&of_reader, &expected, &called));
        })?;
        Ok(Self(shared))
    }

    pub(super) fn key(&self) -> &Key {
        &self.0.key
    }

    pub(super) fn facts(&self) -> &Arc<ConnFacts> {
        &self.0.facts
    }

    /// Takes the connection into use. `None`, and closed, if it had been idle and cannot be used: the
    /// peer has hung up, or has sent what nobody asked for.
    pub(super) fn begin(&self) -> Option<ExchangeId> {
        let (id, was_idle) = {
            let mut state = self.0.state.lock();
            let was_idle = state.condition() == Condition::Idle;
            (state.begin()?, was_idle)
        };
        // The reader loop reads nothing before it has an expectation, so what came stands here.
        if was_idle && self.0.has_news() {
            self.close(Error::new(ErrorKind::EmptyReply), self.0.out_of_turn());
            return None;
        }
        Some(id)
    }

    /// Nobody takes the fresh connection: from now on it is idle as any other.
    pub(super) fn park(&self) {
        let was_fresh = self.0.state.lock().park();
        // The reader loop has left what came until now to the first exchange.
        if was_fresh && self.0.has_news() {
            self.close(Error::new(ErrorKind::EmptyReply), CloseReason::EndOfStream);
        }
        if self.0.state.lock().wake() {
            self.0.call_reader();
        }
    }

    pub(super) fn close(&self, cause: Error, reason: CloseReason) {
        self.0.close(cause, reason);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl PartialEq for Conn {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Shared {
    /// Closes the connection, whatever it is at. The first cause stays.
    fn close(self: &Arc<Self>, cause: Error, reason: CloseReason) {
        self.close_if(|_| true, cause, reason);
    }

    /// Closes the connection for the sake of an exchange; `false` if that was over.
    fn close_in(self: &Arc<Self>, id: ExchangeId, cause: Error, reason: CloseReason) -> bool {
        self.close_if(|state| state.is_in(id), cause, reason)
    }

    /// Closes the connection if nobody uses it; `false` if somebody does.
    fn close_if_idle(self: &Arc<Self>, reason: CloseReason) -> bool {
        let is_idle = |state: &State| state.condition() == Condition::Idle;
        self.close_if(is_idle, Error::new(ErrorKind::Closed), reason)
    }

    /// The one place where a connection is closed.
    fn close_if(
        self: &Arc<Self>,
        condition: impl FnOnce(&State) -> bool,
        cause: Error,
        reason: CloseReason,
    ) -> bool {
        let closed = self.end(condition, Ending::Closed(cause));
        if closed {
            log::debug!("{}: connection closed: {reason}", self.key);
            self.leave();
        }
        closed
    }

    /// The connection belongs to the caller from now on; both loops end.
    fn hand_over(self: &Arc<Self>) {
        if self.end(|_| true, Ending::HandedOver) {
            self.leave();
        }
    }

    /// Ends the connection's life as one of ours; `false` if it had ended, or on another condition.
    fn end(&self, condition: impl FnOnce(&State) -> bool, how: Ending) -> bool {
        let lines = {
            let mut state = self.state.lock();
            if !condition(&state) {
                return false;
            }
            let closes = matches!(how, Ending::Closed(_));
            let lines = state.end(how);
            if closes && lines.is_some() {
                // Together: who sees the channel closed sees the stream closed.
                self.stream.close();
            }
            lines
        };
        lines.is_some()
    }

    fn leave(self: &Arc<Self>) {
        if let Some(owner) = self.owner.upgrade() {
            owner.closed(&Conn(Arc::clone(self)));
        }
    }

    /// The exchange is over and the connection clean: it can be used again, and `spare` with it. Fails
    /// if it was closed meanwhile, or nobody wants it, and it is closed then.
    fn give_back(self: &Arc<Self>, id: ExchangeId, spare: Buffer) -> Result<(), CloseReason> {
        let reader_sleeps = {
            let mut state = self.state.lock();
            state.rest(id, spare)?;
            state.wake()
        };
        let kept =
            self.owner.upgrade().is_some_and(|owner| owner.put_back(&Conn(Arc::clone(self))));
        if !kept {
            self.close_if_idle(CloseReason::LimitReached);
            return Err(CloseReason::LimitReached);
        }
        if reader_sleeps {
            self.call_reader();
        }
        Ok(())
    }

    /// The request of `id` is out: the head of its answer is due within `limit`, if the caller still
    /// waits for it. Under the lock, so that it is no later exchange's deadline, nor a body's.
    fn expect_head_within(&self, id: ExchangeId, limit: Option<Duration>) {
        let Some(due) = limit.and_then(|limit| Instant::now().checked_add(limit)) else { return };
        let state = self.state.lock();
        if state.awaits_head(id) {
            self.stream.set_read_deadline(Some(due));
        }
    }

    /// The head of the answer has come: its deadline has been kept, and none is set from now on.
    fn head_has_come(&self) {
        let mut state = self.state.lock();
        state.await_head(false);
        self.stream.set_read_deadline(None);
    }

    /// Whether something has come from the peer, or its end of stream.
    fn has_news(&self) -> bool {
        let now = self.stream.readiness();
        now.readable || now.peer_closed || now.broken
    }

    /// The peer hung up, or sent something, while it had nothing to answer: which of the two. For who
    /// has the connection to himself.
    fn out_of_turn(&self) -> CloseReason {
        let mut bytes = [0; 64];
        match self.stream.try_read(&mut bytes) {
            Ok(0) | Err(_) => CloseReason::EndOfStream,
            // How a server tells that it has waited long enough (RFC 9110 section 15.5.9).
            Ok(count) if is_request_timeout(&bytes[..count]) => CloseReason::EndOfStream,
            Ok(count) => self.unsolicited(&bytes[..count]),
        }
    }

    /// Bytes came that answer nothing.
    fn unsolicited(&self, bytes: &[u8]) -> CloseReason {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]);
        log::warn!("{}: bytes that answer nothing: {text:?}", self.key);
        CloseReason::BytesLeftOver
    }

    /// Whether nothing came behind an answer.
    fn is_used_up(&self, buffer: &Buffer) -> Result<(), CloseReason> {
        if buffer.is_empty() { Ok(()) } else { Err(self.unsolicited(buffer.data())) }
    }

    /// Takes the connection out of use if it is idle and something has come on it: nobody can begin an
    /// exchange on it any more. The look, which does not wait, is under the lock, so that it sees
    /// nothing of an exchange that has just begun.
    fn claim_with_news(&self) -> bool {
        let mut state = self.state.lock();
        state.condition() == Condition::Idle && self.has_news() && state.begin().is_some()
    }

    /// What the connection is at, and in which exchange.
    fn condition(&self) -> (Condition, ExchangeId) {
        let state = self.state.lock();
        (state.condition(), state.id())
    }

    /// The reader loop will wait for a call if the connection is in use.
    fn fall_asleep(&self) -> bool {
        self.state.lock().fall_asleep()
    }

    /// Wakes the reader loop from its sleep, for the idle watch.
    fn call_reader(&self) {
        let _ = self.calls.try_send(());
    }

    fn take_spare(&self) -> Buffer {
        self.state.lock().take_spare()
    }

    fn is_closed(&self) -> bool {
        self.state.lock().cause().is_some()
    }

    /// How long the connection may be idle: our limit, or the peer's.
    fn idle_limit(&self) -> Option<Duration> {
        self.idle_timeout.into_iter().chain(self.state.lock().idle_limit()).min()
    }

    /// When the idle watch looks at its limit, which is `limit`, at the latest. A peer that announces limits
    /// can announce a shorter one in a response that the watch does not notice.
    fn next_look(&self, limit: Option<Instant>) -> Option<Instant> {
        match self.state.lock().idle_limit() {
            Some(_) => limit.into_iter().chain(sync::now().checked_add(LIMIT_CHECK)).min(),
            None => limit,
        }
    }

    /// Runs one of the loops. A panic in it is that of code which TLS calls, such as a key log: the
    /// connection is closed, so that nothing waits for the loop.
    fn run_loop(self: &Arc<Self>, run: impl FnOnce()) {
        if sync::contain(run).is_none() {
            let error = Error::message(ErrorKind::Other, "a thread of the connection panicked");
            self.close(error, CloseReason::IoFailed);
        }
    }

    /// Why the connection was closed.
    fn cause(&self) -> Option<Error> {
        self.state.lock().cause().cloned()
    }

    /// A failed write, by what made it fail: if we closed the connection ourselves, by the cause of
    /// that.
    fn write_error(&self, error: io::Error, written: u64) -> WriteError {
        let error = self.cause().unwrap_or_else(|| Error::with_source(ErrorKind::Send, error));
        WriteError::Failed { error, written }
    }

    /// How to reach the writer loop, which is started if this is its first job.
    fn writer(self: &Arc<Self>) -> io::Result<Writer> {
        let running = self.state.lock().writer();
        match running {
            Some(writer) => Ok(writer),
            None => self.start_writer(),
        }
    }

    fn start_writer(self: &Arc<Self>) -> io::Result<Writer> {
        let (jobs, handed) = bounded(1);
        let (told, results) = bounded(1);
        let shared = Arc::clone(self);
        sync::spawn("hangup-write", Some(LOOP_STACK), move || {
            shared.run_loop(|| writer::run(&shared, &handed, &told));
        })?;
        let writer = Writer::new(jobs, results);
        self.state.lock().keep_writer(writer.clone());
        Ok(writer)
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conn({})", self.0.key)
    }
}

impl Wrote {
    /// Whether the request has been written, or writing it has failed.
    fn is_known(&self) -> bool {
        match self {
            Self::Whole => true,
            Self::Reported(result) => !result.is_empty(),
        }
    }

    /// Whether the request was wholly written. In the common case that is known already, and no timer
    /// is made; else it is waited for, at most for `patience`.
    fn check(&self, shared: &Shared, patience: Duration) -> Result<(), CloseReason> {
        let Self::Reported(results) = self else { return Ok(()) };
        let result = match results.try_recv() {
            Err(TryRecvError::Empty) => {
                select! {
                    recv(results) -> result => result.ok(),
                    recv(shared.closed) -> _ => None,
                    recv(after(patience)) -> _ => None,
                }
            }
            known => known.ok(),
        };
        match result {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(CloseReason::RequestNotWritten),
        }
    }
}

fn is_request_timeout(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.1 408") || bytes.starts_with(b"HTTP/1.0 408")
}

/// What a connection is closed for when a call on it has failed.
fn close_reason(error: &Error) -> CloseReason {
    match error.kind() {
        ErrorKind::Timeout(_) => CloseReason::TimedOut,
        ErrorKind::Cancelled => CloseReason::Cancelled,
        ErrorKind::BodySource | ErrorKind::InvalidMessage => CloseReason::RequestNotWritten,
        ErrorKind::MalformedMessage | ErrorKind::TooLarge => CloseReason::Malformed,
        _ => CloseReason::IoFailed,
    }
}

/// The earlier of two moments, of which either may be never.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
