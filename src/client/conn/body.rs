//! The response body that gives its connection back.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::answer::Keeper;
use super::messages::Wrote;
use super::{ExchangeId, Shared, WROTE_PATIENCE, close_reason};
use crate::body::Incoming;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::h1::{CloseReason, Framing};
use crate::net::{Buffer, FramedBody, FramedError};

/// What of an unread body is read for the sake of its connection: more than this costs more than a
/// new connection.
const DRAIN_LIMIT: u64 = 256 * 1024;

/// How long dropping a body may take.
const DRAIN_PATIENCE: Duration = Duration::from_millis(50);

/// A response body on its way, read by the caller straight from the connection.
pub(super) struct ResponseBody {
    framed: FramedBody,
    idle_read: Option<Duration>,
    end: End,
}

/// What happens at the body's end.
enum End {
    /// Still reading: this is needed to give the connection back.
    Ahead(Rest),
    /// The connection was given back, or closed after a whole body.
    Reached,
    /// It never will be: this is why.
    Failed(Error),
}

/// What reading on takes. It is let go of at the end: a body that is kept keeps no descriptor.
pub(super) struct Rest {
    pub(super) shared: Arc<Shared>,
    pub(super) id: ExchangeId,
    pub(super) buffer: Buffer,
    pub(super) wrote: Wrote,
    /// Whether the connection may be used again once the body has ended well.
    pub(super) persist: Result<(), CloseReason>,
    pub(super) keeper: Keeper,
}

impl ResponseBody {
    pub(super) fn new(framing: Framing, rest: Rest, idle_read: Option<Duration>) -> Self {
        Self { framed: FramedBody::response(framing), idle_read, end: End::Ahead(rest) }
    }

    /// Reads some of the body, and does nothing about its end.
    fn pull(&mut self, out: &mut [u8]) -> Result<usize> {
        let rest = match &mut self.end {
            End::Ahead(rest) => rest,
            End::Reached => return Ok(0),
            End::Failed(error) => return Err(error.clone()),
        };
        let (shared, idle_read) = (&rest.shared, self.idle_read);
        let read = |buf: &mut [u8]| {
            if let Some(limit) = idle_read {
                shared.stream.set_read_deadline(Instant::now().checked_add(limit));
            }
            (&shared.stream).read(buf)
        };
        match self.framed.read(&mut rest.buffer, read, out) {
            Ok(count) => Ok(count),
            Err(error) => {
                let error = rest.fail(error);
                self.end = End::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// The body has been read to its end: the connection is free before the caller knows.
    fn finish(&mut self, patience: Duration) {
        if let End::Ahead(rest) = std::mem::replace(&mut self.end, End::Reached) {
            rest.settle(patience);
        }
    }

    /// Reads what is left, if that is cheap.
    fn drain(&mut self) {
        let End::Ahead(rest) = &self.end else { return };
        let cheap =
            rest.persist.is_ok() && self.framed.remaining().is_none_or(|left| left <= DRAIN_LIMIT);
        if !cheap {
            return;
        }
        let deadline = Instant::now() + DRAIN_PATIENCE;
        self.idle_read = None;
        rest.shared.stream.set_read_deadline(Some(deadline));
        let mut waste = [0; 8 * 1024];
        let mut left = DRAIN_LIMIT;
        while let Ok(count @ 1..) = self.pull(&mut waste) {
            left = left.saturating_sub(count as u64);
            if left == 0 {
                break;
            }
        }
        if self.framed.is_ended() {
            self.finish(deadline.saturating_duration_since(Instant::now()));
        }
    }
}

impl Rest {
    /// Closes the connection; returns why the body cannot be read on.
    fn fail(&self, error: FramedError) -> Error {
        // What closed the connection is what broke the body off.
        let error = self.shared.cause().unwrap_or_else(|| match error {
            FramedError::Framing(error) => error.into(),
            FramedError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Error::timeout(TimeLimit::IdleRead)
            }
            FramedError::Io(error) => Error::with_source(ErrorKind::Receive, error),
        });
        self.shared.close_in(self.id, error.clone(), close_reason(&error));
        error
    }

    /// Gives the connection back if all is well, and closes it otherwise.
    fn settle(self, patience: Duration) {
        let Self { shared, id, buffer, wrote, persist, keeper } = self;
        let clean = persist
            .and_then(|()| shared.is_used_up(&buffer))
            .and_then(|()| wrote.check(&shared, patience));
        let settled = clean.and_then(|()| {
            shared.stream.set_read_deadline(None);
            match keeper {
                Keeper::Caller { .. } => shared.give_back(id, buffer),
                Keeper::Loop(back) => {
                    shared.give_back(id, Buffer::default())?;
                    // Only now: a loop that looks at the connection while it is still the call's would
                    // leave what it sees, the peer's end of stream say, to the call. A loop that has
                    // ended has no use for the buffer.
                    let _ = back.send(buffer);
                    Ok(())
                }
            }
        });
        if let Err(reason) = settled {
            shared.close_in(id, Error::new(ErrorKind::Closed), reason);
        }
    }

    /// Whether nothing is left to wait for at the body's end.
    fn is_settled_at_once(&self) -> bool {
        self.persist.is_err() || self.wrote.is_known()
    }
}

impl Read for ResponseBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.pull(out)?;
        if let End::Ahead(rest) = &self.end
            && self.framed.is_ended()
            // The last bytes do not wait for a writer that is behind; the end of the stream does.
            && (count == 0 || rest.is_settled_at_once())
        {
            self.finish(WROTE_PATIENCE);
        }
        Ok(count)
    }
}

impl Incoming for ResponseBody {
    fn is_ready(&mut self) -> bool {
        match &mut self.end {
            End::Ahead(rest) => self.framed.is_ready(&mut rest.buffer, &rest.shared.stream),
            End::Reached | End::Failed(_) => true,
        }
    }

    fn remaining(&self) -> Option<u64> {
        self.framed.remaining()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.framed.take_trailers()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.drain();
        if let End::Ahead(rest) = &self.end {
            let cause = Error::new(ErrorKind::Closed);
            rest.shared.close_in(rest.id, cause, CloseReason::BodyNotRead);
        }
    }
}
