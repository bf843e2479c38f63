//! The steps that the options of a call ask for, around its redirects.

use std::mem;

use http::Response;

use super::extras::Extras;
use super::hop::HopRequest;
use super::options::CallOptions;
use super::response;
use super::retry::{self, Retried, Retry};
use crate::body::Body;
use crate::error::Result;

impl Extras {
    /// Sends a request by `send`, with the steps that these options ask for around it.
    pub(super) fn run<'a>(
        &self,
        hop: &mut HopRequest<'a>,
        options: &CallOptions,
        send: impl Fn(&mut HopRequest<'a>) -> Result<Response<Body>>,
    ) -> Result<Response<Body>> {
        if let Some(progress) = &self.on_upload_progress {
            hop.body = progress.observe(mem::take(&mut hop.body));
        }
        let response = match &self.retry {
            None => send(hop)?,
            Some(retry) => self.send_again(retry, hop, options, send)?,
        };
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

    /// Sends a request by `send`, as often as `retry` says.
    fn send_again<'a>(
        &self,
        retry: &Retry,
        hop: &mut HopRequest<'a>,
        options: &CallOptions,
        send: impl Fn(&mut HopRequest<'a>) -> Result<Response<Body>>,
    ) -> Result<Response<Body>> {
        let method = hop.parts.method.clone();
        let repeatable = retry::is_repeatable(&method, hop.fields());
        let retried = Retried {
            method: &method,
            repeatable,
            context: options.context(),
            trace: options.trace(),
            exchanges: &options.exchanges,
        };
        let body = mem::take(&mut hop.body);
        retry.run(&retried, body, |body| {
            let mut attempt = hop.take();
            attempt.body = body;
            send(&mut attempt)
        })
    }
}
