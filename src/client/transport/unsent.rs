//! The body of a request that is sent again.

use http::StatusCode;

use crate::body::Body;
use crate::client::conn::ReceivedResponse;
use crate::client::options::CallOptions;
use crate::client::outgoing::WithheldBody;

/// Returns the body of a request if the peer has refused its expectation with a 417. The request is then
/// sent once more without the expectation (RFC 9110 section 15.5.18).
pub(super) fn repeat_without_expectation(
    received: &ReceivedResponse,
    copy: Option<Body>,
    withheld: Option<&WithheldBody>,
    call: &CallOptions,
) -> Option<Body> {
    let refused = withheld.is_some() && received.head.status == StatusCode::EXPECTATION_FAILED;
    if refused { unsent_body(copy, withheld, call) } else { None }
}

/// Returns the body to send again: its copy, or a body that was withheld and not begun.
pub(super) fn unsent_body(
    copy: Option<Body>,
    withheld: Option<&WithheldBody>,
    call: &CallOptions,
) -> Option<Body> {
    copy.or_else(|| withheld?.take_back(call.context.as_ref()))
}
