//! The decisions of an event source: pure functions.

use std::time::Duration;

use http::StatusCode;

use crate::client::proxy::ProxyFailure;
use crate::error::{Error, ErrorKind, TimeLimit};

/// The time before a reconnection, until the server sets another.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The longest time before a reconnection by default, whatever the server asks for.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// The least time that a server can set, and the least after a failure, which doubles with each that follows.
/// Without it, a server could make its clients connect without a pause.
const LEAST_DELAY: Duration = Duration::from_millis(100);

/// The times between two connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays {
    /// The time that the server or the user has set.
    pub(super) retry: Duration,
    pub(super) longest: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self { retry: RETRY_DELAY, longest: MAX_DELAY }
    }
}

impl Delays {
    /// Takes over the time that the server has set, if it has set one.
    pub(super) fn set_by_server(&mut self, retry: Option<Duration>) {
        if let Some(retry) = retry {
            self.retry = retry.max(LEAST_DELAY);
        }
    }

    /// Returns the time to wait after `failures` connections in a row that brought no event. After a failure
    /// up to half of it is left out, by `random`, which is at least 0 and less than 1: clients that lost
    /// their server at the same moment do not return at the same moment. `demanded` is the server's
    /// `Retry-After`.
    pub(super) fn after(self, failures: u32, demanded: Option<Duration>, random: f64) -> Duration {
        let usual = match failures {
            0 => self.retry.min(self.longest),
            _ => {
                let doubled = 1 << (failures - 1).min(30);
                let wait = self.retry.max(LEAST_DELAY).saturating_mul(doubled).min(self.longest);
                wait - (wait / 2).mul_f64(random)
            }
        };
        usual.max(demanded.unwrap_or_default().min(self.longest))
    }
}

/// Returns `true` if another connection may succeed after `error`.
pub(super) fn is_temporary(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Status => error.status_code().is_some_and(is_temporary_status),
        ErrorKind::Resolve
        | ErrorKind::Connect
        | ErrorKind::TlsHandshake
        | ErrorKind::Send
        | ErrorKind::Receive
        | ErrorKind::EmptyReply
        | ErrorKind::IncompleteBody => true,
        ErrorKind::Proxy => match error.proxy_failure() {
            Some(ProxyFailure::Resolve | ProxyFailure::Connect) => true,
            _ => error.status_code().is_some_and(is_temporary_status),
        },
        ErrorKind::Timeout(limit) => limit != TimeLimit::Call,
        _ => false,
    }
}

/// The statuses of a server, or of a gateway before it, that is overloaded or restarting.
fn is_temporary_status(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::client::proxy::ProxyError;
    use crate::net::DialError;

    #[test]
    fn c21_the_delay_doubles_from_the_second_failure_on() {
        let millis = Duration::from_millis;
        let delays = |retry| Delays { retry: millis(retry), longest: millis(10_000) };
        for (retry, failures, demanded, expected) in [
            (1000, 0, None, 1000),
            (1000, 1, None, 1000),
            (1000, 2, None, 2000),
            (1000, 4, None, 8000),
            (1000, 5, None, 10_000),
            (1000, u32::MAX, None, 10_000),
            (0, 0, None, 0),
            (0, 1, None, 100),
            (0, 3, None, 400),
            (1000, 1, Some(5000), 5000),
            (1000, 1, Some(500), 1000),
            (1000, 1, Some(99_000), 10_000),
            (u64::MAX, 0, None, 10_000),
            (u64::MAX, 9, None, 10_000),
        ] {
            let delay = |random| delays(retry).after(failures, demanded.map(millis), random);
            assert_eq!(delay(0.0), millis(expected), "{retry} {failures} {demanded:?}");
            let least = if failures == 0 { expected } else { expected / 2 };
            let least = least.max(demanded.unwrap_or(0).min(10_000));
            assert!(delay(0.999) >= millis(least) && delay(0.999) <= delay(0.0));
        }
    }

    #[test]
    fn c21_a_server_cannot_set_a_shorter_delay_than_the_least() {
        let millis = Duration::from_millis;
        for (set, expected) in [(Some(0), 100), (Some(99), 100), (Some(101), 101), (None, 0)] {
            let mut delays = Delays { retry: Duration::ZERO, longest: millis(10_000) };
            delays.set_by_server(set.map(millis));
            assert_eq!(delays.after(0, None, 0.0), millis(expected), "{set:?}");
        }
    }

    #[test]
    fn c21_a_refusal_by_the_proxy_is_final_unless_its_status_may_pass() {
        for (status, temporary) in [(407, false), (403, false), (502, true), (503, true)] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = Error::of_proxy(Some(status), std::io::Error::other("refused"));
            assert_eq!(is_temporary(&error), temporary, "{status}");
        }
        for kind in [ErrorKind::Resolve, ErrorKind::Connect] {
            let cause = DialError::System(std::io::ErrorKind::NetworkUnreachable.into());
            let error = ProxyError::dial("p:1".to_owned(), kind, cause);
            assert!(is_temporary(&error), "{kind:?}");
        }
        for kind in [ErrorKind::TlsHandshake, ErrorKind::UntrustedCertificate] {
            let error = ProxyError::handshake("p:1".to_owned(), Error::new(kind));
            assert!(!is_temporary(&error), "{kind:?}");
        }
    }

    #[test]
    fn c21_only_failures_that_may_pass_are_temporary() {
        for kind in [ErrorKind::Connect, ErrorKind::IncompleteBody, ErrorKind::EmptyReply] {
            assert!(is_temporary(&Error::new(kind)), "{kind:?}");
        }
        assert!(is_temporary(&Error::timeout(TimeLimit::IdleRead)));
        assert!(!is_temporary(&Error::timeout(TimeLimit::Call)));
        for kind in [ErrorKind::Decode, ErrorKind::InvalidUrl, ErrorKind::UntrustedCertificate] {
            assert!(!is_temporary(&Error::new(kind)), "{kind:?}");
        }
        for (status, temporary) in
            [(404, false), (401, false), (429, true), (501, false), (503, true)]
        {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_temporary(&Error::status(status, "")), temporary, "{status}");
        }
    }
}
