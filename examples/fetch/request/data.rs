//! The data of `-d` and similar options, joined.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::failure::Failure;
use crate::options::data::{Data, DataKind};
use crate::request::payload::read_file;

/// The characters that `--data-urlencode` encodes.
const DATA: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Joins the pieces by `&`. JSON follows without one.
pub(super) fn join(pieces: &[Data]) -> Result<Vec<u8>, Failure> {
    let mut all = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && piece.kind != DataKind::Json {
            all.push(b'&');
        }
        all.extend(piece.content()?);
    }
    Ok(all)
}

impl Data {
    fn content(&self) -> Result<Vec<u8>, Failure> {
        let file = self.text.strip_prefix('@');
        match (self.kind, file) {
            (DataKind::Text, Some(path)) => {
                let bytes = read_file(path)?.into_iter();
                Ok(bytes.filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect())
            }
            (DataKind::Binary | DataKind::Json, Some(path)) => read_file(path),
            (DataKind::Encoded, _) => encoded(&self.text),
            (DataKind::Query, _) => match self.text.strip_prefix('+') {
                Some(raw) => Ok(raw.as_bytes().to_owned()),
                None => encoded(&self.text),
            },
            _ => Ok(self.text.as_bytes().to_owned()),
        }
    }
}

/// Encodes `text`, `=text`, `name=text`, `@file` or `name@file`. The name is encoded already.
fn encoded(text: &str) -> Result<Vec<u8>, Failure> {
    let (name, content) = match text.find(['=', '@']) {
        None => ("", text.as_bytes().to_owned()),
        Some(at) if text[at..].starts_with('=') => {
            (&text[..at], text.as_bytes()[at + 1..].to_owned())
        }
        Some(at) => (&text[..at], read_file(&text[at + 1..])?),
    };
    let value = percent_encode(&content, DATA).to_string().replace("%20", "+");
    let equals = if name.is_empty() { "" } else { "=" };
    Ok([name, equals, &value].concat().into_bytes())
}
