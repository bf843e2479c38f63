//! The head of an answer, as a web server takes it (RFC 3875 section 6.2).

use http::header::{CONNECTION, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, StatusCode};

use crate::h1;
use crate::handler::{Head, Length};

/// What concerns a connection, and so is the web server's to say (RFC 3875 section 6.3.4).
const OF_THE_CONNECTION: [HeaderName; 4] = [CONNECTION, TRANSFER_ENCODING, TRAILER, UPGRADE];

/// Encodes the head.
pub(crate) fn write_head(out: &mut Vec<u8>, head: &Head<'_>) {
    write_status(out, head.status);
    for (name, value) in head.headers {
        if !OF_THE_CONNECTION.contains(name) {
            h1::write_field(out, name, value.as_bytes());
        }
    }
    if let Some(sniffed) = head.sniffed {
        h1::write_content_type(out, sniffed);
    }
    if let Length::Known(length) = head.length {
        h1::write_content_length(out, length);
    }
    h1::write_end(out);
}

/// Encodes a whole answer of our own.
pub(crate) fn write_refusal(out: &mut Vec<u8>, status: StatusCode, text: &str) {
    write_status(out, status);
    h1::write_content_type(out, "text/plain; charset=utf-8");
    h1::write_content_length(out, text.len() as u64);
    h1::write_end(out);
    out.extend_from_slice(text.as_bytes());
}

/// `Status` comes first, so that no web server has to look for it.
fn write_status(out: &mut Vec<u8>, status: StatusCode) {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    out.extend_from_slice(format!("Status: {} {reason}\r\n", status.as_u16()).as_bytes());
}
