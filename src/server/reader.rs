//! The connection reader: all input of a connection passes through it.
//!
//! While a handler runs, its connection is not read, and yet the request's context has to end when the
//! client goes away. So a *background read* of one byte is pending on a separate thread, `hangup-watch`,
//! from the handler's first use of its context until the handler has returned:
//!
//! ```text
//!   conn thread (or the handler's)        the lock           watch thread
//!   ──────────────────────────────        ────────           ────────────
//!   watch(signals)                   ──▶  Ordered   ──▶      waits for WATCH_DELAY
//!                                         Busy      ◀──      takes the order
//!                                                            read(one byte) ····· blocked
//!   abort(): recalled = true,
//!     read deadline into the past    ──▶  Busy               ····· read gives TimedOut
//!     waits on `changed`             ◀──  Parked    ◀──      puts the outcome into the state
//!     puts the deadline back
//! ```
//!
//! Most handlers return before the delay is over. Then nothing was begun and nothing has to be recalled.
//! While a connection's requests follow each other that quickly, its watch thread wakes once in a delay,
//! not once in a request.
//!
//! A byte that the background read got is *held*. It is the first byte of the next read, so that the next
//! request is complete whichever way its bytes arrived.
//!
//! Where a read is not allowed (the body was not read to its end) or no longer useful (a byte of a
//! pipelined request is held), the thread waits for the client's end of stream without a read: see
//! [`Mode`]. `reader/state.rs` has the thread's observations and their effect.

#[cfg(all(test, hangup_shuttle))]
mod model;
mod state;

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, TimeLimit};
use crate::logging as log;
use crate::net::{Hangup, Stream};
use crate::serving::{Counting, Disconnect, Signals};
use crate::sync::{self, Condvar, Mutex, MutexGuard};
use state::{Input, Mode, News, Seen, State, Watch};

/// The watch thread's stack, in bytes. It runs no code of the user's.
const WATCH_STACK: usize = 256 * 1024;

/// How long the watch thread of an idle connection waits for its next order before it ends.
const WATCH_KEEP: Duration = Duration::from_secs(1);

/// How long the watch thread lets a request run before it watches for the client. A client that goes away
/// is noticed within twice this time.
const WATCH_DELAY: Duration = Duration::from_millis(5);

/// The input of one server connection, shared between its thread, the request's body, and the watch
/// thread.
pub(super) struct ConnReader {
    stream: Stream,
    counting: Counting,
    /// A client that closed only its sending side counts as gone.
    cancel_on_half_close: bool,
    state: Mutex<State>,
    /// Goes with `state`. It has two predicates. `abort` waits for "the watch thread is not busy", which
    /// the watch thread notifies. The watch thread waits for "there is an order, or no more work", which
    /// all others notify, except that an order during its delay needs no notice.
    changed: Condvar,
}

impl ConnReader {
    pub(super) fn new(stream: Stream, cancel_on_half_close: bool, counting: Counting) -> Arc<Self> {
        Arc::new(Self {
            stream,
            counting,
            cancel_on_half_close,
            state: Mutex::new(State::new()),
            changed: Condvar::new(),
        })
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(super) fn counting(&self) -> &Counting {
        &self.counting
    }

    /// Begins a request and returns its number. `next_begun` is `None` if the request has a body.
    /// Otherwise it says whether something of the next request was read with it.
    pub(super) fn begin_request(&self, next_begun: Option<bool>) -> u64 {
        let mut state = self.state.lock();
        state.busy = true;
        if let Some(next_begun) = next_begun {
            state.input = Input::behind_body(next_begun);
        }
        state.request
    }

    /// Reads, the held byte first.
    ///
    /// # Blocking
    ///
    /// Until there is something to read. The connection's read deadline ends it.
    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_with(buf, |buf| (&self.stream).read(buf))
    }

