//! The decision about a retry: a pure function.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::attempt::Attempt;
use super::backoff::Backoff;
use crate::error::TimeLimit;

/// The longest `Retry-After` that is waited for by default. Few persons wait longer for a response.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The statuses that are retried by default: those that curl calls transient.
const STATUSES: [StatusCode; 6] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// The rules that [`Retry`](super::Retry) describes.
#[derive(Clone)]
pub(super) struct Rules {
    pub(super) retries: u32,
    pub(super) backoff: Backoff,
    pub(super) max_retry_after: Duration,
    pub(super) max_elapsed: Option<Duration>,
    pub(super) statuses: Arc<[StatusCode]>,
    pub(super) all_methods: bool,
    /// Decides about results in place of `statuses` and the rule for errors.
    pub(super) when: Option<Arc<When>>,
}

pub(super) type When = dyn Fn(&Attempt<'_>) -> bool + Send + Sync;

/// The facts of a call at the end of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation {
    /// The time since the first attempt began.
    pub(super) elapsed: Duration,
    /// The time until the call's limit runs out.
    pub(super) left: Option<Duration>,
    /// The wait that the response asks for.
    pub(super) asked: Option<Duration>,
    /// At least 0 and less than 1.
    pub(super) random: f64,
    /// Sending the request twice has the effect of sending it once.
    pub(super) repeatable: bool,
}

impl Rules {
    pub(super) fn new(retries: u32) -> Self {
        Self {
            retries,
            backoff: Backoff::default(),
            max_retry_after: MAX_RETRY_AFTER,
            max_elapsed: None,
            statuses: Arc::from(STATUSES),
            all_methods: false,
            when: None,
        }
    }

    /// Returns the wait before the next attempt; `None` if there is none.
    pub(super) fn wait(&self, attempt: &Attempt<'_>, situation: &Situation) -> Option<Duration> {
        let may_send_again = situation.repeatable || self.all_methods || attempt.is_unsent();
        if attempt.number > self.retries || !may_send_again || !self.wants(attempt) {
            return None;
        }
        let wait = match situation.asked {
            // A wait of zero would load a server that is overloaded.
            None | Some(Duration::ZERO) => self.backoff.after(attempt.number, situation.random),
            Some(asked) if asked > self.max_retry_after => return None,
            Some(asked) => asked,
        };
        let passes = |limit: Duration, spent: Duration| spent.saturating_add(wait) >= limit;
        let too_late = self.max_elapsed.is_some_and(|limit| passes(limit, situation.elapsed))
            || situation.left.is_some_and(|left| passes(left, Duration::ZERO));
        (!too_late).then_some(wait)
    }

    fn wants(&self, attempt: &Attempt<'_>) -> bool {
        match &self.when {
            Some(when) => may_pass(attempt) && when(attempt),
            None => attempt.is_transient(),
        }
    }
}

