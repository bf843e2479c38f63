//! A request's body, lent to the handler and taken back when it has returned.
//!
//! The body is the handler's: it may move it to another thread, keep it, drop it. So the reading half
//! of the connection stands in a [`Lending`] between the two, and changes hands whole:
//!
//! ```text
//!   Here(Unread) ──read()──▶ Lent ──▶ Here(Unread | Ended | Failed)
//!        │                    │ the handler has returned: the read is interrupted
//!        └──── take_back() ◀──┘──────────▶ Gone: later reads fail
//! ```

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::reader::ConnReader;
use crate::body::Incoming;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::Framing;
use crate::logging as log;
use crate::net::{Buffer, FramedBody, FramedError, Stream};
use crate::sync::{Condvar, Mutex};

/// The reading half of a server connection: whoever owns it may read.
pub(super) struct ReadHalf {
    pub(super) reader: Arc<ConnReader>,
    pub(super) buffer: Buffer,
}

/// A request body and the half it is read from.
pub(super) struct RequestBody {
    pub(super) half: ReadHalf,
    pub(super) progress: Progress,
    /// How long each read may wait for the client.
    idle: Option<Duration>,
    /// It has been read from.
    begun: bool,
    /// Set while the client waits for a 100 before it sends the body.
    continues: Option<Arc<Continue>>,
    /// Why the handler could not accept the body as it was.
    rejected: Option<Error>,
}

/// How far a request's body has been read.
pub(super) enum Progress {
    Unread(FramedBody),
    /// Nothing of the body is left on the connection.
    Ended(Option<HeaderMap>),
    /// Nothing more can be read.
    Failed(Error),
}

/// `Expect: 100-continue` of one request: whether the 100 may still be sent, and was.
///
/// Shared by the body, whose first read sends it, and the response, whose head makes it too late.
pub(super) struct Continue(Mutex<Expectation>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expectation {
    Waiting,
    Sent,
    TooLate,
}

impl Continue {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Expectation::Waiting)))
    }

    /// Sends the 100, unless that was done or the final head has been written.
    ///
    /// The lock is held while it is written: the final head must not come in between. The 25 bytes
    /// are written without waiting; a client that leaves no room for them has sent more requests
    /// than it reads answers, and goes without; one that leaves room for a part of them is beyond help.
    pub(super) fn send(&self, reader: &ConnReader) {
        let mut expectation = self.0.lock();
        if *expectation == Expectation::Waiting {
            *expectation = Expectation::Sent;
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
            match reader.stream().try_write_vectored(&[io::IoSlice::new(interim)]) {
                Ok(count) if count < interim.len() => reader.stream().close(),
                Ok(_) => {}
                Err(error) => log::debug!("100 Continue could not be sent: {error}"),
            }
        }
    }

    /// The handler has sent the 100 itself, or the client does not wait for it.
    pub(super) fn sent(&self) {
        let mut expectation = self.0.lock();
        if *expectation == Expectation::Waiting {
            *expectation = Expectation::Sent;
        }
    }

    /// The final head is about to be written. Whether the client still waits for its 100, and so
    /// will not send the body, or cannot be known to. `begun`: whether some of the body has come, so that
    /// the client did not wait.
    pub(super) fn too_late(&self, begun: impl FnOnce() -> bool) -> bool {
        let mut expectation = self.0.lock();
        if *expectation == Expectation::Waiting {
            let now = if begun() { Expectation::Sent } else { Expectation::TooLate };
            *expectation = now;
        }
        *expectation == Expectation::TooLate
    }
}

