//! Fields whose values are lists (RFC 9110 section 5.6.1).

use http::HeaderValue;

/// Returns the comma-separated elements of one line of a list, including empty ones.
pub(super) fn elements(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}
