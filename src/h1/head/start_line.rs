//! The first line of a message (RFC 9112 sections 3 and 4).

use bytes::Bytes;
use http::{Method, StatusCode, Uri, Version};

use super::error::Fault;
use super::target;
use crate::h1::side::Side;

/// A parsed request line.
#[derive(Debug)]
pub(super) struct RequestLine {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) version: Version,
}

/// A parsed status line.
#[derive(Debug)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: StatusCode,
    pub(super) reason: Option<Box<str>>,
}

/// Fails if `line`, which may be incomplete, cannot become a start line.
///
/// This distinguishes a TLS handshake, or another protocol, from a slow peer: the error is reported at once,
/// without waiting for an empty line that never arrives. Only the bytes from `fresh` on are checked: the
/// bytes before passed an earlier check.
pub(super) fn check_beginning(side: Side, line: &[u8], fresh: usize) -> Result<(), Fault> {
    match side {
        Side::Request => {
            if line.first().is_some_and(|byte| !is_token_byte(*byte)) {
                return Err(Fault::StartLine("does not begin with a method"));
            }
            if !line[fresh..].iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
                return Err(Fault::StartLine("holds a byte that no request line may hold"));
            }
        }
        Side::Response => {
            let known = line.len().min(PROTOCOL.len());
            if line[..known] != PROTOCOL[..known] {
                return Err(Fault::StartLine("does not begin with HTTP/"));
            }
            check_text(&line[fresh..])?;
        }
    }
    Ok(())
}

fn check_text(text: &[u8]) -> Result<(), Fault> {
    match text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        true => Err(Fault::StartLine("holds a control character")),
        false => Ok(()),
    }
}

const PROTOCOL: &[u8] = b"HTTP/";

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Parses method, target and version with exactly one space between them. Two words would be HTTP/0.9, which
/// is not supported. The line is a part of `shared`, and so is the target.
pub(super) fn parse_request(line: &[u8], shared: &Bytes) -> Result<RequestLine, Fault> {
    let is_space = |byte: &u8| *byte == b' ';
    let (first, last) = (line.iter().position(is_space), line.iter().rposition(is_space));
    let words = first.zip(last).and_then(|(first, last)| {
        let target = line.get(first + 1..last)?;
        (!target.contains(&b' ')).then_some((&line[..first], target, &line[last + 1..]))
    });
    let Some((method, target, version)) = words else {
        return Err(Fault::StartLine("not a method, a target and a version between single spaces"));
    };
    let method =
        Method::from_bytes(method).map_err(|_| Fault::StartLine("the method is not a token"))?;
    let version = parse_version(version)?;
    let target = target::parse(&method, shared.slice_ref(target))?;
    Ok(RequestLine { method, target, version })
}

/// Parses version, three digits, and a reason that may be empty. RFC 9112 section 4 requires the space before
/// an empty reason, and many servers omit it. Several spaces count as one.
pub(super) fn parse_status(line: &[u8]) -> Result<StatusLine, Fault> {
    let (version, rest) = line.split_at_checked(VERSION_LENGTH).unwrap_or((line, b""));
    let version = parse_version(version)?;
    let (status, reason) = after_spaces(rest)
        .and_then(|rest| rest.split_at_checked(STATUS_LENGTH))
        .ok_or(Fault::StartLine("no status"))?;
    let status = StatusCode::from_bytes(status)
        .map_err(|_| Fault::StartLine("the status is not three digits from 100 on"))?;
    let reason = match reason {
        [] => reason,
        _ => {
            after_spaces(reason).ok_or(Fault::StartLine("the status has more than three digits"))?
        }
    };
    let reason = match status.canonical_reason() {
        Some(canonical) if canonical.as_bytes() == reason => None,
        _ => {
            check_text(reason)?;
            Some(String::from_utf8_lossy(reason).into())
        }
    };
    Ok(StatusLine { version, status, reason })
}

/// The length of `HTTP/1.1`.
const VERSION_LENGTH: usize = 8;

/// The number of digits of a status.
const STATUS_LENGTH: usize = 3;

/// Returns the text after the leading spaces of `text`; `None` if there are none.
fn after_spaces(text: &[u8]) -> Option<&[u8]> {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    (spaces > 0).then(|| &text[spaces..])
}

