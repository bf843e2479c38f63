//! The decision whether a failed request is sent again: a pure function.

use http::{HeaderName, Method};

use super::fields::Fields;

/// The fields which say that sending a request twice has the effect of sending it once.
const IDEMPOTENCY_KEYS: [HeaderName; 2] =
    [HeaderName::from_static("idempotency-key"), HeaderName::from_static("x-idempotency-key")];

/// The facts of an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The connection had waited for this use, or carried an earlier one: the peer may have closed it
    /// meanwhile.
    pub(super) reused: bool,
    /// Not one byte of the request was written.
    pub(super) nothing_written: bool,
    /// At least one byte of an answer arrived.
    pub(super) answer_begun: bool,
    /// The failure is the connection's: not a cancellation, a time limit, or the caller's fault.
    pub(super) connection_failed: bool,
}

/// Returns `true` if the request may be sent once more on another connection.
///
/// It may not if the peer could then do twice what it should do once (RFC 9110 section 9.2.2). Nor if a
/// fresh connection failed, since the next one would most likely fail as well.
pub(super) fn may_retry(attempt: Attempt, method: &Method, fields: Fields<'_>) -> bool {
    attempt.reused
        && attempt.connection_failed
        && !attempt.answer_begun
        && (attempt.nothing_written || is_repeatable(method, fields))
}

/// Returns `true` if sending the request twice is known to have the effect of sending it once. PUT and
/// DELETE are idempotent too, but the resource may have changed between the two.
fn is_repeatable(method: &Method, fields: Fields<'_>) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || IDEMPOTENCY_KEYS.iter().any(|name| fields.contains(name))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::client::fields::DefaultFields;

    const STALE: Attempt = Attempt {
        reused: true,
        nothing_written: false,
        answer_begun: false,
        connection_failed: true,
    };

    #[test]
    fn t11_each_condition_by_itself_forbids_a_retry() {
        let own = HeaderMap::new();
        let none = Fields::new(&own, None);
        assert!(may_retry(STALE, &Method::GET, none));
        for attempt in [
            Attempt { reused: false, ..STALE },
            Attempt { answer_begun: true, ..STALE },
            Attempt { connection_failed: false, ..STALE },
        ] {
            assert!(!may_retry(attempt, &Method::GET, none), "{attempt:?}");
        }
    }

    #[test]
    fn t11_what_is_not_repeatable_is_only_retried_unwritten() {
        let none = HeaderMap::new();
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let fields = Fields::new(&none, None);
            assert!(!may_retry(STALE, &method, fields), "{method}");
            let unwritten = Attempt { nothing_written: true, ..STALE };
            assert!(may_retry(unwritten, &method, fields), "{method}");
        }
        for name in &IDEMPOTENCY_KEYS {
            let own: HeaderMap = [(name.clone(), "7".parse().unwrap())].into_iter().collect();
            let defaults = DefaultFields::new(own.clone());
            for fields in [Fields::new(&own, None), Fields::new(&none, Some(&defaults))] {
                assert!(may_retry(STALE, &Method::POST, fields), "{name}");
            }
        }
    }
}
