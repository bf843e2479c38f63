//! The part of a request's body that has arrived and was not read.
//!
//! The connection's reader puts it in, and the handler takes it out. Its size is bounded: the memory for a
//! handler that does not read must not grow without limit, and the connection's other requests must not
//! wait for that handler.

use std::io;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, TimeLimit};
use crate::net::Buffer;
use crate::serving::after;
use crate::sync::{Condvar, Mutex, MutexGuard, now};
use crate::text::counted;

/// The part of a request's body that has arrived and was not read.
pub(super) struct Inbox {
    /// How long a read waits for more of the body.
    idle: Option<Duration>,
    state: Mutex<State>,
    /// Goes with `state`. Predicate: a read would not block. Notified by all methods that change this,
    /// awaited by [`read`](Inbox::read).
    changed: Condvar,
}

struct State {
    held: Buffer,
    end: End,
    deadline: Option<Instant>,
    /// A part of the next record has arrived.
    progressed: bool,
    /// The room that the connection's reader waits for.
    wanted: Option<Room>,
    /// The first error that the handler got from the body.
    failure: Option<Error>,
}

/// Room for `piece` bytes, so that at most `most` bytes are held.
#[derive(Clone, Copy)]
struct Room {
    piece: usize,
    most: usize,
}

impl Room {
    /// Returns `true` if the piece fits beside `held` bytes. It always fits into an empty inbox.
    fn fits(self, held: usize) -> bool {
        held == 0 || held + self.piece <= self.most
    }
}

enum End {
    /// More of the body may arrive.
    Open,
    /// All of the body has arrived.
    Complete,
    /// No more arrives. The bytes that are held can be read.
    Lost(Error),
    /// The body was discarded.
    Failed(Error),
    /// The context that the handler has set has ended, which is no failure of the body.
    Cancelled(Error),
}

/// The result of [`Inbox::put`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PutResult {
    /// The piece was stored, or discarded because it arrived after the end.
    Done,
    /// There is no room until the handler reads.
    Full,
}

