//! The options that most calls leave at their defaults, and the steps of a call that they ask for.

use http::Response;

use super::hop::HopRequest;
use super::proxy::ProxyPolicy;
use super::response;
use crate::body::Body;
use crate::error::Result;

/// The options of a call beyond the plain ones. Calls share those of their client, until one sets its own.
#[derive(Clone, Default)]
pub(super) struct Extras {
    /// A response of 4xx or 5xx becomes an error.
    pub(super) status_as_error: bool,
    /// The proxies of the call, in place of the client's.
    pub(super) proxy: Option<ProxyPolicy>,
}

impl Extras {
    /// Sends a request by `send`, with the steps that these options ask for around it.
    pub(super) fn run(
        &self,
        hop: &mut HopRequest<'_>,
        send: impl Fn(&mut HopRequest<'_>) -> Result<Response<Body>>,
    ) -> Result<Response<Body>> {
        let response = send(hop)?;
        match self.status_as_error {
            true => response::error_for_status(response),
            false => Ok(response),
        }
    }
}
