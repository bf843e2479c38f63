//! Bodies over bodies: `map_reader`, `limited` and `inspect`.
//!
//! ```text
//!   outer body     content type, trailers set by the caller
//!       │
//!    Adapter       Mapped      the caller's reader; the inner body is in a slot that both reach
//!                  Limited     counts down
//!       │          Inspected   counts up and shows each piece
//!   inner body     source, what was read ahead, received trailers
//! ```

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;

use super::Body;
use super::limit::ReadLimit;
use super::source::{Adapter, Source};
use crate::context::Context;
use crate::error::Error;
use crate::sync::{Exclusive, Mutex};

/// How much of its source a mapped body reads after the mapped reader has ended, in bytes. A decoder leaves
/// at most the end of the framing, or a little padding. More than this is left unread: dropping the body
/// then closes the connection.
const MAX_LEFT_OVER: u64 = 256 * 1024;

impl Body {
    /// Replaces the body's bytes by those of the reader that `map` makes of it: a decoder, an encoder, a
    /// filter.
    ///
    /// The new body has no known length and can be sent once. It keeps the content type and the trailers.
    /// When the mapped reader has ended, the rest of the source is read as well, up to 256 KiB. A decoder
    /// may stop before the end of the message, and the connection is given back only after that end.
    ///
    /// ```
    /// use flate2::read::GzDecoder;
    /// # use flate2::{Compression, read::GzEncoder};
    /// # use hangup::Body;
    /// # let zipped = Body::from("hello").map_reader(|body| GzEncoder::new(body, Compression::fast()));
    /// let mut plain = zipped.map_reader(GzDecoder::new);
    /// assert_eq!(plain.read_text(1024)?, "hello");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A read of the new body fails with the error of the mapped reader, or with the error of reading the
    /// rest of the source.
    #[must_use]
    pub fn map_reader<R>(self, map: impl FnOnce(MappedReader) -> R) -> Self
    where
        R: Read + Send + 'static,
    {
        self.adapted(|body| {
            let slot = Arc::new(Mutex::new(Some(body)));
            let reader = map(MappedReader(Arc::clone(&slot)));
            Box::new(Mapped { reader: Some(Exclusive::new(Box::new(reader))), slot })
        })
    }

    /// Limits the body to `limit` bytes from here on.
    ///
    /// Reading a longer body fails with [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge). A body that is
    /// known to be longer fails at the first read. The length, the trailers and the content type stay.
    ///
    /// ```
    /// use hangup::{Body, ErrorKind};
    /// use std::io::{self, Read};
    ///
    /// let mut body = Body::from_reader(io::repeat(b'x')).limited(1000);
    /// let error = hangup::Error::from(io::copy(&mut body, &mut io::sink()).unwrap_err());
    /// assert_eq!(error.kind(), ErrorKind::TooLarge);
    /// ```
    #[must_use]
    pub fn limited(self, limit: u64) -> Self {
        if self.source.is_in_memory() && self.len().is_some_and(|length| length <= limit) {
            return self;
        }
        self.adapted(|body| Box::new(Limited { body, limit, left: Some(limit) }))
    }

    /// Calls `inspect` with each piece of the body as it is read: to show progress, or to compute a
    /// checksum.
    ///
    /// The length, the trailers and the content type stay. A body that can be sent again stays so; then
    /// `inspect` sees the pieces of each sending, and [`Piece::end`] starts over.
    ///
    /// `inspect` runs on the thread that reads the body, without a lock. For a request's body that is the
    /// connection's writer thread.
    ///
    /// ```
    /// use hangup::Body;
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    ///
    /// let sent = Arc::new(AtomicU64::new(0));
    /// let so_far = Arc::clone(&sent);
    /// let mut body = Body::from("hello").inspect(move |piece| {
    ///     so_far.store(piece.end, Ordering::Relaxed);
    ///     assert_eq!(piece.total, Some(5));
    /// });
    /// body.copy_to(&mut std::io::sink())?;
    /// assert_eq!(sent.load(Ordering::Relaxed), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn inspect(self, inspect: impl Fn(Piece<'_>) + Send + Sync + 'static) -> Self {
        self.adapted(|body| Box::new(Inspected::new(body, Arc::new(inspect))))
    }

    /// Puts an adapter over the body. The outer body keeps what the message says of it.
    fn adapted(mut self, adapt: impl FnOnce(Self) -> Box<dyn Adapter>) -> Self {
        let extras = self.extras.take();
        Self { extras, ..Self::of(Source::Adapted(adapt(self))) }
    }
}

/// The place of a body that is read by a [`MappedReader`]: empty while a read is made.
type Slot = Arc<Mutex<Option<Body>>>;

/// The reader that [`Body::map_reader`] hands to its closure.
pub struct MappedReader(Slot);

impl Read for MappedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Taken out for the read: no lock is held while a source waits.
        let Some(mut body) = self.0.lock().take() else { return Ok(0) };
        let outcome = body.read(buf);
        *self.0.lock() = Some(body);
        outcome
    }
}

impl fmt::Debug for MappedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MappedReader").field(&*self.0.lock()).finish()
    }
}

struct Mapped {
    /// `None` once it has ended.
    reader: Option<Exclusive<Box<dyn Read + Send>>>,
    slot: Slot,
}

