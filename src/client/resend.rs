//! The decision whether a failed request is sent again: a pure function.

use http::{HeaderName, Method};

use super::conn::{Blame, FailedAt, Failure};
use super::fields::Fields;

/// The fields which say that sending a request twice has the effect of sending it once.
const IDEMPOTENCY_KEYS: [HeaderName; 2] =
    [HeaderName::from_static("idempotency-key"), HeaderName::from_static("x-idempotency-key")];

/// Returns `true` if the request may be sent once more on another connection. `reused` says that the
/// connection had been idle or had carried an earlier request, so that the peer may have closed it
/// meanwhile.
///
/// Never retries what could make the peer repeat an action (RFC 9110 section 9.2.2). Never retries after
/// a failure of a fresh connection either: the next would most likely fail as well.
pub(super) fn may_resend(
    failure: &Failure,
    reused: bool,
    method: &Method,
    fields: Fields<'_>,
) -> bool {
    let repeatable = match failure.at {
        FailedAt::NotWritten => true,
        FailedAt::Written => is_repeatable(method, fields),
        FailedAt::Responding => false,
    };
    reused && failure.blame == Blame::Connection && repeatable
}

/// Returns `true` if sending the request twice is known to have the effect of sending it once. PUT and
/// DELETE are idempotent too, but the resource may have changed between the two.
fn is_repeatable(method: &Method, fields: Fields<'_>) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || has_idempotency_key(fields)
}

/// Returns `true` if a field says so.
pub(super) fn has_idempotency_key(fields: Fields<'_>) -> bool {
    IDEMPOTENCY_KEYS.iter().any(|name| fields.contains(name))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::client::fields::DefaultFields;
    use crate::error::{Error, ErrorKind};

    fn failed(at: FailedAt, blame: Blame) -> Failure {
        Failure { error: Error::new(ErrorKind::Receive), at, blame }
    }

    #[test]
    fn t11_each_condition_by_itself_forbids_a_retry() {
        let own = HeaderMap::new();
        let none = Fields::new(&own, None);
        for (at, blame, reused, retried) in [
            (FailedAt::Written, Blame::Connection, true, true),
            (FailedAt::Written, Blame::Connection, false, false),
            (FailedAt::Responding, Blame::Connection, true, false),
            (FailedAt::Written, Blame::Call, true, false),
            (FailedAt::NotWritten, Blame::Call, true, false),
            (FailedAt::NotWritten, Blame::Connection, false, false),
        ] {
            let failure = failed(at, blame);
            let decided = may_resend(&failure, reused, &Method::GET, none);
            assert_eq!(decided, retried, "{failure:?}, reused: {reused}");
        }
    }

    #[test]
    fn t11_what_is_not_repeatable_is_only_retried_unwritten() {
        let none = HeaderMap::new();
        let written = failed(FailedAt::Written, Blame::Connection);
        let unwritten = failed(FailedAt::NotWritten, Blame::Connection);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let fields = Fields::new(&none, None);
            assert!(!may_resend(&written, true, &method, fields), "{method}");
            assert!(may_resend(&unwritten, true, &method, fields), "{method}");
        }
        for name in &IDEMPOTENCY_KEYS {
            let own: HeaderMap = [(name.clone(), "7".parse().unwrap())].into_iter().collect();
            let defaults = DefaultFields::new(own.clone());
            for fields in [Fields::new(&own, None), Fields::new(&none, Some(&defaults))] {
                assert!(may_resend(&written, true, &Method::POST, fields), "{name}");
            }
        }
    }
}
