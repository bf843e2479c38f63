//! Heads: the start line and the fields, from the first byte to the empty line.

mod error;
mod lines;
mod start_line;
mod target;

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Uri, Version};

pub use self::error::HeadError;
use self::error::{Fault, Side};
use self::lines::Lines;
use self::start_line::{RequestLine, StatusLine};
use super::fields::{self, FieldError, Noted};

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start line, the fields and the empty line together. By default 1 MiB:
    /// more than any cookie jar needs, and little enough to hold for every connection that is
    /// sending a head.
    pub max_bytes: usize,
    /// Field lines. By default 1000: some servers send hundreds of `Set-Cookie`; a list of some
    /// hundred thousand empty fields is an attack on the map that they go into. A map holds
    /// 24576 different names at most, whatever this limit says.
    pub max_fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_bytes: 1 << 20, max_fields: 1000 }
    }
}

/// How many empty lines before a request are skipped. RFC 9112 section 2.2 asks for one, since
/// old clients sent one behind a form that they did not count; two are seen.
const MAX_EMPTY_LINES: u8 = 2;

/// What a request says before its body.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// The method; case counts.
    pub method: Method,
    /// The target: a path, an absolute URI, host and port (CONNECT) or `*` (OPTIONS).
    pub target: Uri,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields.
    pub headers: HeaderMap,
}

/// What a response says before its body.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The status.
    pub status: StatusCode,
    /// The reason phrase, if it is not the usual one of this status.
    pub reason: Option<Box<str>>,
    /// The fields.
    pub headers: HeaderMap,
}

/// Finds and reads the head of one message after another.
///
/// It remembers how far it has looked: a head that comes byte by byte costs time in proportion
/// to its length, not to the square of it. What can already be told from the start line, or from
/// a part of it, is told before the rest has come.
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
    /// What heads are copied into, so that fields and target share one piece of memory. It is used
    /// again once nobody holds anything of the head before.
    store: BytesMut,
    /// What the fields of the latest head say of it.
    noted: Noted,
}

/// How far into one head.
#[derive(Debug, Default)]
struct Progress {
    lines: Lines,
    /// Where the start line starts: behind the empty lines that were skipped.
    start: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The start line is not complete.
    StartLine {
        empty_lines: u8,
        /// How much of the buffer has passed [`start_line::check_beginning`].
        checked: usize,
    },
    /// The start line is read, the fields are coming.
    Fields { line: StartLine, block: usize, count: usize, folded: bool },
    /// The head is whole: its start line, until it is taken.
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
    /// Looks for a request's head in `buf`, which is everything received since the message
    /// before it ended.
    ///
    /// `None` means that more bytes are needed; `buf` may only have grown when the next call
    /// hands it in. With the head comes the number of bytes it took, skipped empty lines
    /// included; the scanner is then ready for the next message.
    ///
    /// # Errors
    ///
    /// What RFC 9112 sections 2 to 5 forbid, an HTTP/1.1 request without exactly one Host, and
    /// heads beyond the limits. Nothing that follows on such a connection can be trusted; the
    /// scanner is of no use until it is [`reset`](Self::reset).
    ///
    /// # Panics
    ///
    /// If one message was begun as a response and is continued as a request.
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

    /// As [`request`](Self::request), with the head put into `request`, whose headers are empty, and the
    /// number of bytes it took returned. Nothing is moved about, and the headers' memory is used again.
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
    /// As for a request, with two differences: no empty lines are skipped, and folded lines are
    /// joined (RFC 9112 section 5.2).
    ///
    /// # Panics
    ///
    /// If one message was begun as a request and is continued as a response.
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

    /// Forgets what it has seen of a message that was not finished.
    pub fn reset(&mut self) {
        self.progress = Progress::default();
    }

    /// Whether the head that was just found says nothing of the body's length, of the connection or of
    /// what it expects: as most requests do, which saves looking for each.
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

    /// Looks for a head; returns how many bytes it takes. Its fields are in `headers` then, and its start
    /// line is to be taken.
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

