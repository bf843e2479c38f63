//! A message's body: the one type for what is read and what is sent.
//!
//! A [`Body`] is a [`Read`] that may know its length and may be followed by trailers. One that came
//! from a peer can be sent on to another as it is.
//!
//! ```
//! use hangup::Body;
//! use std::io::Read;
//!
//! let mut body = Body::from_chunks(["to be ", "continued"]);
//! assert_eq!(body.len(), None); // it will be sent in chunks
//! assert_eq!(body.read_text(1024)?, "to be continued");
//!
//! let body = Body::from("hello");
//! assert_eq!(body.len(), Some(5)); // it will be sent with a Content-Length
//! # Ok::<(), hangup::Error>(())
//! ```

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::HeaderMap;

use crate::error::{Error, ErrorKind, Result};

/// The body of a request or a response; empty by default.
///
/// # Blocking
///
/// Reading blocks as long as its source does: not at all for one in memory, until the peer has sent
/// something for one that comes from a connection. Such a read ends early when the call's
/// [`Context`](crate::Context) ends, when a time limit runs out, or when the connection fails.
#[derive(Default)]
pub struct Body {
    source: Source,
    /// Reading the source never waits: it is a regular file.
    prompt: bool,
    trailers: Option<Box<dyn FnOnce() -> HeaderMap + Send>>,
}

#[derive(Default)]
enum Source {
    #[default]
    Empty,
    Bytes(Bytes),
    Reader {
        reader: Box<dyn Read + Send>,
        remaining: Option<u64>,
    },
    Replay {
        open: Arc<Opener>,
        opened: Option<Box<Body>>,
        length: Option<u64>,
    },
    Incoming(Box<dyn Incoming>),
}

/// How much of a body is copied at a time, in bytes.
const COPY_PIECE: usize = 64 * 1024;

type Opener = dyn Fn() -> io::Result<Body> + Send + Sync;

/// A body that a connection is still delivering.
pub(crate) trait Incoming: Read + Send {
    /// How many bytes are left to read, where the framing tells.
    fn remaining(&self) -> Option<u64>;
    /// The trailers, once, after the end.
    fn take_trailers(&mut self) -> Option<HeaderMap>;
    /// Whether a read would not have to wait for the peer.
    fn is_ready(&mut self) -> bool;
    /// The body arrived as announced, but its reader cannot accept it, for this reason.
    fn reject(&mut self, _reason: &Error) {}
}

impl Body {
    /// A body of no bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body of unknown length that is read from `reader` until its end.
    pub fn from_reader(reader: impl Read + Send + 'static) -> Self {
        Self::of(Source::Reader { reader: Box::new(reader), remaining: None })
    }

    /// A body of exactly `length` bytes from `reader`.
    ///
    /// What the reader has beyond them is not read. If it ends earlier, so does the message, with an
    /// error: a peer never takes the short body for a whole one.
    pub fn from_sized_reader(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::of(Source::Reader { reader: Box::new(reader), remaining: Some(length) })
    }

    /// A body of the chunks that `chunks` yields, each sent when it has been yielded.
    pub fn from_chunks<I>(chunks: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Bytes> + 'static,
        I::IntoIter: Send + 'static,
    {
        let chunks = chunks.into_iter().map(Into::into);
        Self::from_reader(ChunkReader { chunks, rest: Bytes::new() })
    }

    /// A body that can be made again, so that its request can be repeated after a redirect or on a
    /// connection that had gone stale. `open` is called for each sending; `length` is the length of
    /// what it yields, if known.
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
        Self { source, prompt: false, trailers: None }
    }

    /// Has the trailers that `trailers` returns sent after the body (RFC 9110 section 6.5). It is
    /// called when the last byte has been read, so it may tell of them: a checksum, say.
    ///
    /// A body with trailers is sent in chunks, whether its length is known or not.
    #[must_use]
    pub fn with_trailers(mut self, trailers: impl FnOnce() -> HeaderMap + Send + 'static) -> Self {
        self.trailers = Some(Box::new(trailers));
        self
    }

