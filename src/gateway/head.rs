//! The head of a response to a web server (RFC 3875 section 6.2).

use http::header::{CONNECTION, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, StatusCode};

use crate::h1;
use crate::handler::{FinalHead, Length};

/// The headers of a handler that are not sent. All but the first concern the connection, which the web
/// server controls (RFC 3875 section 6.3.4).
const NOT_PASSED_ON: [HeaderName; 7] = [
    // It would repeat the status line. Web servers differ in which one they use (RFC 3875 section 6.3).
    HeaderName::from_static("status"),
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    TRAILER,
    UPGRADE,
];

/// Encodes the head of a response.
pub(crate) fn write_head(out: &mut Vec<u8>, head: &FinalHead<'_>) {
    write_status(out, head.status);
    for (name, value) in head.headers {
        if !NOT_PASSED_ON.contains(name) {
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

/// Encodes a complete response with a line of text.
pub(crate) fn write_refusal(out: &mut Vec<u8>, status: StatusCode, text: &str) {
    write_status(out, status);
    h1::write_content_type(out, "text/plain; charset=utf-8");
    h1::write_content_length(out, text.len() as u64);
    h1::write_end(out);
    out.extend_from_slice(text.as_bytes());
}

/// Encodes the Status field. It comes first, so that a web server finds it at once.
fn write_status(out: &mut Vec<u8>, status: StatusCode) {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    out.extend_from_slice(format!("Status: {} {reason}\r\n", status.as_u16()).as_bytes());
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn f01_connection_headers_of_a_handler_are_not_sent() {
        let mut headers = HeaderMap::new();
        headers.insert("status", HeaderValue::from_static("500 No"));
        headers.append("status", HeaderValue::from_static("501 Neither"));
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
        headers.insert("x-status", HeaderValue::from_static("kept"));
        let head = FinalHead {
            status: StatusCode::CREATED,
            headers: &headers,
            sniffed: None,
            length: Length::Known(0),
            head_only: false,
        };
        let mut out = Vec::new();
        write_head(&mut out, &head);
        let text = String::from_utf8(out).unwrap().to_lowercase();
        assert_eq!(text, "status: 201 created\r\nx-status: kept\r\ncontent-length: 0\r\n\r\n");
    }
}
