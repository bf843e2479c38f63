//! Text in the charsets of the WHATWG's Encoding Standard, decoded as it arrives.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, REPLACEMENT, UTF_8};

use super::Body;
use super::limit::ReadLimit;
use crate::error::{Error, ErrorKind, Result};

/// How many bytes are decoded at a time.
const PIECE: usize = 16 * 1024;

/// How many characters of a peer's label an error quotes.
const MOST_QUOTED: usize = 40;

/// Reads the rest of a body as text.
pub(super) fn read(body: &mut Body, label: Option<&str>, limit: ReadLimit) -> Result<String> {
    let mut text = Text::begin(label)?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = match body.read(&mut piece) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if text.read + count as u64 > limit.bytes() {
            return Err(body.rejected(limit.exceeded()));
        }
        text.push(&piece[..count], count == 0).map_err(|error| body.rejected(error))?;
        if count == 0 {
            return Ok(text.text);
        }
    }
}

/// Decodes text, and replaces invalid bytes.
pub(super) fn lossy<'a>(bytes: &'a [u8], label: Option<&str>) -> Cow<'a, str> {
    let known = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    known.unwrap_or(UTF_8).decode(bytes).0
}

/// The text of a body so far.
struct Text<'a> {
    text: String,
    decoder: Decoder,
    /// A label that names no charset. The bytes are taken for UTF-8.
    unknown: Option<&'a str>,
    /// How many bytes have been decoded.
    read: u64,
}

impl<'a> Text<'a> {
    fn begin(label: Option<&'a str>) -> Result<Self> {
        let known = label.and_then(|label| Encoding::for_label(label.as_bytes()));
        if known == Some(REPLACEMENT) {
            let label = label.unwrap_or_default();
            let message = format!("charset {label:?} is not supported, since it is unsafe");
            return Err(Error::message(ErrorKind::Decode, message));
        }
        let unknown = label.filter(|_| known.is_none());
        let decoder = known.unwrap_or(UTF_8).new_decoder();
        Ok(Self { text: String::new(), decoder, unknown, read: 0 })
    }

    /// Appends the text of `bytes`, which are the `last` ones if there are none.
    fn push(&mut self, bytes: &[u8], last: bool) -> Result<()> {
        let room = self.decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        self.text.reserve(room.unwrap_or(0));
        let (result, used) =
            self.decoder.decode_to_string_without_replacement(bytes, &mut self.text, last);
        self.read += used as u64;
        match result {
            DecoderResult::InputEmpty => Ok(()),
            DecoderResult::Malformed(bad, after) => {
                Err(self.invalid(self.read - u64::from(bad) - u64::from(after)))
            }
            DecoderResult::OutputFull => unreachable!("the room was reserved"),
        }
    }

