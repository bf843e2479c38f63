//! Reading heads: the start line and the fields, up to the empty line.

mod error;
mod lines;
mod progress;
mod start_line;
mod target;
mod values;

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Uri};

use self::error::Fault;
pub use self::error::HeadError;
use self::lines::{LineEnd, Lines};
use self::progress::{FieldLines, Progress, Stage, StartLine};
use self::start_line::{RequestLine, StatusLine};
pub(crate) use self::target::prefer_authority;
pub use self::values::{Limits, RequestHead, ResponseHead};
use super::fields::{self, Noted};
use super::side::Side;

/// The largest head, in bytes, whose fields share one allocation. The fields of a larger head are copied
/// separately, so that a field that is kept does not keep the whole head.
const MOST_SHARED: usize = 64 * 1024;

/// Parses a request target that was received outside a head, by the same rule. Returns `None` if it is
/// invalid.
pub(crate) fn parse_target(method: &Method, target: &[u8]) -> Option<Uri> {
    target::parse(method, Bytes::copy_from_slice(target)).ok()
}

/// Finds and parses the heads of successive messages.
///
/// The scanner remembers how far it has searched, so a head that arrives byte by byte takes time
/// proportional to its length. An error in the start line is reported before the rest has arrived.
///
/// ```
/// use hangup::h1::{HeadScanner, Limits};
///
/// let mut scanner = HeadScanner::default();
/// let received = b"GET /a HTTP/1.1\r\nHost: example.com\r\n\r\nand more";
/// assert!(scanner.request(&received[..20], &Limits::default())?.is_none());
/// let (head, consumed) = scanner.request(received, &Limits::default())?.unwrap();
/// assert_eq!(head.target, "/a");
/// assert_eq!(&received[consumed..], b"and more");
/// # Ok::<(), hangup::h1::HeadError>(())
/// ```
#[derive(Debug, Default)]
pub struct HeadScanner {
    progress: Progress,
    /// The buffer that heads are copied into, so that fields and target share one allocation. It is reused
    /// once no part of the previous head is referenced.
    store: BytesMut,
    /// The properties of the latest head.
    noted: Noted,
}

