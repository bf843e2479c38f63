//! Filters, which change a response between its handler and the wire.

use std::io::{self, Write};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

/// Changes or watches a response on its way from the handler to the client.
///
/// [`ResponseWriter::filter`](crate::ResponseWriter::filter) adds a filter to one response. Compression,
/// checksums and exact access logs are filters. A [`Layer`](crate::Layer) usually adds them before it
/// calls the next handler. The same filter works over HTTP, FastCGI and CGI.
///
/// # Order
///
/// The filter that was added last sees the handler's bytes first. The filter that was added first writes
/// to the client. So with nested layers, the inner layer's filter comes before the outer layer's.
///
/// # Calls
///
/// | call | when |
/// | --- | --- |
/// | [`head`](Self::head) | once, before any other call |
/// | [`body`](Self::body) | for each piece of the body, never with an empty piece |
/// | [`flush`](Self::flush) | when the handler flushes |
/// | [`end`](Self::end) | once, after the handler has returned successfully |
///
/// The writer holds back up to 2 KiB until the handler flushes or returns. No filter is called before
/// that, so a handler that fails early can still get an error response. That response passes
/// through the filters as well. An error response that comes later does not: the filters have seen a part
/// of the other response, and are dropped. The same happens when a filter itself returns an error. Once
/// bytes were sent to the client, an error closes the connection.
///
/// Interim responses and hijacked connections bypass the filters.
///
/// # Length
///
/// A known length of the body stands in `Content-Length`. A filter that changes the length removes that
/// header in [`head`](Self::head). The body is then sent in chunks, unless it ends within 2 KiB. A filter
/// that keeps the header must keep the length: the writer fails if there are more bytes and closes the
/// connection if there are fewer.
///
/// A response to a HEAD request and a response with status 204, 205 or 304 have no body. Then
/// [`body`](Self::body) is not called, and bytes that [`end`](Self::end) writes are discarded.
/// [`Head::has_body`] says so in advance.
///
/// # Examples
///
/// ```
/// use hangup::{Filter, FilterOutput, Head, Request, ResponseWriter, testing};
/// use std::io::{self, Write};
///
/// /// Ends every body with a line break.
/// struct FinalNewline;
///
/// impl Filter for FinalNewline {
///     fn head(&mut self, head: &mut Head<'_>) {
///         head.headers_mut().remove("content-length");
///     }
///
///     fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
///         out.write_all(b"\n")
///     }
/// }
///
/// let handler = |w: &mut ResponseWriter, _: &mut Request| {
///     w.filter(FinalNewline);
///     Ok(w.write_all(b"hello")?)
/// };
/// let mut response = testing::call(&handler, Request::new(()))?;
/// assert_eq!(response.body_mut().read_text(100)?, "hello\n");
/// # Ok::<(), hangup::Error>(())
/// ```
pub trait Filter: Send {
    /// Sees and changes the status and the headers. Does nothing by default.
    fn head(&mut self, head: &mut Head<'_>) {
        let _ = head;
    }

    /// Receives a piece of the body, and writes to `out` what follows from it. By default that is the
    /// piece itself.
    ///
    /// # Errors
    ///
    /// An error fails the response. Errors of `out` should be passed on.
    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        out.write_all(data)
    }

    /// Is called when the handler flushes. By default it flushes `out`.
    ///
    /// A filter that has buffered bytes writes them to `out` first. A filter that must see the whole body
    /// before any of it is sent returns without a call of `out`.
    ///
    /// # Errors
    ///
    /// As [`body`](Self::body).
    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        out.flush()
    }

    /// Is called at the end of the body, with the last opportunity to write to `out`. Does nothing by
    /// default.
    ///
    /// # Errors
    ///
    /// As [`body`](Self::body).
    fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        let _ = out;
        Ok(())
    }
}

impl Filter for Box<dyn Filter> {
    fn head(&mut self, head: &mut Head<'_>) {
        (**self).head(head);
    }

    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        (**self).body(data, out)
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        (**self).flush(out)
    }

    fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        (**self).end(out)
    }
}

/// The status and the headers of a response, as a [`Filter`] sees and changes them.
#[derive(Debug)]
pub struct Head<'a>(&'a mut HeadFields);

impl<'a> Head<'a> {
    pub(super) fn new(fields: &'a mut HeadFields) -> Self {
        Self(fields)
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Sets the status. If the new status allows no body, the body is discarded.
    ///
    /// # Panics
    ///
    /// If the status is informational (1xx).
    pub fn set_status(&mut self, status: StatusCode) {
        assert!(!status.is_informational(), "{} is not a final status", status.as_u16());
        self.0.status = status;
    }

    /// Returns the headers. `Content-Type` is among them, also if it was derived from the body.
    /// `Content-Length` is among them if the length is known. Headers that concern the connection, and
    /// `Date`, are added later.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the headers for changes.
    #[must_use]
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    /// Returns `false` if no body is sent: the request's method is HEAD, or the status allows none.
    #[must_use]
    pub fn has_body(&self) -> bool {
        self.0.has_body()
    }
}

/// Where a [`Filter`] writes: the next filter, or the client.
///
/// A write takes all of its bytes or fails.
pub struct FilterOutput<'a>(&'a mut dyn Downstream);

impl<'a> FilterOutput<'a> {
    pub(super) fn new(next: &'a mut dyn Downstream) -> Self {
        Self(next)
    }

    /// Returns the head, or `None` once it was passed on. The first write and the first flush pass it on.
    ///
    /// With this, a filter that holds the whole body back sets headers that depend on it, such as
    /// `Content-Length` or `ETag`:
    ///
    /// ```
    /// use hangup::{Filter, FilterOutput, Head};
    /// use std::io::{self, Write};
    ///
    /// struct WithLength(Vec<u8>);
    ///
    /// impl Filter for WithLength {
    ///     fn body(&mut self, data: &[u8], _: &mut FilterOutput<'_>) -> io::Result<()> {
    ///         Ok(self.0.extend_from_slice(data))
    ///     }
    ///
    ///     fn flush(&mut self, _: &mut FilterOutput<'_>) -> io::Result<()> {
    ///         Ok(())
    ///     }
    ///
    ///     fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
    ///         if let Some(mut head) = out.head().filter(Head::has_body) {
    ///             head.headers_mut().insert("content-length", self.0.len().into());
    ///         }
    ///         out.write_all(&self.0)
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn head(&mut self) -> Option<Head<'_>> {
        self.0.head()
    }
}

impl Write for FilterOutput<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data).map(|()| data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl std::fmt::Debug for FilterOutput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilterOutput").finish_non_exhaustive()
    }
}

/// The receiver of a filter's output.
pub(super) trait Downstream {
    /// Takes all of `data`.
    fn write(&mut self, data: &[u8]) -> io::Result<()>;
    fn flush(&mut self) -> io::Result<()>;
    /// Returns the head until it was passed on.
    fn head(&mut self) -> Option<Head<'_>>;
}

/// The parts of a response's head that handlers and filters set.
#[derive(Debug, Default)]
pub(super) struct HeadFields {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The request's method is HEAD: the body is counted, but not sent.
    pub(super) head_only: bool,
}

impl HeadFields {
    pub(super) fn has_body(&self) -> bool {
        !self.head_only && self.allows_body()
    }

    /// Returns `true` if a final response of this status may have a body (RFC 9110 sections 6.4.1 and
    /// 15.3.6).
    pub(super) fn allows_body(&self) -> bool {
        let without = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
        !without.contains(&self.status)
    }

    pub(super) fn set_length(&mut self, length: u64) {
        self.headers.insert(CONTENT_LENGTH, length.into());
    }
}
