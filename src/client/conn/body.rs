//! The response body that the caller reads from the connection, and that ends the exchange.
//!
//! The read buffer travels inside the body, so reading takes no lock and no other thread. At the body's
//! end the connection is given back, with the buffer, before the caller sees the end. A body that fails
//! closes the connection. A body that is dropped early is drained if little of it is left; otherwise it
//! closes the connection.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::messages::ExchangeId;
use super::shared::{SEND_PATIENCE, Shared, close_reason, receive_error};
use crate::body::{Body, Incoming};
use crate::client::observe::{CallEvent, Trace, show};
use crate::client::speed::Speed;
use crate::context::HookGuard;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::h1::{CloseReason, Framing};
use crate::net::{Buffer, FramedBody, FramedError, Stream};

/// How many bytes of an unread body are drained at most, to keep its connection. More costs more than a
/// new connection.
const DRAIN_LIMIT: u64 = 256 * 1024;

/// How long dropping a body may block.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(50);

/// A response body, read by the caller straight from the connection.
pub(super) struct ResponseBody {
    framed: FramedBody,
    limits: BodyLimits,
    /// How many bytes were read.
    received: u64,
    /// The call, if it is observed.
    trace: Option<Trace>,
    progress: Progress,
}

/// The limits of reading a body.
#[derive(Default)]
pub(super) struct BodyLimits {
    /// The longest silence.
    pub(super) idle_read: Option<Duration>,
    /// Measures the speed, if it is limited.
    pub(super) speed: Option<Arc<Speed>>,
}

impl BodyLimits {
    fn read(&self, mut stream: &Stream, buf: &mut [u8]) -> io::Result<usize> {
        let due = || self.idle_read.and_then(|limit| Instant::now().checked_add(limit));
        if let Some(speed) = &self.speed {
            let due = due();
            return speed.read(stream, |_| due, || (&*stream).read(buf));
        }
        if self.idle_read.is_some() {
            stream.set_read_deadline(due());
        }
        stream.read(buf)
    }
}

/// How far a body has been read.
enum Progress {
    /// Its end is still ahead.
    Reading(OpenExchange),
    /// It was read whole, and the connection was given back or closed.
    Ended,
    /// It failed, and so does every later read.
    Failed(Error),
}

/// The exchange that a response body has to end. Dropped at the body's end, so that a body that is kept
/// keeps no descriptor.
pub(super) struct OpenExchange {
    pub(super) shared: Arc<Shared>,
    pub(super) id: ExchangeId,
    pub(super) buffer: Buffer,
    /// The verdict of both heads: whether the connection may be used again.
    pub(super) persist: Result<(), CloseReason>,
    /// Closes the connection when the call's context ends.
    pub(super) hook: Option<HookGuard>,
}

impl ResponseBody {
    pub(super) fn new(
        framing: Framing,
        exchange: OpenExchange,
        limits: BodyLimits,
        trace: Option<Trace>,
    ) -> Self {
        Self {
            framed: FramedBody::response(framing),
            limits,
            received: 0,
            trace,
            progress: Progress::Reading(exchange),
        }
    }

