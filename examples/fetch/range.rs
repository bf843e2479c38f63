//! Parts of files: what `-r` and `-C` ask for, and whether the answer is that part.

use hangup::Response;
use hangup::http::header::CONTENT_RANGE;
use hangup::http::{HeaderValue, StatusCode};

/// The value of `-r` as it is sent. A number alone is the rest from there on: the field needs a dash.
pub(crate) fn completed(range: &str) -> Result<String, &'static str> {
    if !range.starts_with(|first: char| first.is_ascii_digit()) || range.contains('-') {
        return Ok(range.to_owned());
    }
    let digits = range.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    let from: i64 = digits.parse().map_err(|_| "the number is too large")?;
    Ok(format!("{from}-"))
}

/// How the answer to a request for the rest of a file fits to the part that is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It goes behind that part.
    Continues,
    /// It has the file that is there, whole.
    Complete,
    /// It says that nothing is left, and its body is no part of the file.
    NothingLeft,
    /// It belongs elsewhere, unless it is empty.
    Differs,
}

/// Judges the answer to a request for everything from `offset` on.
pub(crate) fn fit(offset: u64, response: &Response) -> Fit {
    let status = response.status();
    let begin = response.headers().get(CONTENT_RANGE).and_then(begin);
    if status == StatusCode::RANGE_NOT_SATISFIABLE {
        Fit::NothingLeft
    } else if begin == Some(offset) {
        Fit::Continues
    } else if status == StatusCode::OK && response.body().len() == Some(offset) {
        // A server without ranges sends the whole, which is as long as the part.
        Fit::Complete
    } else {
        Fit::Differs
    }
}

/// Where the part begins, whatever stands before the number.
fn begin(range: &HeaderValue) -> Option<u64> {
    let bytes = range.as_bytes();
    let at = bytes.iter().position(|byte| byte.is_ascii_digit() || *byte == b'*')?;
    let digits = bytes[at..].split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
