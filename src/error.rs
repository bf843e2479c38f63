//! The crate's one error type.
//!
//! | file | contents |
//! | --- | --- |
//! | `error.rs` | [`Error`]: constructors, questions, text |
//! | `error/kind.rs` | [`ErrorKind`], [`TimeLimit`], and the words for them |
//! | `error/convert.rs` | conversions from other errors, and to and from [`io::Error`] |

mod convert;
mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::iter;
use std::mem;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

pub use kind::{ErrorKind, TimeLimit};

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync>;

/// The error of every call of this crate.
///
/// An error is opaque, as small as a pointer, and cheap to clone. [`kind`](Self::kind) sorts it by who can
/// do something about it, and methods such as [`is_timeout`](Self::is_timeout) answer the common questions.
///
/// ```
/// use hangup::{Client, ErrorKind};
///
/// let error = Client::new().get("http://localhost:1/").send().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Connect);
/// assert!(error.is_connect() && !error.is_timeout()); // nothing was sent
/// ```
///
/// # In handlers
///
/// `?` converts the common errors of the standard library and of the `http` crate. [`Error::other`] wraps
/// any other error, and [`Error::status`] makes an error that the client receives as the response. With
/// an implementation of `From`, `?` converts an error type of the program too:
///
/// ```
/// use hangup::{Error, http::StatusCode};
///
/// enum StoreError {
///     Missing(String),
///     Disk(std::io::Error),
/// }
///
/// impl From<StoreError> for Error {
///     fn from(error: StoreError) -> Self {
///         match error {
///             StoreError::Missing(name) => Error::status(StatusCode::NOT_FOUND, format!("no {name}")),
///             StoreError::Disk(error) => error.into(), // 500, without the text
///         }
///     }
/// }
/// ```
///
/// # In `Read` and `Write`
///
/// Bodies are read through [`std::io::Read`], so an [`Error`] converts into an [`io::Error`] and back
/// without loss:
///
/// ```
/// use hangup::{Error, ErrorKind, http::StatusCode};
/// use std::io;
///
/// let io = io::Error::from(Error::status(StatusCode::CONFLICT, "taken"));
/// assert_eq!(Error::from(io).kind(), ErrorKind::Status);
/// ```
///
/// # Text
///
/// `Display` prints one line: the kind, the details, and the text of the [cause](Self::cause). `source`
/// returns the source of that cause, as [`io::Error`] does with an error inside it. So `{}` prints all that
/// this crate knows, and a program that walks the chain of sources prints nothing twice. `{:#}` prints the
/// whole chain, separated by colons. The other errors of this crate follow the same rule.
///
/// ```
/// use hangup::Client;
/// use std::error::Error as _;
///
/// let error = Client::new().get("http://localhost:1/").send().unwrap_err();
/// assert!(error.to_string().starts_with("cannot connect to localhost:1: "));
/// assert!(error.source().is_none()); // the text has it all
/// assert!(error.cause().is_some()); // to be looked at closely
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    /// The status of the response that is the error, or with which a proxy refused a tunnel.
    status: Option<StatusCode>,
    message: Option<Box<str>>,
    /// The headers that [`Error::with_header`] has added to the response.
    headers: Option<Box<HeaderMap>>,
    /// The reason that [`Error::because`] has added, for the log.
    reason: Option<Error>,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self::build(kind, None, None)
    }

    pub(crate) fn message(kind: ErrorKind, message: impl Into<Box<str>>) -> Self {
        Self::build(kind, Some(message.into()), None)
    }

    pub(crate) fn with_source(kind: ErrorKind, source: impl Into<Source>) -> Self {
        Self::build(kind, None, Some(source.into()))
    }

    /// Creates the error of an invalid header value. It names the header and omits the value, which may be a
    /// secret.
    #[cold]
    pub(crate) fn header_value(name: &HeaderName) -> Self {
        let message = format!("header {:?}: value contains a forbidden character", name.as_str());
        Self::message(ErrorKind::InvalidMessage, message)
    }

    /// Creates an error with a source, and a message about it.
    pub(crate) fn explained(
        kind: ErrorKind,
        message: impl Into<Box<str>>,
        source: impl Into<Source>,
    ) -> Self {
        Self::build(kind, Some(message.into()), Some(source.into()))
    }

    fn build(kind: ErrorKind, message: Option<Box<str>>, source: Option<Source>) -> Self {
        Self::assemble(kind, None, message, source)
    }

    fn assemble(
        kind: ErrorKind,
        status: Option<StatusCode>,
        message: Option<Box<str>>,
        source: Option<Source>,
    ) -> Self {
        Self(Arc::new(Inner { kind, status, message, headers: None, reason: None, source }))
    }

    pub(crate) fn timeout(limit: TimeLimit) -> Self {
        Self::new(ErrorKind::Timeout(limit))
    }

    /// Wraps any other error, or a text, to be returned from a handler: `.map_err(Error::other)?`.
    ///
    /// An [`Error`] in a box, or in an [`io::Error`] in a box, is returned unchanged.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error = match error.into().downcast::<Self>() {
            Ok(error) => return *error,
            Err(error) => error,
        };
        match error.downcast::<io::Error>() {
            Ok(error) => match error.downcast::<Self>() {
                Ok(error) => error,
                Err(error) => Self::with_source(ErrorKind::Other, error),
            },
            Err(error) => Self::with_source(ErrorKind::Other, error),
        }
    }

    /// Creates an error of another kind from any error, or from a text. It is for code that replaces a part of
    /// this crate: an [`Upstream`](crate::reverse_proxy::Upstream), a [`Dial`](crate::net::Dial), a middleware.
    ///
    /// The text of the new error is that of the kind, a colon, and the text of `error`. The text of
    /// [`ErrorKind::Other`] is that of `error` alone. [`cause`](Self::cause) returns `error`.
    ///
    /// A handler that returns the new error responds with a 500, and the client does not see the text. This
    /// includes [`ErrorKind::Status`], whose [`status_code`](Self::status_code) is `None` here.
    /// [`Error::status`] sets a status.
    ///
    /// ```
    /// use hangup::{Error, ErrorKind, TimeLimit};
    /// use std::io;
    ///
    /// let error = Error::of_kind(ErrorKind::Timeout(TimeLimit::Connect), "all backends are starting");
    /// assert!(error.is_timeout());
    /// assert_eq!(error.to_string(), "timed out waiting for the connection: all backends are starting");
    ///
    /// let error = Error::of_kind(ErrorKind::Receive, io::Error::other("bad checksum"));
    /// assert_eq!(error.to_string(), "receiving failed: bad checksum");
    /// assert!(error.cause().is_some_and(|cause| cause.is::<io::Error>()));
    /// ```
    #[must_use]
    pub fn of_kind(kind: ErrorKind, error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        // With a message, the text names the kind.
        Self::explained(kind, "", error)
    }

    /// Creates an error that is a response: a handler that returns it responds with `status`, and with
    /// `text` as the body.
    ///
    /// The client sees `text`. A [`StatusCode`] converts into such an error without a text, so
    /// `Err(StatusCode::NOT_FOUND)?` works in a handler.
    ///
    /// The status 499 says that the client has gone. Nothing is sent then, and the connection is closed.
    ///
    /// ```
    /// use hangup::{Error, Request, ResponseWriter, Result, http::StatusCode};
    ///
    /// fn row(_: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    ///     let Some(id) = r.uri().path().strip_prefix("/rows/") else {
    ///         return Err(StatusCode::NOT_FOUND.into());
    ///     };
    ///     Err(Error::status(StatusCode::NOT_FOUND, format!("no row {id}")))
    /// }
    /// ```
    #[must_use]
    pub fn status(status: StatusCode, text: impl Into<String>) -> Self {
        let text = text.into();
        let message = (!text.is_empty()).then(|| text.into_boxed_str());
        Self::assemble(ErrorKind::Status, Some(status), message, None)
    }

    /// Adds a header to the response of an error that [`Error::status`] made. Has no effect on any other
    /// error.
    ///
    /// The header is also added to the response that a server's [`on_error`](crate::Server::on_error)
    /// function makes. It replaces headers of the same name there.
    ///
    /// ```
    /// use hangup::{Error, Request, testing};
    /// use hangup::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
    ///
    /// let busy = |_: &mut hangup::ResponseWriter, _: &mut Request| {
    ///     let error = Error::status(StatusCode::SERVICE_UNAVAILABLE, "busy");
    ///     Err(error.with_header(RETRY_AFTER, HeaderValue::from_static("5")))
    /// };
    /// let response = testing::call(&busy, Request::new(()))?;
    /// assert_eq!(response.headers()["retry-after"], "5");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Some(inner) = self.own_status().and_then(|_| self.inner_mut()) {
            inner.headers.get_or_insert_default().append(name, value);
        }
        self
    }

    /// Adds the reason of an error that [`Error::status`] made. The log shows it, and the client does not see
    /// it: only `{:#}` prints it. `source` returns it. Has no effect on any other error.
    #[cfg(all(feature = "client", any(feature = "server", feature = "fcgi")))]
    #[must_use]
    pub(crate) fn because(mut self, reason: Self) -> Self {
        if let Some(inner) = self.own_status().and_then(|_| self.inner_mut()) {
            inner.reason = Some(reason);
        }
        self
    }

    /// Returns the parts of an error that [`Error::status`] made. A clone does not change with it.
    fn inner_mut(&mut self) -> Option<&mut Inner> {
        if Arc::get_mut(&mut self.0).is_none() {
            let Inner { kind, status, message, headers, reason, .. } = &*self.0;
            let (message, headers, reason) = (message.clone(), headers.clone(), reason.clone());
            let (kind, status) = (*kind, *status);
            self.0 = Arc::new(Inner { kind, status, message, headers, reason, source: None });
        }
        Arc::get_mut(&mut self.0)
    }

    /// Creates the error of a response whose status is an error. `response` says which response.
    pub(crate) fn of_response(status: StatusCode, response: impl Into<Source>) -> Self {
        Self::assemble(ErrorKind::Status, Some(status), None, Some(response.into()))
    }

    /// Creates the error of a proxy. `status` is that of the response with which it refused a tunnel.
    pub(crate) fn of_proxy(status: Option<StatusCode>, source: impl Into<Source>) -> Self {
        Self::assemble(ErrorKind::Proxy, status, None, Some(source.into()))
    }

    /// Returns the status of an error of the kind [`ErrorKind::Status`]: the one that [`Error::status`] was
    /// given, or that of a response that a client has received. The latter does not become the response of
    /// a handler that returns the error.
    ///
    /// For an error of the kind [`ErrorKind::Proxy`], returns the status with which the proxy refused a
    /// tunnel, if it sent one. Returns `None` for any other.
    #[must_use]
    pub fn status_code(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns the status of an error that [`Error::status`] made: the response to a handler's client.
    pub(crate) fn own_status(&self) -> Option<StatusCode> {
        let is_own = self.0.kind == ErrorKind::Status && self.0.source.is_none();
        self.0.status.filter(|_| is_own)
    }

    /// Returns the text for the client of an error that [`Error::status`] made.
    pub(crate) fn status_text(&self) -> Option<&str> {
        self.own_status().and(self.0.message.as_deref())
    }

    /// Returns the headers that [`with_header`](Self::with_header) has added.
    pub(crate) fn response_headers(&self) -> Option<&HeaderMap> {
        self.0.headers.as_deref()
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the error that caused this one, if there is one: an [`io::Error`], or the error that a handler
    /// returned. `Display` includes its text, so `source` does not return it again.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// Returns `true` if a time limit or a context's deadline ran out.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.timed_out().is_some()
    }

    /// Returns the time limit that ran out, if one did.
    #[must_use]
    pub fn timed_out(&self) -> Option<TimeLimit> {
        match self.0.kind {
            ErrorKind::Timeout(limit) => Some(limit),
            _ => None,
        }
    }

    /// Returns `true` if the call was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }

    /// Returns `true` if no connection to the peer could be made, so that nothing of the last request was
    /// sent. Earlier requests of the call may have been sent: those that were redirected to it.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        use TimeLimit::{Connect, Proxy, Queue, Resolve, TlsHandshake};
        matches!(
            self.0.kind,
            ErrorKind::Resolve
                | ErrorKind::Connect
                | ErrorKind::Proxy
                | ErrorKind::TlsHandshake
                | ErrorKind::UntrustedCertificate
                | ErrorKind::Timeout(Queue | Resolve | Connect | Proxy | TlsHandshake)
        )
    }

    /// Returns `true` if the peer broke a rule of the protocol or exceeded a limit. That includes a limit
    /// that the reader of a body set.
    #[must_use]
    pub fn is_peer_fault(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::EmptyReply
                | ErrorKind::MalformedMessage
                | ErrorKind::IncompleteBody
                | ErrorKind::Decode
                | ErrorKind::TooLarge
                | ErrorKind::TooManyRedirects
                | ErrorKind::InvalidRedirect
        )
    }

    /// Returns `true` if the caller's input cannot be sent, or the call is not possible in this state.
    #[must_use]
    pub fn is_caller_fault(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::InvalidUrl
                | ErrorKind::UnsupportedScheme
                | ErrorKind::InvalidMessage
                | ErrorKind::BodySource
                | ErrorKind::Misuse
                | ErrorKind::InvalidTlsConfig
                | ErrorKind::InvalidFile
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, status, message, source, .. } = &*self.0;
        let mut parts = Parts { f, begun: false };
        match (status, kind) {
            (Some(status), ErrorKind::Status) => parts.push(": ", status)?,
            _ if kind.is_in_details(message.is_some(), source.is_some()) => {}
            (_, ErrorKind::Timeout(limit)) => {
                parts.push(": ", &format_args!("timed out waiting for {limit}"))?;
            }
            _ => parts.push(": ", &kind.describe())?,
        }
        if let Some(message) = message.as_ref().filter(|message| !message.is_empty()) {
            // Such a message begins with the URL.
            let separator = if *kind == ErrorKind::InvalidUrl { " " } else { ": " };
            parts.push(separator, message)?;
        }
        // The text of a kept response may be empty.
        if let Some(text) = source.as_ref().map(ToString::to_string).filter(|text| !text.is_empty())
        {
            parts.push(": ", &text)?;
        }
        if f.alternate() {
            for error in iter::successors(self.source(), |&error| error.source()) {
                write!(f, ": {error}")?;
            }
        }
        Ok(())
    }
}

/// The parts of an error's text. The first has no separator before it.
struct Parts<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    begun: bool,
}

impl Parts<'_, '_> {
    fn push(&mut self, separator: &str, part: &dyn fmt::Display) -> fmt::Result {
        if mem::replace(&mut self.begun, true) {
            self.f.write_str(separator)?;
        }
        write!(self.f, "{part}")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("status", &self.0.status)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    /// Returns the source of the [cause](Error::cause), whose text the error's own includes.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let reason = self.0.reason.as_ref().map(|reason| reason as &(dyn StdError + 'static));
        reason.or_else(|| self.cause().and_then(StdError::source))
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
