//! Content codings (RFC 9110 section 8.4): which are offered, and the decoding of a response's body.
//!
//! | file | contents |
//! | --- | --- |
//! | `mod.rs` | the decision about a response |
//! | `offer.rs` | [`Offer`]: the Accept-Encoding of requests |
//! | `encoded.rs` | [`Encoded`]: the header fields of a decoded response |
//! | `reader.rs` | [`Decoder`]: bytes in, bytes out; and the reader that runs one over a body |
//! | `gzip.rs` `deflate.rs` `brotli.rs` `zstd.rs` | the decoders |
//! | `absent.rs` | the stand-in for a coding whose feature is off |
//! | `options.rs` | the options of the builders |
//!
//! A request offers the codings that this build decodes, unless it has an `Accept-Encoding` or a `Range`.
//! Only the response to such an offer is decoded: see [`decode`].

#[cfg(not(all(feature = "gzip", feature = "brotli", feature = "zstd")))]
mod absent;
#[cfg(feature = "brotli")]
mod brotli;
#[cfg(feature = "gzip")]
mod deflate;
mod encoded;
#[cfg(feature = "gzip")]
mod gzip;
mod offer;
mod options;
mod reader;
#[cfg(all(test, feature = "gzip", not(hangup_shuttle)))]
mod tests;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(not(feature = "brotli"))]
use absent as brotli;
#[cfg(not(feature = "gzip"))]
use absent as gzip;
#[cfg(not(feature = "zstd"))]
use absent as zstd;

use std::mem;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Response, StatusCode};

use super::hop::HopRequest;
use super::response;
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use reader::{Decoder, decoded};

pub use encoded::Encoded;
pub(super) use offer::Offer;

/// How many codings of one body are undone. More than one is rare, and each has its memory.
const MAX_CODINGS: usize = 4;

/// Returns a hop with its offer among its header fields, for the user's code to see.
pub(super) fn show_offer(mut hop: HopRequest<'_>) -> HopRequest<'_> {
    if let Some(offer) = hop.offer {
        hop.parts.headers.insert(ACCEPT_ENCODING, offer.value().clone());
    }
    hop
}

/// Returns a hop that the user's code has passed on, with the offer that was `shown` to it, unless the code
/// has removed the field, changed it, or added a Range.
pub(super) fn hide_offer<'a>(mut hop: HopRequest<'a>, shown: Option<&'a Offer>) -> HopRequest<'a> {
    let headers = &mut hop.parts.headers;
    let mut values = headers.get_all(ACCEPT_ENCODING).iter();
    if values.next() == shown.map(Offer::value) && values.next().is_none() {
        headers.remove(ACCEPT_ENCODING);
        hop.offer = shown.filter(|_| !hop.fields().choose_coding());
    }
    hop
}

/// Decodes the body of a response to a request that offered content codings.
///
/// Leaves a response alone that has no body to decode: one to HEAD, 204, 304, and 206, whose body is a part
/// of the encoded one. Also leaves one alone that has a coding which this build does not know.
///
/// # Errors
///
/// [`ErrorKind::Decode`] if the body has more than [`MAX_CODINGS`] codings.
#[inline]
pub(super) fn decode(response: &mut Response<Body>, context: Option<&Context>) -> Result<()> {
    // Most responses have few fields, so that this costs less than a look-up.
    match response.headers().keys().any(|name| *name == CONTENT_ENCODING) {
        true => decode_body(response, context),
        false => Ok(()),
    }
}

#[inline(never)]
fn decode_body(response: &mut Response<Body>, context: Option<&Context>) -> Result<()> {
    let is_partial = matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
    );
    if is_partial || !response::offered_codings(response) {
        return Ok(());
    }
    let Some(decoders) = decoders(response.headers())? else { return Ok(()) };
    if !response.body().is_empty() {
        let body = mem::take(response.body_mut());
        *response.body_mut() = decoded(body, decoders, context);
    }
    let headers = response.headers_mut();
    let encoded = Encoded::new(headers);
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    response.extensions_mut().insert(encoded);
    Ok(())
}

/// Returns the decoders of a body in the order in which its codings were applied. Returns `None` if there is
/// nothing to decode, or a coding is unknown.
fn decoders(headers: &HeaderMap) -> Result<Option<Vec<Box<dyn Decoder>>>> {
    let names = coding_names(headers);
    if names.len() > MAX_CODINGS {
        let message = format!("it has {} content codings, the limit is {MAX_CODINGS}", names.len());
        return Err(Error::message(ErrorKind::Decode, message));
    }
    let decoders: Option<Vec<_>> = names.iter().map(|name| decoder(name)).collect();
    Ok(decoders.filter(|decoders| !decoders.is_empty()))
}

/// Returns the codings of a body in lower case, in the order in which they were applied, without `identity`.
fn coding_names(headers: &HeaderMap) -> Vec<String> {
    let fields = headers.get_all(CONTENT_ENCODING).iter();
    let members = fields.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let names =
        members.map(|member| String::from_utf8_lossy(member.trim_ascii()).to_ascii_lowercase());
    names.filter(|name| !name.is_empty() && name != "identity").collect()
}

fn decoder(name: &str) -> Option<Box<dyn Decoder>> {
    gzip::decoder(name).or_else(|| brotli::decoder(name)).or_else(|| zstd::decoder(name))
}