    /// The way that can take whatever comes: line by line.
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
        let FieldLines { block, count, folded } = fields;
        let used = block.end;
        let block = &buf[block];
        let block = if folded { fields::unfold(block) } else { self.keep(block) };
        headers.clear();
        self.noted = fields::parse(&block, count, headers)?;
        self.progress.stage = Stage::Found(line);
        Ok(Some(used))
    }

    /// The usual case at once: a head that is whole, and about which there is nothing to say. Of
    /// any other this says nothing either; going through its lines tells.
    fn take_whole(
        &mut self,
        side: Side,
        buf: &[u8],
        limits: &Limits,
        headers: &mut HeaderMap,
    ) -> Option<usize> {
        let buf = &buf[..buf.len().min(limits.max_bytes)];
        let line = Lines::default().next(buf).ok()??;
        let block = line.end + 2;
        if line.is_empty() {
            return None;
        }
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

    /// Takes the fields of a head whose start line ends before `block`; returns a copy of the head.
    ///
    /// Not inlined: the room for the list of fields is on the stack, of which a thread keeps what it has
    /// once touched. So the steps of this lie beside one another there, not below.
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
        if fields.len() > limits.max_fields {
            return None;
        }
        let head = self.keep(&buf[..block + length]);
        let share = |value: &[u8]| {
            // Everything stands in the copy where it stood in what came.
            let start = value.as_ptr().addr() - buf.as_ptr().addr();
            head.slice(start..start + value.len())
        };
        headers.clear();
        self.noted = fields::collect(fields, share, headers).ok()?;
        Some(head)
    }

    /// A copy that fields and target can share.
    fn keep(&mut self, bytes: &[u8]) -> Bytes {
        self.store.extend_from_slice(bytes);
        self.store.split().freeze()
    }
}

/// The fields of a head that is complete, as yet unread: where they stand, the empty line included, how
/// many there are, and whether some of their lines are folded.
struct FieldLines {
    block: Range<usize>,
    count: usize,
    folded: bool,
}

impl Progress {
    /// Takes the start line of a head that is whole; what follows is another head.
    fn take_found(&mut self) -> StartLine {
        match std::mem::take(&mut self.stage) {
            Stage::Found(line) => line,
            _ => unreachable!("Invariant: it is taken once, when a head was found"),
        }
    }

    /// Whether nothing of a head has been seen.
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
            // What lies beyond the limit is never looked at, so that the verdict does not
            // depend on how much of it has come already.
            let end = buf.len().min(self.start.saturating_add(limits.max_bytes));
            let Some(line) = self.lines.next(&buf[..end])? else {
                self.check_unfinished(side, &buf[..end])?;
                if end < buf.len() {
                    return Err(Fault::TooLarge { limit: limits.max_bytes });
                }
                return Ok(None);
            };
            let at_end = matches!(self.stage, Stage::Fields { .. }) && line.is_empty();
            if at_end {
                return Ok(Some(self.finish()));
            }
            self.take_line(side, line.start, &buf[line], limits)?;
        }
    }

    /// Judges as much of a start line as has come.
    fn check_unfinished(&mut self, side: Side, buf: &[u8]) -> Result<(), Fault> {
        let Stage::StartLine { checked, .. } = &mut self.stage else { return Ok(()) };
        let line = &buf[self.start..];
        // A CR at the very end may be half of the line's end; it is judged with its successor.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        start_line::check_beginning(side, line, *checked - self.start)?;
        *checked = self.start + line.len();
        Ok(())
    }

    /// Takes one line that is not the end of the head.
    fn take_line(
        &mut self,
        side: Side,
        line_start: usize,
        line: &[u8],
        limits: &Limits,
    ) -> Result<(), Fault> {
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
            Stage::StartLine { checked, .. } => {
                start_line::check_beginning(side, line, *checked - line_start)?;
                let line = Bytes::copy_from_slice(line);
                let line = StartLine::parse(side, &line, &line)?;
                let block = self.lines.next_start();
                self.stage = Stage::Fields { line, block, count: 0, folded: false };
            }
            Stage::Fields { count, folded, .. } => {
                *count += 1;
                if *count > limits.max_fields {
                    return Err(Fault::TooManyFields { limit: limits.max_fields });
                }
                if line.starts_with(b" ") || line.starts_with(b"\t") {
                    check_fold(side, *count)?;
                    *folded = true;
                }
            }
            Stage::Found(_) => unreachable!("Invariant: its line is taken at once"),
        }
        Ok(())
    }

    /// The head is complete: its start line, and what is known of its fields.
    fn finish(&mut self) -> (StartLine, FieldLines) {
        let end = self.lines.next_start();
        match std::mem::take(&mut self.stage) {
            Stage::Fields { line, block, count, folded } => {
                (line, FieldLines { block: block..end, count, folded })
            }
            Stage::StartLine { .. } | Stage::Found(_) => {
                unreachable!("Invariant: a head ends behind its start line");
            }
        }
    }
}

