//! Retries for `--retry`: which failures, and when.

use std::time::{Duration, Instant, SystemTime};

use hangup::http::header::RETRY_AFTER;
use hangup::http::{HeaderMap, StatusCode};

use crate::failure::{Failure, NOT_CONNECTED, NOT_RESOLVED, PROXY_NOT_RESOLVED, STATUS, TIMED_OUT};
use crate::options::Timing;
use crate::report::Report;

/// The pause before the first retry. Each further one is twice as long, up to a maximum.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The retries that are left, and the next pause.
pub(super) struct Retries<'a> {
    timing: &'a Timing,
    left: u32,
    pause: Duration,
    begun: Instant,
}

/// A retry that is due.
pub(super) struct Retry {
    pub(super) why: String,
    pub(super) pause: Duration,
    pub(super) left: u32,
}

impl<'a> Retries<'a> {
    pub(super) fn new(timing: &'a Timing) -> Self {
        let pause = timing.retry_delay.unwrap_or(FIRST_PAUSE);
        Self { timing, left: timing.retries, pause, begun: Instant::now() }
    }

    /// Decides on another attempt.
    pub(super) fn next(&mut self, outcome: &Result<(), Failure>, report: &Report) -> Option<Retry> {
        let why = self.reason(outcome, report)?;
        let over = |pause: Duration| {
            self.timing.retry_max_time.is_some_and(|most| self.begun.elapsed() + pause > most)
        };
        if over(Duration::ZERO) {
            return None;
        }
        // A Retry-After prolongs the usual pause.
        let after = report.retry_after.unwrap_or_default();
        let pause = self.pause.max(after);
        if !after.is_zero() && over(pause) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        if self.timing.retry_delay.is_none() {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Some(Retry { why, pause, left: self.left })
    }

    /// Returns the reason for a retry: time limits, unresolved names, and transient statuses of
    /// complete responses, or any failure with `--retry-all-errors`.
    fn reason(&self, outcome: &Result<(), Failure>, report: &Report) -> Option<String> {
        let transient = report.status.filter(|status| is_transient(*status));
        let failed = |status: StatusCode| format!("the server responded with {status}");
        match outcome {
            Err(failure) if self.is_passing(failure) => Some(failure.message.clone()),
            Err(failure) if failure.code != STATUS => None,
            _ => transient.map(failed),
        }
    }

    fn is_passing(&self, failure: &Failure) -> bool {
        match failure.code {
            crate::INTERRUPTED => false,
            TIMED_OUT | NOT_RESOLVED | PROXY_NOT_RESOLVED => true,
            NOT_CONNECTED if self.timing.retry_refused => failure.message.contains("refused"),
            _ => self.timing.retry_all_errors,
        }
    }
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Returns the server's Retry-After: seconds or a date (RFC 9110 section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}
