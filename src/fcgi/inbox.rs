//! What has come of a request's body and has not been read yet.
//!
//! The thread that reads the connection puts it in, the handler takes it out. Between them stands a bound:
//! what is held back for a handler that does not read must not grow without end, nor keep the connection's
//! other requests from being served.

use std::io;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, TimeLimit};
use crate::net::Buffer;
use crate::sync::{Condvar, Mutex, MutexGuard, now};
use crate::text::counted;

pub(super) struct Inbox {
    /// How long a read waits for more of the body.
    idle: Option<Duration>,
    state: Mutex<State>,
    /// Goes with `state`; the predicate is "something can be told to the reader". Notified by all that
    /// put something in, awaited by [`read`](Inbox::read).
    changed: Condvar,
}

struct State {
    held: Buffer,
    end: End,
    deadline: Option<Instant>,
    /// A part of the next piece has arrived.
    stirred: bool,
    /// The room that the thread which reads the connection waits for.
    wanted: Option<Room>,
    /// How the body failed first, as its reader saw it.
    failure: Option<Error>,
}

/// Room for `piece` bytes, where at most `most` may be held.
#[derive(Clone, Copy)]
struct Room {
    piece: usize,
    most: usize,
}

impl Room {
    /// Whether it is there while `held` bytes are held. A piece always fits where nothing is.
    fn is_there(self, held: usize) -> bool {
        held == 0 || held + self.piece <= self.most
    }
}

enum End {
    Open,
    /// All of the body is here.
    Ended,
    /// No more of it comes; what is held can be read.
    Lost(Error),
    /// It is not wanted any more, or not to be had.
    Failed(Error),
    /// The context that the handler has set has ended, which is no failure of the body.
    Cancelled(Error),
}

/// What became of a piece of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    Taken,
    /// There is no room before the handler reads.
    Full,
}

