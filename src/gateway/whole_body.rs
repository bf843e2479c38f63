//! Reading a request's body of unknown length, so that the program gets its length.

use crate::body::Body;
use crate::error::Result;
use crate::handler::Request;

/// Reads the body of `request` into memory, if its length is unknown.
///
/// # Errors
///
/// That of reading the body, or `TooLarge` if it has more than `most` bytes.
pub(crate) fn buffer_unsized_body(request: &mut Request, most: Option<u64>) -> Result<()> {
    let (Some(most), None) = (most, request.body().len()) else { return Ok(()) };
    let content_type = request.body().content_type().cloned();
    let body = Body::from(request.body_mut().read_bytes(most)?);
    *request.body_mut() = match content_type {
        Some(content_type) => body.with_content_type(content_type),
        None => body,
    };
    Ok(())
}
