//! Reading the head of a program's response (RFC 3875 section 6).

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::local_redirect::IsLocalRedirect;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::h1::{HeadScanner, Limits, declared_length};
use crate::handler::Response;

/// Stands for the status line that a program does not write, so that one parser reads all heads.
const STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// The field with the status.
const STATUS: HeaderName = HeaderName::from_static("status");

/// The fields that are not passed on. All but the first concern a connection that the program does not
/// have (RFC 3875 section 6.3.4).
const NOT_PASSED_ON: [HeaderName; 7] = [
    STATUS,
    CONNECTION,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Reads the head of one response.
pub(crate) struct ProgramHeadReader {
    scanner: HeadScanner,
    bytes: Vec<u8>,
    limits: Limits,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct ProgramHead {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The length that the program declares.
    pub(crate) length: Option<u64>,
    /// The program asks for the response to another path of this server (RFC 3875 section 6.2.2).
    pub(crate) is_local_redirect: bool,
}

/// Returns the response with this head.
pub(crate) fn program_response(head: ProgramHead, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    if head.is_local_redirect {
        response.extensions_mut().insert(IsLocalRedirect);
    }
    response
}

impl ProgramHeadReader {
    /// `max_bytes`: the size of the largest head.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let limits = Limits::new().with_max_bytes(max_bytes.saturating_add(STATUS_LINE.len()));
        Self { scanner: HeadScanner::default(), bytes: STATUS_LINE.to_vec(), limits }
    }

    /// Returns `true` if nothing was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == STATUS_LINE.len()
    }

    /// Adds output of the program. Returns the head once it is complete, with the start of the body.
    pub(crate) fn read(&mut self, output: &[u8]) -> Result<Option<(ProgramHead, Vec<u8>)>> {
        self.bytes.extend_from_slice(output);
        let scanned = self.scanner.response(&self.bytes, &self.limits).map_err(|error| {
            let kind = match error.is_too_large() {
                true => ErrorKind::TooLarge,
                false => ErrorKind::MalformedMessage,
            };
            Error::with_source(kind, error)
        })?;
        let Some((head, used)) = scanned else { return Ok(None) };
        let head = interpret(head.headers)?;
        Ok(Some((head, self.bytes.split_off(used))))
    }
}

fn interpret(mut headers: HeaderMap) -> Result<ProgramHead> {
    if [STATUS, LOCATION, CONTENT_TYPE].iter().any(|name| headers.get_all(name).iter().count() > 1)
    {
        return Err(malformed("Status, Location or Content-Type is repeated"));
    }
    if headers.is_empty() {
        return Err(malformed("head has no field"));
    }
    let given = headers.get(STATUS).map(parse_status).transpose()?;
    let location = headers.get(LOCATION);
    let status = given.unwrap_or(match location {
        Some(_) => StatusCode::FOUND,
        None => StatusCode::OK,
    });
    let is_local = |location: &HeaderValue| {
        location.as_bytes().starts_with(b"/") && !location.as_bytes().starts_with(b"//")
    };
    let is_local_redirect = given.is_none() && location.is_some_and(is_local);
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    let length = one_length(&mut headers)?;
    Ok(ProgramHead { status, headers, length, is_local_redirect })
}

/// Returns the declared length. Equal lengths count once.
fn one_length(headers: &mut HeaderMap) -> Result<Option<u64>> {
    let lengths: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().cloned().collect();
    if let [first, others @ ..] = &lengths[..] {
        if !others.is_empty() && others.iter().all(|other| other == first) {
            headers.insert(CONTENT_LENGTH, first.clone());
        }
    }
    declared_length(headers).map_err(|error| Error::with_source(ErrorKind::MalformedMessage, error))
}

/// Parses the value of Status: three digits, and an optional phrase (RFC 3875 section 6.3.3).
fn parse_status(value: &HeaderValue) -> Result<StatusCode> {
    let value = value.as_bytes();
    let (digits, rest) = value.split_at_checked(3).unwrap_or((b"", value));
    let ends = rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t'));
    let status = StatusCode::from_bytes(digits).ok().filter(|status| {
        // An interim status would make the client wait for another response.
        ends && !status.is_informational()
    });
    status.ok_or_else(|| {
        let shown = &value[..value.len().min(40)];
        malformed(format!("Status is invalid: {:?}", shown.escape_ascii().to_string()))
    })
}