    /// Reads some of a request's body. The read waits at most `idle`, even if the connection's deadline is later.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the deadline. The same around a [`TimeLimit::BodyIdle`] after `idle`.
    pub(super) fn read_body(&self, buf: &mut [u8], idle: Option<Duration>) -> io::Result<usize> {
        let Some(idle) = idle else { return self.read(buf) };
        let mut limit = None;
        loop {
            if self.deadline_has_passed() {
                return Err(ErrorKind::TimedOut.into());
            }
            match self.read_with(buf, |buf| self.stream.try_read(buf)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            let limit = *limit.get_or_insert_with(|| sync::now().checked_add(idle));
            match self.stream.wait_readable_until(limit) {
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(match self.deadline_has_passed() {
                        true => error,
                        false => Error::timeout(TimeLimit::BodyIdle).into(),
                    });
                }
                waited => waited?,
            }
        }
    }

    fn deadline_has_passed(&self) -> bool {
        self.stream.read_deadline().is_some_and(|deadline| deadline <= sync::now())
    }

    /// Reads as [`read`](Self::read) does, by one plain system call. Before `limit` has passed, only
    /// closing the connection ends it.
    pub(super) fn read_for(&self, buf: &mut [u8], limit: Option<Duration>) -> io::Result<usize> {
        self.read_with(buf, |buf| self.stream.read_for(buf, limit))
    }

    fn read_with(
        &self,
        buf: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let held = {
            let mut state = self.state.lock();
            // Invariant: no other read is in progress while a background read may be.
            debug_assert!(!matches!(state.watch, Watch::Busy { mode: Mode::Read, .. }));
            if buf.is_empty() { None } else { state.held.take() }
        };
        match held {
            Some(byte) => {
                buf[0] = byte;
                self.counting.received(1);
                Ok(1)
            }
            None => read(buf).inspect(|count| self.counting.received(*count)),
        }
    }

    /// Notes that the request's body was read to its end, so that a background read is allowed.
    /// `next_begun`: something of the next request was read with it.
    pub(super) fn body_ended(&self, next_begun: bool) {
        let mut state = self.state.lock();
        state.input = Input::behind_body(next_begun);
        if let Watch::Busy { mode: Mode::Wait(_), recalled: false } = state.watch {
            // It was not recalled, so it continues in the other mode.
            self.stream.wake_hangup();
        }
        let signals = state.signals.clone().filter(|_| next_begun);
        drop(state);
        if let Some(signals) = signals {
            signals.next_request();
        }
    }

    /// Returns `true` if a watch that begins now would read.
    pub(super) fn is_body_ended(&self) -> bool {
        self.state.lock().input != Input::Body
    }

    /// Returns `true` if the request has asked for its signals.
    pub(super) fn is_watched(&self) -> bool {
        self.state.lock().signals.is_some()
    }

    /// Reports to `signals` when the client goes away: at once if it has, otherwise from the watch thread,
    /// which this starts if necessary.
    ///
    /// Does nothing once request `number` has ended. A handler may keep its request after returning, and
    /// such a request must not start a second concurrent read.
    pub(super) fn watch(self: &Arc<Self>, number: u64, signals: &Arc<Signals>) {
        let gone = self.look();
        let mut state = self.state.lock();
        if state.request != number {
            return;
        }
        state.gone = state.gone.or(gone);
        if let Some(gone) = state.gone {
            drop(state);
            signals.disconnected(gone);
            return;
        }
        state.signals = Some(Arc::clone(signals));
        match state.watch {
            Watch::None => self.start_watch(&mut state),
            Watch::Parked => {
                state.watch = Watch::Ordered;
                if !state.delaying {
                    self.changed.notify_all();
                }
            }
            Watch::Ordered | Watch::Busy { .. } | Watch::Over => {}
        }
        if state.input == Input::NextBegun {
            drop(state);
            signals.next_request();
        }
    }

    /// Returns what is known of the client without waiting or reading.
    fn look(&self) -> Option<Disconnect> {
        let now = self.stream.readiness();
        if self.stream.is_closed() {
            Some(Disconnect::Closed)
        } else if now.broken {
            Some(Disconnect::Failed(ErrorKind::ConnectionReset))
        } else if now.peer_closed && self.cancel_on_half_close {
            Some(Disconnect::EndOfStream)
        } else {
            None
        }
    }

