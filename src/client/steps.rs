//! The steps that the options of a call ask for, around its redirects.

use http::Response;

use super::extras::Extras;
use super::hop::HopRequest;
use super::response;
use crate::body::Body;
use crate::error::Result;

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
