//! The options of one call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::exchanges::Exchanges;
use super::extras::Extras;
use super::observe::Trace;
use super::policy::RedirectPolicy;
use super::raw_head::{OnInformational, OnRawHead};
use super::session::sources::SessionSources;
use super::speed::Speed;
use crate::context::Context;
use crate::net::tls::Connector;

/// The options of a call: everything that a call may set beside its request.
///
/// [`RequestBuilder`](super::RequestBuilder) sets them, beginning with the defaults of the client. A
/// middleware reads them through [`Next::options`](super::Next::options).
#[derive(Clone, Default)]
pub struct CallOptions {
    /// Ends the call. Once the call has begun, so does the end of `timeout`.
    pub(super) context: Option<Context>,
    /// The limit of the whole call.
    pub(super) timeout: Option<Duration>,
    /// The limit of writing a request.
    pub(super) send: Option<Duration>,
    /// The limit from a request's last byte to the head of its response.
    pub(super) response_head: Option<Duration>,
    /// The longest silence within a response's body.
    pub(super) idle_read: Option<Duration>,
    /// How long a write of the request may wait without progress.
    pub(super) idle_write: Option<Duration>,
    pub(super) redirects: RedirectPolicy,
    /// Offers content codings and decodes the response.
    pub(super) decode: bool,
    /// Encrypts the call's connections, in place of the client's connector.
    pub(super) connector: Option<Connector>,
    pub(super) on_informational: Option<OnInformational>,
    pub(super) on_raw_head: Option<OnRawHead>,
    /// `None` if all of them have their defaults, so that a plain call pays for none.
    pub(super) extras: Option<Arc<Extras>>,
    /// The exchanges of the call so far.
    pub(super) exchanges: Exchanges,
}

impl CallOptions {
    /// Returns the options that are rarely set, if one is.
    pub(super) fn extras(&self) -> Option<&Extras> {
        self.extras.as_deref()
    }

    /// Returns where the call's credentials and cookies come from, besides its URL.
    #[inline]
    pub(super) fn session(&self) -> Option<&SessionSources> {
        self.extras().map(|extras| &extras.session)
    }

    /// Returns the options that are rarely set, to set one.
    pub(super) fn extras_mut(&mut self) -> &mut Extras {
        Arc::make_mut(self.extras.get_or_insert_default())
    }

    /// Returns the call as its observers see it, if it has any and has begun.
    pub(super) fn trace(&self) -> Option<&Trace> {
        self.extras()?.trace.as_ref()
    }

    /// Returns the limit of waiting for a place among the connections of a host.
    pub(super) fn queue_limit(&self) -> Option<Duration> {
        self.extras()?.queue
    }

    /// Returns a measure of the speed of an exchange, if the call demands one.
    pub(super) fn speed(&self) -> Option<Arc<Speed>> {
        self.extras()?.min_speed.map(Speed::new)
    }

    /// Begins the call: its context ends from now on when its time limit runs out.
    pub(super) fn begin(&mut self) {
        if self.extras().is_some_and(|extras| !extras.observers.is_empty()) {
            let extras = self.extras_mut();
            extras.trace = Some(Trace::new(extras.observers.clone()));
        }
        let Some(limit) = self.timeout else { return };
        self.context = Some(match &self.context {
            Some(context) => context.child_with_timeout(limit),
            None => Context::with_timeout(limit),
        });
    }

    /// Returns the call's context, if it has one. It ends when [`timeout`](Self::timeout) runs out, and
    /// with the context that the caller gave.
    ///
    /// A middleware that waits, between two attempts say, waits on this context.
    #[must_use]
    pub fn context(&self) -> Option<&Context> {
        self.context.as_ref()
    }

    /// Returns the limit of the whole call, from `send` to the end of the response's body.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Returns the limit of writing a request.
    #[must_use]
    pub fn send_timeout(&self) -> Option<Duration> {
        self.send
    }

    /// Returns the limit from a request's last byte to the head of its response.
    #[must_use]
    pub fn response_head_timeout(&self) -> Option<Duration> {
        self.response_head
    }

    /// Returns the longest silence allowed within a response's body.
    #[must_use]
    pub fn idle_read_timeout(&self) -> Option<Duration> {
        self.idle_read
    }

    /// Returns how long a write of the request may wait without progress.
    #[must_use]
    pub fn idle_write_timeout(&self) -> Option<Duration> {
        self.idle_write
    }

    /// Returns the redirect policy.
    #[must_use]
    pub fn redirects(&self) -> &RedirectPolicy {
        &self.redirects
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("send_timeout", &self.send)
            .field("response_head_timeout", &self.response_head)
            .field("idle_read_timeout", &self.idle_read)
            .field("idle_write_timeout", &self.idle_write)
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}
