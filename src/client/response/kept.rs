//! Errors that keep their response.

use std::fmt;

use http::Response;

use super::first_line;
use super::info::info;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::Mutex;

/// The error of a call that was redirected more often than `most` times. It keeps the last response.
pub(in crate::client) fn too_many_redirects(most: u32, response: Response<Body>) -> Error {
    let text = match info(&response) {
        Some(info) => format!("{} from {}", response.status(), info.url),
        None => response.status().to_string(),
    };
    let kept = KeptResponse::new(text, response);
    Error::explained(ErrorKind::TooManyRedirects, format!("more than {most}"), kept)
}

/// Turns a response of 4xx or 5xx into an error that keeps it.
pub(in crate::client) fn error_for_status(response: Response<Body>) -> Result<Response<Body>> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    Err(status_error(response))
}

/// The error of a response whose status is not the one that the caller needs. It keeps the response.
pub(in crate::client) fn status_error(mut response: Response<Body>) -> Error {
    let status = response.status();
    let mut text = request_of(&response);
    if let Some(line) = first_line::of(&mut response) {
        let separator = if text.is_empty() { "" } else { ": " };
        text = [&text, separator, &line].concat();
    }
    Error::of_response(status, KeptResponse::new(text, response))
}

/// An error that keeps the response which it is about. `text` says why the response is of no use.
pub(in crate::client) fn refuse(kind: ErrorKind, text: String, response: Response<Body>) -> Error {
    let kept = KeptResponse::new(request_of(&response), response);
    Error::explained(kind, text, kept)
}

/// Returns the method and the URL of a response's request.
fn request_of(response: &Response<Body>) -> String {
    match info(response) {
        Some(info) => format!("{} {}", info.method, info.url),
        None => String::new(),
    }
}

/// The response that an error keeps, as the error's source.
struct KeptResponse {
    text: String,
    response: Mutex<Option<Response<Body>>>,
}

impl KeptResponse {
    fn new(text: String, response: Response<Body>) -> Self {
        Self { text, response: Mutex::new(Some(response)) }
    }
}

impl fmt::Debug for KeptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeptResponse").field(&self.text).finish()
    }
}

impl fmt::Display for KeptResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for KeptResponse {}

/// Looks at the response that an error keeps; `None` if there is none. `look` is no code of the user.
pub(in crate::client) fn with_kept<T>(
    error: &Error,
    look: impl FnOnce(&Response<Body>) -> T,
) -> Option<T> {
    error.cause()?.downcast_ref::<KeptResponse>()?.response.lock().as_ref().map(look)
}

impl Error {
    /// Takes the response that led to this error: that with the [error status](ErrorKind::Status), or the
    /// last one, if there were [too many redirects](ErrorKind::TooManyRedirects).
    ///
    /// Returns `None` for every other error, and the second time, also on a clone. The body can be read as
    /// that of any response. Dropping the error drops the response.
    ///
    /// ```no_run
    /// # use hangup::{ErrorKind, http::header::LOCATION};
    /// # let client = hangup::Client::new();
    /// let error = client.get("http://example.com/loop").send().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TooManyRedirects);
    /// let last = error.take_response().unwrap();
    /// println!("{} to {:?}", last.status(), last.headers().get(LOCATION));
    /// ```
    #[must_use]
    pub fn take_response(&self) -> Option<Response<Body>> {
        self.cause()?.downcast_ref::<KeptResponse>()?.response.lock().take()
    }
}
