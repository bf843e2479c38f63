//! A request as it is sent: the framing of its body, and its head as bytes.

use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderValue, Method, Version};

use super::conn::{Outgoing, OutgoingFraming, Withhold};
use super::content_type::BodyType;
use super::decode::Offer;
use super::fields::{Fields, transfer_encoding};
use super::hop::HopRequest;
use super::proxy::Proxy;
use super::route::Via;
use super::url::Url;
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::h1;
use crate::sync::channel::{Receiver, after, bounded, never, select};
use crate::text::counted;

/// Room for the head of most requests, in bytes.
const HEAD_ROOM: usize = 256;

/// The member of `Expect` by which the body waits for a 100 (RFC 9110 section 10.1.1).
const CONTINUE: &str = "100-continue";

/// How long the writer loop may take to return a body that it has not begun. It only has to be scheduled,
/// unless it still writes the head to a peer that reads nothing.
const GIVE_BACK_PATIENCE: Duration = Duration::from_secs(1);

/// A body that waits for a 100.
pub(super) struct WithheldBody(Receiver<Body>);

impl WithheldBody {
    /// Takes the body back once the exchange is over. Returns `None` if sending it has begun.
    ///
    /// # Blocking
    ///
    /// Blocks until the writer loop has returned the body or dropped it, at most for
    /// [`GIVE_BACK_PATIENCE`], or until `context` ends.
    pub(super) fn take_back(&self, context: Option<&Context>) -> Option<Body> {
        let done = context.map_or_else(never, |context| context.done().clone());
        select! {
            recv(self.0) -> body => body.ok(),
            recv(done) -> _ => None,
            recv(after(GIVE_BACK_PATIENCE)) -> _ => None,
        }
    }
}

/// Decides how the body is framed, and writes the head for a connection by `via`.
///
/// If the request expects a 100, its body waits for it, at most for `expect_timeout`. With `None` the
/// request is sent without that expectation.
///
/// # Errors
///
/// [`ErrorKind::InvalidMessage`] if the request cannot be sent as it is.
pub(super) fn prepare(
    hop: &HopRequest<'_>,
    via: &Via,
    body: Body,
    expect_timeout: Option<Duration>,
) -> Result<(Outgoing, Option<WithheldBody>)> {
    let (parts, fields) = (&hop.parts, hop.fields());
    if parts.headers.contains_key(TRANSFER_ENCODING) {
        return Err(transfer_encoding());
    }
    let content_type = BodyType::of(&body, fields);
    let (body, framing) = frame(parts, fields, body)?;
    let expected = fields.layer_of(&EXPECT);
    let asks = expected.contains_key(&EXPECT) && h1::has_token(expected, EXPECT, CONTINUE);
    let may_ask = !body.is_empty() && parts.version >= Version::HTTP_11;
    let limit = expect_timeout.filter(|_| asks && may_ask);
    let expectation = match limit {
        None if asks => ExpectField::WithoutContinue,
        _ => ExpectField::AsItStands,
    };
    let added = Added { offer: hop.offer, content_type, framing };
    let head = write_head(parts, (&hop.url, via), fields, added, expectation)?;
    let (expect, withheld) = limit.map(withhold).unzip();
    let closes = h1::request_persists(parts.version, fields.layer_of(&CONNECTION)).is_err();
    let method = parts.method.clone();
    Ok((Outgoing { method, head, expect, body, framing, closes }, withheld))
}

/// How the field Expect is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExpectField {
    AsItStands,
    WithoutContinue,
}

fn withhold(limit: Duration) -> (Box<Withhold>, WithheldBody) {
    let (give_back, given_back) = bounded(1);
    (Box::new(Withhold { limit, give_back }), WithheldBody(given_back))
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
            format!("Content-Length {declared} with a body of {}", counted(known, "byte")),
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

/// Returns `true` if the method's semantics expect a body, so that a Content-Length of 0 is sent without
/// one (RFC 9110 section 8.6).
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// The header fields beside those of the caller.
struct Added<'a> {
    /// The Accept-Encoding.
    offer: Option<&'a Offer>,
    content_type: Option<BodyType>,
    framing: OutgoingFraming,
}

fn write_head(
    parts: &Parts,
    (url, via): (&Url, &Via),
    fields: Fields<'_>,
    added: Added<'_>,
    expectation: ExpectField,
) -> Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_ROOM);
    let target = match via {
        Via::Forward(_) if parts.method != Method::CONNECT => {
            url.absolute_target(&parts.method).into()
        }
        _ => url.request_target(&parts.method),
    };
    h1::write_request_line(&mut head, &parts.method, &target, parts.version)
        .map_err(|error| Error::with_source(ErrorKind::InvalidMessage, error))?;
    // First on the wire, where servers look for it (RFC 9110 section 7.2).
    let host = fields.get(&HOST).map_or(url.authority().as_bytes(), HeaderValue::as_bytes);
    h1::write_field(&mut head, &HOST, host);
    write_proxy_authorization(&mut head, via, &parts.method, fields);
    match (expectation, &added.content_type) {
        (ExpectField::AsItStands, None | Some(BodyType::Added(_))) => fields.write(&mut head),
        (ExpectField::AsItStands, Some(BodyType::Completed(_))) => {
            fields.write_without(&mut head, &[CONTENT_TYPE]);
        }
        (ExpectField::WithoutContinue, content_type) => {
            let completed = matches!(content_type, Some(BodyType::Completed(_)));
            fields.write_without(&mut head, &[EXPECT, CONTENT_TYPE][..1 + usize::from(completed)]);
            write_other_expectations(&mut head, fields);
        }
    }
    if let Some(offer) = added.offer {
        head.extend_from_slice(offer.line());
    }
    if let Some(content_type) = added.content_type {
        h1::write_field(&mut head, &CONTENT_TYPE, content_type.value().as_bytes());
    }
    match added.framing {
        OutgoingFraming::Unsaid => {}
        OutgoingFraming::Length(length) => {
            h1::write_number_field(&mut head, &CONTENT_LENGTH, length);
        }
        OutgoingFraming::Chunked => h1::write_field(&mut head, &TRANSFER_ENCODING, b"chunked"),
    }
    h1::write_end(&mut head);
    Ok(head)
}

/// Writes the Proxy-Authorization of a request that a proxy receives, the caller's before the proxy's.
/// Only a proxy receives a CONNECT.
#[inline]
fn write_proxy_authorization(head: &mut Vec<u8>, via: &Via, method: &Method, fields: Fields<'_>) {
    let proxy = match via {
        Via::Forward(proxy) => Some(proxy),
        _ if *method == Method::CONNECT => None,
        _ => return,
    };
    let mut own = fields.layer_of(&PROXY_AUTHORIZATION).get_all(&PROXY_AUTHORIZATION).iter();
    match (own.next(), proxy.and_then(Proxy::authorization)) {
        (Some(first), _) => {
            for value in std::iter::once(first).chain(own) {
                h1::write_field(head, &PROXY_AUTHORIZATION, value.as_bytes());
            }
        }
        (None, Some(value)) => h1::write_field(head, &PROXY_AUTHORIZATION, value.as_bytes()),
        (None, None) => {}
    }
}

/// Writes the members of Expect other than `100-continue`.
fn write_other_expectations(head: &mut Vec<u8>, fields: Fields<'_>) {
    for value in fields.layer_of(&EXPECT).get_all(&EXPECT) {
        let members = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let others = members.filter(|member| !member.eq_ignore_ascii_case(CONTINUE.as_bytes()));
        for member in others.filter(|member| !member.is_empty()) {
            h1::write_field(head, &EXPECT, member);
        }
    }
}
