//! What has come of a request's body and has not been read yet.
//!
//! The thread that reads the connection puts it in, the handler takes it out. Between them stands a bound:
//! what is held back for a handler that does not read must not grow without end, nor keep the connection's
//! other requests from being served.

use std::io;
use std::time::Instant;

use crate::error::{Error, ErrorKind, TimeLimit};
use crate::net::Buffer;
use crate::sync::{Condvar, Mutex, now};
use crate::text::counted;

pub(super) struct Inbox {
    state: Mutex<State>,
    /// Goes with `state`; the predicate is "something can be told to the reader". Notified by all that
    /// put something in, awaited by [`read`](Inbox::read).
    changed: Condvar,
}

struct State {
    held: Buffer,
    end: End,
    deadline: Option<Instant>,
    /// The thread that reads the connection waits for room.
    full: bool,
}

enum End {
    Open,
    /// All of the body is here.
    Ended,
    /// No more of it comes; what is held can be read.
    Lost(Error),
    /// It is not wanted any more, or not to be had.
    Failed(Error),
}

/// What became of a piece of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    Taken,
    /// There is no room before the handler reads.
    Full,
}

impl Inbox {
    pub(super) fn new() -> Self {
        let state = State { held: Buffer::default(), end: End::Open, deadline: None, full: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Puts a piece in, if what is held then is at most `most` bytes, or nothing was held. What comes
    /// behind the end is thrown away.
    pub(super) fn put(&self, mut piece: &[u8], most: usize) -> Put {
        let mut state = self.state.lock();
        if !matches!(state.end, End::Open) {
            return Put::Taken;
        }
        let held = state.held.data().len();
        if held > 0 && held + piece.len() > most {
            state.full = true;
            return Put::Full;
        }
        while !piece.is_empty() {
            let count = state.held.fill(|room| io::Read::read(&mut piece, room));
            count.expect("reading from memory does not fail");
        }
        self.changed.notify_all();
        Put::Taken
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
        let mut state = self.state.lock();
        if !matches!(state.end, End::Failed(_)) {
            state.end = End::Failed(error);
        }
        state.held.release();
        self.changed.notify_all();
        std::mem::take(&mut state.full)
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

    /// Whether there is still no room, for who waits for it.
    pub(super) fn is_full(&self) -> bool {
        self.state.lock().full
    }

    /// Reads what has come; 0 at the end. `make_room` is called if somebody waits for room, and there is
    /// some now.
    ///
    /// # Blocking
    ///
    /// Until something has come, the body has ended, or the deadline is over.
    pub(super) fn read(&self, buf: &mut [u8], make_room: impl FnOnce()) -> Result<usize, Error> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut state = self.state.lock();
        let count = loop {
            if let End::Failed(error) = &state.end {
                return Err(error.clone());
            }
            if !state.held.is_empty() {
                break state.take(buf);
            }
            match &state.end {
                End::Ended => return Ok(0),
                End::Lost(error) => return Err(error.clone()),
                End::Open | End::Failed(_) => {}
            }
            match state.deadline {
                Some(deadline) if deadline <= now() => {
                    return Err(Error::timeout(TimeLimit::Request));
                }
                Some(deadline) => {
                    self.changed.wait_until(&mut state, deadline);
                }
                None => self.changed.wait(&mut state),
            }
        };
        let wanted = std::mem::take(&mut state.full);
        drop(state);
        if wanted {
            make_room();
        }
        Ok(count)
    }
}

impl State {
    fn take(&mut self, buf: &mut [u8]) -> usize {
        let count = buf.len().min(self.held.data().len());
        buf[..count].copy_from_slice(&self.held.data()[..count]);
        self.held.consume(count);
        if self.held.is_empty() {
            self.held.release();
        }
        count
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
        let inbox = Inbox::new();
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
            let inbox = Inbox::new();
            inbox.put(b"held", 10);
            end(&inbox);
            inbox.put(b"behind it", 10);
            assert_eq!(read(&inbox, 10).unwrap(), b"held");
            read(&inbox, 10)
        };
        assert_eq!(behind(&Inbox::end), Ok(vec![]));
        let lost = |inbox: &Inbox| inbox.lose(Error::new(ErrorKind::Receive));
        assert_eq!(behind(&lost), Err(ErrorKind::Receive));
        let inbox = Inbox::new();
        inbox.put(b"held", 10);
        inbox.end();
        inbox.fail(Error::new(ErrorKind::Cancelled));
        assert_eq!(read(&inbox, 10), Err(ErrorKind::Cancelled));
        inbox.set_deadline(Some(now()));
        assert_eq!(read(&inbox, 10), Err(ErrorKind::Cancelled));
        let inbox = Inbox::new();
        inbox.set_deadline(Some(now()));
        assert_eq!(read(&inbox, 1), Err(ErrorKind::Timeout(TimeLimit::Request)));
    }
}