fn malformed(message: impl Into<Box<str>>) -> Error {
    Error::message(ErrorKind::MalformedMessage, message)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(ProgramHead, Vec<u8>)> {
        let whole = ProgramHeadReader::new(1000).read(text.as_bytes());
        for at in 0..text.len() {
            let mut reader = ProgramHeadReader::new(1000);
            let (start, rest) = text.as_bytes().split_at(at);
            match (reader.read(start), &whole) {
                (Ok(None), Ok(Some((head, body)))) => {
                    let (again, rest) = reader.read(rest).unwrap().expect(text);
                    assert_eq!((again.status, &again.headers), (head.status, &head.headers));
                    assert_eq!(&rest, body, "{at}");
                }
                (Ok(None), Err(_)) => assert!(reader.read(rest).is_err(), "{at} {text:?}"),
                (Ok(Some((head, _))), Ok(Some((other, _)))) => {
                    assert_eq!(head.status, other.status, "{at}");
                }
                (outcome, _) => assert!(outcome.is_err() && whole.is_err(), "{at} {text:?}"),
            }
        }
        whole.map(|found| found.expect("a complete head"))
    }

    #[test]
    fn h12_a_head_is_read_at_every_split() {
        for (text, status, length, local, body) in [
            ("Content-Type: a/b\r\n\r\nbody", 200, None, false, "body"),
            ("Content-Type: a/b\n\nbody", 200, None, false, "body"),
            ("Status: 404 Not Found\r\n\r\n", 404, None, false, ""),
            ("Status: 404\nContent-Length: 3\n\nabc", 404, Some(3), false, "abc"),
            ("status:299 x y z\n\n", 299, None, false, ""),
            ("X: y\nStatus: 201\n\n", 201, None, false, ""),
            ("Location: http://a.test/\n\n", 302, None, false, ""),
            ("Location: /b?c\n\n", 302, None, true, ""),
            ("Location: //b.test/c\n\n", 302, None, false, ""),
            ("Status: 301 Moved\nLocation: /b\n\n", 301, None, false, ""),
            ("Status: 200\nLocation: /b\n\n", 200, None, false, ""),
            ("Content-Length: 5\nContent-Length: 5\n\n12345", 200, Some(5), false, "12345"),
            ("Content-Type : a/b\n folded\n\n", 200, None, false, ""),
        ] {
            let (head, rest) = read(text).expect(text);
            assert_eq!(head.status, status, "{text:?}");
            assert_eq!((head.length, head.is_local_redirect), (length, local), "{text:?}");
            assert_eq!(rest, body.as_bytes(), "{text:?}");
            assert!(head.headers.get_all(CONTENT_LENGTH).iter().count() <= 1);
        }
    }

    #[test]
    fn h12_fields_of_a_connection_are_not_passed_on() {
        let text = "Status: 200\nConnection: close\nTransfer-Encoding: chunked\nKeep-Alive: 1\n\
                    Upgrade: x\nTrailer: y\nProxy-Connection: z\nX: kept\n\n";
        let (head, _) = read(text).unwrap();
        assert_eq!(head.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn h12_a_malformed_head_is_an_error() {
        for text in [
            "\n",
            "\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n",
            "HTTP/1.0 200 OK\n\n",
            "hello\n\n",
            "a b: c\n\n",
            ": c\n\n",
            "a: b\0\n\n",
            "Status: 20\n\n",
            "Status: 2000\n\n",
            "Status: OK\n\n",
            "Status: 099\n\n",
            "Status: 100 Continue\n\n",
            "Status: 101\n\n",
            "Status:\n\n",
            "Status: 200\nStatus: 200\n\n",
            "Location: /a\nLocation: /b\n\n",
            "Content-Type: a/b\nContent-Type: c/d\n\n",
            "Content-Length: -1\n\n",
            "Content-Length: 1, 1\n\n",
            "Content-Length: 1\nContent-Length: 2\n\n",
            "Content-Length: 99999999999999999999\n\n",
        ] {
            let kind = read(text).expect_err(text).kind();
            assert_eq!(kind, ErrorKind::MalformedMessage, "{text:?}");
        }
        let kind = |text: &str| read(text).expect_err(text).kind();
        assert_eq!(kind(&format!("A: {}\n\n", "x".repeat(1000))), ErrorKind::TooLarge);
        assert_eq!(kind(&"a:\n".repeat(400)), ErrorKind::TooLarge);
        let mut reader = ProgramHeadReader::new(1 << 20);
        let error = reader.read(&b"a:\n".repeat(1001)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert!(!reader.is_empty());
    }
}
