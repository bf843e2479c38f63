//! Responses in HTML.

use http::HeaderValue;

use super::into_response::IntoResponse;
use crate::body::Body;
use crate::error::Result;
use crate::message::Response;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A response in HTML, in UTF-8: `Html(page)`.
///
/// The value is text, bytes, or anything else that converts into a [`Body`]. It is sent as it is: text from
/// users must be escaped before.
///
/// ```
/// use hangup::{Html, respond};
///
/// let handler = respond(|_| Ok(Html("<!doctype html><title>hello</title>")));
/// # let response = hangup::testing::call(&handler, hangup::Request::new(()))?;
/// # assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Html<T>(pub T);

impl<T: Into<Body>> IntoResponse for Html<T> {
    fn into_response(self) -> Result<Response> {
        Ok(Response::new(self.0.into().with_content_type(CONTENT_TYPE)))
    }
}
