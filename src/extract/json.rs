//! JSON in requests.

use http::StatusCode;
use serde_core::de::DeserializeOwned;
use serde_json::error::Category;

use super::fault::fault;
use super::json_path::path_at;
use super::params::value_of;
use super::read::{bytes, content_type, unsupported};
use crate::error::{Error, Result};
use crate::message::Request;

/// The byte order mark in UTF-8, which a reader may ignore (RFC 8259 section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the body as JSON.
pub(crate) fn json<T: DeserializeOwned>(request: &mut Request, limit: u64) -> Result<T> {
    let given = content_type(request.headers());
    if !is_json(value_of(given)) {
        return Err(unsupported("application/json", given));
    }
    let bytes = bytes(request.body_mut(), limit)?;
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    serde_json::from_slice(text).map_err(|error| explained(text, &error))
}

/// Returns `true` for `application/json`, and for types that end in `+json` (RFC 6839 section 3.1).
fn is_json(essence: &[u8]) -> bool {
    let essence = essence.to_ascii_lowercase();
    let structured = essence.ends_with(b"+json") && essence.contains(&b'/');
    essence == b"application/json" || structured
}

#[cold]
fn explained(text: &[u8], error: &serde_json::Error) -> Error {
    if error.classify() != Category::Data {
        return fault(StatusCode::BAD_REQUEST, format_args!("invalid JSON: {error}"));
    }
    let end = offset(text, error.line(), error.column());
    let path = path_at(&text[..end]);
    let colon = if path.is_empty() { "" } else { ": " };
    fault(
        StatusCode::UNPROCESSABLE_ENTITY,
        format_args!("invalid JSON value: {path}{colon}{error}"),
    )
}

/// Returns the number of bytes before a place. Lines are counted from 1.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(ends).nth(line.saturating_sub(1)).unwrap_or(0);
    (start + column).min(text.len())
}
