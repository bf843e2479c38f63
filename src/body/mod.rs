//! The body of a message: the one type for bodies that are read and bodies that are sent.
//!
//! | file | contents |
//! | --- | --- |
//! | `mod.rs` | [`Body`]: its constructors, properties and reads |
//! | `copy.rs` `limit.rs` | reading a whole body within a limit, and copying it |
//! | `text.rs` `charset.rs` `no_charset.rs` | reading text in the charset of its message |
//! | `form.rs` `json.rs` | forms and JSON |
//! | `adapt.rs` | `map_reader`, `limited`, `inspect` |
//! | `replay.rs` | bodies that are opened for each sending |
//! | `source.rs` `file.rs` `read_at*.rs` | the sources that a body is read from |
//! | `multipart/` | forms as bodies |
//! | `ahead.rs` `arrive.rs` | the buffer for small reads, and for a look at a short body |
//! | `from.rs` | conversions into a body |

mod adapt;
mod ahead;
mod arrive;
#[cfg(feature = "charset")]
mod charset;
#[cfg(not(feature = "charset"))]
#[path = "no_charset.rs"]
mod charset;
mod copy;
mod file;
mod form;
mod from;
#[cfg(feature = "json")]
mod json;
mod limit;
#[cfg(feature = "client")]
mod multipart;
/// The tests always have the feature, and test its stand-in as well.
#[cfg(all(test, feature = "charset"))]
#[allow(dead_code, reason = "the tests use a part of it")]
mod no_charset;
#[cfg(unix)]
mod read_at;
#[cfg(windows)]
#[path = "read_at_windows.rs"]
mod read_at;
mod replay;
mod source;
mod text;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::context::Context;
use crate::sync::Exclusive;
use ahead::Ahead;
use file::FileSource;
use source::{ChunkReader, Source};

pub use adapt::{MappedReader, Piece};
pub(crate) use file::FilePart;
pub(crate) use form::push_pair;
pub(crate) use limit::{DEFAULT_READ_LIMIT, ReadLimit};
#[cfg(feature = "client")]
pub use multipart::{Multipart, Part};
pub(crate) use source::Incoming;
pub(crate) use text::{charset_of, lossy_text};

/// The body of a request or a response; empty by default.
///
/// A body is a [`Read`] and a [`BufRead`] that may know its length, and that trailers may follow. The
/// same type is used for bodies that are received and bodies that are sent, so a body that came from one
/// peer can be sent to another.
///
/// ```
/// use hangup::Body;
/// use std::io::BufRead;
///
/// let mut body = Body::from_chunks(["to be ", "continued"]);
/// assert_eq!(body.len(), None); // it will be sent in chunks
/// assert_eq!(body.read_text(1024)?, "to be continued");
///
/// let body = Body::from("hello\nworld");
/// assert_eq!(body.len(), Some(11)); // it will be sent with a Content-Length
/// let lines: Vec<String> = body.lines().collect::<Result<_, _>>()?;
/// assert_eq!(lines, ["hello", "world"]);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Making one
///
/// | source | constructor | length known | can be sent again |
/// | --- | --- | --- | --- |
/// | text or bytes in memory | [`From`] | yes | yes |
/// | a regular file | [`From<File>`](#impl-From%3CFile%3E-for-Body) | yes | yes |
/// | a range of a file | [`from_file_range`](Self::from_file_range) | yes | yes |
/// | a reader | [`from_reader`](Self::from_reader), [`from_sized_reader`](Self::from_sized_reader) | if given | no |
/// | a form | [`form`](Self::form) | yes | yes |
/// | a value as JSON | [`json`](Self::json) | yes | yes |
/// | an iterator of chunks | [`from_chunks`](Self::from_chunks) | no | no |
/// | a function that opens it | [`replayable`](Self::replayable) | if given | yes |
/// | a form with files | [`From<Multipart>`](crate::Multipart) | if all parts have one | if all parts can be |
///
/// # Reading it
///
/// [`read_text`](Self::read_text), [`read_bytes`](Self::read_bytes) and [`read_json`](Self::read_json) read
/// the whole body within a limit.
/// [`copy_to`](Self::copy_to) writes it to a writer. Reading it byte by byte, as parsers do, is cheap: small
/// reads are served from a buffer of 8 KiB, which is only allocated for them.
///
/// # Adapting it
///
/// [`map_reader`](Self::map_reader) puts a decoder or an encoder over a body, [`limited`](Self::limited)
/// bounds its length, and [`inspect`](Self::inspect) shows the bytes as they pass. All of them keep the
/// trailers and the content type.
///
/// # Blocking
///
/// Reading blocks as long as the source does. A body in memory never blocks. A body that comes from a
/// connection blocks until the peer has sent something. Such a read ends early when the call's
/// [`Context`](crate::Context) ends, when a time limit runs out, or when the connection fails.
#[derive(Default)]
pub struct Body {
    source: Source,
    /// Only for sources outside of memory, once a small read has been made.
    ahead: Option<Box<Ahead>>,
    /// Boxed, since few bodies have any and every body is moved about.
    extras: Option<Box<Extras>>,
}

