//! A call: the chain of steps from the caller to the transport and back.
//!
//! ```text
//!   RequestBuilder::send ── Request + CallOptions
//!     Middleware     once a call   the user's, added by `wrap`
//!       Extras       once a call   a status as an error
//!         Redirects  once a call   which are followed, and as what request
//!           Session  once a hop    credentials and cookies, bound to their origin
//!             Middleware           the user's, added by `wrap_hop`
//!               Session            the same again, of the request that the middlewares pass on
//!                 Transport        route, pool, connection, exchange, safe retry
//! ```

use http::Response;

use super::core::ClientCore;
use super::hop::HopRequest;
use super::middleware;
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
}

impl Call<'_> {
    /// Sends the first request of the call and returns the response that is its result.
    #[inline]
    pub(super) fn run(self, mut hop: HopRequest<'_>) -> Result<Response<Body>> {
        match &self.core.middlewares[..] {
            [] => self.steps(&mut hop),
            chain => middleware::run(chain, hop, self.options, |mut hop| self.steps(&mut hop)),
        }
    }

    /// Runs the steps that a call may ask for, around its redirects.
    #[inline]
    fn steps(self, hop: &mut HopRequest<'_>) -> Result<Response<Body>> {
        match self.options.extras() {
            None => self.follow(hop),
            Some(extras) => extras.run(hop, |hop| self.follow(hop)),
        }
    }

    /// Sends a request, and those that follow its redirects.
    #[inline]
    fn follow(self, hop: &mut HopRequest<'_>) -> Result<Response<Body>> {
        let encrypts = self.core.transport.connector(self.options).is_some();
        let redirects = Redirects::new(&self.options.redirects, self.options.session(), encrypts);
        redirects.run(hop, |hop| self.hop(hop))
    }

    /// Sends one request.
    #[inline]
    fn hop(self, hop: &mut HopRequest<'_>) -> Result<Response<Body>> {
        match &self.core.hop_middlewares[..] {
            [] => self.exchange(hop),
            chain => session::show(hop, self.options.session(), |hop| {
                middleware::run(chain, hop.take(), self.options, |mut hop| self.exchange(&mut hop))
            }),
        }
    }

    /// Sends one request with what belongs to its URL.
    #[inline]
    fn exchange(self, hop: &mut HopRequest<'_>) -> Result<Response<Body>> {
        session::run(hop, self.options.session(), |hop| {
            self.core.transport.round_trip(hop, self.options)
        })
    }
}
