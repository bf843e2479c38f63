//! The first line of a message (RFC 9112 sections 3 and 4).

use bytes::Bytes;
use http::{Method, StatusCode, Uri, Version};

use super::error::{Fault, Side};
use super::target;

/// A request line, read.
#[derive(Debug)]
pub(super) struct RequestLine {
    pub(super) method: Method,
    pub(super) target: Uri,
    pub(super) version: Version,
}

/// A status line, read.
#[derive(Debug)]
pub(super) struct StatusLine {
    pub(super) version: Version,
    pub(super) status: StatusCode,
    pub(super) reason: Option<Box<str>>,
}

/// Whether `line`, a start line that may still lack its end, can become one at all.
///
/// This is what tells a TLS handshake, or anything else that is not HTTP, from a slow peer: such
/// a connection is answered at once, it does not wait for an empty line that never comes. Of the
/// line only the bytes from `fresh` on are looked at; the bytes before passed an earlier look.
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
            if line[fresh..].iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
                return Err(Fault::StartLine("holds a control character"));
            }
        }
    }
    Ok(())
}

const PROTOCOL: &[u8] = b"HTTP/";

/// `tchar` of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Method, target and version with exactly one space between them. Two words would be HTTP/0.9,
/// which is not spoken here. The line lies in `shared`, and the target will.
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

/// Version, three digits, and a reason that may be empty. The space before an empty reason is
/// required by RFC 9112 section 4 and forgotten by many.
pub(super) fn parse_status(line: &[u8]) -> Result<StatusLine, Fault> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let version = parse_version(words.next().unwrap_or_default())?;
    let status = words.next().unwrap_or_default();
    let status = StatusCode::from_bytes(status)
        .map_err(|_| Fault::StartLine("the status is not three digits from 100 on"))?;
    let reason = String::from_utf8_lossy(words.next().unwrap_or_default());
    let reason = match status.canonical_reason() {
        Some(canonical) if canonical == reason => None,
        _ => Some(reason.into()),
    };
    Ok(StatusLine { version, status, reason })
}

fn parse_version(word: &[u8]) -> Result<Version, Fault> {
    match word {
        b"HTTP/1.1" => Ok(Version::HTTP_11),
        b"HTTP/1.0" => Ok(Version::HTTP_10),
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

    fn parse_line(line: &str) -> Result<RequestLine, Fault> {
        let line = Bytes::copy_from_slice(line.as_bytes());
        parse_request(&line, &line)
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
            let fault = parse_line(line).expect_err(line);
            assert!(matches!(fault, Fault::StartLine(_)), "{line}: {fault:?}");
        }
    }

    #[test]
    fn versions_of_other_times() {
        for version in ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"] {
            let fault = parse_line(&format!("GET / {version}")).unwrap_err();
            assert_eq!(fault, Fault::UnsupportedVersion, "{version}");
            let fault = parse_status(format!("{version} 200 OK").as_bytes()).unwrap_err();
            assert_eq!(fault, Fault::UnsupportedVersion, "{version}");
        }
    }

    #[test]
    fn extension_methods_are_tokens() {
        for method in ["PURGE", "M-SEARCH", "get", "a!#$%&'*+-.^_`|~9"] {
            let line = parse_line(&format!("{method} / HTTP/1.0")).unwrap();
            assert_eq!(line.method.as_str(), method);
            assert_eq!(line.version, Version::HTTP_10);
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
        ] {
            let read = parse_status(line.as_bytes()).expect(line);
            assert_eq!(read.status, status, "{line}");
            assert_eq!(read.reason.as_deref(), reason, "{line}");
        }
        let read = parse_status(b"HTTP/1.1 200 caf\xe9").unwrap();
        assert_eq!(read.reason.as_deref(), Some("caf\u{fffd}"));
    }

    #[test]
    fn status_lines_that_are_none() {
        for line in [
            "",
            "HTTP/1.1",
            "HTTP/1.1 ",
            "HTTP/1.1  200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 OK",
            "HTTP/1.1 +20 OK",
            "HTTP/1.1 2x0 OK",
            "HTTP/1.1\t200 OK",
            "http/1.1 200 OK",
            "HTTP/1 200 OK",
        ] {
            let fault = parse_status(line.as_bytes()).expect_err(line);
            assert!(matches!(fault, Fault::StartLine(_)), "{line}: {fault:?}");
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
