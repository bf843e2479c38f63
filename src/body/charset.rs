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

/// Decodes text, and replaces what is none.
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
