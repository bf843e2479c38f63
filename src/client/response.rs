//! The facts of a response beyond its head and body.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;

use super::conn::{ConnFacts, ReceivedBody, ReceivedResponse};
use super::policy::Redirected;
use super::url::Url;
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::h1::ResponseHead;
use crate::net::{Addr, Duplex, TlsInfo};
use crate::sync::Mutex;

/// Facts that a response of a [`Client`](super::Client) carries beyond its head and body. For a response
/// that no client received, the methods return `None`, 0 or `false`.
///
/// The trait is sealed: other crates cannot implement it.
pub trait ResponseExt: sealed::Sealed {
    /// Returns the reason phrase of the status line, if it is not the usual one of the status.
    fn reason(&self) -> Option<&str>;

    /// Returns the URL of this response's request, after all redirects, as it was sent: without user and
    /// password, fragment, and IPv6 zone. [`IntoUrl`](super::IntoUrl) lists what else differs from the
    /// URL that was given.
    fn url(&self) -> Option<&Uri>;

    /// Returns the number of redirects that were followed.
    fn redirects(&self) -> u32;

    /// Returns the redirects that were followed, in their order: the heads of the responses that
    /// redirected.
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// let response = client.get("http://example.com/").send()?;
    /// for hop in response.history() {
    ///     println!("{} {}", hop.status(), hop.url());
    /// }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    fn history(&self) -> &[Redirected];

    /// Returns how often the request was sent to get this response: 1, and one more for each
    /// [retry](super::Retry). Redirects do not count, nor does a request that was sent again because a
    /// reused connection had been closed.
    fn attempts(&self) -> u32;

    /// Returns the URL that this response redirects to: its `Location`, resolved against the request's URL
    /// and read as [`IntoUrl`](super::IntoUrl) describes, without user and password.
    ///
    /// Returns `None` if there is no `Location`, or one that cannot be followed. The status does not
    /// matter.
    fn redirect_url(&self) -> Option<Uri>;

    /// Returns why the client did not follow the redirect that this response asks for.
    ///
    /// The kind is [`InvalidRedirect`](crate::ErrorKind::InvalidRedirect) if the `Location` is empty, is
    /// no URL, or has another scheme than `http` and `https` (or `http` alone, without TLS). It is
    /// [`InvalidMessage`](crate::ErrorKind::InvalidMessage) if the redirect repeats the request's body and
    /// the body cannot be sent again. Returns `None` if the response is no redirect, has no `Location`,
    /// or was not to be followed by the [policy](super::RedirectPolicy).
    ///
    /// ```no_run
    /// # use hangup::ResponseExt;
    /// # let client = hangup::Client::new();
    /// let response = client.get("http://example.com/contact").send()?;
    /// if let Some(why) = response.redirect_error() {
    ///     eprintln!("not followed: {why}");
    /// }
    /// # Ok::<(), hangup::Error>(())
    /// ```
    fn redirect_error(&self) -> Option<&Error>;

    /// Returns the server's address.
    fn remote_addr(&self) -> Option<&Addr>;

    /// Returns the client's address on the connection.
    fn local_addr(&self) -> Option<&Addr>;

    /// Returns `true` if the connection had carried an earlier request.
    fn is_connection_reused(&self) -> bool;

    /// Returns the facts of the TLS session; `None` without TLS.
    fn tls(&self) -> Option<&TlsInfo>;

    /// Returns how long the steps of the call took.
    fn timings(&self) -> Option<&Timings>;

    /// Takes over the connection after a 101 (Switching Protocols) or a successful response to CONNECT.
    /// Returns `None` for any other response, and the second time.
    fn take_duplex(&mut self) -> Option<Duplex>;
}

/// How long the steps of a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Resolving the host name. Zero on a reused connection.
    pub resolve: Duration,
    /// Connecting. Zero on a reused connection.
    pub connect: Duration,
    /// The TLS handshake. Zero without TLS and on a reused connection.
    pub secure: Duration,
    /// From handing the last request to its connection to the head of its response.
    pub wait: Duration,
    /// From `send` to the head of the last response, with all redirects.
    pub total: Duration,
}

/// How often a request was sent, in the extensions of its response. Absent if that is once.
#[derive(Clone, Copy)]
struct Attempts(u32);

/// The facts that the transport adds to a response, in its extensions.
#[derive(Clone)]
pub(super) struct ResponseInfo {
    reason: Option<Box<str>>,
    url: Uri,
    connection: Arc<ConnFacts>,
    reused: bool,
    timings: Timings,
}

/// The moments of a call that its timings are computed from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// When the call began.
    pub(super) begun: Instant,
    /// When the request was handed to its connection.
    pub(super) sent: Instant,
}

/// The redirects of a call, in the extensions of its response.
#[derive(Clone)]
struct Followed(Vec<Redirected>);

/// Why the redirect that a response asks for was not followed, in its extensions.
#[derive(Clone)]
struct Refused(Error);

impl Timings {
    /// Returns the timings of a response whose head has just come.
    fn new(moments: Moments, connection: &ConnFacts, reused: bool) -> Self {
        let now = Instant::now();
        let made = |span| if reused { Duration::ZERO } else { span };
        Self {
            resolve: made(connection.resolved_in),
            connect: made(connection.connected_in),
            secure: made(connection.secured_in),
            wait: now - moments.sent,
            total: now - moments.begun,
        }
    }
}

