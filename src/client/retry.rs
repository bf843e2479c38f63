//! Retries with back-off: which results are retried, and after which wait.

mod attempt;
mod backoff;
mod decide;
mod layer;
mod retry_after;
mod run;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub use attempt::Attempt;
pub use backoff::Jitter;
pub(super) use retry_after::retry_after;
pub(super) use run::{Retried, is_repeatable};

use self::backoff::Backoff;
use self::decide::Rules;

/// Retries with back-off: how often a request is sent again, after which results and waits.
///
/// [`ClientBuilder::retry`](super::ClientBuilder::retry) sets the retries of a client,
/// [`RequestBuilder::retry`](super::RequestBuilder::retry) those of one call. Without either there are none.
/// A retry begins the call anew, with its first request. As a [`Middleware`](super::Middleware) it retries
/// all that is inside of it.
///
/// ```no_run
/// use hangup::{Client, ResponseExt, client::Retry};
/// use std::time::Duration;
///
/// let client = Client::builder()
///     .retry(Retry::new(3).backoff(Duration::from_millis(200), Duration::from_secs(5)))
///     .timeout(Duration::from_secs(30)) // of the whole call, its retries and waits included
///     .build();
/// let response = client.get("http://example.com/").send()?;
/// println!("{} after {} attempts", response.status(), response.attempts());
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # What is retried
///
/// A request is sent again only if all of these hold:
///
/// * The result may pass: a status of 408, 429, 500, 502, 503 or 504
///   ([`statuses`](Self::statuses)); no connection, or one that failed before the response; a time limit of
///   one step. [`when`](Self::when) replaces this rule. The limit of the whole call, a cancellation and an
///   error of the caller are never retried.
/// * Sending it twice has the effect of sending it once: the method is GET, HEAD, OPTIONS, TRACE, PUT or
///   DELETE, the request has an `Idempotency-Key`, or nothing was sent, not
///   even a request that was redirected. [`all_methods`](Self::all_methods)
///   lifts this rule.
/// * The body [can be sent again](crate::Body::try_clone).
///
/// # The waits
///
/// The wait doubles with each attempt, from 500 ms to 30 s ([`backoff`](Self::backoff)), and half of it is
/// random ([`jitter`](Self::jitter)). A `Retry-After` in seconds or as a date sets it instead. If that is
/// longer than 120 s ([`max_retry_after`](Self::max_retry_after)), the response is returned at once.
///
/// The end of the call's context ends a wait. If a wait would pass the limit of the call or
/// [`max_elapsed`](Self::max_elapsed), the last result is returned at once. The unread response is dropped
/// before the wait, so that its connection can be reused.
///
/// Without this type the client still sends a request again if a reused connection turns out to be closed:
/// see [`send`](super::RequestBuilder::send).
#[derive(Clone)]
#[must_use = "retries have no effect before they are set on a client or a call"]
pub struct Retry(Rules);

impl Retry {
    /// Creates retries: the request is sent at most `retries` times more than once.
    pub fn new(retries: u32) -> Self {
        Self(Rules::new(retries))
    }

    /// Sets the wait after the first attempt, which doubles with each further one, and the longest wait.
    /// 500 ms and 30 s by default.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.0.backoff = Backoff { first, longest, ..self.0.backoff };
        self
    }

    /// Sets which part of a wait is random. [`Jitter::Equal`] by default. It does not change a wait that
    /// the server asks for.
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.0.backoff.jitter = jitter;
        self
    }

    /// Sets the longest wait that a `Retry-After` can ask for. A response that asks for a longer one is
    /// the result. 120 s by default.
    pub fn max_retry_after(mut self, longest: Duration) -> Self {
        self.0.max_retry_after = longest;
        self
    }

    /// Sets how long all attempts and waits may take together. No attempt begins later. No limit by
    /// default, beside that of the call.
    pub fn max_elapsed(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.0.max_elapsed = limit.into();
        self
    }

    /// Sets the statuses that are retried, in place of 408, 429, 500, 502, 503 and 504.
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.0.statuses = statuses.into_iter().collect();
        self
    }

    /// Retries all methods. By default a POST or PATCH is retried only if nothing of it was sent.
    pub fn all_methods(mut self, all: bool) -> Self {
        self.0.all_methods = all;
        self
    }

    /// Sets which results are retried, in place of the statuses and errors of the default rule. The rules
    /// about methods and bodies still hold.
    ///
    /// ```
    /// use hangup::client::{Attempt, Retry};
    ///
    /// let retry = Retry::new(5).when(|attempt: &Attempt<'_>| match attempt.result() {
    ///     Ok(response) => response.headers().contains_key("x-try-again"),
    ///     Err(_) => attempt.is_transient(),
    /// });
    /// # let _ = retry;
    /// ```
    pub fn when(mut self, decide: impl Fn(&Attempt<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.0.when = Some(Arc::new(decide));
        self
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("retries", &self.0.retries)
            .field("backoff", &self.0.backoff)
            .field("max_retry_after", &self.0.max_retry_after)
            .field("max_elapsed", &self.0.max_elapsed)
            .field("statuses", &self.0.statuses)
            .field("all_methods", &self.0.all_methods)
            .finish_non_exhaustive()
    }
}
