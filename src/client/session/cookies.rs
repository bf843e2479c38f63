//! The cookies of a hop: from the store into the request, from the response into the store.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};

use super::state::AddedCookie;
use crate::body::Body;
use crate::client::cookie_store::CookieStore;

/// Returns the Cookie field of a request for `url`: the cookies of the store, then the request's own, as
/// curl sends them. A request has at most one such field (RFC 6265 section 5.4). `None` if the store has none.
pub(super) fn merged(
    store: &dyn CookieStore,
    url: &Uri,
    headers: &HeaderMap,
) -> Option<AddedCookie> {
    let stored = store.cookies(url).filter(|value| !value.is_empty())?;
    let own: Vec<_> = headers.get_all(COOKIE).iter().cloned().collect();
    let mut text = stored.as_bytes().to_vec();
    for value in own.iter().filter(|value| !value.is_empty()) {
        text.extend_from_slice(b"; ");
        text.extend_from_slice(value.as_bytes());
    }
    let mut merged = HeaderValue::from_bytes(&text).ok()?;
    merged.set_sensitive(true);
    Some(AddedCookie { merged, own })
}

/// Stores the cookies of a response to a request for `url`. A 101 is a final response, as for browsers: a load
/// balancer sets a cookie in the handshake of a WebSocket.
pub(super) fn store(store: &dyn CookieStore, url: &Uri, response: &Response<Body>) {
    let status = response.status();
    let is_final = !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS;
    if is_final && response.headers().contains_key(SET_COOKIE) {
        store.store(url, &mut response.headers().get_all(SET_COOKIE).iter());
    }
}
