//! The options that most calls leave at their defaults, and the steps of a call that they ask for.

use std::mem;

use http::Response;

use super::hop::HopRequest;
use super::progress::OnProgress;
use super::response;
use crate::body::Body;
use crate::error::Result;

/// The options of a call beyond the plain ones. Calls share those of their client, until one sets its own.
#[derive(Clone, Default)]
pub(super) struct Extras {
    /// A response of 4xx or 5xx becomes an error.
    pub(super) status_as_error: bool,
    pub(super) on_upload_progress: Option<OnProgress>,
    pub(super) on_download_progress: Option<OnProgress>,
}

impl Extras {
    /// Sends a request by `send`, with the steps that these options ask for around it.
    pub(super) fn run<'a>(
        &self,
        hop: &mut HopRequest<'a>,
        send: impl Fn(&mut HopRequest<'a>) -> Result<Response<Body>>,
    ) -> Result<Response<Body>> {
        if let Some(progress) = &self.on_upload_progress {
            hop.body = progress.observe(mem::take(&mut hop.body));
        }
        let response = send(hop)?;
        match self.status_as_error {
            true => response::error_for_status(response),
            false => Ok(response),
        }
    }

    /// Takes the last response of the call, before it is decoded.
    pub(super) fn received(&self, response: &mut Response<Body>) {
        if let Some(progress) = &self.on_download_progress {
            let body = mem::take(response.body_mut());
            *response.body_mut() = progress.observe(body);
        }
    }
}
