//! The checks of a handshake (RFC 6455 section 4.2.1), without input and output.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{
    ALLOW, CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Method, StatusCode, Version};

use crate::h1::has_token;
use crate::{Error, Request, Result};

/// The text that proves that the server has understood the key (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The length of a key in bytes, when it is decoded.
const KEY_LENGTH: usize = 16;

/// Base64 with padding. The bits of the last digit that belong to no byte may have any value, since some
/// clients choose the digits at random.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// Checks that `request` is a handshake. Returns the value of `Sec-WebSocket-Accept`.
pub(super) fn check(request: &Request) -> Result<HeaderValue> {
    let headers = request.headers();
    if *request.method() != Method::GET {
        let error = Error::status(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket begins with GET");
        return Err(error.with_header(ALLOW, HeaderValue::from_static("GET")));
    }
    // A server ignores Upgrade in an HTTP/1.0 request (RFC 9110 section 7.8).
    let asks = request.version() >= Version::HTTP_11
        && has_token(headers, CONNECTION, "upgrade")
        && has_token(headers, UPGRADE, "websocket");
    if !asks {
        return Err(upgrade_required("this resource speaks WebSocket only"));
    }
    let is_13 = |version: &HeaderValue| version.as_bytes().trim_ascii() == b"13";
    if !only(headers, &SEC_WEBSOCKET_VERSION).is_some_and(is_13) {
        return Err(upgrade_required("the only version of WebSocket here is 13"));
    }
    if !request.body().is_empty() {
        return Err(bad_request("a handshake has no body"));
    }
    let key = only(headers, &SEC_WEBSOCKET_KEY).map(|key| key.as_bytes().trim_ascii());
    match key.filter(|key| is_key(key)) {
        Some(key) => proof(key),
        None => Err(bad_request("Sec-WebSocket-Key is not 16 bytes in Base64")),
    }
}

/// Returns the first of the server's subprotocols that the client offers (RFC 6455 section 4.2.2). Names
/// are case-sensitive.
pub(super) fn choose_protocol<'a>(
    protocols: &'a [HeaderValue],
    headers: &HeaderMap,
) -> Option<&'a HeaderValue> {
    let offered = || {
        let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
    };
    protocols.iter().find(|protocol| offered().any(|name| name == protocol.as_bytes()))
}

/// Returns `true` for a token (RFC 9110 section 5.6.2).
pub(super) fn is_token(name: &[u8]) -> bool {
    let is_token_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(is_token_byte)
}

/// Returns the value of a field that occurs once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn is_key(key: &[u8]) -> bool {
    let mut decoded = [0; KEY_LENGTH + 2];
    BASE64.decode_slice(key, &mut decoded) == Ok(KEY_LENGTH)
}

/// Returns the proof that the server has read `key`.
fn proof(key: &[u8]) -> Result<HeaderValue> {
    let mut hash = sha1_smol::Sha1::from(key);
    hash.update(GUID);
    HeaderValue::try_from(BASE64.encode(hash.digest().bytes())).map_err(Error::other)
}

/// Makes the error of a request that does not ask for WebSocket 13 (RFC 9110 section 15.5.22, RFC 6455
/// section 4.4).
fn upgrade_required(text: &str) -> Error {
    let value = HeaderValue::from_static;
    // Upgrade is a field of the connection, so Connection names it (RFC 9110 section 7.8).
    Error::status(StatusCode::UPGRADE_REQUIRED, text)
        .with_header(UPGRADE, value("websocket"))
        .with_header(CONNECTION, value("upgrade"))
        .with_header(SEC_WEBSOCKET_VERSION, value("13"))
}

fn bad_request(text: &str) -> Error {
    Error::status(StatusCode::BAD_REQUEST, text)
}