/// Returns `false` for an error that ends every attempt: the end of the call, or an error of the caller.
fn may_pass(attempt: &Attempt<'_>) -> bool {
    attempt.result().err().is_none_or(|error| {
        !error.is_cancelled()
            && !error.is_caller_fault()
            && error.timed_out() != Some(TimeLimit::Call)
    })
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::{Method, Response};

    use super::*;
    use crate::body::Body;
    use crate::error::{Error, ErrorKind, Result};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn situation() -> Situation {
        Situation { elapsed: MS(0), left: None, asked: None, random: 0.0, repeatable: true }
    }

    fn rules(retries: u32) -> Rules {
        let backoff = Backoff { first: MS(100), longest: MS(1000), ..Backoff::default() };
        Rules { backoff, ..Rules::new(retries) }
    }

    fn status(status: u16) -> Result<Response<Body>> {
        Ok(Response::builder().status(status).body(Body::empty()).unwrap())
    }

    fn failed(kind: ErrorKind) -> Result<Response<Body>> {
        Err(Error::new(kind))
    }

    fn asks(seconds: u64) -> Situation {
        Situation { asked: Some(Duration::from_secs(seconds)), ..situation() }
    }

    fn wait(
        rules: &Rules,
        number: u32,
        result: &Result<Response<Body>>,
        situation: &Situation,
    ) -> Option<u128> {
        let statuses = &rules.statuses;
        let attempt = Attempt { number, method: &Method::GET, result, sent: false, statuses };
        rules.wait(&attempt, situation).map(|wait| wait.as_millis())
    }

    #[test]
    fn c15_results_that_may_pass_are_retried() {
        use ErrorKind as Kind;
        use TimeLimit as Limit;
        for code in 100..600 {
            let retried = [408, 429, 500, 502, 503, 504].contains(&code);
            let wait = wait(&rules(1), 1, &status(code), &situation());
            assert_eq!(wait.is_some(), retried, "{code}");
        }
        for (kind, retried) in [
            (Kind::Resolve, true),
            (Kind::Connect, true),
            (Kind::Send, true),
            (Kind::Receive, true),
            (Kind::EmptyReply, true),
            (Kind::Timeout(Limit::Resolve), true),
            (Kind::Timeout(Limit::Connect), true),
            (Kind::Timeout(Limit::TlsHandshake), true),
            (Kind::Timeout(Limit::Send), true),
            (Kind::Timeout(Limit::ResponseHead), true),
            (Kind::Timeout(Limit::Call), false),
            (Kind::Cancelled, false),
            (Kind::Closed, false),
            (Kind::InvalidUrl, false),
            (Kind::InvalidMessage, false),
            (Kind::BodySource, false),
            (Kind::UntrustedCertificate, false),
            (Kind::TlsHandshake, false),
            (Kind::MalformedMessage, false),
            (Kind::TooLarge, false),
            (Kind::TooManyRedirects, false),
            (Kind::Other, false),
        ] {
            let wait = wait(&rules(1), 1, &failed(kind), &situation());
            assert_eq!(wait.is_some(), retried, "{kind:?}");
        }
    }

    #[test]
    fn c15_the_number_of_retries_is_limited() {
        let rules = rules(3);
        let waits = [1, 2, 3, 4].map(|number| wait(&rules, number, &status(503), &situation()));
        assert_eq!(waits, [Some(100), Some(200), Some(400), None]);
        assert_eq!(wait(&self::rules(0), 1, &status(503), &situation()), None);
    }

    #[test]
    fn c15_a_method_that_is_not_repeatable_is_retried_only_unsent_or_on_request() {
        let post = Situation { repeatable: false, ..situation() };
        let rules = rules(1);
        for (result, retried) in [
            (status(503), false),
            (failed(ErrorKind::Receive), false),
            (failed(ErrorKind::Send), false),
            (failed(ErrorKind::Timeout(TimeLimit::ResponseHead)), false),
            (failed(ErrorKind::Connect), true),
            (failed(ErrorKind::Resolve), true),
            (failed(ErrorKind::Timeout(TimeLimit::TlsHandshake)), true),
        ] {
            assert_eq!(wait(&rules, 1, &result, &post).is_some(), retried, "{result:?}");
            let all = Rules { all_methods: true, ..rules.clone() };
            assert!(wait(&all, 1, &result, &post).is_some(), "{result:?}");
        }
    }

    #[test]
    fn c15_a_retry_after_sets_the_wait_within_a_limit() {
        for (seconds, expected) in
            [(2, Some(2000)), (120, Some(120_000)), (121, None), (u64::MAX, None), (0, Some(100))]
        {
            assert_eq!(wait(&rules(1), 1, &status(503), &asks(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn c15_no_wait_passes_a_limit() {
        let rules = rules(1);
        let left = |ms| Situation { left: Some(MS(ms)), ..situation() };
        assert_eq!(wait(&rules, 1, &status(503), &left(101)), Some(100));
        assert_eq!(wait(&rules, 1, &status(503), &left(100)), None);
        assert_eq!(wait(&rules, 1, &status(503), &left(0)), None);
        let asks = Situation { left: Some(MS(59_000)), ..asks(60) };
        assert_eq!(wait(&rules, 1, &status(503), &asks), None);
        let budget = Rules { max_elapsed: Some(MS(1000)), ..rules };
        let elapsed = |ms| Situation { elapsed: MS(ms), ..situation() };
        assert_eq!(wait(&budget, 1, &status(503), &elapsed(899)), Some(100));
        assert_eq!(wait(&budget, 1, &status(503), &elapsed(900)), None);
        assert_eq!(wait(&budget, 1, &status(503), &elapsed(u64::MAX)), None);
    }

    #[test]
    fn c15_a_closure_decides_by_the_result() {
        let created = |attempt: &Attempt<'_>| {
            attempt.result().is_ok_and(|response| response.status() == StatusCode::CREATED)
        };
        let rules = Rules { when: Some(Arc::new(created)), ..rules(1) };
        assert!(wait(&rules, 1, &status(201), &situation()).is_some());
        assert!(wait(&rules, 1, &status(503), &situation()).is_none());
        let always = Rules { when: Some(Arc::new(|_| true)), ..rules };
        for kind in [ErrorKind::Cancelled, ErrorKind::Timeout(TimeLimit::Call), ErrorKind::Misuse] {
            assert!(wait(&always, 1, &failed(kind), &situation()).is_none(), "{kind:?}");
        }
        assert!(wait(&always, 1, &failed(ErrorKind::MalformedMessage), &situation()).is_some());
    }
}