impl HeadScanner {
    /// Looks for a request's head in `buf`, which holds all bytes received since the end of the previous
    /// message.
    ///
    /// Returns `None` if more bytes are needed. The next call must pass the same bytes, followed by new ones.
    /// Returns the head with the number of bytes it took, including skipped empty lines. The scanner is then
    /// ready for the next message.
    ///
    /// # Errors
    ///
    /// The head violates RFC 9112 sections 2 to 5, is an HTTP/1.1 request without exactly one Host, or
    /// exceeds a limit. The rest of such a connection cannot be trusted. The scanner is unusable until it is
    /// [`reset`](Self::reset).
    ///
    /// # Panics
    ///
    /// Panics if the scan of one message began with [`response`](Self::response).
    pub fn request(
        &mut self,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<(RequestHead, usize)>, HeadError> {
        let mut headers = HeaderMap::new();
        let Some(used) = self.scan_request(buf, limits, &mut headers)? else { return Ok(None) };
        let RequestLine { method, target, version } = self.request_line();
        Ok(Some((RequestHead { method, target, version, headers }, used)))
    }

    /// Looks for a request's head as [`request`](Self::request) does, and puts it into `request`, whose
    /// headers are empty. Returns the number of bytes it took. This reuses the headers' memory.
    pub(crate) fn request_into<B>(
        &mut self,
        buf: &[u8],
        limits: &Limits,
        request: &mut http::Request<B>,
    ) -> Result<Option<usize>, HeadError> {
        debug_assert!(request.headers().is_empty());
        let found = self.scan_request(buf, limits, request.headers_mut())?;
        if found.is_some() {
            self.put_request_line(request);
        }
        Ok(found)
    }

    /// Looks for a response's head in `buf`; see [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// The head is malformed or exceeds a limit. No empty lines are skipped, and the head is read
    /// [leniently](crate::h1#strict-and-lenient).
    ///
    /// # Panics
    ///
    /// Panics if the scan of one message began with [`request`](Self::request).
    pub fn response(
        &mut self,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<(ResponseHead, usize)>, HeadError> {
        let mut headers = HeaderMap::new();
        let found = self.scan(Side::Response, buf, limits, &mut headers);
        let Some(used) = found.map_err(|fault| HeadError { side: Side::Response, fault })? else {
            return Ok(None);
        };
        let StartLine::Status(StatusLine { version, status, reason }) = self.progress.take_found()
        else {
            unreachable!("Invariant: one scanner reads either requests or responses");
        };
        Ok(Some((ResponseHead { version, status, reason, headers }, used)))
    }

    /// Discards the progress within an unfinished message.
    pub fn reset(&mut self) {
        self.progress = Progress::default();
    }

    /// Returns `true` if the head that was just found has no field about the body's length, the connection or
    /// an expectation. Most requests have none, so the caller saves searching for each.
    pub(crate) fn is_plain(&self) -> bool {
        !self.noted.framed
    }

    /// Not inlined, as [`take_fields`](Self::take_fields) is not.
    #[inline(never)]
    fn put_request_line<B>(&mut self, request: &mut http::Request<B>) {
        let RequestLine { method, target, version } = self.request_line();
        *request.method_mut() = method;
        *request.uri_mut() = target;
        *request.version_mut() = version;
    }

    fn scan_request(
        &mut self,
        buf: &[u8],
        limits: &Limits,
        headers: &mut HeaderMap,
    ) -> Result<Option<usize>, HeadError> {
        let found = self.scan(Side::Request, buf, limits, headers).and_then(|found| {
            if let Stage::Found(StartLine::Request(line)) = &self.progress.stage {
                target::check_host(line.version, self.noted.hosts, headers)?;
                target::prefer_authority(&line.target, headers);
            }
            Ok(found)
        });
        found.map_err(|fault| HeadError { side: Side::Request, fault })
    }

    fn request_line(&mut self) -> RequestLine {
        match self.progress.take_found() {
            StartLine::Request(line) => line,
            StartLine::Status(_) => {
                unreachable!("Invariant: one scanner reads either requests or responses");
            }
        }
    }

    /// Looks for a head, and returns the number of bytes it takes. Puts its fields into `headers`, and keeps
    /// its start line until it is taken.
    fn scan(
        &mut self,
        side: Side,
        buf: &[u8],
        limits: &Limits,
        headers: &mut HeaderMap,
    ) -> Result<Option<usize>, Fault> {
        if self.progress.is_fresh() {
            if let Some(used) = self.take_whole(side, buf, limits, headers) {
                return Ok(Some(used));
            }
        }
        self.scan_lines(side, buf, limits, headers)
    }

    /// Scans line by line, which handles every head.
    #[cold]
    fn scan_lines(
        &mut self,
        side: Side,
        buf: &[u8],
        limits: &Limits,
        headers: &mut HeaderMap,
    ) -> Result<Option<usize>, Fault> {
        let Some((line, fields)) = self.progress.scan(side, buf, limits)? else { return Ok(None) };
        self.reset();
        let FieldLines { block, count } = fields;
        let used = block.end;
        let block = &buf[block];
        headers.clear();
        self.noted = if block.len() > MOST_SHARED {
            fields::parse(side, block, &Bytes::copy_from_slice, count, headers)?
        } else {
            let block = self.keep(block);
            fields::parse(side, &block, &|value| block.slice_ref(value), count, headers)?
        };
        self.progress.stage = Stage::Found(line);
        Ok(Some(used))
    }

    /// Parses a complete, valid head in one step, which is the usual case. Returns `None` for any other head,
    /// and [`scan_lines`](Self::scan_lines) then decides.
    fn take_whole(
        &mut self,
        side: Side,
        buf: &[u8],
        limits: &Limits,
        headers: &mut HeaderMap,
    ) -> Option<usize> {
        let buf = &buf[..buf.len().min(limits.max_bytes)];
        let line = Lines::default().next(buf)?;
        if line.text.is_empty() || line.end == LineEnd::Lf {
            return None;
        }
        let line = line.text;
        let block = line.end + 2;
        let head = self.take_fields(buf, block, limits, headers)?;
        self.take_start_line(side, line, &head)?;
        Some(head.len())
    }

    /// Not inlined, as [`take_fields`](Self::take_fields) is not.
    #[inline(never)]
    fn take_start_line(&mut self, side: Side, line: Range<usize>, head: &Bytes) -> Option<()> {
        self.progress.stage = Stage::Found(StartLine::parse(side, &head[line], head).ok()?);
        Some(())
    }

    /// Takes the fields of a head whose start line ends before `block`, and returns a copy of the head.
    ///
    /// Not inlined: the list of fields is on the stack, and an idle thread keeps the stack pages that it has
    /// touched. Separate functions share the same pages.
    #[inline(never)]
    fn take_fields(
        &mut self,
        buf: &[u8],
        block: usize,
        limits: &Limits,
        headers: &mut HeaderMap,
    ) -> Option<Bytes> {
        let mut slots = fields::slots();
        let (length, fields) = fields::read_whole(&buf[block..], &mut slots)?;
        if fields.len() > limits.max_fields || block + length > MOST_SHARED {
            return None;
        }
        let head = self.keep(&buf[..block + length]);
        let share = |value: &[u8]| {
            // The offsets in the copy are those in the input.
            let start = value.as_ptr().addr() - buf.as_ptr().addr();
            head.slice(start..start + value.len())
        };
        headers.clear();
        self.noted = fields::collect(fields, share, headers).ok()?;
        Some(head)
    }

    /// Returns a copy that fields and target can share.
    fn keep(&mut self, bytes: &[u8]) -> Bytes {
        self.store.extend_from_slice(bytes);
        self.store.split().freeze()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdicts;
