//! The length of a body (RFC 9112 section 6).
//!
//! The length decides where the next message starts. If two recipients on one path decide differently, a
//! request can be smuggled past one of them. So any ambiguity in a request is an error, never a guess.

use std::fmt;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode, Version};

use super::list::elements;

/// The way in which the end of a body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// There is no body, whatever the fields say.
    Empty,
    /// The body has this many bytes. The peer chose the number: never allocate that much in advance.
    Length(u64),
    /// The body is sent in chunks, and an empty chunk ends it.
    Chunked,
    /// The body ends with the connection (responses only). A truncated body looks like a whole one.
    UntilClose,
}

/// The framing of a response, and whether it is trustworthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseFraming {
    /// The way in which the end of the body is marked.
    pub framing: Framing,
    /// The response has both Transfer-Encoding and Content-Length. Its body can be read, but the
    /// connection must not be used again (RFC 9112 section 6.1).
    pub suspicious: bool,
}

/// The error of a message whose length is ambiguous or unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// Content-Length is not one number that fits into 64 bits.
    ContentLength,
    /// Content-Length is repeated in a request, or repeated with different numbers in a response.
    SeveralContentLengths,
    /// A request has both Transfer-Encoding and Content-Length.
    BothLengthAndEncoding,
    /// A message of HTTP/1.0 has Transfer-Encoding, which that version does not define.
    EncodingInHttp10,
    /// Transfer-Encoding has an empty element, or is empty.
    EmptyEncoding,
    /// The chunked coding is not the last one, is repeated, or has parameters.
    MisplacedChunked,
    /// The transfer coding is not chunked.
    UnknownCoding,
}

impl ResponseFraming {
    /// Creates a framing that is not [suspicious](Self::suspicious).
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self { framing, suspicious: false }
    }
}

impl FramingError {
    /// Returns the status of the response to such a request: 501 for an unknown coding, else 400.
    pub fn status(&self) -> StatusCode {
        match self {
            FramingError::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl std::error::Error for FramingError {}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FramingError::ContentLength => "Content-Length is not a decimal number of 64 bits",
            FramingError::SeveralContentLengths => "more than one Content-Length",
            FramingError::BothLengthAndEncoding => "both Transfer-Encoding and Content-Length",
            FramingError::EncodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
            FramingError::EmptyEncoding => "Transfer-Encoding with an empty element",
            FramingError::MisplacedChunked => "Transfer-Encoding: chunked is not the last coding",
            FramingError::UnknownCoding => "Transfer-Encoding other than chunked",
        })
    }
}

/// Decides the length of a request's body.
///
/// ```
/// use hangup::h1::{Framing, request_framing};
/// use http::{HeaderMap, HeaderValue, Version, header::CONTENT_LENGTH};
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(request_framing(Version::HTTP_11, &headers), Ok(Framing::Empty));
/// headers.append(CONTENT_LENGTH, HeaderValue::from_static("5"));
/// assert_eq!(request_framing(Version::HTTP_11, &headers), Ok(Framing::Length(5)));
/// headers.append(CONTENT_LENGTH, HeaderValue::from_static("5"));
/// assert!(request_framing(Version::HTTP_11, &headers).is_err());
/// ```
///
/// # Errors
///
/// The length is ambiguous: Content-Length is not one plain number, given once, or Transfer-Encoding is
/// beside it, in HTTP/1.0, or other than `chunked`.
pub fn request_framing(version: Version, headers: &HeaderMap) -> Result<Framing, FramingError> {
    if headers.contains_key(TRANSFER_ENCODING) {
        check_encoding(version, headers)?;
        if headers.contains_key(CONTENT_LENGTH) {
            return Err(FramingError::BothLengthAndEncoding);
        }
        return Ok(Framing::Chunked);
    }
    Ok(declared_length(headers)?.map_or(Framing::Empty, Framing::Length))
}

