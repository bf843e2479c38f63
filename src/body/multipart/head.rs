//! The head of a part: its delimiter and its header fields.

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::boundary::Boundary;
use crate::h1;

/// Room for the head of most parts, in bytes.
const HEAD_ROOM: usize = 192;

/// Returns the bytes before the content of a part. A field of `headers` comes in place of a default one.
pub(super) fn write_head(
    boundary: &Boundary,
    name: &str,
    file_name: Option<&str>,
    content_type: Option<&HeaderValue>,
    headers: &HeaderMap,
) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEAD_ROOM);
    for text in ["--", boundary.as_str(), "\r\n"] {
        head.extend_from_slice(text.as_bytes());
    }
    if !headers.contains_key(CONTENT_DISPOSITION) {
        let mut disposition = format!("form-data; name=\"{}\"", escaped(name));
        if let Some(file_name) = file_name {
            disposition.push_str(&format!("; filename=\"{}\"", escaped(file_name)));
        }
        h1::write_field(&mut head, &CONTENT_DISPOSITION, disposition.as_bytes());
    }
    if let Some(content_type) = content_type.filter(|_| !headers.contains_key(CONTENT_TYPE)) {
        h1::write_field(&mut head, &CONTENT_TYPE, content_type.as_bytes());
    }
    for (name, value) in headers {
        h1::write_field(&mut head, name, value.as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Returns a name as it is sent between quotes.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
