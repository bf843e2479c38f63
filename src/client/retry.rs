//! May a request be sent again? A pure function of what is known of the failed attempt.

use http::{HeaderName, Method};

use super::fields::Fields;

/// What says of a request that sending it twice has the effect of sending it once.
const IDEMPOTENCY_KEYS: [HeaderName; 2] =
    [HeaderName::from_static("idempotency-key"), HeaderName::from_static("x-idempotency-key")];

/// What is known of an attempt that failed.
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

/// Whether the request may be sent once more on another connection: never if that could make the
/// peer do a thing twice that it should do once (RFC 9110 section 9.2.2), and never if a fresh
/// connection failed, since the next would most likely fail as well.
pub(super) fn may_retry(attempt: Attempt, method: &Method, fields: Fields<'_>) -> bool {
    attempt.reused
        && attempt.connection_failed
        && !attempt.answer_begun
        && (attempt.nothing_written || is_repeatable(method, fields))
}

/// Whether sending the request twice has the effect of sending it once, as far as can be told. PUT
/// and DELETE are idempotent too, but between the two the resource may have changed.
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
        let (own, defaults) = (HeaderMap::new(), DefaultFields::default());
        let none = Fields::new(&own, &defaults);
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
        let (none, no_defaults) = (HeaderMap::new(), DefaultFields::default());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let fields = Fields::new(&none, &no_defaults);
            assert!(!may_retry(STALE, &method, fields), "{method}");
            let unwritten = Attempt { nothing_written: true, ..STALE };
            assert!(may_retry(unwritten, &method, fields), "{method}");
        }
        for name in &IDEMPOTENCY_KEYS {
            let own: HeaderMap = [(name.clone(), "7".parse().unwrap())].into_iter().collect();
            let defaults = DefaultFields::new(own.clone());
            for fields in [Fields::new(&own, &no_defaults), Fields::new(&none, &defaults)] {
                assert!(may_retry(STALE, &Method::POST, fields), "{name}");
            }
        }
    }
}
