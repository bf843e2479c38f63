//! The errors that wrong input becomes: responses to its sender.

use std::fmt::{self, Write as _};

use http::StatusCode;

use crate::error::Error;
use crate::text::{escaped, floor_boundary};

/// How many bytes of text such a response has at most. The text may quote the input.
const MOST_TEXT: usize = 300;

/// Makes the error that answers wrong input with `status`. The text is cut at [`MOST_TEXT`] bytes, and its
/// control characters are escaped.
#[cold]
pub(super) fn fault(status: StatusCode, text: impl fmt::Display) -> Error {
    let mut bounded = Bounded(String::new());
    // An error means that the text is full.
    if write!(bounded, "{}", escaped(text)).is_err() {
        bounded.0.push('…');
    }
    Error::status(status, bounded.0)
}

/// Text that takes no more than [`MOST_TEXT`] bytes.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MOST_TEXT - self.0.len();
        self.0.push_str(&text[..floor_boundary(text, room)]);
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h04_the_text_is_short_and_has_no_control_characters() {
        for (text, expected) in [
            ("a \"b\"".to_owned(), "a \"b\"".to_owned()),
            ("a\r\nb\0".to_owned(), "a\\r\\nb\\u{0}".to_owned()),
            ("x".repeat(300), "x".repeat(300)),
            ("x".repeat(301), "x".repeat(300) + "…"),
            ("é".repeat(200), "é".repeat(150) + "…"),
            ("x".to_owned() + &"é".repeat(200), "x".to_owned() + &"é".repeat(149) + "…"),
        ] {
            let error = fault(StatusCode::BAD_REQUEST, text);
            assert_eq!(error.status_text(), Some(&*expected));
        }
    }
}