/// Decides the length of the body of a response to a request with `request_method`.
///
/// # Errors
///
/// Content-Length or Transfer-Encoding is invalid. Repeated equal numbers count as one (RFC 9112 section
/// 6.3): some servers and proxies send them, and no recipient behind a client could be misled.
pub fn response_framing(
    request_method: &Method,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
) -> Result<ResponseFraming, FramingError> {
    let encoded = headers.contains_key(TRANSFER_ENCODING);
    let suspicious = encoded && headers.contains_key(CONTENT_LENGTH);
    let framing = if is_bodiless(request_method, status) {
        Framing::Empty
    } else if encoded {
        check_encoding(version, headers)?;
        Framing::Chunked
    } else {
        equal_lengths(headers)?.map_or(Framing::UntilClose, Framing::Length)
    };
    Ok(ResponseFraming { framing, suspicious })
}

/// Returns `true` if a response ends with its head, whatever its fields say (RFC 9112 section 6.3, first
/// and second rule). Content-Length is then the length of a body that was not sent.
pub fn is_bodiless(request_method: &Method, status: StatusCode) -> bool {
    let tunnel = *request_method == Method::CONNECT && status.is_success();
    let silent = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    tunnel || silent || status.is_informational() || *request_method == Method::HEAD
}

/// Passes Transfer-Encoding if it is `chunked` and nothing else.
fn check_encoding(version: Version, headers: &HeaderMap) -> Result<(), FramingError> {
    if version < Version::HTTP_11 {
        return Err(FramingError::EncodingInHttp10);
    }
    let mut unknown = false;
    let mut after_chunked = false;
    for coding in headers.get_all(TRANSFER_ENCODING).iter().flat_map(elements) {
        let (name, has_parameters) = match coding.iter().position(|byte| *byte == b';') {
            Some(end) => (coding[..end].trim_ascii(), true),
            None => (coding, false),
        };
        if coding.is_empty() {
            return Err(FramingError::EmptyEncoding);
        }
        let chunked = name.eq_ignore_ascii_case(b"chunked");
        if after_chunked || (chunked && has_parameters) {
            return Err(FramingError::MisplacedChunked);
        }
        after_chunked |= chunked;
        unknown |= !chunked;
    }
    if unknown { Err(FramingError::UnknownCoding) } else { Ok(()) }
}

/// The length that a message declares with one plain number, given once: all that a request may do,
/// and all that a sender should.
///
/// # Errors
///
/// A Content-Length that is not a number, or given more than once.
pub fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, FramingError> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => parse_length(value.as_bytes()).map(Some),
        (Some(_), Some(_)) => Err(FramingError::SeveralContentLengths),
    }
}

/// The one number that all the fields and all their elements agree on.
fn equal_lengths(headers: &HeaderMap) -> Result<Option<u64>, FramingError> {
    // Nearly always there is one, and it is one number.
    if let Ok(agreed) = declared_length(headers) {
        return Ok(agreed);
    }
    let mut agreed = None;
    for element in headers.get_all(CONTENT_LENGTH).iter().flat_map(elements) {
        let length = parse_length(element)?;
        match agreed {
            Some(other) if other != length => return Err(FramingError::SeveralContentLengths),
            _ => agreed = Some(length),
        }
    }
    Ok(agreed)
}

