//! A message's body: the one type for what is read and what is sent.
//!
//! A [`Body`] is a [`Read`] and a [`BufRead`] that may know its length and may be followed by trailers.
//! One that came from a peer can be sent on to another as it is.
//!
//! ```
//! use hangup::Body;
//! use std::io::BufRead;
//!
//! let mut body = Body::from_chunks(["to be ", "continued"]);
//! assert_eq!(body.len(), None); // it will be sent in chunks
//! assert_eq!(body.read_text(1024)?, "to be continued");
//!
//! let body = Body::from("hello\nworld");
//! assert_eq!(body.len(), Some(11)); // it will be sent with a Content-Length
//! let lines: Vec<String> = body.lines().collect::<Result<_, _>>()?;
//! assert_eq!(lines, ["hello", "world"]);
//! # Ok::<(), hangup::Error>(())
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `mod.rs` | the body |
//! | `source.rs` `file.rs` | what it is read from |
//! | `ahead.rs` | what was read ahead for small reads |
//! | `from.rs` | what it is made of |

mod ahead;
mod file;
mod from;
#[cfg(unix)]
mod read_at;
#[cfg(windows)]
#[path = "read_at_windows.rs"]
mod read_at;
mod source;

use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::HeaderMap;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::text::counted;
use ahead::Ahead;
use source::{ChunkReader, Source};

pub(crate) use source::Incoming;

/// The body of a request or a response; empty by default.
///
/// Reading it byte by byte, as parsers do, is cheap: small reads are served from a buffer of 8 KiB,
/// which is only allocated for them.
///
/// # Blocking
///
/// Reading blocks as long as its source does: not at all for one in memory, until the peer has sent
/// something for one that comes from a connection. Such a read ends early when the call's
/// [`Context`](crate::Context) ends, when a time limit runs out, or when the connection fails.
#[derive(Default)]
pub struct Body {
    source: Source,
    /// Only for sources outside of memory, once a small read has been made.
    ahead: Option<Box<Ahead>>,
    trailers: Option<Box<dyn FnOnce() -> HeaderMap + Send>>,
}

/// How much of a body is copied at a time, in bytes.
const COPY_PIECE: usize = 64 * 1024;

/// Reads into fewer bytes than this are served from what was read ahead: 32 is what `read_to_end` probes
/// with, for which reading ahead would only be a detour.
const SMALL_READ: usize = 32;

impl Body {
    /// Creates a body of no bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Creates a body of unknown length that is read from `reader` until its end.
    pub fn from_reader(reader: impl Read + Send + 'static) -> Self {
        Self::of(Source::Reader { reader: Box::new(reader), remaining: None })
    }

    /// Creates a body of exactly `length` bytes from `reader`.
    ///
    /// Bytes of the reader beyond them are not read. If it ends earlier, so does the message, with an
    /// error: a peer never takes the short body for a whole one.
    pub fn from_sized_reader(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::of(Source::Reader { reader: Box::new(reader), remaining: Some(length) })
    }

    /// Creates a body of the chunks that `chunks` yields. Each is sent once it has been yielded.
    pub fn from_chunks<I>(chunks: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Bytes> + 'static,
        I::IntoIter: Send + 'static,
    {
        let chunks = chunks.into_iter().map(Into::into);
        Self::from_reader(ChunkReader::new(chunks))
    }

    /// Creates a body that can be opened again, so that its request can be repeated after a redirect or
    /// on a connection that had gone stale. `open` is called for each sending. `length` is the length of
    /// the body that it returns, if known. Files need no such help: see [`Body::from`].
    pub fn replayable(
        length: Option<u64>,
        open: impl Fn() -> io::Result<Self> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Source::Replay { open: Arc::new(open), opened: None, length })
    }

    pub(crate) fn incoming(incoming: Box<dyn Incoming>) -> Self {
        Self::of(Source::Incoming(incoming))
    }

    fn of(source: Source) -> Self {
        Self { source, ahead: None, trailers: None }
    }

    /// Adds trailers (RFC 9110 section 6.5), which are sent after the body. `trailers` is called once the
    /// last byte has been read, so it can return a checksum of the body.
    ///
    /// A body with trailers is sent in chunks, whether its length is known or not.
    #[must_use]
    pub fn with_trailers(mut self, trailers: impl FnOnce() -> HeaderMap + Send + 'static) -> Self {
        self.trailers = Some(Box::new(trailers));
        self
    }

