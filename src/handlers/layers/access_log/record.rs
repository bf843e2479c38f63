//! The facts of one request.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use http::header::{HeaderValue, REFERER, USER_AGENT};
use http::{Method, StatusCode, Uri, Version};

use crate::layers::{PanicPage, RequestId, User};
use crate::net::Addr;
use crate::{OutcomeKind, Request, RequestExt, ResponseOutcome};

/// The facts of a request and its response, for an [`AccessLog`](super::AccessLog).
///
/// Text from the client may contain any characters that a header may have. A function that writes it to a log
/// escapes it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The client's address: see [`RequestExt::client_ip`].
    pub client: Option<IpAddr>,
    /// The name of the user, if a layer or the web server has verified it.
    pub user: Option<&'a str>,
    /// When the request reached the log's layer. For a [refusal](super::AccessLog::refusals), when its response
    /// had ended.
    pub time: SystemTime,
    /// The request's method.
    pub method: &'a Method,
    /// The path of the request, and the query if the log has it.
    pub target: Cow<'a, str>,
    /// The version of the request.
    pub version: Version,
    /// The status that was sent, or `None` if no head was sent: see [`ResponseOutcome::status`].
    pub status: Option<StatusCode>,
    /// The number of body bytes sent, without framing.
    pub bytes_sent: u64,
    /// The time from [`time`](Self::time) until the response had ended. Zero for a
    /// [refusal](super::AccessLog::refusals).
    pub duration: Duration,
    /// The time from [`time`](Self::time) until the response's head was complete. `None` if no head was sent,
    /// and for a [refusal](super::AccessLog::refusals).
    pub first_byte: Option<Duration>,
    /// The request's `Referer`, without its query unless the log has queries.
    pub referer: Option<&'a [u8]>,
    /// The request's `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// The identifier by [`RequestId`].
    pub request_id: Option<&'a str>,
    /// The pattern that a [`Router`](crate::router) has matched.
    pub pattern: Option<&'a str>,
    /// How the response has ended.
    pub outcome: OutcomeKind,
}

/// The facts that are known before the handler runs. A handler may change the request afterwards.
pub(super) struct Begun {
    client: Option<IpAddr>,
    time: SystemTime,
    /// `None` for a refusal, whose beginning is not known.
    instant: Option<Instant>,
    method: Method,
    uri: Uri,
    version: Version,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
}

impl Begun {
    pub(super) fn now(request: &Request) -> Self {
        let field = |name| request.headers().get(name).cloned();
        Self {
            client: request.client_ip(),
            time: SystemTime::now(),
            instant: Some(Instant::now()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referer: field(REFERER),
            user_agent: field(USER_AGENT),
        }
    }

    /// Returns the facts of a request that no layer has seen.
    pub(super) fn of_refusal(ended: &ResponseOutcome<'_>, remote: &Addr) -> Self {
        let begun = Self::now(ended.request());
        Self { client: remote.ip().map(|addr| addr.ip()), instant: None, ..begun }
    }

    pub(super) fn record<'a>(&'a self, ended: &ResponseOutcome<'a>, query: bool) -> Record<'a> {
        let request = ended.request();
        let until = |at: Instant| Some(at.saturating_duration_since(self.instant?));
        Record {
            client: self.client,
            user: user(request),
            time: self.time,
            method: &self.method,
            target: target(&self.uri, query),
            version: self.version,
            status: ended.status(),
            bytes_sent: ended.bytes_sent(),
            duration: until(Instant::now()).unwrap_or_default(),
            first_byte: ended.first_byte().and_then(until),
            referer: self.referer.as_ref().map(|value| without_query(value.as_bytes(), query)),
            user_agent: self.user_agent.as_ref().map(HeaderValue::as_bytes),
            request_id: RequestId::of(request),
            pattern: request.matched_pattern(),
            outcome: match PanicPage::has_panicked(request) {
                true => OutcomeKind::Panicked,
                false => ended.kind(),
            },
        }
    }
}

impl Record<'_> {
    /// Returns the status for formats that need one.
    pub(super) fn shown_status(&self) -> u16 {
        match (self.status, self.outcome) {
            (Some(status), _) => status.as_u16(),
            // As nginx logs it.
            (None, OutcomeKind::ClientLeft) => 499,
            (None, OutcomeKind::Hijacked) => 0,
            (None, _) => 500,
        }
    }
}

/// Returns the path, or the authority of CONNECT.
fn target(uri: &Uri, query: bool) -> Cow<'_, str> {
    match uri.path_and_query() {
        Some(target) if query => Cow::Borrowed(target.as_str()),
        Some(target) => Cow::Borrowed(target.path()),
        None => Cow::Borrowed(uri.authority().map_or("", |authority| authority.as_str())),
    }
}

fn without_query(referer: &[u8], query: bool) -> &[u8] {
    let end = referer.iter().position(|byte| *byte == b'?').filter(|_| !query);
    &referer[..end.unwrap_or(referer.len())]
}

/// Returns the user whom a layer or the web server has verified.
fn user(request: &Request) -> Option<&str> {
    let by_web_server = || request.variables()?.get("REMOTE_USER");
    User::of(request).map(User::name).or_else(by_web_server).filter(|name| !name.is_empty())
}
