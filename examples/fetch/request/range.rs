//! Ranges for `-r` and `-C`, and the check that the response has the requested range.

use hangup::Response;
use hangup::http::header::CONTENT_RANGE;
use hangup::http::{HeaderValue, StatusCode};

/// Returns the value of the Range header for `-r`. A single number means everything from there on, and
/// needs a dash.
pub(crate) fn completed(range: &str) -> Result<String, &'static str> {
    if !range.starts_with(|first: char| first.is_ascii_digit()) || range.contains('-') {
        return Ok(range.to_owned());
    }
    let digits = range.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    let from: i64 = digits.parse().map_err(|_| "the number is too large")?;
    Ok(format!("{from}-"))
}

/// The relation of a response to the existing part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The response continues the part.
    Continues,
    /// The part is already the whole file.
    Complete,
    /// Nothing is left to fetch. The body of the response is no part of the file.
    NothingLeft,
    /// The response has another range. Only an empty body fits.
    Differs,
}

/// Judges the response to a request for everything from `offset` on.
pub(crate) fn fit(offset: u64, response: &Response) -> Fit {
    let status = response.status();
    let begin = response.headers().get(CONTENT_RANGE).and_then(begin);
    if status == StatusCode::RANGE_NOT_SATISFIABLE {
        Fit::NothingLeft
    } else if begin == Some(offset) {
        Fit::Continues
    } else if status == StatusCode::OK && response.body().len() == Some(offset) {
        // A server without ranges sends the whole file, which is as long as the part.
        Fit::Complete
    } else {
        Fit::Differs
    }
}

/// Returns the start of the range. Text before the number is ignored.
fn begin(range: &HeaderValue) -> Option<u64> {
    let bytes = range.as_bytes();
    let at = bytes.iter().position(|byte| byte.is_ascii_digit() || *byte == b'*')?;
    let digits = bytes[at..].split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
