//! Persistence of connections: reuse, or the reason to close (RFC 9112 section 9.3).

use std::fmt;

use http::header::CONNECTION;
use http::{HeaderMap, HeaderName, Method, StatusCode, Version};

use super::framing::{Framing, ResponseFraming};
use super::list::elements;

/// The reason for which a connection is not reused. Client and server log it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer sent `Connection: close`.
    PeerAskedToClose,
    /// We sent, or will send, `Connection: close`.
    WeAskedToClose,
    /// The peer speaks HTTP/1.0 and did not ask to keep the connection.
    Http10,
    /// The response ends with the connection.
    UnframedResponse,
    /// The response had both Transfer-Encoding and Content-Length.
    SuspiciousFraming,
    /// The last response was an interim one (1xx), and the final one is missing.
    InterimResponse,
    /// The connection changed its protocol (101), became a tunnel (CONNECT), or was handed over.
    Upgraded,
    /// A body was not read to its end.
    BodyNotRead,
    /// The response was read before the request was fully written.
    RequestNotWritten,
    /// A request body that was announced with `Expect: 100-continue` was not requested.
    BodyNotAskedFor,
    /// The response was not fully written, or was shorter than announced.
    ResponseNotWritten,
    /// Bytes arrived that belong to no message.
    BytesLeftOver,
    /// The peer ended its stream.
    EndOfStream,
    /// The peer's message is not HTTP, or breaks its rules.
    Malformed,
    /// The TLS handshake failed.
    TlsFailed,
    /// Reading or writing failed.
    IoFailed,
    /// The handler failed or panicked.
    HandlerFailed,
    /// The call was cancelled or abandoned.
    Cancelled,
    /// A time limit ran out in the middle of an exchange.
    TimedOut,
    /// The connection reached its idle timeout.
    IdleTooLong,
    /// A limit was reached: on bytes, on requests of a connection, or on connections.
    LimitReached,
    /// The server or the client is shutting down.
    ShuttingDown,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CloseReason::PeerAskedToClose => "the peer asked to close",
            CloseReason::WeAskedToClose => "we asked to close",
            CloseReason::Http10 => "HTTP/1.0 without keep-alive",
            CloseReason::UnframedResponse => "the response ends with the connection",
            CloseReason::SuspiciousFraming => "a response with two kinds of framing",
            CloseReason::InterimResponse => "the final response is missing",
            CloseReason::Upgraded => "the connection has left HTTP",
            CloseReason::BodyNotRead => "a body was not read to its end",
            CloseReason::RequestNotWritten => "the request was not wholly written",
            CloseReason::BodyNotAskedFor => "the request body was not asked for",
            CloseReason::ResponseNotWritten => "the response was not wholly written",
            CloseReason::BytesLeftOver => "bytes arrived that belong to no message",
            CloseReason::EndOfStream => "the peer ended its stream",
            CloseReason::Malformed => "the peer sent a malformed message",
            CloseReason::TlsFailed => "the TLS handshake failed",
            CloseReason::IoFailed => "reading or writing failed",
            CloseReason::HandlerFailed => "the handler failed",
            CloseReason::Cancelled => "the call was cancelled",
            CloseReason::TimedOut => "a time limit ran out",
            CloseReason::IdleTooLong => "idle for too long",
            CloseReason::LimitReached => "a limit was reached",
            CloseReason::ShuttingDown => "shutting down",
        })
    }
}

/// Returns `Ok` if the sender of a request wants to keep the connection after the response.
///
/// ```
/// use hangup::h1::{CloseReason, request_persists};
/// use http::{HeaderMap, Version};
///
/// let none = HeaderMap::new();
/// assert_eq!(request_persists(Version::HTTP_11, &none), Ok(()));
/// assert_eq!(request_persists(Version::HTTP_10, &none), Err(CloseReason::Http10));
/// ```
///
/// # Errors
///
/// The reason to close the connection after this exchange.
pub fn request_persists(version: Version, headers: &HeaderMap) -> Result<(), CloseReason> {
    if has_token(headers, CONNECTION, "close") {
        return Err(CloseReason::PeerAskedToClose);
    }
    if version < Version::HTTP_11 && !has_token(headers, CONNECTION, "keep-alive") {
        return Err(CloseReason::Http10);
    }
    Ok(())
}