impl StartLine {
    /// Reads `line`, which lies in `shared`.
    fn parse(side: Side, line: &[u8], shared: &Bytes) -> Result<Self, Fault> {
        Ok(match side {
            Side::Request => Self::Request(start_line::parse_request(line, shared)?),
            Side::Response => Self::Status(start_line::parse_status(line)?),
        })
    }
}

/// A server refuses folded lines, a user agent joins them (RFC 9112 section 5.2). A first line
/// that would continue the start line is no field in either: reading the fields refuses it.
fn check_fold(side: Side, number: usize) -> Result<(), FieldError> {
    match side {
        Side::Request => Err(FieldError::new(number, b"", fields::FOLDED)),
        Side::Response => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h1::splits;

    const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_fields: 1000 };

    fn request(text: &[u8]) -> Result<(RequestHead, usize), HeadError> {
        splits::head(text, |scanner, buf| scanner.request(buf, &LIMITS))
    }

    fn response(text: &[u8]) -> Result<(ResponseHead, usize), HeadError> {
        splits::head(text, |scanner, buf| scanner.response(buf, &LIMITS))
    }

    fn refused(text: &str) -> HeadError {
        request(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn a_request() {
        let text = b"PUT /a?b=c HTTP/1.1\r\nHost: example.com\r\nX-A: 1\r\nx-a:2\r\n\r\n";
        let (head, consumed) = request(text).unwrap();
        assert_eq!(consumed, text.len());
        assert_eq!(head.method, Method::PUT);
        assert_eq!(head.target, "/a?b=c");
        assert_eq!(head.version, Version::HTTP_11);
        assert_eq!(head.headers["host"], "example.com");
        assert_eq!(head.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn a_response() {
        let text = b"HTTP/1.1 404 Nothing here\r\nServer: s\r\n\r\n";
        let (head, consumed) = response(text).unwrap();
        assert_eq!(consumed, text.len());
        assert_eq!(head.version, Version::HTTP_11);
        assert_eq!(head.status, 404);
        assert_eq!(head.reason.as_deref(), Some("Nothing here"));
        assert_eq!(head.headers["server"], "s");
    }

    #[test]
    fn heads_without_fields() {
        assert_eq!(request(b"GET / HTTP/1.0\r\n\r\n").unwrap().0.headers.len(), 0);
        assert_eq!(response(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().0.headers.len(), 0);
    }

    #[test]
    fn bytes_behind_a_head_are_left_untouched() {
        let text = b"GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n\0\n\r";
        let mut scanner = HeadScanner::default();
        let (first, consumed) = scanner.request(text, &LIMITS).unwrap().unwrap();
        assert_eq!(first.target, "/1");
        let (second, more) = scanner.request(&text[consumed..], &LIMITS).unwrap().unwrap();
        assert_eq!(second.target, "/2");
        assert_eq!(&text[consumed + more..], b"\0\n\r");
    }

    #[test]
    fn two_empty_lines_before_a_request_are_skipped_and_counted() {
        for lines in ["", "\r\n", "\r\n\r\n"] {
            let text = format!("{lines}GET / HTTP/1.0\r\n\r\n");
            assert_eq!(request(text.as_bytes()).unwrap().1, text.len());
        }
    }

    #[test]
    fn a_third_empty_line_is_refused() {
        assert_eq!(refused("\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n").status(), 400);
    }

    #[test]
    fn no_empty_line_before_a_response_is_skipped() {
        assert!(response(b"\r\nHTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn bare_lf_is_no_line_end() {
        for text in [
            "\nGET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.0\n\r\n",
            "GET / HTTP/1.0\n\n",
            "GET / HTTP/1.0\r\n\n",
            "GET / HTTP/1.0\r\nA: b\n\r\n",
            "GET / HTTP/1.0\r\nA: b\r\n\n",
            "GET / HTTP/1.0\r\nA: b\nc\r\n\r\n",
        ] {
            assert_eq!(refused(text).status(), 400, "{text:?}");
        }
        let error = response(b"HTTP/1.1 200 OK\r\nA: b\n\r\n").unwrap_err();
        assert_eq!(error.to_string(), "response line 2: ends in LF alone, without CR");
    }

    #[test]
    fn bare_cr_is_refused_everywhere() {
        for text in [
            "\rGET / HTTP/1.0\r\n\r\n",
            "GET\r / HTTP/1.0\r\n\r\n",
            "GET /\r HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.0\r\r\n\r\n",
            "GET / HTTP/1.0\r\nA\r: b\r\n\r\n",
            "GET / HTTP/1.0\r\nA:\rb\r\n\r\n",
            "GET / HTTP/1.0\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.0\r\nA: b\r\r\n\r\n",
            "GET / HTTP/1.0\r\nA: b\r\n\r\r\n\r\n",
        ] {
            assert_eq!(refused(text).status(), 400, "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_refused_everywhere() {
        for control in (0..0x20).chain([0x7f]).filter(|b| !b"\t\r\n".contains(b)).map(char::from) {
            for text in [
                format!("G{control}T / HTTP/1.0\r\n\r\n"),
                format!("GET /{control} HTTP/1.0\r\n\r\n"),
                format!("GET / HTTP/1.0\r\nA{control}: b\r\n\r\n"),
                format!("GET / HTTP/1.0\r\nA: b{control}\r\n\r\n"),
            ] {
                assert_eq!(refused(&text).status(), 400, "{text:?}");
            }
        }
    }

    #[test]
    fn space_before_the_colon_is_refused() {
        let error = refused("GET / HTTP/1.0\r\na: b\r\nc: d\r\ncontent-length : 3\r\n\r\n");
        let message = "request field 3 (`content-length `): space before the colon";
        assert_eq!(error.to_string(), message);
        assert!(response(b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\n").is_err());
    }

    #[test]
    fn folded_lines_are_refused_in_requests() {
        let error = refused("GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n");
        assert_eq!(error.to_string(), "request field 2 (``): line folding");
        refused("GET / HTTP/1.0\r\n A: b\r\n\r\n");
    }

    #[test]
    fn folded_lines_are_joined_in_responses() {
        let (head, _) = response(b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\nD: e\r\n\r\n").unwrap();
        assert_eq!(head.headers["a"], "b   c");
        assert_eq!(head.headers["d"], "e");
        assert!(response(b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n").is_err());
    }

    #[test]
    fn statuses_of_errors() {
        for (text, status) in [
            ("GET /\r\n", 400),
            ("GET / HTTP/2.0\r\n", 505),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            ("GET / HTTP/0.9\r\n", 505),
            ("GET / HTTP/x\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET /#a HTTP/1.1\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ] {
            assert_eq!(refused(text).status(), status, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_http_is_refused_before_any_line_end() {
        let limits = &LIMITS;
        for text in
            [&b"\x16\x03\x01\x02\x00"[..], b"\x16", b"\0", b"{\"a\":", b"GET\0", b"GET \xff"]
        {
            assert!(HeadScanner::default().request(text, limits).is_err(), "{text:?}");
        }
        for text in [&b"220 smtp ready"[..], b"S", b"HTTPX", b"\x15\x03", b"HTTP/1.1 200 \0"] {
            assert!(HeadScanner::default().response(text, limits).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_bad_start_line_is_refused_before_the_fields_have_come() {
        for text in [&b"GET /\r\n"[..], b"GET / HTTP/9.9\r\n", b"GET * HTTP/1.1\r\n"] {
            assert!(HeadScanner::default().request(text, &LIMITS).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_head_of_exactly_the_limit_and_one_byte_more() {
        for lines in ["", "\r\n\r\n"] {
            let head = "GET / HTTP/1.0\r\nA: 12345\r\n\r\n";
            let text = format!("{lines}{head}");
            let parse = |max_bytes, text: &[u8]| {
                let limits = Limits { max_bytes, max_fields: 1 };
                splits::head(text, |scanner, buf| scanner.request(buf, &limits))
            };
            assert_eq!(parse(head.len(), text.as_bytes()).unwrap().1, text.len());
            let error = parse(head.len() - 1, text.as_bytes()).unwrap_err();
            assert_eq!(error.status(), 431);
            assert_eq!(
                error.to_string(),
                format!("request head larger than {} bytes", head.len() - 1)
            );
        }
    }

    #[test]
    fn a_head_without_end_is_refused_once_it_is_longer_than_the_limit() {
        let limits = Limits { max_bytes: 100, max_fields: 10 };
        for start in ["GET /", "GET / HTTP/1.0\r\nA: "] {
            let mut text = start.as_bytes().to_vec();
            text.resize(100, b'a');
            let mut scanner = HeadScanner::default();
            assert!(scanner.request(&text, &limits).unwrap().is_none());
            text.push(b'a');
            let error = scanner.request(&text, &limits).unwrap_err();
            assert!(error.is_too_large());
        }
    }

    #[test]
    fn what_stands_beyond_the_limit_does_not_change_the_verdict() {
        let limits = Limits { max_bytes: 20, max_fields: 10 };
        for rest in ["\n", "\r\n\r\n", "\0"] {
            let text = format!("GET / HTTP/1.0\r\nA: bc{rest}");
            let error = HeadScanner::default().request(text.as_bytes(), &limits).unwrap_err();
            assert!(error.is_too_large(), "{rest:?}");
        }
    }

    #[test]
    fn as_many_fields_as_allowed_and_one_more() {
        let text = |fields: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "A:\r\n".repeat(fields));
        let (head, _) =
            HeadScanner::default().request(text(1000).as_bytes(), &LIMITS).unwrap().unwrap();
        assert_eq!(head.headers.len(), 1000);
        let error = HeadScanner::default().request(text(1001).as_bytes(), &LIMITS).unwrap_err();
        assert_eq!(error.status(), 431);
        assert_eq!(error.to_string(), "request head with more than 1000 fields");
    }

    #[test]
    fn a_head_that_drips_in_is_looked_at_once() {
        // What was looked at is overwritten with bytes that are an error wherever they stand: a
        // scanner that looked at them again would refuse. Only the last two bytes (a CRLF that
        // is cut in two) and the first five (the protocol's name) may be looked at again.
        let start = "HTTP/1.1 200 OK and a long reason that goes on for a while";
        let head = format!("{start}\r\n{}\r\n", "Name: value\r\n".repeat(100));
        let mut scanner = HeadScanner::default();
        for end in 1..head.len() {
            let mut buf = head.as_bytes()[..end].to_vec();
            // The start line is read once more, when it is complete.
            let read_once_more = if end <= start.len() + 2 { 5.min(end) } else { 0 };
            let seen = end.saturating_sub(3).max(read_once_more);
            if end != start.len() + 2 {
                buf[read_once_more..seen].fill(b'\n');
            }
            assert!(scanner.response(&buf, &LIMITS).unwrap().is_none(), "at {end}");
        }
        assert!(scanner.response(head.as_bytes(), &LIMITS).unwrap().is_some());
    }

    #[test]
    fn a_scanner_that_was_reset_starts_anew() {
        let mut scanner = HeadScanner::default();
        assert!(scanner.request(b"GET /old HTTP/1.1\r\nHost", &LIMITS).unwrap().is_none());
        scanner.reset();
        let (head, _) = scanner.request(b"GET /new HTTP/1.0\r\n\r\n", &LIMITS).unwrap().unwrap();
        assert_eq!(head.target, "/new");
    }
}
