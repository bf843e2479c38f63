//! What a response knows of how it came.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;

use super::conn::{Answer, ConnFacts};
use super::redirect;
use super::transport::{Exchanged, split};
use super::url::Url;
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::net::{Addr, Duplex, TlsInfo};
use crate::sync::Mutex;

/// Facts that a response of a [`Client`](super::Client) carries beyond its head and body. For a response
/// that no client received, the methods return `None`, 0 or `false`.
///
/// The trait is sealed: other crates cannot implement it.
pub trait ResponseExt: sealed::Sealed {
    /// The reason phrase of the status line, if it is not the usual one of the status.
    fn reason(&self) -> Option<&str>;

    /// Returns the URL of this response's request, after all redirects, as it was sent: without user and
    /// password, fragment, and IPv6 zone. [`IntoUrl`](super::IntoUrl) lists what else differs from the
    /// URL that was given.
    fn url(&self) -> Option<&Uri>;

    /// Returns the number of redirects that were followed.
    fn redirects(&self) -> u32;

    /// Returns the URL that this response redirects to: its `Location`, resolved against the request's URL
    /// and read as [`IntoUrl`](super::IntoUrl) describes, without user and password.
    ///
    /// Returns `None` if there is no `Location`, or one that cannot be followed. The status does not
    /// matter.
    fn redirect_url(&self) -> Option<Uri>;

    /// Returns why the client did not follow the redirect that this response asks for.
    ///
    /// The kind is [`InvalidRedirect`](crate::ErrorKind::InvalidRedirect) if the `Location` is empty, is
    /// no URL, or has another scheme than `http` and `https`. It is
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

    /// The peer's address.
    fn remote_addr(&self) -> Option<&Addr>;

    /// Our own address on the connection.
    fn local_addr(&self) -> Option<&Addr>;

    /// Whether the connection had been used for an earlier request.
    fn is_connection_reused(&self) -> bool;

    /// What was agreed on in the TLS handshake; `None` without TLS.
    fn tls(&self) -> Option<&TlsInfo>;

    /// How long the steps took.
    fn timings(&self) -> Option<&Timings>;

    /// Takes the connection over after a 101 (Switching Protocols), or a successful answer to
    /// CONNECT: `None` for any other response, and the second time.
    fn take_duplex(&mut self) -> Option<Duplex>;
}

/// How long the steps of a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Resolving the host's name: zero on a connection that was reused.
    pub resolve: Duration,
    /// Connecting: zero on a connection that was reused.
    pub connect: Duration,
    /// The TLS handshake: zero without TLS, and on a connection that was reused.
    pub secure: Duration,
    /// From the last request being handed to its connection to its answer's head.
    pub wait: Duration,
    /// From `send` to the answer's head, with all redirects.
    pub total: Duration,
}

/// What stands in the response's extensions.
#[derive(Clone)]
pub(super) struct Facts {
    reason: Option<Box<str>>,
    url: Uri,
    redirects: u32,
    refused: Option<Error>,
    connection: Arc<ConnFacts>,
    reused: bool,
    timings: Timings,
}

impl Facts {
    /// What is known of an answer whose head has just come, to a call that had `begun` then.
    pub(super) fn new(exchanged: &Exchanged, url: Uri, redirects: u32, begun: Instant) -> Self {
        let (connection, reused, now) = (&exchanged.facts, exchanged.reused, Instant::now());
        let made = |span| if reused { Duration::ZERO } else { span };
        Self {
            reason: exchanged.answer.head.reason.clone(),
            url,
            redirects,
            refused: None,
            connection: Arc::clone(connection),
            reused,
            timings: Timings {
                resolve: made(connection.resolved_in),
                connect: made(connection.connected_in),
                secure: made(connection.secured_in),
                wait: now - exchanged.begun,
                total: now - begun,
            },
        }
    }

    /// Adds why the redirect that the answer asks for is not followed.
    pub(super) fn refused(mut self, why: Option<Error>) -> Self {
        self.refused = why;
        self
    }
}

/// The answer as the caller gets it.
pub(super) fn response(answer: Answer, facts: Facts) -> http::Response<Body> {
    let (head, body, duplex) = split(answer);
    let mut response = http::Response::new(body);
    *response.status_mut() = head.status;
    *response.version_mut() = head.version;
    *response.headers_mut() = head.headers;
    let extensions = response.extensions_mut();
    extensions.insert(facts);
    if let Some(duplex) = duplex {
        extensions.insert(HandedOver::new(duplex));
    }
    response
}

/// The parts of a redirecting response that show in a report.
pub(super) fn without_body(exchanged: &Exchanged, facts: Facts) -> http::Response<Body> {
    let head = &exchanged.answer.head;
    let mut response = http::Response::new(Body::empty());
    *response.status_mut() = head.status;
    *response.version_mut() = head.version;
    response.headers_mut().clone_from(&head.headers);
    response.extensions_mut().insert(facts);
    response
}

/// The error of a call that was redirected more often than `most` times. It keeps the last response.
pub(super) fn too_many_redirects(most: u32, response: http::Response<Body>) -> Error {
    let kept = KeptResponse {
        text: match response.url() {
            Some(url) => format!("{} from {url}", response.status()),
            None => response.status().to_string(),
        },
        response: Mutex::new(Some(response)),
    };
    Error::explained(ErrorKind::TooManyRedirects, format!("more than {most}"), kept)
}

/// The response that an error keeps, as the error's source.
struct KeptResponse {
    text: String,
    response: Mutex<Option<http::Response<Body>>>,
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
pub(super) struct HandedOver(Arc<Mutex<Option<Duplex>>>);

impl HandedOver {
    pub(super) fn new(duplex: Duplex) -> Self {
        Self(Arc::new(Mutex::new(Some(duplex))))
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for http::Response<crate::body::Body> {}
}

fn facts(response: &http::Response<Body>) -> Option<&Facts> {
    response.extensions().get()
}

impl ResponseExt for http::Response<Body> {
    fn reason(&self) -> Option<&str> {
        facts(self).and_then(|facts| facts.reason.as_deref())
    }

    fn url(&self) -> Option<&Uri> {
        facts(self).map(|facts| &facts.url)
    }

    fn redirects(&self) -> u32 {
        facts(self).map_or(0, |facts| facts.redirects)
    }

    fn redirect_url(&self) -> Option<Uri> {
        let url = Url::of_uri(self.url()?.clone()).ok()?;
        let to = redirect::location(&url, self.headers())?.ok()?;
        Some(to.uri().clone())
    }

    fn redirect_error(&self) -> Option<&Error> {
        facts(self).and_then(|facts| facts.refused.as_ref())
    }

    fn remote_addr(&self) -> Option<&Addr> {
        facts(self).map(|facts| &facts.connection.remote)
    }

    fn local_addr(&self) -> Option<&Addr> {
        facts(self).map(|facts| &facts.connection.local)
    }

    fn is_connection_reused(&self) -> bool {
        facts(self).is_some_and(|facts| facts.reused)
    }

    fn tls(&self) -> Option<&TlsInfo> {
        facts(self).and_then(|facts| facts.connection.tls.as_ref())
    }

    fn timings(&self) -> Option<&Timings> {
        facts(self).map(|facts| &facts.timings)
    }

    fn take_duplex(&mut self) -> Option<Duplex> {
        self.extensions_mut().remove::<HandedOver>()?.0.lock().take()
    }
}
