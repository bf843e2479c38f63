//! Reading heads: the start line and the fields, up to the empty line.

mod error;
mod lines;
mod start_line;
mod target;

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Uri, Version};

use self::error::Fault;
pub use self::error::HeadError;
use self::lines::{LineEnd, Lines};
use self::start_line::{RequestLine, StatusLine};
pub(crate) use self::target::prefer_authority;
use super::fields::{self, FieldError, Noted};
use super::side::Side;

/// Limits on the size of a head.
///
/// ```
/// use hangup::h1::Limits;
///
/// const LIMITS: Limits = Limits::new().with_max_bytes(64 * 1024);
/// assert_eq!(LIMITS.max_fields, 1000); // the default
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the start line, the fields and the empty line together. The default is 1 MiB: more than any
    /// cookie jar needs, and small enough to hold for every connection that is sending a head.
    pub max_bytes: usize,
    /// Field lines. The default is 1000: some servers send hundreds of `Set-Cookie`, while hundreds of
    /// thousands of empty fields are an attack on the header map. A map holds at most 24576 different
    /// names, whatever this limit is.
    pub max_fields: usize,
}

impl Limits {
    /// Creates the default limits.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_bytes: 1 << 20, max_fields: 1000 }
    }

    /// Sets [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub const fn with_max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets [`max_fields`](Self::max_fields).
    #[must_use]
    pub const fn with_max_fields(self, max_fields: usize) -> Self {
        Self { max_fields, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// The largest head, in bytes, whose fields share one allocation. The fields of a larger head are copied
/// separately, so that a field that is kept does not keep the whole head.
const MOST_SHARED: usize = 64 * 1024;

/// The number of empty lines before a request that are skipped. RFC 9112 section 2.2 asks for one, since
/// old clients sent one after a form and did not count it. Some clients send two.
const MAX_EMPTY_LINES: u8 = 2;

/// Parses a request target that was received outside a head, by the same rule. Returns `None` if it is
/// invalid.
pub(crate) fn parse_target(method: &Method, target: &[u8]) -> Option<Uri> {
    target::parse(method, Bytes::copy_from_slice(target)).ok()
}

/// The start line and the fields of a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method. It is case-sensitive.
    pub method: Method,
    /// The target: a path, an absolute URI, host and port (CONNECT) or `*` (OPTIONS). See
    /// [the rule](crate::h1#request-targets) for its characters.
    pub target: Uri,
    /// HTTP/1.0 or HTTP/1.1. A later minor version is read as HTTP/1.1.
    pub version: Version,
    /// The fields. The authority of a target in absolute form has replaced Host.
    pub headers: HeaderMap,
}

/// The start line and the fields of a response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResponseHead {
    /// HTTP/1.0 or HTTP/1.1. A later minor version is read as HTTP/1.1.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase, if it is not the standard one of this status.
    pub reason: Option<Box<str>>,
    /// The fields.
    pub headers: HeaderMap,
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

/// The progress within one head.
#[derive(Debug, Default)]
struct Progress {
    lines: Lines,
    /// The start of the start line, after the skipped empty lines.
    start: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The start line is not complete.
    StartLine {
        empty_lines: u8,
        /// The number of bytes that have passed [`start_line::check_beginning`].
        checked: usize,
    },
    /// The start line is complete, the fields are not.
    Fields { line: StartLine, block: usize, count: usize },
    /// The head is complete. Holds its start line until it is taken.
    Found(StartLine),
}

#[derive(Debug)]
enum StartLine {
    Request(RequestLine),
    Status(StatusLine),
}

impl Default for Stage {
    fn default() -> Self {
        Stage::StartLine { empty_lines: 0, checked: 0 }
    }
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
        if self.progress.is_fresh()
            && let Some(used) = self.take_whole(side, buf, limits, headers)
        {
            return Ok(Some(used));
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

/// The fields of a complete head, not parsed yet.
struct FieldLines {
    /// The range of the fields, including the empty line.
    block: Range<usize>,
    /// The number of lines.
    count: usize,
}

impl Progress {
    /// Takes the start line of a complete head, and starts the next one.
    fn take_found(&mut self) -> StartLine {
        match std::mem::take(&mut self.stage) {
            Stage::Found(line) => line,
            _ => unreachable!("Invariant: it is taken once, when a head was found"),
        }
    }

    /// Returns `true` if no byte of a head has been seen.
    fn is_fresh(&self) -> bool {
        matches!(self.stage, Stage::StartLine { empty_lines: 0, checked: 0 })
    }

    fn scan(
        &mut self,
        side: Side,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<(StartLine, FieldLines)>, Fault> {
        loop {
            // Bytes beyond the limit are never examined, so that the verdict does not depend on how many
            // of them have arrived.
            let end = buf.len().min(self.start.saturating_add(limits.max_bytes));
            let Some(line) = self.lines.next(&buf[..end]) else {
                self.check_unfinished(side, &buf[..end])?;
                if end < buf.len() {
                    return Err(Fault::TooLarge { limit: limits.max_bytes });
                }
                return Ok(None);
            };
            let text = &buf[line.text.clone()];
            // In this order, so that the verdict does not depend on how the line was split.
            if let Stage::StartLine { checked, .. } = self.stage {
                start_line::check_beginning(side, text, checked - line.text.start)?;
            }
            if line.end == LineEnd::Lf && side == Side::Request {
                return Err(Fault::BareLf { line: self.lines.number() });
            }
            let at_end = matches!(self.stage, Stage::Fields { .. }) && text.is_empty();
            if at_end {
                return Ok(Some(self.finish()));
            }
            self.take_line(side, text, limits)?;
        }
    }

    /// Checks the part of a start line that has arrived.
    fn check_unfinished(&mut self, side: Side, buf: &[u8]) -> Result<(), Fault> {
        let Stage::StartLine { checked, .. } = &mut self.stage else { return Ok(()) };
        let line = &buf[self.start..];
        // A final CR may be half of a line end. It is checked together with the next byte.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        start_line::check_beginning(side, line, *checked - self.start)?;
        *checked = self.start + line.len();
        Ok(())
    }

    /// Takes one line that is not the end of the head.
    fn take_line(&mut self, side: Side, line: &[u8], limits: &Limits) -> Result<(), Fault> {
        match &mut self.stage {
            Stage::StartLine { empty_lines, checked }
                if line.is_empty() && side == Side::Request =>
            {
                *empty_lines += 1;
                if *empty_lines > MAX_EMPTY_LINES {
                    return Err(Fault::StartLine("more than two empty lines before it"));
                }
                self.start = self.lines.next_start();
                *checked = self.start;
            }
            Stage::StartLine { .. } => {
                let line = Bytes::copy_from_slice(line);
                let line = StartLine::parse(side, &line, &line)?;
                let block = self.lines.next_start();
                self.stage = Stage::Fields { line, block, count: 0 };
            }
            Stage::Fields { count, .. } => {
                *count += 1;
                if *count > limits.max_fields {
                    return Err(Fault::TooManyFields { limit: limits.max_fields });
                }
                if line.starts_with(b" ") || line.starts_with(b"\t") {
                    check_fold(side, *count)?;
                }
            }
            Stage::Found(_) => unreachable!("Invariant: its line is taken at once"),
        }
        Ok(())
    }

    /// Returns the start line and the fields of a complete head.
    fn finish(&mut self) -> (StartLine, FieldLines) {
        let end = self.lines.next_start();
        match std::mem::take(&mut self.stage) {
            Stage::Fields { line, block, count } => (line, FieldLines { block: block..end, count }),
            Stage::StartLine { .. } | Stage::Found(_) => {
                unreachable!("Invariant: a head ends behind its start line");
            }
        }
    }
}

impl StartLine {
    /// Parses `line`, which is a part of `shared`.
    fn parse(side: Side, line: &[u8], shared: &Bytes) -> Result<Self, Fault> {
        Ok(match side {
            Side::Request => Self::Request(start_line::parse_request(line, shared)?),
            Side::Response => Self::Status(start_line::parse_status(line)?),
        })
    }
}

/// Refuses a folded line in a request. A response may have some (RFC 9112 section 5.2). A first line that
/// would continue the start line is refused in both, when the fields are parsed.
fn check_fold(side: Side, number: usize) -> Result<(), FieldError> {
    match side {
        Side::Request => Err(FieldError::new(number, b"", fields::FOLDED)),
        Side::Response => Ok(()),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdicts;