/// `1*DIGIT`: no sign, no space, no other base.
fn parse_length(digits: &[u8]) -> Result<u64, FramingError> {
    if digits.is_empty() {
        return Err(FramingError::ContentLength);
    }
    digits
        .iter()
        .try_fold(0_u64, |length, byte| {
            let digit = u64::from(char::from(*byte).to_digit(10)?);
            length.checked_mul(10)?.checked_add(digit)
        })
        .ok_or(FramingError::ContentLength)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::FramingError::*;
    use super::*;

    const HTTP_10: Version = Version::HTTP_10;
    const HTTP_11: Version = Version::HTTP_11;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn lengths(values: &[&'static str]) -> HeaderMap {
        fields(&values.iter().map(|value| ("content-length", *value)).collect::<Vec<_>>())
    }

    fn encodings(values: &[&'static str]) -> HeaderMap {
        fields(&values.iter().map(|value| ("transfer-encoding", *value)).collect::<Vec<_>>())
    }

    fn get(headers: &HeaderMap) -> Result<Framing, FramingError> {
        response_framing(&Method::GET, StatusCode::OK, HTTP_11, headers).map(|f| f.framing)
    }

    #[test]
    fn without_fields() {
        let none = HeaderMap::new();
        assert_eq!(request_framing(HTTP_11, &none), Ok(Framing::Empty));
        assert_eq!(request_framing(HTTP_10, &none), Ok(Framing::Empty));
        assert_eq!(get(&none), Ok(Framing::UntilClose));
    }

    #[test]
    fn lengths_that_are_numbers() {
        for (value, length) in [
            ("0", 0),
            ("5", 5),
            ("005", 5),
            ("18446744073709551615", u64::MAX),
            ("00000000000000000000000018446744073709551615", u64::MAX),
        ] {
            assert_eq!(request_framing(HTTP_11, &lengths(&[value])), Ok(Framing::Length(length)));
            assert_eq!(get(&lengths(&[value])), Ok(Framing::Length(length)));
        }
    }

    #[test]
    fn signs_spaces_other_bases_and_overflow_are_no_numbers() {
        for value in [
            "",
            "+5",
            "-5",
            "5 5",
            "5\t",
            " 5",
            "0x5",
            "5a",
            "a",
            "5.0",
            "5e1",
            "1_000",
            "\"5\"",
            "18446744073709551616",
            "99999999999999999999",
            "5;a",
        ] {
            let verdict = request_framing(HTTP_11, &lengths(&[value]));
            assert_eq!(verdict, Err(ContentLength), "{value:?}");
            if value.trim() == value {
                assert_eq!(get(&lengths(&[value])), Err(ContentLength), "{value:?}");
            }
        }
    }

    #[test]
    fn repeated_lengths_are_refused_in_requests_even_if_equal() {
        for values in [&["5", "5"][..], &["5", "6"], &["5", ""]] {
            let verdict = request_framing(HTTP_11, &lengths(values));
            assert_eq!(verdict, Err(SeveralContentLengths), "{values:?}");
        }
        for value in ["5, 5", "5,5", "5, 6", "5,", ",5"] {
            let verdict = request_framing(HTTP_11, &lengths(&[value]));
            assert_eq!(verdict, Err(ContentLength), "{value:?}");
        }
    }

    #[test]
    fn repeated_lengths_count_once_in_responses_if_all_are_equal() {
        for values in [&["5", "5"][..], &["5, 5"], &["5,5", "05"]] {
            assert_eq!(get(&lengths(values)), Ok(Framing::Length(5)), "{values:?}");
        }
        for values in [&["5", "6"][..], &["5, 6"], &["5,5", "6"]] {
            assert_eq!(get(&lengths(values)), Err(SeveralContentLengths), "{values:?}");
        }
        for values in [&["5,"][..], &["5", ""], &["5, x"]] {
            assert_eq!(get(&lengths(values)), Err(ContentLength), "{values:?}");
        }
    }

    #[test]
    fn chunked_in_any_case() {
        for value in ["chunked", "Chunked", "CHUNKED"] {
            assert_eq!(request_framing(HTTP_11, &encodings(&[value])), Ok(Framing::Chunked));
            assert_eq!(get(&encodings(&[value])), Ok(Framing::Chunked));
        }
    }

    #[test]
    fn transfer_encodings_that_are_refused() {
        for (values, error, status) in [
            (&[""][..], EmptyEncoding, 400),
            (&["chunked,"], EmptyEncoding, 400),
            (&[",chunked"], EmptyEncoding, 400),
            (&["", "chunked"], EmptyEncoding, 400),
            (&["chunked, chunked"], MisplacedChunked, 400),
            (&["chunked", "chunked"], MisplacedChunked, 400),
            (&["chunked, gzip"], MisplacedChunked, 400),
            (&["chunked", "identity"], MisplacedChunked, 400),
            (&["chunked;a=b"], MisplacedChunked, 400),
            (&["chunked ;"], MisplacedChunked, 400),
            (&["gzip, chunked"], UnknownCoding, 501),
            (&["gzip", "chunked"], UnknownCoding, 501),
            (&["gzip"], UnknownCoding, 501),
            (&["identity"], UnknownCoding, 501),
            (&["identity, chunked"], UnknownCoding, 501),
            (&["xchunked"], UnknownCoding, 501),
            (&["chunke"], UnknownCoding, 501),
            (&["\"chunked\""], UnknownCoding, 501),
            (&["chunked chunked"], UnknownCoding, 501),
            (&["a;b=\"c, chunked\""], UnknownCoding, 501),
        ] {
            let verdict = request_framing(HTTP_11, &encodings(values));
            assert_eq!(verdict, Err(error), "{values:?}");
            assert_eq!(verdict.unwrap_err().status(), status, "{values:?}");
            assert_eq!(get(&encodings(values)), Err(error), "{values:?}");
        }
    }

    #[test]
    fn transfer_encoding_in_http_10_is_refused() {
        let headers = encodings(&["chunked"]);
        assert_eq!(request_framing(HTTP_10, &headers), Err(EncodingInHttp10));
        let response = response_framing(&Method::GET, StatusCode::OK, HTTP_10, &headers);
        assert_eq!(response, Err(EncodingInHttp10));
        assert_eq!(EncodingInHttp10.status(), 400);
    }

    #[test]
    fn both_length_and_encoding_are_refused_in_requests() {
        let headers = fields(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        let verdict = request_framing(HTTP_11, &headers);
        assert_eq!(verdict, Err(BothLengthAndEncoding));
        assert_eq!(BothLengthAndEncoding.status(), 400);
    }

    #[test]
    fn both_length_and_encoding_make_a_response_suspicious() {
        let headers = fields(&[("content-length", "5"), ("transfer-encoding", "chunked")]);
        let response = response_framing(&Method::GET, StatusCode::OK, HTTP_11, &headers).unwrap();
        assert_eq!(response, ResponseFraming { framing: Framing::Chunked, suspicious: true });
        let head = response_framing(&Method::HEAD, StatusCode::OK, HTTP_11, &headers).unwrap();
        assert_eq!(head, ResponseFraming { framing: Framing::Empty, suspicious: true });
        for headers in [lengths(&["5"]), encodings(&["chunked"]), HeaderMap::new()] {
            let response = response_framing(&Method::GET, StatusCode::OK, HTTP_11, &headers);
            assert!(!response.unwrap().suspicious);
        }
    }

    #[test]
    fn responses_without_a_body_whatever_they_say() {
        for headers in [lengths(&["5"]), encodings(&["chunked"]), HeaderMap::new(), lengths(&["x"])]
        {
            for (method, status, empty) in [
                (Method::HEAD, 200, true),
                (Method::HEAD, 404, true),
                (Method::GET, 100, true),
                (Method::GET, 101, true),
                (Method::GET, 103, true),
                (Method::GET, 204, true),
                (Method::GET, 304, true),
                (Method::CONNECT, 200, true),
                (Method::CONNECT, 299, true),
                (Method::CONNECT, 407, false),
                (Method::GET, 205, false),
                (Method::GET, 200, false),
            ] {
                let status = StatusCode::from_u16(status).unwrap();
                let framing = response_framing(&method, status, HTTP_11, &headers);
                let is_empty = framing.is_ok_and(|f| f.framing == Framing::Empty);
                assert_eq!(is_empty, empty, "{method} {status} {headers:?}");
            }
        }
    }
}
