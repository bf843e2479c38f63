//! Writing heads.
//!
//! No input can inject a field or a second message. The types rule out most control characters. Those in a
//! target or a reason are refused, and those in a raw value are replaced.

use std::fmt;

use http::{HeaderMap, HeaderName, Method, StatusCode, Version};

/// The error of a start line that must not be sent. Nothing has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartLineError {
    /// The target is empty, or contains a space, a control character or a byte beyond ASCII.
    Target,
    /// The reason phrase contains a control character other than the tab.
    Reason,
    /// The version is neither HTTP/1.0 nor HTTP/1.1.
    Version,
}

impl std::error::Error for StartLineError {}

impl fmt::Display for StartLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StartLineError::Target => {
                "the request target is empty or holds a byte that must be percent-encoded"
            }
            StartLineError::Reason => "the reason phrase holds a control character",
            StartLineError::Version => "neither HTTP/1.1 nor HTTP/1.0",
        })
    }
}

/// Appends a whole request head, the empty line included.
///
/// ```
/// use hangup::h1::write_request_head;
/// use http::{HeaderMap, HeaderValue, Method, Version, header::HOST};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(HOST, HeaderValue::from_static("example.com"));
/// let mut out = Vec::new();
/// write_request_head(&mut out, &Method::GET, "/a", Version::HTTP_11, &headers)?;
/// assert_eq!(out, b"GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n");
/// assert!(write_request_head(&mut out, &Method::GET, "/ HTTP/1.1\r\n", Version::HTTP_11, &headers).is_err());
/// # Ok::<(), hangup::h1::StartLineError>(())
/// ```
///
/// # Errors
///
/// The target or the version cannot be sent. `out` is unchanged then.
pub fn write_request_head(
    out: &mut Vec<u8>,
    method: &Method,
    target: &str,
    version: Version,
    headers: &HeaderMap,
) -> Result<(), StartLineError> {
    write_request_line(out, method, target, version)?;
    write_fields(out, headers);
    write_end(out);
    Ok(())
}

/// Appends a whole response head, the empty line included. Without a `reason`, the standard phrase of the
/// status is sent.
///
/// # Errors
///
/// The reason or the version cannot be sent. `out` is unchanged then.
pub fn write_response_head(
    out: &mut Vec<u8>,
    version: Version,
    status: StatusCode,
    reason: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), StartLineError> {
    write_status_line(out, version, status, reason)?;
    write_fields(out, headers);
    write_end(out);
    Ok(())
}

/// Appends a request line (RFC 9112 section 3).
///
/// # Errors
///
/// The target or the version cannot be sent. `out` is unchanged then.
pub fn write_request_line(
    out: &mut Vec<u8>,
    method: &Method,
    target: &str,
    version: Version,
) -> Result<(), StartLineError> {
    let version = version_text(version)?;
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(StartLineError::Target);
    }
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.push(b' ');
    out.extend_from_slice(version);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends a status line (RFC 9112 section 4). Without a `reason`, the standard phrase of the status is
