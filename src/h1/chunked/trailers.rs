//! Which fields may come behind a body (RFC 9110 section 6.5.1).

use std::fmt;

use http::header::*;

/// A field that must not be sent in the trailers. Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForbiddenTrailer(pub HeaderName);

impl std::error::Error for ForbiddenTrailer {}

impl fmt::Display for ForbiddenTrailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {} must not be sent in the trailers", self.0)
    }
}

/// Whether a field must not stand in trailers: its place is before the body, since it says how
/// to find, route, guard or understand the message.
///
/// Such fields are never sent, and dropped when received. In a request, those about framing and
/// routing are an error, since an intermediary may have believed them.
pub fn is_forbidden_trailer(name: &HeaderName) -> bool {
    is_about_the_message(name) || is_too_late(name)
}

/// Fields about where the message ends and where it goes.
pub(super) fn is_about_the_message(name: &HeaderName) -> bool {
    [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, TRAILER, CONNECTION, TE, UPGRADE].contains(name)
        || name == "keep-alive"
        || name == "proxy-connection"
}

/// Fields that ask for something, guard something or say how to read the body.
fn is_too_late(name: &HeaderName) -> bool {
    const NAMES: &[HeaderName] = &[
        // Controls.
        AGE,
        CACHE_CONTROL,
        DATE,
        EXPECT,
        EXPIRES,
        LOCATION,
        MAX_FORWARDS,
        PRAGMA,
        RETRY_AFTER,
        VARY,
        WARNING,
        // Conditions.
        IF_MATCH,
        IF_MODIFIED_SINCE,
        IF_NONE_MATCH,
        IF_RANGE,
        IF_UNMODIFIED_SINCE,
        RANGE,
        // Credentials.
        AUTHORIZATION,
        COOKIE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        SET_COOKIE,
        WWW_AUTHENTICATE,
        // How to read the body.
        CONTENT_ENCODING,
        CONTENT_RANGE,
        CONTENT_TYPE,
    ];
    NAMES.contains(name)
}

/// Passes trailers that may be sent.
pub(super) fn check(trailers: &HeaderMap) -> Result<(), ForbiddenTrailer> {
    match trailers.keys().find(|name| is_forbidden_trailer(name)) {
        Some(name) => Err(ForbiddenTrailer(name.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_come_behind_a_body() {
        for (name, forbidden) in [
            ("content-length", true),
            ("transfer-encoding", true),
            ("host", true),
            ("trailer", true),
            ("connection", true),
            ("keep-alive", true),
            ("te", true),
            ("upgrade", true),
            ("authorization", true),
            ("cookie", true),
            ("set-cookie", true),
            ("content-encoding", true),
            ("content-type", true),
            ("content-range", true),
            ("cache-control", true),
            ("expect", true),
            ("max-forwards", true),
            ("range", true),
            ("if-match", true),
            ("etag", false),
            ("digest", false),
            ("server-timing", false),
            ("grpc-status", false),
            ("x-checksum", false),
        ] {
            assert_eq!(is_forbidden_trailer(&HeaderName::from_static(name)), forbidden, "{name}");
        }
    }
}
