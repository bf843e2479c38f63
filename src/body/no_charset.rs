//! Stand-in for `charset.rs`, in a build without the feature `charset`: text in UTF-8.

use std::borrow::Cow;

use super::Body;
use super::limit::ReadLimit;
use crate::error::{Error, ErrorKind, Result};

/// How many characters of a peer's label an error quotes.
const MOST_QUOTED: usize = 40;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const UTF_8: [&str; 2] = ["utf-8", "utf8"];

/// The beginnings of labels of charsets in which ASCII is ASCII.
const SUPERSETS_OF_ASCII: [&str; 5] = ["us-ascii", "ascii", "iso-8859-", "latin1", "windows-125"];

/// Reads the rest of a body as text.
pub(super) fn read(body: &mut Body, label: Option<&str>, limit: ReadLimit) -> Result<String> {
    let bytes = body.read_within(limit)?;
    text(bytes.into(), label).map_err(|error| body.rejected(error))
}

/// Decodes text as UTF-8, and replaces invalid bytes.
pub(super) fn lossy<'a>(bytes: &'a [u8], _label: Option<&str>) -> Cow<'a, str> {
    String::from_utf8_lossy(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes))
}

fn text(mut bytes: Vec<u8>, label: Option<&str>) -> Result<String> {
    if let [0xfe, 0xff, ..] | [0xff, 0xfe, ..] = *bytes {
        return Err(unsupported("UTF-16"));
    }
    let mark = if bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    if let Some(label) = label.map(str::trim).filter(|_| mark == 0) {
        let lower = label.to_ascii_lowercase();
        let reads_as_ascii = bytes.is_ascii()
            && SUPERSETS_OF_ASCII.iter().any(|beginning| lower.starts_with(beginning));
        if !UTF_8.contains(&&*lower) && !reads_as_ascii {
            return Err(unsupported(label));
        }
    }
    bytes.drain(..mark);
    String::from_utf8(bytes).map_err(|error| {
        let at = mark + error.utf8_error().valid_up_to();
        Error::message(ErrorKind::Decode, format!("invalid UTF-8 at byte {at}"))
    })
}

#[cold]
fn unsupported(label: &str) -> Error {
    let label: String = label.chars().take(MOST_QUOTED).collect();
    let message = format!("charset {label:?} needs the feature `charset` of hangup");
    Error::message(ErrorKind::Decode, message)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn c06_without_the_feature_text_is_utf_8() {
        for (bytes, label, expected) in [
            (&b"plain"[..], None, Ok("plain")),
            (b"", None, Ok("")),
            (b"plain", Some("UTF-8"), Ok("plain")),
            (b"plain", Some(" utf8 "), Ok("plain")),
            ("Köln".as_bytes(), None, Ok("Köln")),
            (b"\xef\xbb\xbfx", None, Ok("x")),
            (b"\xef\xbb\xbfx", Some("koi8-r"), Ok("x")),
            (b"plain", Some("ISO-8859-1"), Ok("plain")),
            (b"plain", Some("windows-1252"), Ok("plain")),
            (
                b"K\xf6ln",
                Some("ISO-8859-1"),
                Err("charset \"ISO-8859-1\" needs the feature `charset`"),
            ),
            (b"plain", Some("utf-16"), Err("charset \"utf-16\" needs the feature `charset`")),
            (b"\xfe\xff\0x", None, Err("charset \"UTF-16\" needs the feature `charset`")),
            (b"plain", Some("hz-gb-2312"), Err("charset \"hz-gb-2312\" needs")),
            (b"ab\xffc", None, Err("invalid UTF-8 at byte 2")),
            (b"\xef\xbb\xbfx\xff", None, Err("invalid UTF-8 at byte 4")),
        ] {
            match (text(bytes.to_vec(), label), expected) {
                (Ok(text), Ok(expected)) => assert_eq!(text, expected),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{error}");
                    assert_eq!(error.kind(), ErrorKind::Decode);
                }
                (found, _) => panic!("{bytes:?} {label:?}: {found:?}"),
            }
        }
    }
}
