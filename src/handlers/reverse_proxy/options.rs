//! The options of a proxy, besides its upstreams.

use std::time::Duration;

use http::StatusCode;

use super::forwarded::ForwardedFields;
use super::via::Pseudonym;
use crate::{Error, Request, Response, Result};

/// How long an upstream may be silent, before its response and within it.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// How long both sides of a connection that has switched protocols may be silent.
pub(super) const TUNNEL_SILENCE: Duration = Duration::from_secs(60 * 60);

pub(super) type OnRequest = dyn Fn(&mut Request, &Request) -> Result<()> + Send + Sync;
pub(super) type OnResponse = dyn Fn(&mut Response, &Request) -> Result<()> + Send + Sync;
pub(super) type OnError = dyn Fn(&Error, StatusCode, &Request) -> Response + Send + Sync;
pub(super) type Trust = dyn Fn(&Request) -> bool + Send + Sync;

/// The options of a proxy, besides its upstreams.
pub(super) struct Options {
    /// Removed from the beginning of each path.
    pub(super) prefix: String,
    /// Forwards the client's `Host`.
    pub(super) preserve_host: bool,
    pub(super) forwarded: ForwardedFields,
    /// Decides whether a client's fields about other clients are believed. `None` believes none.
    pub(super) trust: Option<Box<Trust>>,
    /// `None` adds no `Via`.
    pub(super) pseudonym: Option<Pseudonym>,
    pub(super) on_request: Option<Box<OnRequest>>,
    pub(super) on_response: Option<Box<OnResponse>>,
    pub(super) on_error: Option<Box<OnError>>,
    pub(super) head_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) tunnel_idle_timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            preserve_host: false,
            forwarded: ForwardedFields::default(),
            trust: None,
            pseudonym: Some(Pseudonym::unique()),
            on_request: None,
            on_response: None,
            on_error: None,
            head_timeout: Some(SILENCE),
            idle_timeout: Some(SILENCE),
            tunnel_idle_timeout: Some(TUNNEL_SILENCE),
        }
    }
}

impl Options {
    /// Returns `true` if the fields that a client sent about other clients are believed.
    pub(super) fn trusts(&self, received: &Request) -> bool {
        self.trust.as_ref().is_some_and(|trust| trust(received))
    }
}
