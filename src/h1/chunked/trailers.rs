//! The fields that are allowed after a body (RFC 9110 section 6.5.1).

use std::fmt;

use http::header::*;

/// The error of a field that must not be sent in the trailers. Nothing has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForbiddenTrailer(pub HeaderName);

impl std::error::Error for ForbiddenTrailer {}

impl fmt::Display for ForbiddenTrailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field {} must not be sent in the trailers", self.0)
    }
}

/// Returns `true` if a field is forbidden in trailers. Such a field is needed before the body: to frame,
/// route, authorise or interpret the message.
///
/// Forbidden fields are never sent, and are dropped when received. In a request, those about framing and
/// routing are an error, since an intermediary may have acted on them.
pub fn is_forbidden_trailer(name: &HeaderName) -> bool {
    is_about_the_message(name) || is_too_late(name)
}

/// Returns `true` for fields about the framing and the routing of the message.
pub(super) fn is_about_the_message(name: &HeaderName) -> bool {
    [CONTENT_LENGTH, TRANSFER_ENCODING, HOST, TRAILER, CONNECTION, TE, UPGRADE].contains(name)
        || name == "keep-alive"
        || name == "proxy-connection"
}

/// Returns `true` for controls, conditions, credentials and descriptions of the body.
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
        // Descriptions of the body.
        CONTENT_ENCODING,
        CONTENT_RANGE,
        CONTENT_TYPE,
    ];
    NAMES.contains(name)
}

/// Fails if a trailer must not be sent.
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
    fn framing_and_credentials_are_forbidden_in_trailers() {
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
