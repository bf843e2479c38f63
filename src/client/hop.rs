//! One request of a call: the first one, or one that follows a redirect.

use std::mem;
use std::time::Instant;

use http::request::Parts;

use super::decode::Offer;
use super::fields::{DefaultFields, Fields};
use super::session::state::HopState;
use super::url::Url;
use crate::body::Body;

/// A request on its way to the transport.
pub(super) struct HopRequest<'a> {
    /// The head. Its URI counts only where the user's code sees it: `url` is sent.
    pub(super) parts: Parts,
    pub(super) url: Url,
    pub(super) body: Body,
    /// The client's default fields, until they are merged into the request's own.
    defaults: Option<&'a DefaultFields>,
    /// The content codings that the request offers, as an Accept-Encoding beside its other fields.
    pub(super) offer: Option<&'a Offer>,
    /// When the call began.
    pub(super) begun: Instant,
    /// The session's part of this hop.
    pub(super) state: HopState,
}

impl<'a> HopRequest<'a> {
    /// Returns the first request of a call, which begins now.
    pub(super) fn new(parts: Parts, url: Url, body: Body, defaults: &'a DefaultFields) -> Self {
        let (begun, state) = (Instant::now(), HopState::default());
        Self { parts, url, body, defaults: Some(defaults), offer: None, begun, state }
    }

    /// Returns a request with all of its fields, for a call that has `begun`.
    pub(super) fn complete(
        parts: Parts,
        url: Url,
        body: Body,
        begun: Instant,
        state: HopState,
    ) -> Self {
        Self { parts, url, body, defaults: None, offer: None, begun, state }
    }

    /// Returns the header fields that are sent.
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::new(&self.parts.headers, self.defaults)
    }

    /// Merges the client's default fields into the request's own. From now on they can be changed, and
    /// secrets among them removed.
    pub(super) fn merge_defaults(&mut self) {
        if let Some(defaults) = self.defaults.take() {
            defaults.merge_into(&mut self.parts.headers);
        }
    }

    /// Returns the request to be sent, and keeps its head for the next hop.
    pub(super) fn take(&mut self) -> Self {
        let body = mem::take(&mut self.body);
        let (parts, url, state) = (self.parts.clone(), self.url.clone(), self.state.clone());
        Self { parts, url, body, state, ..*self }
    }
}