/// sent, if there is one.
///
/// # Errors
///
/// The reason or the version cannot be sent. `out` is unchanged then.
pub fn write_status_line(
    out: &mut Vec<u8>,
    version: Version,
    status: StatusCode,
    reason: Option<&str>,
) -> Result<(), StartLineError> {
    if (status, reason, version) == (StatusCode::OK, None, Version::HTTP_11) {
        // Nearly every response.
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return Ok(());
    }
    let version = version_text(version)?;
    if reason.is_some_and(|reason| !reason.bytes().all(is_text)) {
        return Err(StartLineError::Reason);
    }
    let reason = reason.or(status.canonical_reason()).unwrap_or_default();
    out.extend_from_slice(version);
    out.push(b' ');
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends every field.
pub fn write_fields(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        // A HeaderValue holds no control character other than the tab.
        write_name(out, name);
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends one field line. A control character in `value` is sent as a space, as a recipient may replace it
/// (RFC 9110 section 5.5).
pub fn write_field(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    write_name(out, name);
    let start = out.len();
    out.extend_from_slice(value);
    // Without an early exit, so that the compiler vectorises the loop.
    if value.iter().fold(false, |seen, byte| seen | !is_text(*byte)) {
        for byte in out[start..].iter_mut().filter(|byte| !is_text(**byte)) {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a field line whose value is a number, such as Content-Length.
pub fn write_number_field(out: &mut Vec<u8>, name: &HeaderName, value: u64) {
    write_name(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the Content-Length field. Nearly every message has one, so it is written without a name lookup.
pub(crate) fn write_content_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the Content-Type field with a static value.
pub(crate) fn write_content_type(out: &mut Vec<u8>, value: &'static str) {
    out.extend_from_slice(b"Content-Type: ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the empty line after the fields.
pub fn write_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// Appends a name with each word capitalised. Some peers compare names case-sensitively.
fn write_name(out: &mut Vec<u8>, name: &HeaderName) {
    let start = out.len();
    out.extend_from_slice(name.as_str().as_bytes());
    let mut before = b'-';
    for byte in &mut out[start..] {
        if before == b'-' {
            byte.make_ascii_uppercase();
        }
        before = *byte;
    }
    out.extend_from_slice(b": ");
}

/// Returns `true` for a byte that is allowed in a value or a reason (RFC 9110 section 5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

fn version_text(version: Version) -> Result<&'static [u8], StartLineError> {
    match version {
        Version::HTTP_11 => Ok(b"HTTP/1.1"),
        Version::HTTP_10 => Ok(b"HTTP/1.0"),
        _ => Err(StartLineError::Version),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONTENT_LENGTH, ETAG, HOST, WWW_AUTHENTICATE};

    use super::*;
    use crate::h1::{HeadScanner, Limits};

    #[test]
    fn names_are_written_with_capitals() {
        for (name, written) in [
            (CONTENT_LENGTH, "Content-Length: \r\n"),
            (ETAG, "Etag: \r\n"),
            (WWW_AUTHENTICATE, "Www-Authenticate: \r\n"),
            (HeaderName::from_static("x-addr"), "X-Addr: \r\n"),
            (HeaderName::from_static("x--1a-"), "X--1a-: \r\n"),
        ] {
            let mut out = Vec::new();
            write_field(&mut out, &name, b"");
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    }

    #[test]
    fn reasons() {
        for (status, reason, line) in [
            (200, None, "HTTP/1.1 200 OK\r\n"),
            (200, Some("Fine"), "HTTP/1.1 200 Fine\r\n"),
            (200, Some(""), "HTTP/1.1 200 \r\n"),
            (599, None, "HTTP/1.1 599 \r\n"),
        ] {
            let mut out = Vec::new();
            let status = StatusCode::from_u16(status).unwrap();
            write_status_line(&mut out, Version::HTTP_11, status, reason).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
    }

    #[test]
    fn nothing_can_be_injected_and_nothing_is_half_written() {
        let none = HeaderMap::new();
        let mut out = b"before".to_vec();
        for target in ["", "/a b", "/\r\nX: y", "/\n", "/\t", "/\0", "/\u{7f}", "/caf\u{e9}"] {
            let written =
                write_request_head(&mut out, &Method::GET, target, Version::HTTP_11, &none);
            assert_eq!(written, Err(StartLineError::Target), "{target:?}");
        }
        for reason in ["a\r\nX: y", "\n", "\0", "\u{7f}"] {
            let written = write_response_head(
                &mut out,
                Version::HTTP_11,
                StatusCode::OK,
                Some(reason),
                &none,
            );
            assert_eq!(written, Err(StartLineError::Reason), "{reason:?}");
        }
        for version in [Version::HTTP_09, Version::HTTP_2, Version::HTTP_3] {
            let written = write_request_head(&mut out, &Method::GET, "/", version, &none);
            assert_eq!(written, Err(StartLineError::Version));
            let written = write_status_line(&mut out, version, StatusCode::OK, None);
            assert_eq!(written, Err(StartLineError::Version));
        }
        assert_eq!(out, b"before");
    }

    #[test]
    fn control_characters_in_a_raw_value_become_spaces() {
        let mut out = Vec::new();
        write_field(&mut out, &HOST, b"a\r\nX: y\0\tz\xe9");
        assert_eq!(out, b"Host: a  X: y \tz\xe9\r\n");
    }

    #[test]
    fn numbers() {
        for (number, line) in
            [(0, "Content-Length: 0\r\n"), (u64::MAX, "Content-Length: 18446744073709551615\r\n")]
        {
            let mut out = Vec::new();
            write_number_field(&mut out, &CONTENT_LENGTH, number);
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
    }

    #[test]
    fn a_written_head_is_read_back() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("a"));
        headers.append("x-one", HeaderValue::from_static("1"));
        headers.append("x-one", HeaderValue::from_bytes(b"caf\xe9\tb").unwrap());
        headers.append("x-empty", HeaderValue::from_static(""));

        let mut out = Vec::new();
        write_request_head(&mut out, &Method::POST, "/a?b", Version::HTTP_10, &headers).unwrap();
        let (head, end) =
            HeadScanner::default().request(&out, &Limits::default()).unwrap().unwrap();
        assert_eq!((head.method, head.version, end), (Method::POST, Version::HTTP_10, out.len()));
        assert_eq!((head.target.path(), head.headers), ("/a", headers.clone()));

        let mut out = Vec::new();
        write_response_head(
            &mut out,
            Version::HTTP_11,
            StatusCode::NOT_FOUND,
            Some("Gone"),
            &headers,
        )
        .unwrap();
        let (head, end) =
            HeadScanner::default().response(&out, &Limits::default()).unwrap().unwrap();
        assert_eq!(
            (head.status, head.version, end),
            (StatusCode::NOT_FOUND, Version::HTTP_11, out.len())
        );
        assert_eq!((head.reason.as_deref(), head.headers), (Some("Gone"), headers));
    }
}