    /// Returns the number of bytes that are left to read, if it is known.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        let ahead = self.ahead.as_ref().map_or(0, |ahead| ahead.len() as u64);
        self.source.remaining().map(|remaining| remaining + ahead)
    }

    /// Returns `true` if it is known that nothing is left to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Returns the trailers that followed, or are to be sent after, the body: `Some` at most once, and
    /// only after the body was read to its end. A reader of unknown length does not tell its end, so its
    /// own trailers are returned whenever they are asked for.
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        let holds = self.ahead.as_ref().is_some_and(|ahead| ahead.len() > 0);
        if holds || self.len().is_some_and(|left| left > 0) {
            return None;
        }
        match self.trailers.take() {
            Some(trailers) => Some(trailers()),
            None => self.source.take_trailers(),
        }
    }

    /// Returns `true` if trailers were set with [`with_trailers`](Self::with_trailers).
    pub(crate) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// Returns whether the next read may have to wait, as far as the source can tell.
    pub(crate) fn may_wait(&mut self) -> bool {
        self.ahead.as_ref().is_none_or(|ahead| ahead.len() == 0) && self.source.may_wait()
    }

    /// Returns whether the body comes from a connection.
    pub(crate) fn is_incoming(&self) -> bool {
        matches!(self.source, Source::Incoming(_))
    }

    /// Returns the whole body if it lies in memory and has no trailers.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.source {
            _ if self.trailers.is_some() => None,
            Source::Empty => Some(&[]),
            Source::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Returns the whole body if it lies in memory and has no trailers, otherwise the body itself.
    pub(crate) fn into_memory(self) -> std::result::Result<Bytes, Self> {
        match self.source {
            Source::Empty if self.trailers.is_none() => Ok(Bytes::new()),
            Source::Bytes(bytes) if self.trailers.is_none() => Ok(bytes),
            source => Err(Self { source, ..self }),
        }
    }

    /// Returns the same body from its begin, if it can be had twice: one in memory (the rest of it), a
    /// regular file, or a [`replayable`](Self::replayable) one, each without trailers.
    ///
    /// By this the client repeats a request, after a redirect or on another connection.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        match &self.trailers {
            Some(_) => None,
            None => self.source.again().map(Self::of),
        }
    }

    /// Writes the rest of the body to `writer` and returns the number of bytes. Faster than
    /// [`io::copy`], which copies a body in memory once more.
    ///
    /// # Errors
    ///
    /// The error of reading the body or of writing. What was written before it stays written.
    pub fn copy_to(&mut self, writer: &mut (impl io::Write + ?Sized)) -> io::Result<u64> {
        if let Source::Bytes(bytes) = &mut self.source {
            writer.write_all(bytes)?;
            return Ok(std::mem::take(bytes).len() as u64);
        }
        if matches!(self.source, Source::Empty) {
            return Ok(0);
        }
        let (mut piece, mut copied) = (vec![0; COPY_PIECE], 0);
        loop {
            match self.read(&mut piece) {
                Ok(0) => return Ok(copied),
                Ok(count) => {
                    writer.write_all(&piece[..count])?;
                    copied += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the rest of the body, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] if it is longer (nothing beyond the limit is kept in memory), and the
    /// errors of reading.
    pub fn read_bytes(&mut self, limit: u64) -> Result<Bytes> {
        if let Source::Bytes(bytes) = &mut self.source {
            check_limit(bytes.len() as u64, limit)?;
            return Ok(std::mem::take(bytes));
        }
        let mut all = Vec::new();
        self.take(limit.saturating_add(1)).read_to_end(&mut all)?;
        check_limit(all.len() as u64, limit).map_err(|error| self.rejected(error))?;
        Ok(all.into())
    }

    /// Reads the rest of the body as text in UTF-8, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// Those of `read_bytes`, and [`ErrorKind::MalformedMessage`] if it is not UTF-8.
    pub fn read_text(&mut self, limit: u64) -> Result<String> {
        String::from_utf8(self.read_bytes(limit)?.into())
            .map_err(|error| self.rejected(Error::with_source(ErrorKind::MalformedMessage, error)))
    }

    /// Makes reads of a body that a connection is still delivering fail once `context` has ended.
    pub(crate) fn set_context(&mut self, context: &Context) {
        self.source.set_context(context);
    }

    /// Tells the connection that its peer is to blame for `reason`, which is returned.
    fn rejected(&mut self, reason: Error) -> Error {
        self.source.reject(&reason);
        reason
    }
}

fn check_limit(length: u64, limit: u64) -> Result<()> {
    if length <= limit {
        return Ok(());
    }
    let message = format!("the body exceeds its reader's limit of {}", counted(limit, "byte"));
    Err(Error::message(ErrorKind::TooLarge, message))
}

impl Read for Body {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.ahead {
            Some(ahead) if ahead.len() > 0 => Ok(ahead.take(buf)),
            _ => self.read_source(buf),
        }
    }
}

impl BufRead for Body {
    /// Returns what lies in memory of the body, or was read ahead, after at most one read of the source.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match &mut self.source {
            Source::Empty => Ok(&[]),
            Source::Bytes(bytes) => Ok(bytes),
            source => Ok(filled(&mut self.ahead, source)?.data()),
        }
    }

    fn consume(&mut self, count: usize) {
        match (&mut self.source, &mut self.ahead) {
            (Source::Bytes(bytes), _) => bytes.advance(count),
            (_, Some(ahead)) => ahead.consume(count),
            (_, None) => assert!(count == 0, "nothing was read ahead"),
        }
    }
}

impl Body {
    /// Reads when nothing has been read ahead.
    #[inline(never)]
    fn read_source(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.len() >= SMALL_READ || buf.is_empty() || self.source.is_in_memory() {
            return self.source.read(buf);
        }
        Ok(filled(&mut self.ahead, &mut self.source)?.take(buf))
    }
}

/// Returns what was read ahead, after one read if that is nothing.
fn filled<'a>(ahead: &'a mut Option<Box<Ahead>>, source: &mut Source) -> io::Result<&'a mut Ahead> {
    let ahead = ahead.get_or_insert_default();
    if ahead.len() == 0 {
        ahead.fill(|buf| source.read(buf))?;
    }
    Ok(ahead)
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("source", &self.source.name())
            .field("len", &self.len())
            .field("trailers", &self.trailers.is_some())
            .finish()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