/// The parts of a message that a body may bring along.
#[derive(Default)]
struct Extras {
    trailers: Option<Exclusive<Box<dyn FnOnce() -> HeaderMap + Send>>>,
    content_type: Option<HeaderValue>,
    /// The received trailers that are left out.
    drops: Option<fn(&HeaderName) -> bool>,
}

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
        Self::of(Source::Reader { reader: Exclusive::new(Box::new(reader)), remaining: None })
    }

    /// Creates a body of exactly `length` bytes from `reader`.
    ///
    /// Bytes of the reader beyond them are not read. If it ends earlier, so does the message, with an
    /// error: a peer never takes the short body for a whole one.
    pub fn from_sized_reader(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::of(Source::Reader {
            reader: Exclusive::new(Box::new(reader)),
            remaining: Some(length),
        })
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

    /// Creates a body of the bytes of a regular file within `range`, counted from the start of the file.
    /// Several bodies can share one file. Its position stays.
    ///
    /// The file is not looked at now. If it turns out to be shorter, reading is an error
    /// ([`ErrorKind::BodySource`](crate::ErrorKind::BodySource)), so that no peer takes the short body for a
    /// whole one. Such a body can be sent again, as that of [`From<File>`](#impl-From%3CFile%3E-for-Body).
    ///
    /// ```
    /// use hangup::Body;
    /// use std::{fs::File, sync::Arc};
    ///
    /// let file = Arc::new(File::open("Cargo.toml")?);
    /// let mut body = Body::from_file_range(file.clone(), 1..8);
    /// assert_eq!(body.len(), Some(7));
    /// assert_eq!(body.read_text(100)?, "package");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn from_file_range(file: impl Into<Arc<File>>, range: Range<u64>) -> Self {
        Self::of(Source::File(FileSource::range(file.into(), range.start, range.end)))
    }

    pub(crate) fn incoming(incoming: Box<dyn Incoming>) -> Self {
        Self::of(Source::Incoming(incoming))
    }

    fn of(source: Source) -> Self {
        Self { source, ahead: None, extras: None }
    }

    /// Adds trailers (RFC 9110 section 6.5), which are sent after the body. `trailers` is called once the
    /// last byte has been read, so it can return a checksum of the body.
    ///
    /// A body with trailers is sent in chunks, whether its length is known or not.
    #[must_use]
    pub fn with_trailers(mut self, trailers: impl FnOnce() -> HeaderMap + Send + 'static) -> Self {
        self.extras.get_or_insert_default().trailers = Some(Exclusive::new(Box::new(trailers)));
        self
    }

    /// Sets the media type of the body (RFC 9110 section 8.3).
    ///
    /// The client sends it as the request's `Content-Type`, and the server as the response's, unless the
    /// message has that header already. Of the constructors, [`form`](Self::form) and
    /// [`json`](Self::json) set one.
    ///
    /// ```
    /// use hangup::{Body, http::HeaderValue};
    ///
    /// let csv = Body::from("a,b\n").with_content_type(HeaderValue::from_static("text/csv"));
    /// assert_eq!(csv.content_type().unwrap(), "text/csv");
    /// ```
    #[must_use]
    pub fn with_content_type(mut self, content_type: HeaderValue) -> Self {
        self.extras.get_or_insert_default().content_type = Some(content_type);
        self
    }

    /// Returns the media type of a body that is to be sent; see [`with_content_type`](Self::with_content_type).
    ///
    /// A received body has none: the type is in the header of its message.
    #[must_use]
    pub fn content_type(&self) -> Option<&HeaderValue> {
        self.extras.as_ref()?.content_type.as_ref()
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
        match self.extras.as_mut().and_then(|extras| extras.trailers.take()) {
            Some(trailers) => Some(trailers.into_inner()()),
            None => {
                let mut trailers = self.source.take_trailers()?;
                if let Some(drops) = self.extras.as_ref().and_then(|extras| extras.drops) {
                    let dropped = trailers.keys().filter(|name| drops(name)).cloned();
                    for name in dropped.collect::<Vec<_>>() {
                        trailers.remove(name);
                    }
                }
                Some(trailers)
            }
        }
    }

    /// Leaves out the received trailers whose name `drops` accepts.
    #[cfg(all(feature = "client", any(feature = "server", feature = "fcgi")))]
    pub(crate) fn without_trailers(mut self, drops: fn(&HeaderName) -> bool) -> Self {
        self.extras.get_or_insert_default().drops = Some(drops);
        self
    }

    /// Returns `true` if trailers were set with [`with_trailers`](Self::with_trailers).
    pub(crate) fn has_trailers(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.trailers.is_some())
    }

    /// Returns `true` if the next read may have to wait, as far as the source can tell.
    pub(crate) fn may_wait(&mut self) -> bool {
        let is_ahead = |ahead: &Ahead| ahead.len() > 0 || ahead.fails_later();
        !self.ahead.as_deref().is_some_and(is_ahead) && self.source.may_wait()
    }

    /// Returns `true` if the body comes from a connection.
    pub(crate) fn is_incoming(&self) -> bool {
        match &self.source {
            Source::Incoming(_) => true,
            Source::Adapted(adapter) => adapter.is_incoming(),
            _ => false,
        }
    }

    /// Returns the rest of the body if it is a part of a regular file, nothing of it was read ahead, and it
    /// has no trailers.
    pub(crate) fn as_file_part(&self) -> Option<FilePart<'_>> {
        match &self.source {
            Source::File(file) if self.ahead.is_none() && !self.has_trailers() => Some(file.part()),
            _ => None,
        }
    }

    /// Counts `count` bytes of a part of a file as read.
    pub(crate) fn advance_file_part(&mut self, count: u64) {
        if let Source::File(file) = &mut self.source {
            file.advance(count);
        }
    }

    /// Returns the whole body if it lies in memory and has no trailers.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.source {
            _ if self.has_trailers() => None,
            Source::Empty => Some(&[]),
            Source::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Returns the whole body if it lies in memory and has no trailers, otherwise the body itself.
    pub(crate) fn into_memory(self) -> std::result::Result<Bytes, Self> {
        let has_trailers = self.has_trailers();
        match self.source {
            Source::Empty if !has_trailers => Ok(Bytes::new()),
            Source::Bytes(bytes) if !has_trailers => Ok(bytes),
            source => Err(Self { source, ..self }),
        }
    }

    /// Returns the same body from its start, if it can be read twice: a body in memory (the rest of it), a
    /// regular file, or a [`replayable`](Self::replayable) one, each without trailers. Such a body stays
    /// so when it is [`limited`](Self::limited) or [inspected](Self::inspect).
    ///
    /// The client repeats a request with this, after a redirect or on another connection.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        let again = Self::of(self.source.again()?);
        let Some(extras) = &self.extras else { return Some(again) };
        if extras.trailers.is_some() {
            return None;
        }
        Some(match &extras.content_type {
            Some(content_type) => again.with_content_type(content_type.clone()),
            None => again,
        })
    }

    /// Makes reads of a body that a connection is still delivering fail once `context` has ended.
    pub(crate) fn set_context(&mut self, context: &Context) {
        self.source.set_context(context);
    }
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
            if let Some(ahead) = &mut self.ahead {
                ahead.take_failure()?;
            }
            return self.source.read(buf);
        }
        Ok(filled(&mut self.ahead, &mut self.source)?.take(buf))
    }
}

/// Returns what was read ahead, after one read if that is nothing.
fn filled<'a>(ahead: &'a mut Option<Box<Ahead>>, source: &mut Source) -> io::Result<&'a mut Ahead> {
    let ahead = ahead.get_or_insert_default();
    if ahead.len() == 0 {
        ahead.take_failure()?;
        ahead.fill(|buf| source.read(buf))?;
    }
    Ok(ahead)
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("source", &self.source.name())
            .field("len", &self.len())
            .field("trailers", &self.has_trailers())
            .field("content_type", &self.content_type())
            .finish()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
