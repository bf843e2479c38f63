//! A FastCGI application as the upstream of a proxy.

use http::header::HOST;

use super::upstream::{Call, Upstream};
use crate::{Request, Response, Result, fcgi};

/// Forwards to a FastCGI application. Its time limits are those of the application's
/// [`read_timeout`](fcgi::Upstream::read_timeout).
impl Upstream for fcgi::Upstream {
    fn send(&self, mut request: Request, call: &Call<'_>) -> Result<Response> {
        let received = call.received();
        // The variables describe the client's connection. What the user has set stays.
        let set = std::mem::replace(request.extensions_mut(), received.extensions().clone());
        request.extensions_mut().extend(set);
        if let Some(host) = received.headers().get(HOST) {
            if !request.headers().contains_key(HOST) {
                request.headers_mut().insert(HOST, host.clone());
            }
        }
        self.send(request, call.context())
    }
}
