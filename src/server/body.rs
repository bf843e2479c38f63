//! The body of a request, read from its connection.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::continues::Continue;
use super::reader::ConnReader;
use crate::context::Context;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::Framing;
use crate::net::{Buffer, FramedBody, FramedError, Stream};
use crate::serving::Limit;

/// The reading half of a server connection. Only its owner may read.
pub(super) struct ReadHalf {
    pub(super) reader: Arc<ConnReader>,
    pub(super) buffer: Buffer,
}

/// A request body and the half it is read from.
pub(super) struct ConnBody {
    pub(super) half: ReadHalf,
    pub(super) progress: Progress,
    /// How long each read may wait for the client.
    idle: Option<Duration>,
    /// The body was read from.
    begun: bool,
    /// Set while the client waits for a 100 before it sends the body.
    continues: Option<Arc<Continue>>,
    /// Why the handler could not accept the body, which arrived as announced.
    rejected: Option<Error>,
}

/// How far a request's body has been read.
pub(super) enum Progress {
    Unread(FramedBody),
    /// Nothing of the body is left on the connection.
    Ended(Option<HeaderMap>),
    /// Nothing more can be read, by the client's fault.
    Failed(Error),
    /// Nothing more is read, since the handler's context has ended.
    Cancelled(Error),
}

impl ConnBody {
    /// `idle`: how long each read may wait for the client.
    pub(super) fn new(
        half: ReadHalf,
        framing: Framing,
        continues: Option<Arc<Continue>>,
        idle: Option<Duration>,
    ) -> Self {
        // Invariant: a background read begins only behind the end of the body.
        debug_assert!(!half.reader.is_body_ended());
        let framed = FramedBody::request(framing);
        Self {
            half,
            progress: Progress::Unread(framed),
            idle,
            begun: false,
            continues,
            rejected: None,
        }
    }

    /// Reads some of the body. `context` is the one that the handler has set.
    pub(super) fn read(&mut self, out: &mut [u8], context: Option<&Context>) -> io::Result<usize> {
        let framed = match &mut self.progress {
            Progress::Unread(framed) => framed,
            Progress::Ended(_) => return Ok(0),
            Progress::Failed(error) | Progress::Cancelled(error) => {
                return Err(error.clone().into());
            }
        };
        if let Some(error) = context.and_then(Context::err) {
            return Err(self.cancel(error.into()).into());
        }
        self.begun = true;
        if let Some(continues) = self.continues.take() {
            continues.send(&self.half.reader);
        }
        let ReadHalf { reader, buffer } = &mut self.half;
        let idle = self.idle;
        match framed.read(buffer, |buf| reader.read_body(buf, idle), out) {
            Ok(count) => {
                if framed.is_ended() {
                    self.progress = Progress::Ended(framed.take_trailers());
                    // The limit for the whole request has been kept.
                    reader.stream().set_read_deadline(None);
                    reader.body_ended(!buffer.is_empty());
                }
                Ok(count)
            }
            Err(error) => Err(self.fail(error, context).into()),
        }
    }

