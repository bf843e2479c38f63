//! The forms of responses and errors.

use std::io::Write;
use std::str::FromStr;
use std::time::Duration;

use hangup::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION};
use hangup::http::{HeaderValue, StatusCode};
use hangup::{Error, ResponseWriter, Result};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

/// The result of an endpoint. An error of [`Error::status`] is its response.
pub(crate) type Answered = Result<()>;

pub(crate) fn not_found() -> Error {
    Error::status(StatusCode::NOT_FOUND, "not found")
}

pub(crate) fn bad(why: impl Into<String>) -> Error {
    Error::status(StatusCode::BAD_REQUEST, why)
}

/// Sends a body in memory, with its length and type.
pub(crate) fn whole(w: &mut ResponseWriter, content_type: &str, body: &[u8]) -> Result<()> {
    w.set_header(CONTENT_TYPE, content_type)?.set_header(CONTENT_LENGTH, body.len())?;
    Ok(w.write_all(body)?)
}

pub(crate) fn text(w: &mut ResponseWriter, text: &str) -> Result<()> {
    whole(w, "text/plain; charset=utf-8", text.as_bytes())
}

pub(crate) fn html(w: &mut ResponseWriter, page: &str) -> Result<()> {
    whole(w, "text/html; charset=utf-8", page.as_bytes())
}

pub(crate) fn json(w: &mut ResponseWriter, value: &Value) -> Result<()> {
    whole(w, "application/json", pretty(value).as_bytes())
}

/// Sends JSON with sorted keys, an indent of two, and a final line break.
pub(crate) fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The characters to escape in a Location. Line breaks matter most.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// Sends a redirect, with a text for clients that do not follow it.
pub(crate) fn redirect(w: &mut ResponseWriter, status: StatusCode, to: &str) -> Result<()> {
    w.set_status(status);
    w.set_header(LOCATION, utf8_percent_encode(to, UNSAFE).to_string())?;
    text(w, "moved: see the header Location\n")
}

/// Sets a header that the client asked for. The value may be invalid in a header.
pub(crate) fn set(w: &mut ResponseWriter, name: HeaderName, value: &str) -> Answered {
    match HeaderValue::from_bytes(value.as_bytes()) {
        Ok(value) => w.headers_mut().insert(name, value),
        Err(_) => return Err(bad(format!("{value:?} is not a valid header value"))),
    };
    Ok(())
}

/// Parses a whole number in the path. A number that is too long counts as the largest one.
pub(crate) fn whole_number(digits: &str) -> Result<u64> {
    match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(digits.parse().unwrap_or(u64::MAX)),
        false => Err(not_found()),
    }
}

pub(crate) fn number<T: FromStr>(digits: &str) -> Result<T> {
    digits.parse().map_err(|_| bad(format!("{digits:?} is not a number in range")))
}

/// Parses seconds, which may have decimals.
pub(crate) fn seconds(digits: &str) -> Result<Duration> {
    Duration::try_from_secs_f64(number(digits)?).map_err(|error| bad(format!("{digits}: {error}")))
}
