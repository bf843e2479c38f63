//! The request as it is forwarded, and the response as it is passed on.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderValue, MAX_FORWARDS, TE, TRAILER,
    UPGRADE,
};
use http::{Method, Uri, Version};

use super::forwarded::is_about_the_client;
use super::hop_by_hop::{self, HopByHop};
use super::options::Options;
use super::target;
use crate::h1::{declared_length, has_token};
use crate::{Request, Response, Result};

/// Prepares the request for the upstreams, and takes the body out of the received one.
///
/// # Errors
///
/// The response to a request that is not forwarded.
pub(super) fn request(options: &Options, received: &mut Request) -> Result<Request> {
    let target = target::forwarded(received.uri(), &options.prefix)?;
    let body = std::mem::take(received.body_mut());
    let upgrade = hop_by_hop::upgrade(received.headers(), received.version());
    // Its body would have to end before the other protocol begins.
    let upgrade = upgrade.filter(|_| body.is_empty());
    let is_streamed = body.len().is_none();
    let body = match is_streamed && !options.trusts(received) {
        // An upstream may add the trailers to the header.
        true => body.without_trailers(is_about_the_client),
        false => body,
    };
    let mut request = Request::new(body);
    *request.method_mut() = received.method().clone();
    *request.uri_mut() = Uri::from(target);
    let headers = request.headers_mut();
    copy_fields(headers, options, received, is_streamed);
    if has_token(received.headers(), TE, "trailers") {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("TE"));
    }
    if let Some(protocols) = upgrade {
        headers.insert(UPGRADE, protocols);
        headers.append(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    options.forwarded.add_to(headers, received);
    if let Some(pseudonym) = &options.pseudonym {
        pseudonym.add_to(headers, received.version());
    }
    Ok(request)
}

/// Copies the fields that are forwarded as they are. The body decides on its framing.
fn copy_fields(headers: &mut HeaderMap, options: &Options, received: &Request, is_streamed: bool) {
    let hops = HopByHop::of(received.headers());
    let trusts = options.trusts(received);
    let old = received.version() < Version::HTTP_11;
    headers.reserve(received.headers().len() + 4);
    for (name, value) in received.headers() {
        let left_out = match *name {
            CONTENT_LENGTH => true,
            HOST => !options.preserve_host,
            // Only chunks have trailers.
            TRAILER => !is_streamed,
            // RFC 9110 section 10.1.1.
            EXPECT => old,
            _ => hops.contains(name) || (!trusts && is_about_the_client(name)),
        };
        if !left_out {
            headers.append(name.clone(), value.clone());
        }
    }
    if let Some(left) = max_forwards(received) {
        headers.insert(MAX_FORWARDS, left.saturating_sub(1).into());
    }
}

/// Returns the Max-Forwards of a request whose method it limits (RFC 9110 section 7.6.2).
pub(super) fn max_forwards(received: &Request) -> Option<u64> {
    if !matches!(*received.method(), Method::TRACE | Method::OPTIONS) {
        return None;
    }
    let digits = received.headers().get(MAX_FORWARDS)?.to_str().ok()?;
    // RFC 9110 section 7.6.2 has digits only.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Prepares a response for the client. The body decides on its framing.
pub(super) fn response(options: &Options, response: &mut Response) {
    let version = response.version();
    let headers = response.headers_mut();
    HopByHop::remove_from(headers);
    if let Some(pseudonym) = &options.pseudonym {
        pseudonym.add_to(headers, version);
    }
}

/// Makes the header of a response agree with its body, and with the request that the client has sent.
pub(super) fn frame(response: &mut Response, received: &Request) {
    let length = match *received.method() == Method::HEAD {
        // The length that the response to GET would have.
        true => declared_length(response.headers()).ok().flatten(),
        false => response.body().len(),
    };
    let headers = response.headers_mut();
    match length {
        Some(length) => {
            headers.insert(CONTENT_LENGTH, length.into());
            headers.remove(TRAILER);
        }
        None => {
            headers.remove(CONTENT_LENGTH);
            // Only chunks have trailers.
            if received.version() < Version::HTTP_11 {
                headers.remove(TRAILER);
            }
        }
    }
}
