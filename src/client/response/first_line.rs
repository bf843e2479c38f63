//! The first line of a body, for the error of a response.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Response};

use crate::body::{self, Body};
use crate::text::escaped;

/// How long a body may take to arrive that an error quotes. Servers send a short body with the head, or right
/// after it. A server that delays it until the head is acknowledged sends it within 40 ms.
const PATIENCE: Duration = Duration::from_millis(50);

/// How many characters of a body an error quotes.
const MOST_QUOTED: usize = 200;

/// The content of a body that an error can quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Its first line is quoted.
    Text,
    /// It is quoted in one line.
    Json,
}

/// Returns the first line of a response's body, if that is a short text. The body can still be read whole.
///
/// # Blocking
///
/// At most for [`PATIENCE`], and only if the head promises a short text.
pub(super) fn of(response: &mut Response<Body>) -> Option<String> {
    let content = Content::of(response.headers())?;
    let content_type = response.headers().get(CONTENT_TYPE);
    let charset = content_type.and_then(|value| body::charset_of(value.as_bytes()));
    let bytes = response.body_mut().peek_short(Instant::now() + PATIENCE)?;
    content.line_of(&body::lossy_text(bytes, charset.as_deref()))
}

impl Content {
    /// Returns the content of a body that `headers` describe; `None` if an error cannot quote it.
    fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key(CONTENT_ENCODING) {
            return None;
        }
        let Some(content_type) = headers.get(CONTENT_TYPE) else { return Some(Self::Text) };
        let content_type = content_type.as_bytes();
        let end = content_type.iter().position(|byte| *byte == b';');
        let essence = &content_type[..end.unwrap_or(content_type.len())];
        match &*essence.trim_ascii().to_ascii_lowercase() {
            b"text/html" | b"text/event-stream" => None,
            b"application/json" => Some(Self::Json),
            essence if essence.ends_with(b"+json") => Some(Self::Json),
            essence if essence.starts_with(b"text/") => Some(Self::Text),
            _ => None,
        }
    }

    fn line_of(self, text: &str) -> Option<String> {
        // Markup begins with what a person does not want to read, whatever its type is.
        if text.trim_start().starts_with('<') || text.contains('\0') {
            return None;
        }
        let line = match self {
            Self::Text => Cow::from(text.lines().map(str::trim).find(|line| !line.is_empty())?),
            Self::Json => text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").into(),
        };
        if line.is_empty() {
            return None;
        }
        Some(match line.char_indices().nth(MOST_QUOTED) {
            Some((end, _)) => format!("{}...", escaped(&line[..end])),
            None => escaped(line).to_string(),
        })
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn c07_short_texts_are_quoted() {
        use Content::{Json, Text};
        for (content_type, expected) in [
            ("", Some(Text)),
            ("text/plain", Some(Text)),
            ("Text/Plain; charset=utf-8", Some(Text)),
            ("text/csv;x", Some(Text)),
            ("application/json", Some(Json)),
            ("application/problem+json; charset=utf-8", Some(Json)),
            ("text/html", None),
            ("text/html;charset=utf-8", None),
            ("text/event-stream", None),
            ("application/octet-stream", None),
            ("image/png", None),
        ] {
            let mut headers = HeaderMap::new();
            if !content_type.is_empty() {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            assert_eq!(Content::of(&headers), expected, "{content_type}");
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            assert_eq!(Content::of(&headers), None);
        }
    }

    #[test]
    fn c07_one_line_of_a_text_is_quoted() {
        for (text, line) in [
            ("no row 7", Some("no row 7")),
            ("\r\n  no row 7 \r\nmore", Some("no row 7")),
            ("a\tb\u{1b}[2J", Some("a\\tb\\u{1b}[2J")),
            ("", None),
            (" \n ", None),
            ("<?xml version='1.0'?>", None),
            ("\n<!doctype html>", None),
            ("a\0b", None),
        ] {
            assert_eq!(Content::Text.line_of(text).as_deref(), line, "{text:?}");
        }
        let long = "ü".repeat(MOST_QUOTED);
        assert_eq!(Content::Text.line_of(&long).unwrap(), long);
        assert_eq!(Content::Text.line_of(&(long.clone() + "x")).unwrap(), long + "...");
    }

    #[test]
    fn c07_json_is_quoted_in_one_line() {
        let text = "{\n  \"error\": \"no row\"\n}\n";
        assert_eq!(Content::Json.line_of(text).unwrap(), r#"{ "error": "no row" }"#);
        assert_eq!(Content::Json.line_of(" \n"), None);
    }
}