/// Builds the response to a request for `url` from a received one, whose head has just arrived. `reused`
/// is `true` if the connection had carried an earlier request.
#[inline]
pub(super) fn build(
    received: ReceivedResponse,
    url: Uri,
    connection: &Arc<ConnFacts>,
    reused: bool,
    moments: Moments,
) -> http::Response<Body> {
    let ResponseHead { version, status, reason, headers } = received.head;
    let (body, duplex) = match received.body {
        ReceivedBody::Body(body) => (body, None),
        ReceivedBody::Duplex(duplex) => (Body::empty(), Some(duplex)),
    };
    let timings = Timings::new(moments, connection, reused);
    let connection = Arc::clone(connection);
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    let extensions = response.extensions_mut();
    extensions.insert(ResponseInfo { reason, url, connection, reused, timings });
    if let Some(duplex) = duplex {
        extensions.insert(Upgrade::new(duplex));
    }
    response
}

/// Notes the redirects that led to a response, and why the one that it asks for was not followed.
pub(super) fn note_redirects(
    response: &mut http::Response<Body>,
    history: Vec<Redirected>,
    refusal: Option<Error>,
) {
    if !history.is_empty() {
        response.extensions_mut().insert(Followed(history));
    }
    if let Some(error) = refusal {
        response.extensions_mut().insert(Refused(error));
    }
}

/// The error of a call that was redirected more often than `most` times. It keeps the last response.
pub(super) fn too_many_redirects(most: u32, response: http::Response<Body>) -> Error {
    let kept = KeptResponse::new(response);
    Error::explained(ErrorKind::TooManyRedirects, format!("more than {most}"), kept)
}

/// Notes the number of attempts that led to a response.
pub(super) fn note_attempts(response: &mut http::Response<Body>, number: u32) {
    response.extensions_mut().insert(Attempts(number));
}

/// Turns a response of 4xx or 5xx into an error that keeps it.
pub(super) fn error_for_status(
    response: http::Response<Body>,
) -> crate::Result<http::Response<Body>> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    Err(Error::of_response(status, KeptResponse::new(response)))
}

/// The response that an error keeps, as the error's source.
struct KeptResponse {
    text: String,
    response: Mutex<Option<http::Response<Body>>>,
}

impl KeptResponse {
    fn new(response: http::Response<Body>) -> Self {
        let text = match response.url() {
            Some(url) => format!("{} from {url}", response.status()),
            None => response.status().to_string(),
        };
        Self { text, response: Mutex::new(Some(response)) }
    }
}

impl fmt::Debug for KeptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeptResponse").field(&self.text).finish()
    }
}

impl fmt::Display for KeptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for KeptResponse {}

/// Looks at the response that an error keeps; `None` if there is none. `look` is no code of the user.
pub(super) fn with_kept<T>(
    error: &Error,
    look: impl FnOnce(&http::Response<Body>) -> T,
) -> Option<T> {
    error.cause()?.downcast_ref::<KeptResponse>()?.response.lock().as_ref().map(look)
}

impl Error {
    /// Takes the response that led to this error: the last one, if there were
    /// [too many redirects](ErrorKind::TooManyRedirects).
    ///
    /// Returns `None` for every other error, and the second time, also on a clone. The body can be read as
    /// that of any response. Dropping the error drops the response.
    ///
    /// ```no_run
    /// # use hangup::{ErrorKind, http::header::LOCATION};
    /// # let client = hangup::Client::new();
    /// let error = client.get("http://example.com/loop").send().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
    /// let last = error.take_response().unwrap();
    /// println!("{} to {:?}", last.status(), last.headers().get(LOCATION));
    /// ```
    #[must_use]
    pub fn take_response(&self) -> Option<http::Response<Body>> {
        self.cause()?.downcast_ref::<KeptResponse>()?.response.lock().take()
    }
}

/// A connection that waits in the response's extensions to be taken.
#[derive(Clone)]
pub(super) struct Upgrade(Arc<Mutex<Option<Duplex>>>);

impl Upgrade {
    pub(super) fn new(duplex: Duplex) -> Self {
        Self(Arc::new(Mutex::new(Some(duplex))))
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for http::Response<crate::body::Body> {}
}

fn info(response: &http::Response<Body>) -> Option<&ResponseInfo> {
    response.extensions().get()
}

impl ResponseExt for http::Response<Body> {
    fn reason(&self) -> Option<&str> {
        info(self).and_then(|info| info.reason.as_deref())
    }

    fn url(&self) -> Option<&Uri> {
        info(self).map(|info| &info.url)
    }

    fn redirects(&self) -> u32 {
        self.history().len() as u32
    }

    fn history(&self) -> &[Redirected] {
        self.extensions().get().map_or(&[], |Followed(history)| history)
    }

    fn attempts(&self) -> u32 {
        let once = u32::from(info(self).is_some());
        self.extensions().get().map_or(once, |Attempts(number)| *number)
    }

    fn redirect_url(&self) -> Option<Uri> {
        let url = Url::of_uri(self.url()?.clone()).ok()?;
        let to = url.redirected(self.headers())?.ok()?;
        Some(to.into_uri())
    }

    fn redirect_error(&self) -> Option<&Error> {
        self.extensions().get().map(|Refused(error)| error)
    }

    fn remote_addr(&self) -> Option<&Addr> {
        info(self).map(|info| &info.connection.remote)
    }

    fn local_addr(&self) -> Option<&Addr> {
        info(self).map(|info| &info.connection.local)
    }

    fn is_connection_reused(&self) -> bool {
        info(self).is_some_and(|info| info.reused)
    }

    fn tls(&self) -> Option<&TlsInfo> {
        info(self).and_then(|info| info.connection.tls.as_ref())
    }

    fn timings(&self) -> Option<&Timings> {
        info(self).map(|info| &info.timings)
    }

    fn take_duplex(&mut self) -> Option<Duplex> {
        self.extensions_mut().remove::<Upgrade>()?.0.lock().take()
    }
}