    fn start_watch(self: &Arc<Self>, state: &mut State) {
        let reader = Arc::clone(self);
        match sync::spawn("hangup-watch", Some(WATCH_STACK), move || reader.run_watch()) {
            Ok(_) => state.watch = Watch::Ordered,
            Err(error) => log::error!("cannot start a thread to watch a connection: {error}"),
        }
    }

    /// Runs the watch thread.
    fn run_watch(&self) {
        let mut state = self.state.lock();
        loop {
            match state.watch {
                Watch::Over => return,
                Watch::Ordered => {
                    if self.outlasts_delay(&mut state) {
                        state = self.watch_client(state);
                    }
                }
                _ => {
                    let (until, request) = (sync::now() + WATCH_KEEP, state.request);
                    let timed_out = self.changed.wait_until(&mut state, until).timed_out();
                    let idle = !state.busy && state.request == request;
                    if timed_out && idle && state.watch == Watch::Parked {
                        state.watch = Watch::None;
                        return;
                    }
                }
            }
        }
    }

    /// Waits for the delay. Returns `true` if the same request still wants to be watched.
    fn outlasts_delay(&self, state: &mut MutexGuard<'_, State>) -> bool {
        let request = state.request;
        state.delaying = true;
        sync::delay(&self.changed, state, WATCH_DELAY, |state| state.watch == Watch::Over);
        state.delaying = false;
        state.watch == Watch::Ordered && state.request == request
    }

    /// Watches for the client until the watch is recalled or the client has gone away.
    fn watch_client<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while state.watch == Watch::Ordered {
            let mode = state.mode();
            state.watch = Watch::Busy { mode, recalled: false };
            drop(state);
            let seen = self.wait_for_news(mode);
            state = self.take_in(seen);
        }
        state
    }

    fn wait_for_news(&self, mode: Mode) -> Seen {
        let mut byte = [0];
        let outcome = match mode {
            Mode::Read => (&self.stream).read(&mut byte).map(|count| match count {
                0 => Seen::EndOfStream,
                _ => Seen::Byte(byte[0]),
            }),
            Mode::Wait(least) => self.stream.wait_hangup(least).map(|hangup| match hangup {
                Hangup::EndOfStream => Seen::EndOfStream,
                Hangup::Broken => Seen::Failed(ErrorKind::ConnectionReset),
            }),
        };
        outcome.unwrap_or_else(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::Interrupted => Seen::Nothing,
            kind => Seen::Failed(kind),
        })
    }

    /// Enters what the watch thread saw, wakes the threads that wait for it, and reports to the request.
    fn take_in(&self, seen: Seen) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        let news = state.take_in(&seen, self.cancel_on_half_close);
        let signals = news.and(state.signals.clone());
        self.changed.notify_all();
        if let (Some(news), Some(signals)) = (news, signals) {
            drop(state);
            match news {
                News::NextRequest => signals.next_request(),
                News::Gone(_) if self.stream.is_closed() => {
                    signals.disconnected(Disconnect::Closed)
                }
                News::Gone(gone) => signals.disconnected(gone),
            }
            state = self.state.lock();
        }
        state
    }

    /// Ends the background read, if one is in progress, and waits until it has returned. No byte is lost:
    /// if the read got one, it is held. The connection's read deadline stays as it was.
    fn abort(&self, state: &mut MutexGuard<'_, State>) {
        let Watch::Busy { mode, recalled } = &mut state.watch else {
            if state.watch == Watch::Ordered {
                state.watch = Watch::Parked;
            }
            return;
        };
        *recalled = true;
        match *mode {
            Mode::Wait(_) => {
                self.stream.wake_hangup();
                self.wait_while_busy(state);
            }
            Mode::Read => {
                let deadline = self.stream.read_deadline();
                self.stream.set_read_deadline(Some(past()));
                self.wait_while_busy(state);
                self.stream.set_read_deadline(deadline);
            }
        }
    }

    fn wait_while_busy(&self, state: &mut MutexGuard<'_, State>) {
        while matches!(state.watch, Watch::Busy { .. }) {
            self.changed.wait(state);
        }
    }

    /// Returns `true` if the client is known to have gone away.
    pub(super) fn is_gone(&self) -> bool {
        self.state.lock().gone.is_some()
    }

    /// Ends a request whose handler has returned, and its watch. The next bytes are the next request's.
    pub(super) fn end_request(&self) {
        let mut state = self.state.lock();
        // First, so that no watch can be ordered while the last one is being recalled.
        state.request += 1;
        state.busy = false;
        self.abort(&mut state);
        state.signals = None;
        state.input = Input::Body;
    }

    /// Reports to the request that another read or write of the connection has failed.
    pub(super) fn failed(&self, kind: ErrorKind) {
        let signals = {
            let mut state = self.state.lock();
            state.gone = state.gone.or(Some(Disconnect::Failed(kind)));
            state.signals.clone()
        };
        if let Some(signals) = signals {
            signals.disconnected(Disconnect::Failed(kind));
        }
    }

    /// Ends the watch thread for good. The connection itself stays as it is. Returns `true` for the first
    /// call.
    pub(super) fn retire(&self) -> bool {
        let mut state = self.state.lock();
        state.request += 1;
        self.abort(&mut state);
        let first = state.watch != Watch::Over;
        state.watch = Watch::Over;
        state.signals = None;
        self.changed.notify_all();
        first
    }

    /// Takes the byte that a background read got, for a connection that is handed over.
    pub(super) fn take_held(&self) -> Option<u8> {
        self.state.lock().held.take()
    }
}