impl Inbox {
    /// `idle`: how long a read waits for more of the body.
    pub(super) fn new(idle: Option<Duration>) -> Self {
        let state = State {
            held: Buffer::default(),
            end: End::Open,
            deadline: None,
            progressed: false,
            wanted: None,
            failure: None,
        };
        Self { idle, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Stores a piece, if at most `most` bytes are held then, or none were. Discards a piece after the end.
    pub(super) fn put(&self, mut piece: &[u8], most: usize) -> PutResult {
        let mut state = self.state.lock();
        if !matches!(state.end, End::Open) {
            return PutResult::Done;
        }
        let room = Room { piece: piece.len(), most };
        if !room.fits(state.held.data().len()) {
            state.wanted = Some(room);
            return PutResult::Full;
        }
        while !piece.is_empty() {
            let count = state.held.fill(|room| io::Read::read(&mut piece, room));
            count.expect("reading from memory does not fail");
        }
        self.changed.notify_all();
        PutResult::Done
    }

    /// Records that a part of the next record has arrived. It restarts the idle limit of a read.
    pub(super) fn progress(&self) {
        self.state.lock().progressed = true;
        self.changed.notify_all();
    }

    /// Records that all of the body has arrived.
    pub(super) fn end(&self) {
        self.finish(End::Complete);
    }

    /// Records that the connection has ended within the body.
    pub(super) fn lose(&self, error: Error) {
        self.finish(End::Lost(error));
    }

    /// Discards the body. Reads fail with `error`. Returns `true` if the connection's reader waits for
    /// room.
    pub(super) fn fail(&self, error: Error) -> bool {
        self.discard(End::Failed(error))
    }

    /// Discards the body since the handler's context has ended. Reads fail with `error`. Returns whether
    /// the connection's reader waits for room.
    pub(super) fn cancel(&self, error: Error) -> bool {
        self.discard(End::Cancelled(error))
    }

    fn discard(&self, end: End) -> bool {
        let mut state = self.state.lock();
        if !matches!(state.end, End::Failed(_) | End::Cancelled(_)) {
            state.end = end;
        }
        state.held.release();
        self.changed.notify_all();
        state.wanted.take().is_some()
    }

    /// Stores an error that the handler got from the body. The first one counts.
    pub(super) fn report(&self, error: &Error) {
        self.state.lock().failure.get_or_insert_with(|| error.clone());
    }

    /// Returns the first error that the handler got from the body. An unread body has none. If the client is
    /// `gone`, that is why the body was cancelled.
    pub(super) fn failure(&self, gone: bool) -> Option<Error> {
        let state = self.state.lock();
        match (&state.failure, &state.end) {
            (Some(error), _) => Some(error.clone()),
            (None, End::Cancelled(error)) if gone => Some(error.clone()),
            _ => None,
        }
    }

    fn finish(&self, end: End) {
        let mut state = self.state.lock();
        if matches!(state.end, End::Open) {
            state.end = end;
        }
        self.changed.notify_all();
    }

    /// Sets the deadline for reading the body.
    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        self.state.lock().deadline = deadline;
        self.changed.notify_all();
    }

    /// Returns `true` if the connection's reader waits for room.
    pub(super) fn is_full(&self) -> bool {
        self.state.lock().wanted.is_some()
    }

    /// Returns `true` if a read would not block.
    pub(super) fn is_ready(&self) -> bool {
        !self.state.lock().would_block()
    }

    /// Reads what has arrived. Returns 0 at the end. Calls `wake_reader` if the connection's reader waits
    /// for room, and there is enough now.
    ///
    /// # Errors
    ///
    /// The error of [`fail`](Self::fail) or [`lose`](Self::lose), or a timeout. Later reads fail with the
    /// same one.
    ///
    /// # Blocking
    ///
    /// Until bytes have arrived, the body has ended, or a time limit has passed.
    pub(super) fn read(&self, buf: &mut [u8], wake_reader: impl FnOnce()) -> Result<usize, Error> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut state = self.state.lock();
        self.wait(&mut state);
        let count = match state.take(buf) {
            Ok(count) => count,
            Err(error) => {
                if !matches!(state.end, End::Cancelled(_)) {
                    state.failure.get_or_insert_with(|| error.clone());
                }
                return Err(error);
            }
        };
        let held = state.held.data().len();
        let room = state.wanted.take_if(|room| room.fits(held));
        drop(state);
        if room.is_some() {
            wake_reader();
        }
        Ok(count)
    }

    /// Blocks until a read can return. A time limit that passes fails the body.
    fn wait(&self, state: &mut MutexGuard<'_, State>) {
        let mut idle = None;
        while state.would_block() {
            if std::mem::take(&mut state.progressed) {
                idle = None;
            }
            let idle = *idle.get_or_insert_with(|| after(self.idle));
            let (until, limit) = earlier(state.deadline, idle);
            match until {
                Some(until) if until <= now() => state.end = End::Failed(Error::timeout(limit)),
                Some(until) => {
                    self.changed.wait_until(state, until);
                }
                None => self.changed.wait(state),
            }
        }
    }
}

/// Returns the earlier of the two moments, and the limit that passes then.
fn earlier(deadline: Option<Instant>, idle: Option<Instant>) -> (Option<Instant>, TimeLimit) {
    match (deadline, idle) {
        (Some(deadline), Some(idle)) if idle < deadline => (Some(idle), TimeLimit::BodyIdle),
        (Some(deadline), _) => (Some(deadline), TimeLimit::Request),
        (None, idle) => (idle, TimeLimit::BodyIdle),
    }
}

impl State {
    fn would_block(&self) -> bool {
        self.held.is_empty() && matches!(self.end, End::Open)
    }

    /// Takes bytes that are held. Returns 0 or the error at the end.
    fn take(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        match &self.end {
            End::Failed(error) | End::Cancelled(error) => return Err(error.clone()),
            End::Lost(error) if self.held.is_empty() => return Err(error.clone()),
            End::Open | End::Complete | End::Lost(_) => {}
        }
        let count = buf.len().min(self.held.data().len());
        buf[..count].copy_from_slice(&self.held.data()[..count]);
        self.held.consume(count);
        if self.held.is_empty() {
            self.held.release();
        }
        Ok(count)
    }
}

