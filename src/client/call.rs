//! A call: the chain of steps from the caller to the transport and back.
//!
//! ```text
//!   RequestBuilder::send ── Request + CallOptions
//!     Middleware     once a call   the user's, added by `wrap`
//!       Extras       once a call   a status as an error
//!         decode     once a call   content codings of the last response
//!         Redirects  once a call   which are followed, and as what request
//!           Session  once a hop    credentials and cookies, bound to their origin
//!             Middleware           the user's, added by `wrap_hop`
//!               Session            the same again, of the request that the middlewares pass on
//!                 Transport        route, pool, connection, exchange, safe retry
//! ```

use http::Response;

use super::core::ClientCore;
use super::decode::{self, Offer};
use super::extras::Extras;
use super::hop::HopRequest;
use super::layers::Layers;
use super::middleware;
use super::observe::CallEvent;
use super::options::CallOptions;
use super::redirect::Redirects;
use super::session;
use crate::body::Body;
use crate::error::Result;

/// A call that is being made.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) core: &'a ClientCore,
    pub(super) options: &'a CallOptions,
    /// The middlewares of this call, inside of the client's.
    pub(super) layers: Option<&'a Layers>,
}

impl<'a> Call<'a> {
    /// Sends the first request of the call and returns the response that is its result.
    #[inline]
    pub(super) fn run(self, mut hop: HopRequest<'a>) -> Result<Response<Body>> {
        let is_wrapped = self.layers.is_some() || !self.core.layers.call.is_empty();
        match is_wrapped || self.options.trace().is_some() {
            true => self.observed(hop),
            false => self.steps(&mut hop),
        }
    }

    /// Runs the call, and shows its beginning and its failure to its observers.
    #[cold]
    fn observed(self, hop: HopRequest<'a>) -> Result<Response<Body>> {
        let Some(trace) = self.options.trace() else { return self.wrapped(hop) };
        trace.show(&CallEvent::Begun { method: &hop.parts.method, url: hop.url.uri() });
        self.wrapped(hop).inspect_err(|error| trace.show(&CallEvent::Failed { error }))
    }

    /// Runs the call inside of the client's middlewares.
    fn wrapped(self, hop: HopRequest<'a>) -> Result<Response<Body>> {
        match &self.core.layers.call[..] {
            [] => self.wrapped_own(hop),
            chain => middleware::run(chain, hop, self.options, |hop| self.wrapped_own(hop)),
        }
    }

    /// Runs the call inside of its middlewares.
    fn wrapped_own(self, mut hop: HopRequest<'a>) -> Result<Response<Body>> {
        match self.layers {
            Some(Layers { call: chain, .. }) if !chain.is_empty() => {
                middleware::run(chain, hop, self.options, |mut hop| self.steps(&mut hop))
            }
            _ => self.steps(&mut hop),
        }
    }

    /// Runs the steps that a call may ask for, around its redirects.
    #[inline]
    fn steps(self, hop: &mut HopRequest<'a>) -> Result<Response<Body>> {
        match self.options.extras() {
            None => self.follow(hop, None),
            Some(extras) => extras.run(hop, self.options, |hop| self.follow(hop, Some(extras))),
        }
    }

    /// Sends a request, and those that follow its redirects. Decodes the body of the last response.
    #[inline]
    fn follow(self, hop: &mut HopRequest<'a>, extras: Option<&Extras>) -> Result<Response<Body>> {
        let encrypts = self.core.transport.connector(self.options).is_some();
        let redirects = Redirects::new(self.options, encrypts);
        let mut outcome = redirects.run(hop, |hop| self.hop(hop));
        if let Ok(response) = &mut outcome {
            self.receive(response, hop.offer.is_some(), extras)?;
        }
        outcome
    }

    /// Sends one request.
    #[inline]
    fn hop(self, hop: &mut HopRequest<'a>) -> Result<Response<Body>> {
        hop.offer = self.offer().filter(|_| !hop.fields().choose_coding());
        match &self.core.layers.hop[..] {
            [] => self.hop_own(hop),
            chain => self.through(chain, hop, |hop| self.hop_own(hop)),
        }
    }

    /// Sends one request inside of the client's middlewares.
    #[inline]
    fn hop_own(self, hop: &mut HopRequest<'a>) -> Result<Response<Body>> {
        match self.layers {
            Some(Layers { hop: chain, .. }) if !chain.is_empty() => {
                self.through(chain, hop, |hop| self.exchange(hop))
            }
            _ => self.exchange(hop),
        }
    }

    /// Runs middlewares around a hop, which see it as it will be sent.
    fn through(
        self,
        chain: &middleware::Chain,
        hop: &mut HopRequest<'a>,
        send: impl Fn(&mut HopRequest<'a>) -> Result<Response<Body>> + Sync,
    ) -> Result<Response<Body>> {
        session::show(hop, self.options.session(), |hop| {
            let hop = decode::show_offer(hop.take());
            let shown = hop.offer;
            middleware::run(chain, hop, self.options, |hop| {
                send(&mut decode::hide_offer(hop, shown))
            })
        })
    }

    /// Puts what the options ask for over the body of the last response. `offered` says that its request
    /// offered content codings.
    #[inline]
    fn receive(
        self,
        response: &mut Response<Body>,
        offered: bool,
        extras: Option<&Extras>,
    ) -> Result<()> {
        if let Some(extras) = extras {
            extras.received(response);
        }
        match offered {
            true => decode::decode(response, self.options.context()),
            false => Ok(()),
        }
    }

    /// Returns the content codings that the requests of the call offer, unless a field decides on them.
    fn offer(self) -> Option<&'a Offer> {
        self.core.defaults.offer.as_ref().filter(|_| self.options.decode)
    }

    /// Sends one request with what belongs to its URL.
    #[inline]
    fn exchange(self, hop: &mut HopRequest<'a>) -> Result<Response<Body>> {
        session::run(hop, self.options.session(), |hop| {
            self.core.transport.round_trip(hop, self.options)
        })
    }
}