    /// How many bytes are left to read, if that is known.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        match &self.source {
            Source::Empty => Some(0),
            Source::Bytes(bytes) => Some(bytes.len() as u64),
            Source::Reader { remaining, .. } => *remaining,
            Source::Replay { opened: Some(body), length, .. } => length.and_then(|_| body.len()),
            Source::Replay { length, .. } => *length,
            Source::Incoming(incoming) => incoming.remaining(),
        }
    }

    /// Whether it is known that nothing is left to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The trailers that came, or are to be sent, after the body: `Some` at most once, and only
    /// after the body was read to its end.
    pub fn take_trailers(&mut self) -> Option<HeaderMap> {
        if let Some(trailers) = self.trailers.take() {
            return Some(trailers());
        }
        match &mut self.source {
            Source::Incoming(incoming) => incoming.take_trailers(),
            Source::Replay { opened: Some(body), .. } => body.take_trailers(),
            _ => None,
        }
    }

    /// Whether trailers were set with [`with_trailers`](Self::with_trailers).
    pub(crate) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }

    /// Returns whether the next read may have to wait, as far as the source can tell.
    pub(crate) fn may_wait(&mut self) -> bool {
        match &mut self.source {
            Source::Empty | Source::Bytes(_) => false,
            Source::Reader { remaining, .. } => !self.prompt && *remaining != Some(0),
            Source::Replay { opened: Some(body), .. } => body.may_wait(),
            // Most are files.
            Source::Replay { .. } => false,
            Source::Incoming(incoming) => !incoming.is_ready(),
        }
    }

    /// The whole body if it lies in memory and has no trailers.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.source {
            _ if self.trailers.is_some() => None,
            Source::Empty => Some(&[]),
            Source::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The whole body, if it lies in memory and has no trailers; otherwise the body itself.
    pub(crate) fn into_memory(self) -> std::result::Result<Bytes, Self> {
        match self.source {
            Source::Empty if self.trailers.is_none() => Ok(Bytes::new()),
            Source::Bytes(bytes) if self.trailers.is_none() => Ok(bytes),
            source => Err(Self { source, prompt: self.prompt, trailers: self.trailers }),
        }
    }

    /// The same body once more, if it can be had: it lies in memory, or is replayable.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        match &self.source {
            _ if self.trailers.is_some() => None,
            Source::Empty => Some(Self::empty()),
            Source::Bytes(bytes) => Some(Self::of(Source::Bytes(bytes.clone()))),
            Source::Replay { open, length, .. } => Some(Self::of(Source::Replay {
                open: Arc::clone(open),
                opened: None,
                length: *length,
            })),
            Source::Reader { .. } | Source::Incoming(_) => None,
        }
    }

    /// Writes the rest of the body to `writer`; returns how many bytes that were. Faster than
    /// [`io::copy`], which takes no account of a body that lies in memory, as a small answer's does.
    ///
    /// # Errors
    ///
    /// Whatever reading the body or writing fails with. What was written by then stays written.
    pub fn copy_to(&mut self, writer: &mut (impl io::Write + ?Sized)) -> io::Result<u64> {
        match &mut self.source {
            Source::Empty => Ok(0),
            Source::Bytes(bytes) => {
                writer.write_all(bytes)?;
                Ok(std::mem::take(bytes).len() as u64)
            }
            _ => {
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
        }
    }

    /// Reads the rest of the body, which may be at most `limit` bytes long.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] if it is longer (nothing beyond the limit is kept in memory), and
    /// whatever reading it fails with.
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

    /// Reports to the connection that the body cannot be accepted: the peer is to blame for `reason`.
    fn rejected(&mut self, reason: Error) -> Error {
        match &mut self.source {
            Source::Incoming(incoming) => incoming.reject(&reason),
            Source::Replay { opened: Some(body), .. } => return body.rejected(reason),
            _ => {}
        }
        reason
    }

    /// As [`read_bytes`](Self::read_bytes), for text in UTF-8.
    ///
    /// # Errors
    ///
    /// Those of `read_bytes`, and [`ErrorKind::MalformedMessage`] if it is not UTF-8.
    pub fn read_text(&mut self, limit: u64) -> Result<String> {
        String::from_utf8(self.read_bytes(limit)?.into())
            .map_err(|error| self.rejected(Error::with_source(ErrorKind::MalformedMessage, error)))
    }
}

fn check_limit(length: u64, limit: u64) -> Result<()> {
    if length <= limit {
        return Ok(());
    }
    Err(Error::message(ErrorKind::TooLarge, format!("the body is longer than {limit} bytes")))
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Empty => Ok(0),
            Source::Bytes(bytes) => {
                let count = bytes.len().min(buf.len());
                bytes.copy_to_slice(&mut buf[..count]);
                Ok(count)
            }
            Source::Reader { reader, remaining: None } => reader.read(buf),
            Source::Reader { reader, remaining: Some(remaining) } => {
                read_exactly(reader, remaining, buf)
            }
            Source::Replay { opened: Some(body), .. } => body.read(buf),
            Source::Replay { open, opened, length } => {
                let body = open()?;
                let body = match *length {
                    Some(length) => Self::from_sized_reader(body, length),
                    None => body,
                };
                opened.insert(Box::new(body)).read(buf)
            }
            Source::Incoming(incoming) => incoming.read(buf),
        }
    }
}

