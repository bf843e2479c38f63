//! Reading the whole body of a response.

use http::Response;
use http::header::CONTENT_TYPE;

use crate::body::{self, Body, ReadLimit};
use crate::error::Result;

/// How many bytes of a body are read by the methods of [`ResponseExt`](crate::ResponseExt) that take no
/// limit: 16 MiB.
///
/// It suffices for pages and documents, and bounds the memory that a peer can use up.
pub const DEFAULT_READ_LIMIT: u64 = body::DEFAULT_READ_LIMIT;

/// Reads the body as text, in the charset of the Content-Type.
pub(super) fn text(response: &mut Response<Body>, limit: ReadLimit) -> Result<String> {
    let content_type = response.headers().get(CONTENT_TYPE);
    let charset = content_type.and_then(|value| body::charset_of(value.as_bytes()));
    response.body_mut().read_text_as(charset.as_deref(), limit)
}
