//! The response body that gives its connection back.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::messages::Returned;
use super::{Shared, WROTE_PATIENCE, Wrote};
use crate::body::Incoming;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::{CloseReason, Framing};
use crate::net::{Buffer, FramedBody, FramedError};
use crate::sync::channel::Sender;

/// What of an unread body is read for the sake of its connection: more than this costs more than a
/// new connection.
const DRAIN_LIMIT: u64 = 256 * 1024;

/// How long dropping a body may take.
const DRAIN_PATIENCE: Duration = Duration::from_millis(50);

/// A response body on its way, read by the caller straight from the connection.
pub(super) struct ResponseBody {
    shared: Arc<Shared>,
    framed: FramedBody,
    idle_read: Option<Duration>,
    end: End,
    trailers: Option<HeaderMap>,
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

struct Rest {
    buffer: Buffer,
    wrote: Wrote,
    /// Whether the connection may be used again once the body has ended well.
    persist: Result<(), CloseReason>,
    back: Sender<Returned>,
}

impl ResponseBody {
    pub(super) fn new(
        shared: Arc<Shared>,
        framing: Framing,
        buffer: Buffer,
        wrote: Wrote,
        persist: Result<(), CloseReason>,
        back: Sender<Returned>,
        idle_read: Option<Duration>,
    ) -> Self {
        let end = End::Ahead(Rest { buffer, wrote, persist, back });
        Self { shared, framed: FramedBody::new(framing), idle_read, end, trailers: None }
    }

    fn fail(&mut self, error: FramedError) -> Error {
        // What closed the connection is what broke the body off.
        let error = self.shared.cause().unwrap_or_else(|| match error {
            FramedError::Framing(error) => error.into(),
            FramedError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Error::timeout(TimeLimit::IdleRead)
            }
            FramedError::Io(error) => Error::with_source(ErrorKind::Receive, error),
        });
        self.shared.close(error.clone(), CloseReason::IoFailed);
        self.end = End::Failed(error.clone());
        error
    }

    /// The body has been read to its end: the connection is free before the caller knows.
    fn finish(&mut self, patience: Duration) {
        let End::Ahead(rest) = std::mem::replace(&mut self.end, End::Reached) else { return };
        self.trailers = self.framed.take_trailers();
        let Rest { buffer, wrote, persist, back } = rest;
        let settled = persist
            .and_then(|()| match buffer.is_empty() {
                true => Ok(()),
                false => Err(CloseReason::BytesLeftOver),
            })
            .and_then(|()| wrote.check(&self.shared, Some(patience)))
            .and_then(|()| {
                self.shared.stream.set_read_deadline(None);
                // The reader loop has its buffer before anyone can use the connection.
                back.send(buffer).map_err(|_| CloseReason::EndOfStream)
            })
            .and_then(|()| self.shared.give_back());
        let _ = self.shared.settled(settled);
    }

    /// Reads what is left, if that is cheap.
    fn drain(&mut self) {
        let End::Ahead(rest) = &self.end else { return };
        let cheap = rest.persist.is_ok()
            && rest.wrote.is_known()
            && self.framed.remaining().is_none_or(|left| left <= DRAIN_LIMIT);
        if !cheap {
            return;
        }
        let deadline = Instant::now() + DRAIN_PATIENCE;
        self.idle_read = None;
        self.shared.stream.set_read_deadline(Some(deadline));
        let mut waste = [0; 8 * 1024];
        let mut left = DRAIN_LIMIT;
        while let Ok(count @ 1..) = self.read(&mut waste) {
            left = left.saturating_sub(count as u64);
            if left == 0 {
                return;
            }
        }
    }
}

impl Read for ResponseBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = match &mut self.end {
            End::Ahead(rest) => rest,
            End::Reached => return Ok(0),
            End::Failed(error) => return Err(error.clone().into()),
        };
        let (shared, idle_read) = (&self.shared, self.idle_read);
        let outcome = self.framed.read(
            &mut rest.buffer,
            |buf| {
                if let Some(limit) = idle_read {
                    shared.stream.set_read_deadline(Instant::now().checked_add(limit));
                }
                match (&mut &shared.stream).read(buf)? {
                    // We closed it ourselves: that is not the end of any body.
                    0 if shared.is_closed() => Err(io::ErrorKind::ConnectionAborted.into()),
                    count => Ok(count),
                }
            },
            out,
        );
        match outcome {
            Ok(count) => {
                if self.framed.is_ended() {
                    self.finish(WROTE_PATIENCE);
                }
                Ok(count)
            }
            Err(error) => Err(self.fail(error).into()),
        }
    }
}

impl Incoming for ResponseBody {
    fn remaining(&self) -> Option<u64> {
        self.framed.remaining()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.drain();
        if let End::Ahead(_) = self.end {
            self.shared.close(Error::new(ErrorKind::Closed), CloseReason::BodyNotRead);
        }
    }
}
