//! Reading the body of a request whole: as text, and as a form.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::fault::fault;
use super::pairs::{Pairs, Source};
use super::params::{parameter, value_of};
use crate::body::{Body, ReadLimit, charset_of};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Request;

/// Reads the body as text in the charset of its Content-Type.
pub(crate) fn text(request: &mut Request, limit: u64) -> Result<String> {
    let label = charset_of(content_type(request.headers()));
    let limit = ReadLimit::Given(limit);
    request.body_mut().read_text_as(label.as_deref(), limit).map_err(explained)
}

/// Reads the body as a form.
pub(crate) fn form(request: &mut Request, limit: u64) -> Result<Pairs> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let content_type = content_type(request.headers());
    if !value_of(content_type).eq_ignore_ascii_case(FORM.as_bytes()) {
        return Err(unsupported(FORM, content_type));
    }
    if let Some(charset) = parameter(content_type, "charset") {
        if !charset.eq_ignore_ascii_case(b"utf-8") && !charset.eq_ignore_ascii_case(b"utf8") {
            let charset = String::from_utf8_lossy(&charset);
            let text =
                format!("a form in the charset \"{charset}\" is not supported, but in utf-8");
            return Err(fault(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    }
    let bytes = bytes(request.body_mut(), limit)?;
    Ok(Pairs::decode(&bytes, Source::Form))
}

/// Reads the rest of the body, at most `limit` bytes.
pub(super) fn bytes(body: &mut Body, limit: u64) -> Result<Bytes> {
    body.read_bytes(limit).map_err(explained)
}

/// Returns the Content-Type, or an empty text.
pub(super) fn content_type(headers: &HeaderMap) -> &[u8] {
    headers.get(CONTENT_TYPE).map_or(&[], |value| value.as_bytes())
}

/// Creates the error of a Content-Type other than `expected`.
#[cold]
pub(super) fn unsupported(expected: impl fmt::Display, given: &[u8]) -> Error {
    let given = match given {
        [] => "missing".into(),
        given => String::from_utf8_lossy(given),
    };
    fault(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format_args!("the Content-Type must be {expected}, and is {given}"),
    )
}

/// Makes a response of the error of a body that is too large or no text, which tells the client so.
#[cold]
fn explained(error: Error) -> Error {
    match error.kind() {
        ErrorKind::TooLarge => fault(StatusCode::PAYLOAD_TOO_LARGE, error),
        ErrorKind::Decode => fault(StatusCode::BAD_REQUEST, error),
        _ => error,
    }
}