impl Inbox {
    /// `idle`: how long a read waits for more of the body.
    pub(super) fn new(idle: Option<Duration>) -> Self {
        let state = State {
            held: Buffer::default(),
            end: End::Open,
            deadline: None,
            stirred: false,
            wanted: None,
            failure: None,
        };
        Self { idle, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Puts a piece in, if what is held then is at most `most` bytes, or nothing was held. What comes
    /// behind the end is thrown away.
    pub(super) fn put(&self, mut piece: &[u8], most: usize) -> Put {
        let mut state = self.state.lock();
        if !matches!(state.end, End::Open) {
            return Put::Taken;
        }
        let room = Room { piece: piece.len(), most };
        if !room.is_there(state.held.data().len()) {
            state.wanted = Some(room);
            return Put::Full;
        }
        while !piece.is_empty() {
            let count = state.held.fill(|room| io::Read::read(&mut piece, room));
            count.expect("reading from memory does not fail");
        }
        self.changed.notify_all();
        Put::Taken
    }

    /// A part of the next piece has arrived: a read that waits for it waits anew.
    pub(super) fn stir(&self) {
        self.state.lock().stirred = true;
        self.changed.notify_all();
    }

    /// The body is here to its end.
    pub(super) fn end(&self) {
        self.finish(End::Ended);
    }

    /// The connection has ended within the body.
    pub(super) fn lose(&self, error: Error) {
        self.finish(End::Lost(error));
    }

    /// Throws the body away; reads fail with `error`. Whether somebody waits for room.
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

    /// Remembers that the body failed, as its reader sees it. The first failure counts.
    pub(super) fn report(&self, error: &Error) {
        self.state.lock().failure.get_or_insert_with(|| error.clone());
    }

    /// Returns how the body failed, as its reader saw it. An unread body has not failed.
    pub(super) fn failure(&self) -> Option<Error> {
        self.state.lock().failure.clone()
    }

    fn finish(&self, end: End) {
        let mut state = self.state.lock();
        if matches!(state.end, End::Open) {
            state.end = end;
        }
        self.changed.notify_all();
    }

    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        self.state.lock().deadline = deadline;
        self.changed.notify_all();
    }

    /// Returns whether the room that the connection's reader waits for is still missing.
    pub(super) fn is_full(&self) -> bool {
        self.state.lock().wanted.is_some()
    }

    /// Returns whether a read would not have to wait.
    pub(super) fn is_ready(&self) -> bool {
        !self.state.lock().is_silent()
    }

    /// Reads what has come; 0 at the end. Calls `make_room` if the connection's reader waits for room,
    /// and now there is enough.
    ///
    /// # Errors
    ///
    /// Those that [`fail`](Self::fail) and [`lose`](Self::lose) put here, and time-outs. A body that has
    /// failed stays so.
    ///
    /// # Blocking
    ///
    /// Until something has come, the body has ended, or a time limit is over.
    pub(super) fn read(&self, buf: &mut [u8], make_room: impl FnOnce()) -> Result<usize, Error> {
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
        let room = state.wanted.take_if(|room| room.is_there(held));
        drop(state);
        if room.is_some() {
            make_room();
        }
        Ok(count)
    }

    /// Waits until there is something to tell the reader. A time limit that is over ends the body.
    fn wait(&self, state: &mut MutexGuard<'_, State>) {
        let mut idle = None;
        while state.is_silent() {
            if std::mem::take(&mut state.stirred) {
                idle = None;
            }
            let idle = *idle.get_or_insert_with(|| self.idle.and_then(|it| now().checked_add(it)));
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

/// The earlier of the two moments, and the limit that is over then.
fn earlier(deadline: Option<Instant>, idle: Option<Instant>) -> (Option<Instant>, TimeLimit) {
    match (deadline, idle) {
        (Some(deadline), Some(idle)) if idle < deadline => (Some(idle), TimeLimit::BodyIdle),
        (Some(deadline), _) => (Some(deadline), TimeLimit::Request),
        (None, idle) => (idle, TimeLimit::BodyIdle),
    }
}

impl State {
    fn is_silent(&self) -> bool {
        self.held.is_empty() && matches!(self.end, End::Open)
    }

    /// Takes what is held, or tells the end.
    fn take(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        match &self.end {
            End::Failed(error) | End::Cancelled(error) => return Err(error.clone()),
            End::Lost(error) if self.held.is_empty() => return Err(error.clone()),
            End::Open | End::Ended | End::Lost(_) => {}
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

/// What a reader is told whose body was thrown away because nobody read it.
pub(super) fn overflow(most: usize) -> Error {
    let message =
        format!("the body was not read, and exceeds the {} held back", counted(most, "byte"));
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
    fn what_is_held_is_bounded_and_room_is_told_of_once() {
        let inbox = Inbox::new(None);
        assert_eq!(inbox.put(&[1; 100], 10), Put::Taken, "the first piece always");
        assert_eq!(inbox.put(&[2; 1], 100), Put::Full);
        let told = std::cell::Cell::new(0);
        for _ in 0..2 {
            inbox.read(&mut [0; 40], || told.set(told.get() + 1)).unwrap();
        }
        assert_eq!((told.get(), inbox.is_full()), (1, false));
        assert_eq!(inbox.put(&[2; 80], 100), Put::Taken);
        assert_eq!(read(&inbox, 1000).unwrap(), [[1; 20].as_slice(), &[2; 80]].concat());
    }

    #[test]
    fn an_end_comes_behind_what_is_held_and_a_failure_before_it() {
        let behind = |end: &dyn Fn(&Inbox)| {
            let inbox = Inbox::new(None);
            inbox.put(b"held", 10);
            end(&inbox);
            inbox.put(b"behind it", 10);
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
    fn room_is_told_of_when_the_piece_fits() {
        let inbox = Inbox::new(None);
        inbox.put(&[1; 100], 100);
        assert_eq!(inbox.put(&[2; 50], 100), Put::Full);
        for _ in 0..49 {
            inbox.read(&mut [0], || panic!("there is no room")).unwrap();
        }
        let told = std::cell::Cell::new(false);
        inbox.read(&mut [0], || told.set(true)).unwrap();
        assert!(told.get() && inbox.put(&[2; 50], 100) == Put::Taken);
    }

    #[test]
    fn a_body_has_failed_when_its_reader_has_seen_it() {
        let failure = |inbox: &Inbox| inbox.failure().map(|error| error.kind());
        let inbox = Inbox::new(None);
        inbox.fail(Error::new(ErrorKind::Cancelled));
        assert_eq!(failure(&inbox), None);
        read(&inbox, 1).unwrap_err();
        inbox.report(&Error::new(ErrorKind::TooLarge));
        assert_eq!(failure(&inbox), Some(ErrorKind::Cancelled), "the first counts");
    }

    #[test]
    fn a_body_that_brings_nothing_fails_for_good() {
        let inbox = Inbox::new(Some(Duration::from_millis(10)));
        let too_slow = Err(ErrorKind::Timeout(TimeLimit::BodyIdle));
        assert_eq!(read(&inbox, 1), too_slow);
        inbox.put(b"late", 10);
        assert_eq!(read(&inbox, 1), too_slow);
    }
}
