//! A request as it goes out: how its body is framed, and its head, written.

use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Version};

use super::conn::{Outgoing, OutgoingFraming};
use super::fields::Fields;
use super::url::Url;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::h1;

/// Room for the head of most requests, in bytes.
const HEAD_ROOM: usize = 256;

/// Decides how the body is framed, and writes the head. A body that is to wait for a 100 waits at most
/// for `expect_timeout`.
pub(super) fn prepare(
    parts: &Parts,
    url: &Url,
    fields: Fields<'_>,
    body: Body,
    expect_timeout: Duration,
) -> Result<Outgoing> {
    let (body, framing) = frame(parts, fields, body)?;
    let head = write_head(parts, url, fields, framing)?;
    let expects = fields
        .get(&EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    Ok(Outgoing {
        method: parts.method.clone(),
        head,
        expect: (expects && !body.is_empty()).then_some(expect_timeout),
        body,
        framing,
        closes: h1::request_persists(parts.version, fields.layer_of(&CONNECTION)).is_err(),
    })
}

/// Decides how the body is framed (RFC 9112 section 6.1).
fn frame(parts: &Parts, fields: Fields<'_>, body: Body) -> Result<(Body, OutgoingFraming)> {
    // Only chunks have room for trailers.
    let (declared, known) = match body.has_trailers() {
        true => (None, None),
        false => {
            let declared = h1::declared_length(fields.layer_of(&CONTENT_LENGTH))
                .map_err(|error| Error::with_source(ErrorKind::InvalidMessage, error))?;
            (declared, body.len())
        }
    };
    match (declared, known) {
        (Some(declared), Some(known)) if declared != known => Err(Error::message(
            ErrorKind::InvalidMessage,
            format!("Content-Length {declared} with a body of {known} bytes"),
        )),
        (Some(declared), None) => {
            let body = Body::from_sized_reader(body, declared);
            Ok((body, OutgoingFraming::Length(declared)))
        }
        (None, Some(0)) if !expects_body(&parts.method) => Ok((body, OutgoingFraming::Unsaid)),
        (_, Some(known)) => Ok((body, OutgoingFraming::Length(known))),
        (None, None) if parts.version < Version::HTTP_11 => Err(Error::message(
            ErrorKind::InvalidMessage,
            "a body of unknown length cannot be sent by HTTP/1.0",
        )),
        (None, None) => Ok((body, OutgoingFraming::Chunked)),
    }
}

/// Whether the method's semantics foresee a body, so that its absence is to be said (RFC 9110
/// section 8.6).
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn write_head(
    parts: &Parts,
    url: &Url,
    fields: Fields<'_>,
    framing: OutgoingFraming,
) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_ROOM);
    let target = url.request_target(&parts.method);
    h1::write_request_line(&mut head, &parts.method, &target, parts.version)
        .map_err(|error| Error::with_source(ErrorKind::InvalidMessage, error))?;
    // First on the wire, where servers look for it (RFC 9110 section 7.2).
    let host = fields.get(&HOST).map_or(url.authority().as_bytes(), HeaderValue::as_bytes);
    h1::write_field(&mut head, &HOST, host);
    fields.write(&mut head);
    match framing {
        OutgoingFraming::Unsaid => {}
        OutgoingFraming::Length(length) => {
            h1::write_number_field(&mut head, &CONTENT_LENGTH, length);
        }
        OutgoingFraming::Chunked => h1::write_field(&mut head, &TRANSFER_ENCODING, b"chunked"),
    }
    h1::write_end(&mut head);
    Ok(head)
}