    #[cold]
    fn invalid(&self, at: u64) -> Error {
        let name = self.decoder.encoding().name();
        let mut message = format!("invalid {name} at byte {at}");
        if let Some(label) = self.unknown {
            let label: String = label.chars().take(MOST_QUOTED).collect();
            message.push_str(&format!(", and charset {label:?} is unknown"));
        }
        Error::message(ErrorKind::Decode, message)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn text(bytes: &[u8], label: &str) -> Result<String> {
        let label = Some(label).filter(|label| !label.is_empty());
        let read = |mut body: Body| body.read_text_as(label, ReadLimit::Given(100));
        let whole = read(Body::from(bytes.to_vec())).map_err(|error| error.to_string());
        for split in 0..=bytes.len() {
            let (first, second) = bytes.split_at(split);
            let chunks = [first.to_vec(), second.to_vec()];
            let pieces = read(Body::from_chunks(chunks)).map_err(|error| error.to_string());
            assert_eq!(pieces, whole, "split at {split}");
        }
        read(Body::from(bytes.to_vec()))
    }

    #[test]
    fn c06_text_is_decoded_by_its_charset() {
        for (bytes, label, expected) in [
            (&b""[..], "", ""),
            (b"plain", "", "plain"),
            ("Köln €".as_bytes(), "", "Köln €"),
            ("Köln €".as_bytes(), "utf-8", "Köln €"),
            ("Köln €".as_bytes(), " UTF8 ", "Köln €"),
            (b"K\xf6ln \x80", "iso-8859-1", "Köln €"),
            (b"K\xf6ln \x80", "Latin1", "Köln €"),
            (b"K\xf6ln \x80", "us-ascii", "Köln €"),
            (b"\xa4", "iso-8859-15", "€"),
            (b"\xcf\xf0\xe8\xe2\xe5\xf2", "windows-1251", "Привет"),
            (b"\xf0\xd2\xc9\xd7\xc5\xd4", "koi8-r", "Привет"),
            (b"\x93\xfa\x96\x7b", "shift_jis", "日本"),
            (b"\xc6\xfc\xcb\xdc", "euc-jp", "日本"),
            (b"\x1b$BF|K\\\x1b(B", "iso-2022-jp", "日本"),
            (b"\xc8\xd5\xb1\xbe", "gbk", "日本"),
            (b"\xa4\xe9\xa5\xbb", "big5", "日本"),
            (b"x\0\xac\x20", "utf-16le", "x€"),
            (b"x\0\xac\x20", "utf-16", "x€"),
            (b"\0x\x20\xac", "utf-16be", "x€"),
            // The byte order mark overrides.
            (b"\xef\xbb\xbfK\xc3\xb6", "", "Kö"),
            (b"\xef\xbb\xbfK\xc3\xb6", "iso-8859-1", "Kö"),
            (b"\xfe\xff\0x", "utf-8", "x"),
            (b"\xff\xfex\0", "", "x"),
            (b"\xef\xbb\xbf", "", ""),
            (b"\xef\xbb\xbf\xef\xbb\xbfx", "", "\u{feff}x"),
            // An unknown label stands for UTF-8.
            (b"plain", "none", "plain"),
            ("Köln".as_bytes(), "utf-7", "Köln"),
        ] {
            assert_eq!(text(bytes, label).unwrap(), expected, "{bytes:?} {label}");
        }
    }

    #[test]
    fn c06_bytes_that_are_no_text_are_an_error() {
        for (bytes, label, expected) in [
            (&b"ab\xffc"[..], "", "invalid UTF-8 at byte 2"),
            (b"\xff\xff", "", "invalid UTF-8 at byte 0"),
            (b"ab\xc3", "", "invalid UTF-8 at byte 2"),
            (b"ab\xe2\x82", "utf-8", "invalid UTF-8 at byte 2"),
            (b"ab\xe2\x82c", "utf-8", "invalid UTF-8 at byte 2"),
            (b"\xef\xbb\xbfab\xff", "", "invalid UTF-8 at byte 5"),
            (b"\xef\xbb", "", "invalid UTF-8 at byte 0"),
            (b"x\x81", "shift_jis", "invalid Shift_JIS at byte 1"),
            (b"x\0y", "utf-16le", "invalid UTF-16LE at byte 2"),
            (b"x\0\x00\xd8y\0", "utf-16le", "invalid UTF-16LE at byte 2"),
            (b"K\xf6", "none", "invalid UTF-8 at byte 1, and charset \"none\" is unknown"),
            (b"~{", "hz-gb-2312", "charset \"hz-gb-2312\" is not supported, since it is unsafe"),
        ] {
            let error = text(bytes, label).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert_eq!(
                error.to_string(),
                format!("cannot decode the body: {expected}"),
                "{bytes:?}"
            );
        }
        let error = text(b"\xff", &"x".repeat(1000)).unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn c06_a_limit_counts_the_bytes_of_the_body() {
        let long = "ü".repeat(PIECE);
        for (make, is_known) in [
            (Body::from as fn(Vec<u8>) -> Body, true),
            (|bytes| Body::from_reader(io::Cursor::new(bytes)), false),
            (
                |bytes| Body::from_chunks(bytes.chunks(7).map(<[u8]>::to_vec).collect::<Vec<_>>()),
                false,
            ),
        ] {
            let body = || make(long.clone().into_bytes());
            let length = long.len() as u64;
            let read = |body: &mut Body, limit| body.read_text_as(None, ReadLimit::Given(limit));
            assert_eq!(read(&mut body(), length).unwrap(), long);
            assert_eq!(read(&mut body(), u64::MAX).unwrap(), long);
            let mut body = body();
            let error = read(&mut body, length - 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge);
            let limit = format!("its reader's limit of {} bytes", length - 1);
            assert!(error.to_string().contains(&limit), "{error}");
            if is_known {
                assert_eq!(read(&mut body, length).unwrap(), long, "nothing was read before");
            }
        }
        let latin = vec![0xe4; 3 * PIECE];
        let mut body = Body::from(latin);
        let text = body.read_text_as(Some("latin1"), ReadLimit::Given(3 * PIECE as u64)).unwrap();
        assert_eq!(text, "ä".repeat(3 * PIECE));
    }
}
