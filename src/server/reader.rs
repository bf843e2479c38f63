//! The connection reader: all input of a connection passes through it.
//!
//! While a handler runs, nobody reads the connection for it, and yet its context has to end when
//! the client goes away. So a *background read* of one byte is kept pending on a thread of its own,
//! `hangup-watch`, from the handler's first look at its context until the handler has returned:
//!
//! ```text
//!   conn thread (or the handler's)        the lock           watch thread
//!   ──────────────────────────────        ────────           ────────────
//!   watch(signals)                   ──▶  Ordered   ──▶      takes the order
//!                                         Busy               read(one byte) ····· blocked
//!   abort(): recalled = true,
//!     read deadline into the past    ──▶  Busy               ····· read gives TimedOut
//!     waits on `changed`             ◀──  Parked    ◀──      puts the outcome into the state
//!     puts the deadline back
//! ```
//!
//! A byte that the background read got is *held*: it is the first byte of the next read, so that the
//! next request is whole whichever way its bytes arrived.
//!
//! Where a read is not allowed (the body has not been read to its end) or no longer of use (a
//! pipelined request's first byte is held), the thread waits for the client's end of stream without
//! reading: see [`Mode`].

#[cfg(all(test, hangup_shuttle))]
mod model;

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, TimeLimit};
use crate::logging as log;
use crate::net::{Hangup, Stream};
use crate::serving::{Gone, Signals};
use crate::sync::{self, Condvar, Mutex, MutexGuard};

/// The watch thread's stack, in bytes: it calls nothing of the user's.
const WATCH_STACK: usize = 256 * 1024;

/// How long the watch thread of an idle connection waits for a next order before it ends.
const WATCH_KEEP: Duration = Duration::from_secs(1);

/// The input of one server connection, shared between its thread, the body it lends to a handler,
/// and its watch thread.
pub(super) struct ConnReader {
    stream: Stream,
    /// Whether a client that closed only its sending side counts as gone.
    cancel_on_half_close: bool,
    state: Mutex<State>,
    /// Goes with `state`. Two predicates: "the watch thread is not busy", which `abort` waits for
    /// and the watch thread notifies; "there is an order, or no more work", which the watch thread
    /// waits for and everyone else notifies.
    changed: Condvar,
}

struct State {
    watch: Watch,
    /// How many requests have ended on the connection: the number of the one that is running.
    request: u64,
    /// A request is being handled.
    busy: bool,
    /// Whom to tell: the request that asked.
    signals: Option<Arc<Signals>>,
    /// The request's body has been read to its end, so that the next byte is not part of it.
    may_read: bool,
    /// The byte that a background read got.
    held: Option<u8>,
    /// The next request has begun to arrive: with that byte, or behind this one in the buffer.
    next_begun: bool,
    gone: Option<Gone>,
    /// The client has closed its sending side, which does not count as going away.
    half_closed: bool,
}

/// What the watch thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    /// It has not been started.
    None,
    /// It waits for an order.
    Parked,
    /// It has been told to watch and has not begun.
    Ordered,
    /// It is blocked on the connection, and has been called back or not.
    Busy { mode: Mode, recalled: bool },
    /// It has ended, or will when it next looks: the connection was closed or handed over.
    Over,
}

/// How the client's going away is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// By a background read of one byte.
    Read,
    /// By the end of stream or a reset as the platform tells them without reading. The `Hangup` is
    /// the least that counts: behind an end of stream that did not, only the reset is still to come.
    Wait(Hangup),
}

/// What the watch thread saw.
enum Seen {
    Byte(u8),
    EndOfStream,
    Failed(ErrorKind),
    /// The wait ended without news: it was recalled, or a deadline of the handler's passed.
    Nothing,
}

impl ConnReader {
    pub(super) fn new(stream: Stream, cancel_on_half_close: bool) -> Arc<Self> {
        Arc::new(Self {
            stream,
            cancel_on_half_close,
            state: Mutex::new(State {
                watch: Watch::None,
                request: 0,
                busy: false,
                signals: None,
                may_read: false,
                held: None,
                next_begun: false,
                gone: None,
                half_closed: false,
            }),
            changed: Condvar::new(),
        })
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// A request begins. Returns its number. `next_begun`: it has no body, and whether something of the
    /// next request has been read with it; `None` if it has one.
    pub(super) fn begin_request(&self, next_begun: Option<bool>) -> u64 {
        let mut state = self.state.lock();
        state.busy = true;
        if let Some(next_begun) = next_begun {
            state.may_read = true;
            state.next_begun = next_begun;
        }
        state.request
    }

    /// Reads, the held byte first.
    ///
    /// # Blocking
    ///
    /// Until there is something to read; ended by the connection's read deadline.
    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_with(buf, |buf| (&self.stream).read(buf))
    }

