//! Retries as a middleware.

use http::{Request, Response};

use super::Retry;
use super::run::Retried;
use crate::body::Body;
use crate::client::fields::Fields;
use crate::client::middleware::{Middleware, Next};
use crate::error::Result;

/// Retries what is inside of it: the middlewares added later, and the steps of the call.
impl Middleware for Retry {
    fn handle(&self, request: Request<Body>, next: Next<'_>) -> Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let options = next.options();
        let fields = Fields::new(&parts.headers, None);
        let retried = Retried {
            method: &parts.method,
            repeatable: super::run::is_repeatable(&parts.method, fields),
            context: options.context(),
            trace: options.trace(),
            exchanges: &options.exchanges,
        };
        self.run(&retried, body, |body| next.run(Request::from_parts(parts.clone(), body)))
    }
}