/// Reads from a source that has promised `remaining` more bytes.
fn read_exactly(reader: &mut dyn Read, remaining: &mut u64, buf: &mut [u8]) -> io::Result<usize> {
    let most = usize::try_from(*remaining).unwrap_or(usize::MAX).min(buf.len());
    if most == 0 {
        return Ok(0);
    }
    let count = reader.read(&mut buf[..most])?;
    if count == 0 {
        let message = format!("it ended {remaining} bytes before its declared length");
        return Err(Error::message(ErrorKind::BodySource, message).into());
    }
    *remaining -= count as u64;
    Ok(count)
}

/// Reads an iterator's chunks one after the other.
struct ChunkReader<I> {
    chunks: I,
    rest: Bytes,
}

impl<I: Iterator<Item = Bytes>> Read for ChunkReader<I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // An empty chunk is not the end.
        while self.rest.is_empty() {
            match self.chunks.next() {
                Some(chunk) => self.rest = chunk,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buf.len());
        self.rest.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::of(Source::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<File> for Body {
    /// What is left of the file from its current position on: with its length if it is a regular
    /// file, in chunks if it is a pipe or a device.
    fn from(mut file: File) -> Self {
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        match (length, file.stream_position()) {
            (Some(length), Ok(position)) => {
                let body = Self::from_sized_reader(file, length.saturating_sub(position));
                Self { prompt: true, ..body }
            }
            _ => Self::from_reader(file),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::Empty => "empty",
            Source::Bytes(_) => "bytes",
            Source::Reader { .. } => "reader",
            Source::Replay { .. } => "replayable",
            Source::Incoming(_) => "incoming",
        };
        f.debug_struct("Body")
            .field("source", &source)
            .field("len", &self.len())
            .field("trailers", &self.trailers.is_some())
            .finish()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_sized_reader_that_ends_early_is_an_error() {
        let mut body = Body::from_sized_reader(&b"four"[..], 5);
        let error = body.read_bytes(100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BodySource);
        assert!(error.to_string().contains("1 bytes before"), "{error}");
    }

    #[test]
    fn a_sized_reader_is_not_read_beyond_its_length() {
        let mut body = Body::from_sized_reader(io::repeat(b'x'), 3);
        assert_eq!(body.read_text(3).unwrap(), "xxx");
        assert!(body.is_empty());
    }

    #[test]
    fn whatever_a_body_is_made_of_is_copied() {
        let long = vec![b'x'; 3 * COPY_PIECE + 1];
        let reader = || Body::from_reader(io::Cursor::new(vec![b'x'; 3 * COPY_PIECE + 1]));
        for (mut body, all) in
            [(Body::empty(), &b""[..]), (Body::from("short"), b"short"), (reader(), &long)]
        {
            let mut copy = Vec::new();
            assert_eq!(body.copy_to(&mut copy).unwrap(), all.len() as u64);
            assert_eq!(body.copy_to(&mut copy).unwrap(), 0);
            assert_eq!(copy, all);
        }
        let nowhere: &mut [u8] = &mut [];
        let error = Body::from("short").copy_to(&mut &mut *nowhere).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn empty_chunks_do_not_end_a_body() {
        let mut body = Body::from_chunks(["a", "", "b"]);
        assert_eq!(body.read_text(10).unwrap(), "ab");
    }

    #[test]
    fn the_limit_is_the_last_length_that_passes() {
        for make in [|| Body::from("12345"), || Body::from_reader(&b"12345"[..])] {
            assert_eq!(make().read_bytes(5).unwrap(), "12345");
            assert_eq!(make().read_bytes(4).unwrap_err().kind(), ErrorKind::TooLarge);
        }
    }

    #[test]
    fn what_can_be_sent_again_is_cloned_whole() {
        let mut body = Body::replayable(None, || Ok(Body::from("again")));
        let mut copy = body.try_clone().expect("replayable");
        assert_eq!(body.read_text(10).unwrap(), "again");
        assert_eq!(copy.read_text(10).unwrap(), "again");
        assert!(Body::from("x").try_clone().is_some());
        assert!(Body::from_reader(io::empty()).try_clone().is_none());
    }

    #[test]
    fn a_file_is_sent_from_where_it_stands() {
        use std::io::SeekFrom;
        let path = std::env::temp_dir().join(format!("hangup-body-{}", std::process::id()));
        std::fs::write(&path, "0123456789").unwrap();
        let mut file = File::open(&path).unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        let mut body = Body::from(file);
        assert_eq!(body.len(), Some(6));
        assert_eq!(body.read_text(100).unwrap(), "456789");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn trailers_are_asked_for_at_the_end() {
        let mut body = Body::from("x").with_trailers(|| {
            [(http::header::ETAG, http::HeaderValue::from_static("7"))].into_iter().collect()
        });
        body.read_text(10).unwrap();
        assert_eq!(body.take_trailers().unwrap()["etag"], "7");
        assert!(body.take_trailers().is_none());
    }
}