/// Returns `Ok` if a connection can be reused after the body of this response has been read.
///
/// # Errors
///
/// The reason to close the connection after this exchange.
pub fn response_persists(
    request_method: &Method,
    version: Version,
    status: StatusCode,
    headers: &HeaderMap,
    framing: ResponseFraming,
) -> Result<(), CloseReason> {
    if status == StatusCode::SWITCHING_PROTOCOLS || *request_method == Method::CONNECT {
        return Err(CloseReason::Upgraded);
    }
    if status.is_informational() {
        return Err(CloseReason::InterimResponse);
    }
    if framing.suspicious {
        return Err(CloseReason::SuspiciousFraming);
    }
    if framing.framing == Framing::UntilClose {
        return Err(CloseReason::UnframedResponse);
    }
    request_persists(version, headers)
}

/// Returns `true` if `token` is among the comma-separated elements of the fields called `name`, ignoring
/// case (RFC 9110 section 5.6.1).
pub fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let mut all = headers.get_all(name).iter().flat_map(elements);
    all.any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const HTTP_10: Version = Version::HTTP_10;
    const HTTP_11: Version = Version::HTTP_11;
    const FRAMED: ResponseFraming =
        ResponseFraming { framing: Framing::Length(5), suspicious: false };

    fn connection(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (CONNECTION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_connection_field_decides_on_reuse() {
        let asked = Err(CloseReason::PeerAskedToClose);
        let old = Err(CloseReason::Http10);
        for (values, in_http_11, in_http_10) in [
            (&[][..], Ok(()), old),
            (&[""], Ok(()), old),
            (&["keep-alive"], Ok(()), Ok(())),
            (&["Keep-Alive"], Ok(()), Ok(())),
            (&["upgrade, keep-alive"], Ok(()), Ok(())),
            (&["upgrade", "keep-alive"], Ok(()), Ok(())),
            (&["keep-alive-not"], Ok(()), old),
            (&["close"], asked, asked),
            (&["CLOSE"], asked, asked),
            (&["te,close"], asked, asked),
            (&["te ,\tclose\t, x"], asked, asked),
            (&["te", "close"], asked, asked),
            (&["keep-alive, close"], asked, asked),
            (&["close", "keep-alive"], asked, asked),
            (&["closed", "clos", "close x"], Ok(()), old),
        ] {
            let headers = connection(values);
            assert_eq!(request_persists(HTTP_11, &headers), in_http_11, "{values:?}");
            assert_eq!(request_persists(HTTP_10, &headers), in_http_10, "{values:?}");
            for (version, verdict) in [(HTTP_11, in_http_11), (HTTP_10, in_http_10)] {
                let response =
                    response_persists(&Method::GET, version, StatusCode::OK, &headers, FRAMED);
                assert_eq!(response, verdict, "{values:?}");
            }
        }
    }

    #[test]
    fn tokens_beside_bytes_beyond_ascii_are_found() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_bytes(b"\xe9, close").unwrap());
        assert!(has_token(&headers, CONNECTION, "close"));
    }

    #[test]
    fn responses_that_end_their_connection() {
        use CloseReason::*;
        let none = HeaderMap::new();
        let unframed = ResponseFraming { framing: Framing::UntilClose, suspicious: false };
        let suspicious = ResponseFraming { framing: Framing::Chunked, suspicious: true };
        for (method, status, framing, verdict) in [
            (Method::GET, 200, FRAMED, Ok(())),
            (Method::GET, 500, FRAMED, Ok(())),
            (Method::GET, 100, FRAMED, Err(InterimResponse)),
            (Method::GET, 103, FRAMED, Err(InterimResponse)),
            (Method::GET, 101, FRAMED, Err(Upgraded)),
            (Method::CONNECT, 200, FRAMED, Err(Upgraded)),
            (Method::CONNECT, 407, FRAMED, Err(Upgraded)),
            (Method::GET, 200, unframed, Err(UnframedResponse)),
            (Method::GET, 200, suspicious, Err(SuspiciousFraming)),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let response = response_persists(&method, HTTP_11, status, &none, framing);
            assert_eq!(response, verdict, "{method} {status} {framing:?}");
        }
    }
}