    /// Reads a part of the body, and leaves its end to the caller.
    fn pull(&mut self, out: &mut [u8]) -> Result<usize> {
        let exchange = match &mut self.progress {
            Progress::Reading(exchange) => exchange,
            Progress::Ended => return Ok(0),
            Progress::Failed(error) => return Err(error.clone()),
        };
        let (stream, limits) = (&exchange.shared.stream, &self.limits);
        let read = |buf: &mut [u8]| limits.read(stream, buf);
        match self.framed.read(&mut exchange.buffer, read, out) {
            Ok(count) => {
                self.received += count as u64;
                Ok(count)
            }
            Err(error) => {
                let error = exchange.fail(error);
                self.progress = Progress::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Ends the exchange of a body that has been read whole.
    fn finish(&mut self, patience: Duration) {
        if let Progress::Reading(exchange) = std::mem::replace(&mut self.progress, Progress::Ended)
        {
            show(self.trace.as_ref(), || CallEvent::BodyDone { bytes: self.received });
            exchange.settle(patience);
        }
    }

    /// Reads the rest of the body if that is cheap.
    fn drain(&mut self) {
        let Progress::Reading(exchange) = &self.progress else { return };
        let cheap = exchange.persist.is_ok()
            && self.framed.remaining().is_none_or(|left| left <= DRAIN_LIMIT);
        if !cheap {
            return;
        }
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        self.limits = BodyLimits::default();
        exchange.shared.stream.set_read_deadline(Some(deadline));
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

impl OpenExchange {
    /// Closes the connection. Returns why the body cannot be read any further.
    fn fail(&self, error: FramedError) -> Error {
        // If the connection was closed on this side, the read failed for that cause.
        let error = self.shared.cause().unwrap_or_else(|| match error {
            FramedError::Framing(error) => error.into(),
            FramedError::Io(error) => receive_error(error, TimeLimit::IdleRead),
        });
        self.shared.close_in(self.id, error.clone(), close_reason(&error));
        error
    }

    /// Returns `true` if the body's `length` bytes are in the buffer, and sending the request is over.
    pub(super) fn has_all(&self, length: u64) -> bool {
        length <= self.buffer.data().len() as u64 && self.shared.is_sending_over()
    }

    /// Takes the whole body out of the buffer, which has it.
    #[inline]
    pub(super) fn cut(mut self, length: usize) -> (Body, Self) {
        let body = bytes::Bytes::copy_from_slice(&self.buffer.data()[..length]);
        self.buffer.consume(length);
        (body.into(), self)
    }

    /// Gives the connection back if it is clean. Waits at most for `patience` for the end of sending.
    ///
    /// # Errors
    ///
    /// The reason why it cannot be used again. It is not closed yet.
    pub(super) fn give_back(self, patience: Duration) -> Result<(), CloseReason> {
        let Self { shared, id, buffer, persist, hook } = self;
        persist?;
        shared.check_nothing_left(&buffer)?;
        if !patience.is_zero() {
            shared.await_sent(patience);
        }
        // From now on the end of the context does not concern the connection.
        drop(hook);
        shared.give_back(id, buffer)
    }

    /// Gives the connection back if it is clean, and closes it otherwise.
    fn settle(self, patience: Duration) {
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        shared.stream.set_read_deadline(None);
        if let Err(reason) = self.give_back(patience) {
            shared.close_in(id, Error::new(ErrorKind::Closed), reason);
        }
    }

    /// Returns `true` if the end of the body need not wait for the end of sending.
    fn is_settled_at_once(&self) -> bool {
        self.persist.is_err() || self.shared.is_sending_over()
    }
}

impl Read for ResponseBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.pull(out)?;
        if let Progress::Reading(exchange) = &self.progress {
            if self.framed.is_ended() && (count == 0 || exchange.is_settled_at_once()) {
                // The last bytes do not wait for the writer loop. The end of the stream does.
                self.finish(SEND_PATIENCE);
            }
        }
        Ok(count)
    }
}

impl Incoming for ResponseBody {
    fn is_ready(&mut self) -> bool {
        match &mut self.progress {
            Progress::Reading(exchange) => {
                self.framed.is_ready(&mut exchange.buffer, &exchange.shared.stream)
            }
            Progress::Ended | Progress::Failed(_) => true,
        }
    }

    fn wait_ready(&mut self, until: Instant) -> bool {
        match &mut self.progress {
            Progress::Reading(exchange) => {
                self.framed.wait_ready(&mut exchange.buffer, &exchange.shared.stream, until)
            }
            Progress::Ended | Progress::Failed(_) => true,
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
        if let Progress::Reading(exchange) = &self.progress {
            let cause = Error::new(ErrorKind::Closed);
            exchange.shared.close_in(exchange.id, cause, CloseReason::BodyNotRead);
        }
    }
}