impl RequestBody {
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

    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let framed = match &mut self.progress {
            Progress::Unread(framed) => framed,
            Progress::Ended(_) => return Ok(0),
            Progress::Failed(error) => return Err(error.clone().into()),
        };
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
            Err(error) => Err(self.fail(error).into()),
        }
    }

    fn fail(&mut self, error: FramedError) -> Error {
        let error = match error {
            FramedError::Framing(error) => {
                self.half.reader.failed(io::ErrorKind::InvalidData);
                Error::from(error)
            }
            FramedError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                let limit = Error::from(error).timed_out();
                Error::timeout(limit.unwrap_or(TimeLimit::Request))
            }
            FramedError::Io(error) => {
                self.half.reader.failed(error.kind());
                Error::with_source(ErrorKind::Receive, error)
            }
        };
        self.progress = Progress::Failed(error.clone());
        error
    }

    /// Why the body could not be read, or was not accepted by who read it.
    fn failure(&self) -> Option<Error> {
        match &self.progress {
            Progress::Failed(error) => Some(error.clone()),
            Progress::Unread(_) | Progress::Ended(_) => self.rejected.clone(),
        }
    }

    /// Whether a read would not have to wait for the client. The first read, which sends the 100 if one is
    /// waited for, counts as ready: an answer must not begin for its sake.
    fn is_ready(&mut self) -> bool {
        let Progress::Unread(framed) = &mut self.progress else { return true };
        !self.begun || framed.is_ready(&mut self.half.buffer, self.half.reader.stream())
    }

    /// How many bytes of the body are left, where that is known.
    fn remaining(&self) -> Option<u64> {
        match &self.progress {
            Progress::Unread(framed) => framed.remaining(),
            Progress::Ended(_) => Some(0),
            Progress::Failed(_) => None,
        }
    }

    /// Whether the connection can live on behind a response that begins now. A body of unknown length that
    /// the handler has not begun to read must have arrived: else nothing tells whether its rest is worth
    /// reading.
    fn keeps_connection(&mut self, limit: u64) -> bool {
        match &mut self.progress {
            Progress::Unread(framed) if framed.remaining().is_none() && !self.begun => {
                framed.has_arrived(&mut self.half.buffer, self.half.reader.stream())
            }
            _ => self.is_cheap_to_drain(limit),
        }
    }

    /// Whether the rest of the body is worth reading for the sake of the connection.
    fn is_cheap_to_drain(&self, limit: u64) -> bool {
        match &self.progress {
            Progress::Ended(_) => true,
            Progress::Unread(_) => self.remaining().is_none_or(|rest| rest <= limit),
            Progress::Failed(_) => false,
        }
    }

    /// Reads the rest and throws it away, at most `limit` bytes of it and until `deadline`. Whether
    /// the body's end was reached.
    pub(super) fn drain(&mut self, limit: u64, deadline: Instant) -> bool {
        if !self.is_cheap_to_drain(limit) {
            return false;
        }
        if matches!(self.progress, Progress::Unread(_)) {
            let stream = self.half.reader.stream();
            let earliest = stream.read_deadline().map_or(deadline, |own| own.min(deadline));
            stream.set_read_deadline(Some(earliest));
            // On the heap: what a thread's stack has once touched stays with its idle connection.
            let mut waste = vec![0; 8 * 1024];
            let mut left = limit;
            while let Ok(count @ 1..) = self.read(&mut waste) {
                let Some(rest) = left.checked_sub(count as u64) else { return false };
                left = rest;
            }
        }
        matches!(self.progress, Progress::Ended(_))
    }
}

/// The place from which a handler reads its request's body, and from which the connection takes it
/// back.
pub(super) struct Lending {
    place: Mutex<Place>,
    /// Goes with `place`. Predicate: not `Lent`. Notified by who has read, waited for by `take_back`.
    returned: Condvar,
}

enum Place {
    Here(Box<RequestBody>),
    /// Somebody is reading it.
    Lent,
    /// The handler has returned, or has hijacked the connection.
    Gone,
}

impl Lending {
    pub(super) fn new(body: RequestBody) -> Arc<Self> {
        Arc::new(Self { place: Mutex::new(Place::Here(Box::new(body))), returned: Condvar::new() })
    }