/// Returns the error of a body that was discarded because its handler did not read it.
pub(super) fn overflow(most: usize) -> Error {
    let message =
        format!("request body was not read and exceeds the buffer of {}", counted(most, "byte"));
    Error::message(ErrorKind::TooLarge, message)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn read(inbox: &Inbox, length: usize) -> Result<Vec<u8>, ErrorKind> {
        let mut buf = vec![0; length];
        let count = inbox.read(&mut buf, || {}).map_err(|error| error.kind())?;
        buf.truncate(count);
        Ok(buf)
    }

    #[test]
    fn held_bytes_are_bounded_and_the_reader_is_woken_once() {
        let inbox = Inbox::new(None);
        assert_eq!(inbox.put(&[1; 100], 10), PutResult::Done, "the first piece always fits");
        assert_eq!(inbox.put(&[2; 1], 100), PutResult::Full);
        let woken = std::cell::Cell::new(0);
        for _ in 0..2 {
            inbox.read(&mut [0; 40], || woken.set(woken.get() + 1)).unwrap();
        }
        assert_eq!((woken.get(), inbox.is_full()), (1, false));
        assert_eq!(inbox.put(&[2; 80], 100), PutResult::Done);
        assert_eq!(read(&inbox, 1000).unwrap(), [[1; 20].as_slice(), &[2; 80]].concat());
    }

    #[test]
    fn held_bytes_are_read_before_an_end_but_not_after_a_failure() {
        let behind = |end: &dyn Fn(&Inbox)| {
            let inbox = Inbox::new(None);
            inbox.put(b"held", 10);
            end(&inbox);
            inbox.put(b"late", 10);
            assert_eq!(read(&inbox, 10).unwrap(), b"held");
            read(&inbox, 10)
        };
        assert_eq!(behind(&Inbox::end), Ok(vec![]));
        let lost = |inbox: &Inbox| inbox.lose(Error::new(ErrorKind::Receive));
        assert_eq!(behind(&lost), Err(ErrorKind::Receive));
        let inbox = Inbox::new(None);
        inbox.put(b"held", 10);
        inbox.end();
        inbox.fail(Error::new(ErrorKind::Cancelled));
        assert_eq!(read(&inbox, 10), Err(ErrorKind::Cancelled));
        inbox.set_deadline(Some(now()));
        assert_eq!(read(&inbox, 10), Err(ErrorKind::Cancelled));
        let inbox = Inbox::new(None);
        inbox.set_deadline(Some(now()));
        assert_eq!(read(&inbox, 1), Err(ErrorKind::Timeout(TimeLimit::Request)));
    }

    #[test]
    fn the_reader_is_woken_once_its_piece_fits() {
        let inbox = Inbox::new(None);
        inbox.put(&[1; 100], 100);
        assert_eq!(inbox.put(&[2; 50], 100), PutResult::Full);
        for _ in 0..49 {
            inbox.read(&mut [0], || panic!("there is no room")).unwrap();
        }
        let woken = std::cell::Cell::new(false);
        inbox.read(&mut [0], || woken.set(true)).unwrap();
        assert!(woken.get() && inbox.put(&[2; 50], 100) == PutResult::Done);
    }

    #[test]
    fn a_body_has_failed_once_its_handler_got_the_error() {
        let failure = |inbox: &Inbox| inbox.failure(false).map(|error| error.kind());
        let inbox = Inbox::new(None);
        inbox.fail(Error::new(ErrorKind::Cancelled));
        assert_eq!(failure(&inbox), None);
        read(&inbox, 1).unwrap_err();
        inbox.report(&Error::new(ErrorKind::TooLarge));
        assert_eq!(failure(&inbox), Some(ErrorKind::Cancelled), "the first counts");
    }

    #[test]
    fn a_body_that_timed_out_stays_failed() {
        let inbox = Inbox::new(Some(Duration::from_millis(10)));
        let too_slow = Err(ErrorKind::Timeout(TimeLimit::BodyIdle));
        assert_eq!(read(&inbox, 1), too_slow);
        inbox.put(b"late", 10);
        assert_eq!(read(&inbox, 1), too_slow);
    }
}