    fn fail(&mut self, error: FramedError, context: Option<&Context>) -> Error {
        let error = match error {
            FramedError::Framing(error) => {
                self.half.reader.failed(io::ErrorKind::InvalidData);
                Error::from(error)
            }
            FramedError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                if let Some(ended) = context.and_then(Context::err) {
                    return self.cancel(ended.into());
                }
                let limit = Error::from(error).timed_out().unwrap_or(TimeLimit::Request);
                let idle = limit == TimeLimit::BodyIdle;
                let counted = if idle { Limit::BodyIdle } else { Limit::Read };
                self.half.reader.counting().timed_out(counted);
                Error::timeout(limit)
            }
            FramedError::Io(error) => {
                self.half.reader.failed(error.kind());
                Error::with_source(ErrorKind::Receive, error)
            }
        };
        self.progress = Progress::Failed(error.clone());
        error
    }

    #[cold]
    fn cancel(&mut self, error: Error) -> Error {
        self.progress = match self.half.reader.is_gone() {
            // The client ended the context, and with it this body.
            true => Progress::Failed(error.clone()),
            false => Progress::Cancelled(error.clone()),
        };
        error
    }

    /// Records that the handler cannot accept the body.
    pub(super) fn reject(&mut self, reason: &Error) {
        self.rejected = Some(reason.clone());
    }

    /// Records that a read has panicked.
    pub(super) fn panicked(&mut self) {
        let error = Error::message(ErrorKind::Io, "reading the request body panicked");
        self.progress = Progress::Failed(error);
    }

    /// Returns why the body could not be read, or why its reader did not accept it.
    pub(super) fn failure(&self) -> Option<Error> {
        match &self.progress {
            Progress::Failed(error) => Some(error.clone()),
            Progress::Unread(_) | Progress::Ended(_) | Progress::Cancelled(_) => {
                self.rejected.clone()
            }
        }
    }

    /// Returns `true` if a read would not wait for the client. The first read, which sends the 100 if the
    /// client waits for one, counts as ready: it must not make the response begin.
    pub(super) fn is_ready(&mut self) -> bool {
        let Progress::Unread(framed) = &mut self.progress else { return true };
        !self.begun || framed.is_ready(&mut self.half.buffer, self.half.reader.stream())
    }

    /// Returns `true` if unread bytes of the body have arrived. Does not wait.
    pub(super) fn has_begun(&self) -> bool {
        let now = self.half.reader.stream().readiness();
        !self.half.buffer.is_empty() || (now.readable && !now.peer_closed && !now.broken)
    }

    /// Returns `true` if something behind the body has arrived. `false` if the body was not read to its
    /// end, behind which nothing is known.
    pub(super) fn has_next(&self, stream: &Stream) -> bool {
        let ended = self.is_ended();
        ended && (!self.half.buffer.is_empty() || stream.has_unread())
    }

    /// Returns the number of bytes that are left of the body, if it is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        match &self.progress {
            Progress::Unread(framed) => framed.remaining(),
            Progress::Ended(_) => Some(0),
            Progress::Failed(_) | Progress::Cancelled(_) => None,
        }
    }

    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match &mut self.progress {
            Progress::Ended(trailers) => trailers.take(),
            Progress::Unread(_) | Progress::Failed(_) | Progress::Cancelled(_) => None,
        }
    }

    /// Returns `true` if the connection can be reused behind a response that begins now. A body of unknown
    /// length that the handler has not begun to read must have arrived. Otherwise it is not known whether
    /// its rest is worth reading.
    pub(super) fn keeps_connection(&mut self, limit: u64) -> bool {
        match &mut self.progress {
            Progress::Unread(framed) if framed.remaining().is_none() && !self.begun => {
                framed.has_arrived(&mut self.half.buffer, self.half.reader.stream())
            }
            _ => self.is_cheap_to_drain(limit),
        }
    }

    /// Returns `true` if the rest of the body is worth reading to reuse the connection.
    fn is_cheap_to_drain(&self, limit: u64) -> bool {
        match &self.progress {
            Progress::Ended(_) => true,
            Progress::Unread(_) => self.remaining().is_none_or(|rest| rest <= limit),
            Progress::Failed(_) | Progress::Cancelled(_) => false,
        }
    }

    /// Reads and discards the rest: at most `limit` bytes, and until `deadline`. Returns `true` if the
    /// body's end was reached.
    pub(super) fn drain(&mut self, limit: u64, deadline: Instant) -> bool {
        if !self.is_cheap_to_drain(limit) {
            return false;
        }
        if matches!(self.progress, Progress::Unread(_)) {
            let stream = self.half.reader.stream();
            let earliest = stream.read_deadline().map_or(deadline, |own| own.min(deadline));
            stream.set_read_deadline(Some(earliest));
            // On the heap: the stack that a thread has once touched stays with its idle connection.
            let mut waste = vec![0; 8 * 1024];
            let mut left = limit;
            while let Ok(count @ 1..) = self.read(&mut waste, None) {
                let Some(rest) = left.checked_sub(count as u64) else { return false };
                left = rest;
            }
        }
        self.is_ended()
    }

    /// Returns `true` if the body was read to its end.
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.progress, Progress::Ended(_))
    }
}