/// Parses a version. An unknown minor version is read as the highest known one (RFC 9110 section 2.5).
fn parse_version(word: &[u8]) -> Result<Version, Fault> {
    match word {
        b"HTTP/1.1" => Ok(Version::HTTP_11),
        b"HTTP/1.0" => Ok(Version::HTTP_10),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => Ok(Version::HTTP_11),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Fault::UnsupportedVersion)
        }
        _ => Err(Fault::StartLine("no version")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::h1::head::{HeadError, Limits, RequestHead, ResponseHead};
    use crate::h1::splits;

    fn request(line: &str) -> Result<RequestHead, HeadError> {
        let text = format!("{line}\r\nHost: a\r\n\r\n");
        let scanned =
            splits::head(text.as_bytes(), |scanner, buf| scanner.request(buf, &Limits::default()));
        scanned.map(|(head, _)| head)
    }

    fn response(line: &[u8]) -> Result<ResponseHead, HeadError> {
        let text = [line, b"\r\nServer: a\r\n\r\n"].concat();
        let scanned = splits::head(&text, |scanner, buf| scanner.response(buf, &Limits::default()));
        scanned.map(|(head, _)| head)
    }

    #[test]
    fn request_lines_that_are_none() {
        for line in [
            "",
            "GET",
            "GET /",
            "GET / ",
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            "GET / HTTP/1.1 ",
            " GET / HTTP/1.1",
            "GET / a HTTP/1.1",
            "G(T / HTTP/1.1",
            "GET / http/1.1",
            "GET / HTTP/1.1x",
            "GET / HTTP/11",
            "GET / HTTP/1.10",
            "GET / HTTPS/1.1",
            "GET / HTTP/a.b",
            "GET / HTTP/+1.1",
        ] {
            let fault = request(line).expect_err(line).fault;
            assert!(matches!(fault, Fault::StartLine(_)), "{line}: {fault:?}");
        }
    }

    #[test]
    fn versions_of_other_times() {
        for version in ["HTTP/0.9", "HTTP/0.0", "HTTP/2.0", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9"] {
            let error = request(&format!("GET / {version}")).unwrap_err();
            assert_eq!(error.fault, Fault::UnsupportedVersion, "{version}");
            assert_eq!(error.status(), 505, "{version}");
            let error = response(format!("{version} 200 OK").as_bytes()).unwrap_err();
            assert_eq!(error.fault, Fault::UnsupportedVersion, "{version}");
            assert_eq!(error.to_string(), "status line: HTTP version other than 1.x");
        }
    }

    #[test]
    fn h07_an_unknown_minor_version_is_read_as_http_1_1() {
        for minor in 1..=9 {
            let head = request(&format!("GET / HTTP/1.{minor}")).unwrap();
            assert_eq!(head.version, Version::HTTP_11, "{minor}");
            let head = response(format!("HTTP/1.{minor} 200 OK").as_bytes()).unwrap();
            assert_eq!(head.version, Version::HTTP_11, "{minor}");
        }
    }

    #[test]
    fn extension_methods_are_tokens() {
        for method in ["PURGE", "M-SEARCH", "get", "a!#$%&'*+-.^_`|~9"] {
            let head = request(&format!("{method} / HTTP/1.0")).unwrap();
            assert_eq!(head.method.as_str(), method);
            assert_eq!(head.version, Version::HTTP_10);
        }
    }

    #[test]
    fn status_lines_and_their_reasons() {
        for (line, status, reason) in [
            ("HTTP/1.1 200 OK", 200, None),
            ("HTTP/1.0 404 Not Found", 404, None),
            ("HTTP/1.1 200 ok", 200, Some("ok")),
            ("HTTP/1.1 200 ", 200, Some("")),
            ("HTTP/1.1 200", 200, Some("")),
            ("HTTP/1.1 599 Own  words\t!", 599, Some("Own  words\t!")),
            ("HTTP/1.1 999 ", 999, Some("")),
            ("HTTP/1.1  200 OK", 200, None),
            ("HTTP/1.1 200  OK", 200, None),
            ("HTTP/1.1    200    Own  words", 200, Some("Own  words")),
            ("HTTP/1.1  200", 200, Some("")),
            ("HTTP/1.1 200  ", 200, Some("")),
        ] {
            let read = response(line.as_bytes()).expect(line);
            assert_eq!(read.status, status, "{line}");
            assert_eq!(read.reason.as_deref(), reason, "{line}");
        }
        let read = response(b"HTTP/1.1 200 caf\xe9").unwrap();
        assert_eq!(read.reason.as_deref(), Some("caf\u{fffd}"));
    }

    #[test]
    fn status_lines_that_are_none() {
        for line in [
            "",
            "HTTP/1.1",
            "HTTP/1.1 ",
            "HTTP/1.1   ",
            "HTTP/1.1200 OK",
            "HTTP/1.1 20",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 200OK",
            " HTTP/1.1 200 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 OK",
            "HTTP/1.1 +20 OK",
            "HTTP/1.1 2x0 OK",
            "HTTP/1.1\t200 OK",
            "http/1.1 200 OK",
            "HTTP/1 200 OK",
        ] {
            let fault = response(line.as_bytes()).expect_err(line).fault;
            assert!(matches!(fault, Fault::StartLine(_)), "{line}: {fault:?}");
        }
    }

    /// Such a line was accepted when it arrived in one piece, and refused when it arrived in several.
    #[test]
    fn control_characters_in_a_status_line_are_refused() {
        for control in (0..0x20).chain([0x7f]).filter(|byte| !b"\t\n".contains(byte)) {
            for (before, after) in [
                (&b"HTTP/1.1 200 a"[..], &b"b"[..]),
                (b"HTTP/1.1 200 ", b""),
                (b"HTTP/1.1 200", b""),
                (b"HTTP/1.1 200", b" OK"),
                (b"HTTP/1.1 20", b"0 OK"),
                (b"HTTP/1.1", b" 200 OK"),
                (b"HTTP/1.", b"1 200 OK"),
            ] {
                let line = [before, &[control], after].concat();
                assert!(response(&line).is_err(), "{}", line.escape_ascii());
            }
        }
    }

    #[test]
    fn beginnings_that_lead_nowhere() {
        for (side, line) in [
            (Side::Request, &b"\x16\x03\x01"[..]),
            (Side::Request, b" GET"),
            (Side::Request, b"\0"),
            (Side::Request, b"G\0"),
            (Side::Request, b"GET\t"),
            (Side::Request, b"GET /\xff"),
            (Side::Response, b"X"),
            (Side::Response, b"\r"),
            (Side::Response, b"HTTPS"),
            (Side::Response, b"HTTP/1.1 200 O\x01"),
            (Side::Response, b"SSH-2.0"),
        ] {
            assert!(check_beginning(side, line, 0).is_err(), "{side:?} {line:?}");
        }
        for (side, line) in [
            (Side::Request, &b""[..]),
            (Side::Request, b"G"),
            (Side::Request, b"GET / HT"),
            (Side::Response, b""),
            (Side::Response, b"HT"),
            (Side::Response, b"HTTP/1.1 200 \xe9\t"),
        ] {
            assert_eq!(check_beginning(side, line, 0), Ok(()), "{side:?} {line:?}");
        }
    }
}