/// Returns a deadline that has passed.
fn past() -> Instant {
    Instant::now()
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::net::{Parked, memory};

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Returns a reader in a background read, and its client.
    fn watched() -> (Arc<ConnReader>, Stream) {
        let (client, stream) = memory::pair();
        let reader = ConnReader::new(stream, true, Counting::default());
        reader.body_ended(false);
        reader.watch(0, &Arc::default());
        assert!(reader.stream().wait_until_parked(Parked::Read, PATIENCE));
        (reader, client)
    }

    fn read(reader: &ConnReader) -> Vec<u8> {
        let mut buf = [0; 100];
        let count = reader.read(&mut buf).unwrap();
        buf[..count].to_vec()
    }

    #[test]
    fn an_abort_puts_the_deadline_back_and_loses_nothing() {
        let (reader, mut client) = watched();
        let deadline = Some(Instant::now() + PATIENCE);
        reader.stream().set_read_deadline(deadline);
        reader.end_request();
        assert_eq!(reader.stream().read_deadline(), deadline);
        client.write_all(b"next").unwrap();
        assert_eq!(read(&reader), b"next");
        reader.retire();
    }

    #[test]
    fn a_held_byte_is_the_first_of_the_next_read() {
        let (reader, mut client) = watched();
        client.write_all(b"next").unwrap();
        // The watch continues, for the hang-up only.
        assert!(reader.stream().wait_until_parked(Parked::Hangup, PATIENCE));
        reader.end_request();
        assert_eq!(read(&reader), b"n");
        assert_eq!(read(&reader), b"ext");
        reader.retire();
    }

    #[test]
    fn a_held_byte_is_left_to_a_hijacker() {
        let (reader, mut client) = watched();
        client.write_all(b"x").unwrap();
        assert!(reader.stream().wait_until_parked(Parked::Hangup, PATIENCE));
        reader.retire();
        assert_eq!((reader.take_held(), reader.take_held()), (Some(b'x'), None));
    }

    #[test]
    fn a_request_that_has_ended_starts_no_watch() {
        let (reader, mut client) = watched();
        reader.end_request();
        reader.body_ended(false);
        reader.watch(0, &Arc::default());
        // An order would stay one, or become a read, until it is recalled.
        assert_eq!(reader.state.lock().watch, Watch::Parked);
        assert!(!reader.is_watched());
        client.write_all(b"next").unwrap();
        assert_eq!(read(&reader), b"next");
        reader.retire();
    }
}
