//! Text of a body, in the charset of its message.

use std::borrow::Cow;

use super::Body;
use super::charset;
use super::limit::ReadLimit;
use crate::error::Result;

impl Body {
    /// Reads the rest of the body as text in the charset called `label`, or in UTF-8. A byte order mark
    /// overrides the label and is removed.
    ///
    /// # Errors
    ///
    /// The errors of [`read_bytes`](Self::read_bytes), and
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the bytes are not text in the charset, or this
    /// build cannot decode it.
    pub(crate) fn read_text_as(&mut self, label: Option<&str>, limit: ReadLimit) -> Result<String> {
        self.check_length(limit)?;
        charset::read(self, label, limit)
    }
}

/// Decodes text in the charset called `label`, or in UTF-8. Replaces invalid bytes by U+FFFD.
pub(crate) fn lossy_text<'a>(bytes: &'a [u8], label: Option<&str>) -> Cow<'a, str> {
    charset::lossy(bytes, label)
}

/// Returns the charset that a Content-Type names (RFC 9110 section 8.3.2): the first parameter of that name
/// that is not empty, without its quotes.
pub(crate) fn charset_of(content_type: &[u8]) -> Option<String> {
    let semicolon = content_type.iter().position(|byte| *byte == b';')?;
    let mut rest = &content_type[semicolon + 1..];
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| b"=;".contains(byte)).unwrap_or(rest.len());
        let name = rest[..end].trim_ascii();
        let (value, behind) = match rest.get(end) {
            Some(b'=') => split_value(&rest[end + 1..]),
            _ => (Vec::new(), rest.get(end + 1..).unwrap_or_default()),
        };
        if name.eq_ignore_ascii_case(b"charset") && !value.is_empty() {
            return Some(String::from_utf8_lossy(&value).into_owned());
        }
        rest = behind;
    }
    None
}

/// Returns the value of a parameter, and what follows its semicolon.
fn split_value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let text = text.trim_ascii_start();
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
        // Some servers write the apostrophes of a programming language.
        let value = text[..end].trim_ascii();
        let bare = value.strip_prefix(b"'").and_then(|value| value.strip_suffix(b"'"));
        return (bare.unwrap_or(value).to_vec(), text.get(end + 1..).unwrap_or_default());
    };
    let (mut value, mut bytes) = (Vec::new(), quoted.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => value.extend(bytes.next()),
            byte => value.push(*byte),
        }
    }
    let behind = bytes.as_slice();
    let end = behind.iter().position(|byte| *byte == b';').map_or(behind.len(), |end| end + 1);
    (value.trim_ascii().to_vec(), &behind[end..])
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn c06_the_charset_of_a_content_type() {
        for (content_type, charset) in [
            ("", ""),
            ("text/html", ""),
            ("text/html;", ""),
            ("text/html; charset", ""),
            ("text/html; charset=", ""),
            ("text/html; charset=\"\"", ""),
            ("text/html; charset=utf-8", "utf-8"),
            ("text/html;charset=utf-8;", "utf-8"),
            ("text/html ; Charset = UTF-8 ; x=y", "UTF-8"),
            ("text/html; charset=\"utf-8\"", "utf-8"),
            ("text/html; charset=\"u\\tf-8\"; x", "utf-8"),
            ("text/html; charset=\" utf-8 \"", "utf-8"),
            ("text/html; charset=\"utf-8", "utf-8"),
            ("text/html; charset='latin1'", "latin1"),
            ("text/html; x=\"a;charset=b\"; charset=c", "c"),
            ("text/html; x=\"a\\\";charset=b\"; charset=c", "c"),
            ("text/html; xcharset=a; charset=b", "b"),
            ("text/html; charset=; charset=b", "b"),
            ("text/html; charset=a; charset=b", "a"),
            ("text/html; ;;; =; charset=a", "a"),
            (";charset=a", "a"),
            ("charset=a", ""),
            ("text/html; charset=\"a\\", "a"),
        ] {
            let found = charset_of(content_type.as_bytes()).unwrap_or_default();
            assert_eq!(found, charset, "{content_type:?}");
        }
        assert_eq!(charset_of(b"a/b; charset=\xff").as_deref(), Some("\u{fffd}"));
    }
}
