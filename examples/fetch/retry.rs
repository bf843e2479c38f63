//! Retries for `--retry`: which failures, and when.

use std::time::{Duration, SystemTime};

use hangup::http::header::RETRY_AFTER;
use hangup::http::{HeaderMap, StatusCode};

use crate::failure::{Failure, NOT_RESOLVED, STATUS, TIMED_OUT};
use crate::report::Report;

/// The pause before the first retry. Each further one is twice as long, up to a maximum.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The retries that are left, and the next pause.
pub(crate) struct Retries {
    left: u32,
    pause: Duration,
}

/// A retry that is due.
pub(crate) struct Retry {
    pub(crate) why: String,
    pub(crate) pause: Duration,
    pub(crate) left: u32,
}

impl Retries {
    pub(crate) fn new(most: u32) -> Self {
        Self { left: most, pause: FIRST_PAUSE }
    }

    /// Decides on another attempt. Time limits, unresolved names, and transient statuses of complete
    /// responses are retried.
    pub(crate) fn next(&mut self, outcome: &Result<(), Failure>, report: &Report) -> Option<Retry> {
        let transient = report.status.filter(|status| is_transient(*status));
        let (why, after) = match outcome {
            Err(failure) if matches!(failure.code, TIMED_OUT | NOT_RESOLVED) => {
                (failure.message.clone(), None)
            }
            Err(failure) if failure.code != STATUS => return None,
            _ => (format!("the server responded with {}", transient?), report.retry_after),
        };
        self.left = self.left.checked_sub(1)?;
        // A Retry-After of zero means the usual pause.
        let pause = after.filter(|after| !after.is_zero()).unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(Retry { why, pause, left: self.left })
    }
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Returns the server's Retry-After: seconds or a date (RFC 9110 section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}