    /// Reads some of a request's body. Whatever the connection's deadline, the read waits at most for
    /// `idle`.
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

    /// As [`read`](Self::read), by one plain system call that only closing the connection can end
    /// before `patience` is over.
    pub(super) fn read_for(&self, buf: &mut [u8], patience: Option<Duration>) -> io::Result<usize> {
        self.read_with(buf, |buf| self.stream.read_for(buf, patience))
    }

    fn read_with(
        &self,
        buf: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let held = {
            let mut state = self.state.lock();
            // Invariant: nobody reads while a background read may.
            debug_assert!(!matches!(state.watch, Watch::Busy { mode: Mode::Read, .. }));
            if buf.is_empty() { None } else { state.held.take() }
        };
        match held {
            Some(byte) => {
                buf[0] = byte;
                Ok(1)
            }
            None => read(buf),
        }
    }

    /// The request's body has been read to its end: from now on a background read is allowed.
    /// `next_begun`: something of the next request has been read with it.
    pub(super) fn body_ended(&self, next_begun: bool) {
        let mut state = self.state.lock();
        state.may_read = true;
        state.next_begun = next_begun;
        if let Watch::Busy { mode: Mode::Wait(_), recalled: false } = state.watch {
            // It wakes without having been recalled, and takes up the other mode.
            self.stream.wake_hangup();
        }
        let signals = state.signals.clone().filter(|_| next_begun);
        drop(state);
        if let Some(signals) = signals {
            signals.next_request();
        }
    }

    /// Whether a watch that begins now would read.
    pub(super) fn is_body_ended(&self) -> bool {
        self.state.lock().may_read
    }

    /// Whether somebody has asked to be told of the client.
    pub(super) fn is_watched(&self) -> bool {
        self.state.lock().signals.is_some()
    }

    /// Has `signals` told when the client goes away: at once if it has, and otherwise by the watch
    /// thread, which this starts if need be.
    ///
    /// Nothing happens once request `number` has ended: what a handler has kept of it beyond its
    /// return must not start a read beside that of the next request.
    pub(super) fn watch(self: &Arc<Self>, number: u64, signals: &Arc<Signals>) {
        let gone = self.look();
        let mut state = self.state.lock();
        if state.request != number {
            return;
        }
        state.gone = state.gone.or(gone);
        if let Some(gone) = state.gone {
            drop(state);
            signals.gone(gone);
            return;
        }
        state.signals = Some(Arc::clone(signals));
        match state.watch {
            Watch::None => self.start_watch(&mut state),
            Watch::Parked => {
                state.watch = Watch::Ordered;
                self.changed.notify_all();
            }
            Watch::Ordered | Watch::Busy { .. } | Watch::Over => {}
        }
        if state.next_begun {
            drop(state);
            signals.next_request();
        }
    }

    /// What can be told of the client without waiting or reading.
    fn look(&self) -> Option<Gone> {
        let now = self.stream.readiness();
        if self.stream.is_closed() {
            Some(Gone::Closed)
        } else if now.broken {
            Some(Gone::Failed(ErrorKind::ConnectionReset))
        } else if now.peer_closed && self.cancel_on_half_close {
            Some(Gone::EndOfStream)
        } else {
            None
        }
    }

    fn start_watch(self: &Arc<Self>, state: &mut State) {
        let reader = Arc::clone(self);
        match sync::spawn("hangup-watch", Some(WATCH_STACK), move || reader.run_watch()) {
            Ok(_) => state.watch = Watch::Ordered,
            Err(error) => log::error!("no thread to watch a connection with: {error}"),
        }
    }

