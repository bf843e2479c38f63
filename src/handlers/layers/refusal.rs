//! The common parts of layers that refuse requests.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::ResponseWriter;

/// Sets a header of the response, also of an error response. Those drop the headers that were set before.
pub(super) fn keep_header(w: &mut ResponseWriter, name: HeaderName, value: HeaderValue) {
    w.on_head(move |_, headers| {
        headers.insert(name, value);
    });
}

/// Returns the number of seconds for a `Retry-After` header: rounded up, and at least 1.
pub(super) fn whole_seconds(duration: Duration) -> u64 {
    let rest = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(rest).max(1)
}
