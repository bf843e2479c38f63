//! Redirects (RFC 9110 section 15.4).

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use std::fmt::Write as _;

use super::into_response::IntoResponse;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Response;

/// A redirect to another URL.
///
/// The target is an absolute URL or a relative reference, such as `/login?next=%2F`. Blanks and characters
/// beyond ASCII are percent-encoded. A target with a control character, such as a line break, is an error.
///
/// | constructor | status | the client's next request |
/// | --- | --- | --- |
/// | [`see_other`](Self::see_other) | 303 | GET: the page to show after a form |
/// | [`found`](Self::found) | 302 | the same, but POST becomes GET |
/// | [`moved_permanently`](Self::moved_permanently) | 301 | the same, but POST becomes GET; caches keep it |
/// | [`temporary`](Self::temporary) | 307 | the same method and body |
/// | [`permanent`](Self::permanent) | 308 | the same method and body; caches keep it |
///
/// A target from the request must not lead to another site: [`same_origin`](Self::same_origin) refuses one
/// that does.
///
/// ```
/// use hangup::{Redirect, respond};
///
/// let handler = respond(|_| Ok(Redirect::see_other("/items/7")));
/// # let response = hangup::testing::call(&handler, hangup::Request::new(()))?;
/// # assert_eq!((response.status().as_u16(), &response.headers()["location"]), (303, &"/items/7".parse()?));
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a redirect does nothing unless it is returned or sent"]
pub struct Redirect {
    status: StatusCode,
    target: String,
    same_origin: bool,
}

impl Redirect {
    /// Creates a 303 (See Other). The client fetches the target with GET.
    pub fn see_other(target: impl Into<String>) -> Self {
        Self::new(StatusCode::SEE_OTHER, target.into())
    }

    /// Creates a 302 (Found). Clients repeat the request, but turn POST into GET.
    pub fn found(target: impl Into<String>) -> Self {
        Self::new(StatusCode::FOUND, target.into())
    }

    /// Creates a 301 (Moved Permanently). Clients repeat the request, but turn POST into GET.
    pub fn moved_permanently(target: impl Into<String>) -> Self {
        Self::new(StatusCode::MOVED_PERMANENTLY, target.into())
    }

    /// Creates a 307 (Temporary Redirect). The client repeats the request with its method and body.
    pub fn temporary(target: impl Into<String>) -> Self {
        Self::new(StatusCode::TEMPORARY_REDIRECT, target.into())
    }

    /// Creates a 308 (Permanent Redirect). The client repeats the request with its method and body.
    pub fn permanent(target: impl Into<String>) -> Self {
        Self::new(StatusCode::PERMANENT_REDIRECT, target.into())
    }

    fn new(status: StatusCode, target: String) -> Self {
        Self { status, target, same_origin: false }
    }

    /// Refuses a target on another site. The response to it is a 400.
    ///
    /// The target must be a path that begins with one slash. Browsers read a second slash or a backslash
    /// there as the start of a host name.
    ///
    /// ```
    /// use hangup::{Redirect, Request, respond, testing};
    ///
    /// let login = respond(|r| {
    ///     let next = r.uri().query().unwrap_or("/").to_owned();
    ///     Ok(Redirect::see_other(next).same_origin())
    /// });
    /// let call = |uri: &str| testing::call(&login, Request::get(uri).body("")?);
    /// assert_eq!(call("/login?/home")?.headers()["location"], "/home");
    /// assert_eq!(call("/login?//example.com")?.status(), 400);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn same_origin(mut self) -> Self {
        self.same_origin = true;
        self
    }

    /// Returns the `Location` header's value.
    fn location(self) -> Result<HeaderValue> {
        if self.same_origin && !is_local(&self.target) {
            let text = "the redirect leads to another site";
            return Err(Error::status(StatusCode::BAD_REQUEST, text));
        }
        if self.target.bytes().any(|byte| byte.is_ascii_control()) {
            let text = "the redirect's target contains a control character";
            return Err(Error::message(ErrorKind::InvalidMessage, text));
        }
        let target = match self.target.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => self.target,
            false => encoded(&self.target),
        };
        Ok(HeaderValue::try_from(target)?)
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Result<Response> {
        let mut response = Response::default();
        *response.status_mut() = self.status;
        response.headers_mut().insert(LOCATION, self.location()?);
        Ok(response)
    }
}

/// Returns `true` if every browser resolves `target` to the same origin. Browsers remove tabs and line
/// breaks from a URL, and read a backslash as a slash.
fn is_local(target: &str) -> bool {
    target.starts_with('/')
        && !target[1..].starts_with(['/', '\\'])
        && !target.bytes().any(|byte| byte.is_ascii_control())
}

/// Percent-encodes blanks and bytes beyond ASCII.
fn encoded(target: &str) -> String {
    let mut encoded = String::with_capacity(target.len() + 16);
    for byte in target.bytes() {
        match byte.is_ascii_graphic() {
            true => encoded.push(byte.into()),
            false => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}