    /// Takes the body back, for good. A read that is in progress on another thread is ended.
    ///
    /// `None` if it was taken before.
    pub(super) fn take_back(&self, reader: &ConnReader) -> Option<Box<RequestBody>> {
        let mut place = self.place.lock();
        while let Place::Lent = *place {
            reader.stream().set_read_deadline(Some(Instant::now()));
            self.returned.wait(&mut place);
        }
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Here(body) => Some(body),
            Place::Lent | Place::Gone => None,
        }
    }

    /// Whether something behind the body has arrived. Behind one that was not read to its end nothing
    /// can tell.
    pub(super) fn has_next(&self, stream: &Stream) -> bool {
        match &*self.place.lock() {
            Place::Here(body) if matches!(body.progress, Progress::Ended(_)) => {
                !body.half.buffer.is_empty() || stream.has_unread()
            }
            _ => false,
        }
    }

    /// Has `read` take some of the body, without the lock.
    fn with_body<T>(&self, read: impl FnOnce(&mut RequestBody) -> io::Result<T>) -> io::Result<T> {
        let mut borrowed = self.borrow()?;
        let outcome = read(borrowed.body());
        borrowed.is_whole = true;
        outcome
    }

    fn borrow(&self) -> io::Result<Borrowed<'_>> {
        let mut place = self.place.lock();
        match std::mem::replace(&mut *place, Place::Lent) {
            Place::Here(body) => Ok(Borrowed { lending: self, body: Some(body), is_whole: false }),
            // `&mut` on the handler's end keeps a second reader out.
            Place::Lent | Place::Gone => {
                *place = Place::Gone;
                let message = "the request's body was read after its handler had returned";
                Err(Error::message(ErrorKind::Misuse, message).into())
            }
        }
    }

    /// Why the body could not be read, or was not accepted by who read it.
    pub(super) fn failure(&self) -> Option<Error> {
        match &*self.place.lock() {
            Place::Here(body) => body.failure(),
            Place::Lent | Place::Gone => None,
        }
    }

    /// Whether unread bytes of the body have arrived. Does not wait.
    pub(super) fn has_begun(&self) -> bool {
        match &*self.place.lock() {
            Place::Here(body) => {
                let now = body.half.reader.stream().readiness();
                !body.half.buffer.is_empty() || (now.readable && !now.peer_closed && !now.broken)
            }
            Place::Lent | Place::Gone => false,
        }
    }

    /// Whether the connection can live on behind a response that begins now, if it reads at most `limit`
    /// bytes of the body. So it can for a body that another thread is reading.
    pub(super) fn keeps_connection(&self, limit: u64) -> bool {
        match &mut *self.place.lock() {
            Place::Here(body) => body.keeps_connection(limit),
            Place::Lent => true,
            Place::Gone => false,
        }
    }
}

/// A body that is being read. However the reading ends, the body is put back: the connection may be
/// waiting for it.
struct Borrowed<'a> {
    lending: &'a Lending,
    /// `Some` until it is put back.
    body: Option<Box<RequestBody>>,
    /// The read has returned, so the body is in a state to be read on.
    is_whole: bool,
}

impl Borrowed<'_> {
    fn body(&mut self) -> &mut RequestBody {
        self.body.as_mut().expect("it is put back at the end only")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take() else { return };
        if !self.is_whole {
            let error = Error::message(ErrorKind::Io, "reading the request's body panicked");
            body.progress = Progress::Failed(error);
        }
        *self.lending.place.lock() = Place::Here(body);
        self.lending.returned.notify_one();
    }
}

/// The handler's end of a [`Lending`].
pub(super) struct LentBody(pub(super) Arc<Lending>);

impl Read for LentBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.with_body(|body| body.read(buf))
    }
}

impl Incoming for LentBody {
    fn remaining(&self) -> Option<u64> {
        match &*self.0.place.lock() {
            Place::Here(body) => body.remaining(),
            Place::Lent | Place::Gone => None,
        }
    }

    fn is_ready(&mut self) -> bool {
        match &mut *self.0.place.lock() {
            Place::Here(body) => body.is_ready(),
            Place::Lent | Place::Gone => true,
        }
    }

    fn reject(&mut self, reason: &Error) {
        if let Place::Here(body) = &mut *self.0.place.lock() {
            body.rejected = Some(reason.clone());
        }
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        match &mut *self.0.place.lock() {
            Place::Here(body) => match &mut body.progress {
                Progress::Ended(trailers) => trailers.take(),
                Progress::Unread(_) | Progress::Failed(_) => None,
            },
            Place::Lent | Place::Gone => None,
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::net::memory;

    /// The connection's thread once waited for ever for a body whose reader had died.
    #[test]
    fn s13_a_read_that_panics_gives_the_body_back() {
        let (_client, stream) = memory::pair();
        let reader = ConnReader::new(stream, true);
        let half = ReadHalf { reader: Arc::clone(&reader), buffer: Buffer::default() };
        let lending = Lending::new(RequestBody::new(half, Framing::Length(4), None, None));
        let lent = Arc::clone(&lending);
        let (begun, has_begun) = crate::sync::channel::bounded(1);
        let read = crate::sync::spawn("reads", None, move || {
            let _ = lent.with_body::<()>(|_| {
                begun.send(()).unwrap();
                panic!("on purpose");
            });
        });
        has_begun.recv().unwrap();
        let body = lending.take_back(&reader).expect("it is given back");
        assert!(matches!(body.progress, Progress::Failed(_)));
        read.unwrap().join().unwrap_err();
    }
}
