//! The facts that a client adds to a response, in its extensions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Uri};

use crate::body::Body;
use crate::client::conn::{ConnFacts, ReceivedBody, ReceivedResponse};
use crate::client::policy::Redirected;
use crate::error::Error;
use crate::h1::ResponseHead;
use crate::net::Duplex;
use crate::sync::Mutex;

/// How long the steps of a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Resolving the host name. Zero on a reused connection.
    pub resolve: Duration,
    /// Connecting. Zero on a reused connection.
    pub connect: Duration,
    /// Opening a tunnel through a proxy, with the TLS handshake of an HTTPS proxy. Close to zero for a
    /// proxy that needs neither, and zero without a proxy and on a reused connection.
    pub proxy: Duration,
    /// The TLS handshake. Zero without TLS and on a reused connection.
    pub secure: Duration,
    /// From handing the last request to its connection to the head of its response.
    pub wait: Duration,
    /// From `send` to the head of the last response, with all redirects.
    pub total: Duration,
}

/// The facts that the transport adds to a response, in its extensions.
#[derive(Clone)]
pub(super) struct ResponseInfo {
    pub(super) reason: Option<Box<str>>,
    /// The method of this response's request.
    pub(super) method: Method,
    pub(super) url: Uri,
    pub(super) connection: Arc<ConnFacts>,
    pub(super) reused: bool,
    offered_codings: bool,
    pub(super) timings: Timings,
}

/// The request that a response belongs to.
#[derive(Debug)]
pub(in crate::client) struct Answered {
    pub(in crate::client) method: Method,
    pub(in crate::client) url: Uri,
    /// It offered content codings, for the client to decode.
    pub(in crate::client) offered_codings: bool,
    /// Its connection had carried an earlier request.
    pub(in crate::client) reused: bool,
}

/// The moments of a call that its timings are computed from.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct Moments {
    /// When the call began.
    pub(in crate::client) begun: Instant,
    /// When the request was handed to its connection.
    pub(in crate::client) sent: Instant,
}

/// The redirects of a call, in the extensions of its response.
#[derive(Clone)]
pub(super) struct Followed(pub(super) Vec<Redirected>);

/// How often a request was sent, in the extensions of its response. Absent if that is once.
#[derive(Clone, Copy)]
pub(super) struct Attempts(pub(super) u32);

/// Why the redirect that a response asks for was not followed, in its extensions.
#[derive(Clone)]
pub(super) struct Refused(pub(super) Error);

impl Timings {
    /// Returns the timings of a response whose head has just come.
    fn new(moments: Moments, connection: &ConnFacts, reused: bool) -> Self {
        let now = Instant::now();
        let made = |span| if reused { Duration::ZERO } else { span };
        Self {
            resolve: made(connection.resolved_in),
            connect: made(connection.connected_in),
            proxy: made(connection.tunnelled_in),
            secure: made(connection.secured_in),
            wait: now - moments.sent,
            total: now - moments.begun,
        }
    }
}

/// Builds the response to a request from a received one, whose head has just arrived.
#[inline(always)]
pub(in crate::client) fn build(
    received: ReceivedResponse,
    Answered { method, url, offered_codings, reused }: Answered,
    connection: &Arc<ConnFacts>,
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
    extensions.insert(ResponseInfo {
        reason,
        method,
        url,
        connection,
        reused,
        offered_codings,
        timings,
    });
    if let Some(duplex) = duplex {
        extensions.insert(Upgrade::new(duplex));
    }
    response
}

/// Notes the redirects that led to a response, and why the one that it asks for was not followed.
pub(in crate::client) fn note_redirects(
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

/// Notes the number of attempts that led to a response.
pub(in crate::client) fn note_attempts(response: &mut http::Response<Body>, number: u32) {
    response.extensions_mut().insert(Attempts(number));
}

/// A connection that waits in the response's extensions to be taken.
#[derive(Clone)]
pub(super) struct Upgrade(pub(super) Arc<Mutex<Option<Duplex>>>);

impl Upgrade {
    fn new(duplex: Duplex) -> Self {
        Self(Arc::new(Mutex::new(Some(duplex))))
    }
}

/// Returns `true` if the request of a response offered content codings, and its method allows the response to
/// have a body.
pub(in crate::client) fn offered_codings(response: &http::Response<Body>) -> bool {
    info(response).is_some_and(|info| info.offered_codings && info.method != Method::HEAD)
}

/// Returns the facts of a response that a client has received.
pub(super) fn info(response: &http::Response<Body>) -> Option<&ResponseInfo> {
    response.extensions().get()
}