impl Mapped {
    /// Reads what the mapped reader has left of its source.
    fn read_left_over(&self) -> io::Result<()> {
        let Some(mut body) = self.slot.lock().take() else { return Ok(()) };
        let outcome = io::copy(&mut body.by_ref().take(MAX_LEFT_OVER), &mut io::sink());
        *self.slot.lock() = Some(body);
        outcome.map(drop)
    }
}

impl Read for Mapped {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.reader else { return Ok(0) };
        let count = reader.read(buf)?;
        if count == 0 && !buf.is_empty() {
            self.reader = None;
            self.read_left_over()?;
        }
        Ok(count)
    }
}

impl Adapter for Mapped {
    fn remaining(&self) -> Option<u64> {
        self.reader.is_none().then_some(0)
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.slot.lock().as_mut()?.take_trailers()
    }

    fn may_wait(&mut self) -> bool {
        let mut slot = self.slot.lock();
        self.reader.is_some() && slot.as_mut().is_none_or(Body::may_wait)
    }

    fn arrives(&mut self, until: Instant) -> bool {
        // Taken out for the wait, as for a read.
        let Some(mut body) = self.slot.lock().take() else { return false };
        let arrives = body.arrives(until);
        *self.slot.lock() = Some(body);
        arrives
    }

    fn is_incoming(&self) -> bool {
        self.slot.lock().as_ref().is_some_and(Body::is_incoming)
    }

    fn reject(&mut self, reason: &Error) {
        if let Some(body) = &mut *self.slot.lock() {
            body.source.reject(reason);
        }
    }

    fn set_context(&mut self, context: &Context) {
        if let Some(body) = &mut *self.slot.lock() {
            body.set_context(context);
        }
    }

    fn again(&self) -> Option<Box<dyn Adapter>> {
        None
    }

    fn name(&self) -> &'static str {
        "mapped"
    }
}

struct Limited {
    body: Body,
    limit: u64,
    /// How many bytes may still be read; `None` once the body was found to be longer.
    left: Option<u64>,
}

impl Limited {
    fn fail(&mut self) -> io::Error {
        self.left = None;
        self.body.rejected(ReadLimit::Given(self.limit).exceeded()).into()
    }
}

impl Read for Limited {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.left else { return Err(self.fail()) };
        if self.body.len().is_some_and(|length| length > left) {
            return Err(self.fail());
        }
        if buf.is_empty() {
            return Ok(0);
        }
        if left == 0 {
            // Only a read tells whether the body ends here.
            return match self.body.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(self.fail()),
            };
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        // A reader may return more than it was given room for.
        let count = self.body.read(&mut buf[..most])?.min(most);
        self.left = Some(left - count as u64);
        Ok(count)
    }
}

impl Adapter for Limited {
    fn remaining(&self) -> Option<u64> {
        self.body.len()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.body.take_trailers()
    }

    fn may_wait(&mut self) -> bool {
        self.left.is_some() && self.body.may_wait()
    }

    fn arrives(&mut self, until: Instant) -> bool {
        self.body.arrives(until)
    }

    fn is_incoming(&self) -> bool {
        self.body.is_incoming()
    }

    fn reject(&mut self, reason: &Error) {
        self.body.source.reject(reason);
    }

    fn set_context(&mut self, context: &Context) {
        self.body.set_context(context);
    }

    fn again(&self) -> Option<Box<dyn Adapter>> {
        let body = self.body.try_clone()?;
        Some(Box::new(Self { body, limit: self.limit, left: Some(self.limit) }))
    }

    fn name(&self) -> &'static str {
        "limited"
    }
}

/// A piece of a body that has just been read, as [`Body::inspect`] shows it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Piece<'a> {
    /// The bytes of the piece; never empty.
    pub bytes: &'a [u8],
    /// The number of bytes that were read so far, those of this piece included.
    pub end: u64,
    /// The length of the whole body, if it was known when reading began.
    pub total: Option<u64>,
}

type Inspector = Arc<dyn Fn(Piece<'_>) + Send + Sync>;

struct Inspected {
    body: Body,
    inspect: Inspector,
    /// How many bytes have been read.
    read: u64,
    total: Option<u64>,
}

impl Inspected {
    fn new(body: Body, inspect: Inspector) -> Self {
        let total = body.len();
        Self { body, inspect, read: 0, total }
    }
}

impl Read for Inspected {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buf)?;
        if count > 0 {
            self.read += count as u64;
            // A faulty reader may return more than the length of the buffer.
            let bytes = &buf[..count.min(buf.len())];
            (self.inspect)(Piece { bytes, end: self.read, total: self.total });
        }
        Ok(count)
    }
}

impl Adapter for Inspected {
    fn remaining(&self) -> Option<u64> {
        self.body.len()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.body.take_trailers()
    }

    fn may_wait(&mut self) -> bool {
        self.body.may_wait()
    }

    fn arrives(&mut self, until: Instant) -> bool {
        self.body.arrives(until)
    }

    fn is_incoming(&self) -> bool {
        self.body.is_incoming()
    }

    fn reject(&mut self, reason: &Error) {
        self.body.source.reject(reason);
    }

    fn set_context(&mut self, context: &Context) {
        self.body.set_context(context);
    }

    fn again(&self) -> Option<Box<dyn Adapter>> {
        let body = self.body.try_clone()?;
        Some(Box::new(Self::new(body, Arc::clone(&self.inspect))))
    }

    fn name(&self) -> &'static str {
        "inspected"
    }
}