    /// The watch thread.
    fn run_watch(&self) {
        let mut state = self.state.lock();
        loop {
            match state.watch {
                Watch::Over => return,
                Watch::Ordered => {
                    let mode = state.mode();
                    state.watch = Watch::Busy { mode, recalled: false };
                    drop(state);
                    let seen = self.wait_for_news(mode);
                    state = self.take_in(seen);
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

    /// Enters what the watch thread saw, lets those go on who wait for it, and tells the request.
    fn take_in(&self, seen: Seen) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        let news = state.take_in(&seen, self.cancel_on_half_close);
        let signals = news.and(state.signals.clone());
        self.changed.notify_all();
        if let (Some(news), Some(signals)) = (news, signals) {
            drop(state);
            match news {
                News::NextRequest => signals.next_request(),
                News::Gone(_) if self.stream.is_closed() => signals.gone(Gone::Closed),
                News::Gone(gone) => signals.gone(gone),
            }
            state = self.state.lock();
        }
        state
    }

    /// Ends the background read, if one is in progress, and returns when it is out. No byte is lost:
    /// the one that it may have got is held. The connection's read deadline stays what it was.
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

    /// The handler has returned: nobody watches any more, and the next bytes are the next request's.
    pub(super) fn end_request(&self) {
        let mut state = self.state.lock();
        // First, so that nobody can order a watch while the last one is being called back.
        state.request += 1;
        state.busy = false;
        self.abort(&mut state);
        state.signals = None;
        state.may_read = false;
        state.next_begun = false;
    }

    /// The connection failed under somebody else's read or write: the request gets to know.
    pub(super) fn failed(&self, kind: ErrorKind) {
        let signals = {
            let mut state = self.state.lock();
            state.gone = state.gone.or(Some(Gone::Failed(kind)));
            state.signals.clone()
        };
        if let Some(signals) = signals {
            signals.gone(Gone::Failed(kind));
        }
    }

    /// Ends the watch thread, for good; the connection itself stays as it is. Returns whether this is
    /// the first call.
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

    /// The byte that a background read got, for a connection that is handed over.
    pub(super) fn take_held(&self) -> Option<u8> {
        self.state.lock().held.take()
    }
}

/// What the request is to be told.
#[derive(Clone, Copy)]
enum News {
    NextRequest,
    Gone(Gone),
}

impl State {
    fn mode(&self) -> Mode {
        match self.half_closed {
            true => Mode::Wait(Hangup::Broken),
            false if self.may_read && self.held.is_none() => Mode::Read,
            false => Mode::Wait(Hangup::EndOfStream),
        }
    }

    /// The watch thread is out of its wait: what it saw goes into the state, and it either goes on
    /// watching or parks.
    fn take_in(&mut self, seen: &Seen, cancel_on_half_close: bool) -> Option<News> {
        let news = match *seen {
            Seen::Byte(byte) => {
                debug_assert!(self.held.is_none());
                self.held = Some(byte);
                self.next_begun = true;
                Some(News::NextRequest)
            }
            Seen::EndOfStream if !cancel_on_half_close => {
                self.half_closed = true;
                None
            }
            Seen::EndOfStream => Some(News::Gone(Gone::EndOfStream)),
            Seen::Failed(kind) => Some(News::Gone(Gone::Failed(kind))),
            Seen::Nothing => None,
        };
        if let Some(News::Gone(gone)) = news {
            self.gone = self.gone.or(Some(gone));
        }
        if let Watch::Busy { mode, recalled } = self.watch {
            if matches!(seen, Seen::Nothing) && mode == Mode::Read && !recalled {
                // A read deadline of the handler's own has passed: no more reading.
                self.may_read = false;
            }
            let done = recalled || self.gone.is_some();
            self.watch = if done { Watch::Parked } else { Watch::Ordered };
        }
        news
    }
}

/// A deadline that has passed whenever it is looked at.
fn past() -> Instant {
    Instant::now()
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::net::{Parked, memory};

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A reader in a background read, and its client.
    fn watched() -> (Arc<ConnReader>, Stream) {
        let (client, stream) = memory::pair();
        let reader = ConnReader::new(stream, true);
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
        // The watch goes on, as one for the hang-up alone.
        assert!(reader.stream().wait_until_parked(Parked::Hangup, PATIENCE));
        reader.end_request();
        assert_eq!(read(&reader), b"n");
        assert_eq!(read(&reader), b"ext");
        reader.retire();
    }

    #[test]
    fn a_held_byte_is_left_to_who_takes_the_connection_over() {
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
        // An order stays one, or becomes a read, until it is called back.
        assert_eq!(reader.state.lock().watch, Watch::Parked);
        assert!(!reader.is_watched());
        client.write_all(b"next").unwrap();
        assert_eq!(read(&reader), b"next");
        reader.retire();
    }
}
