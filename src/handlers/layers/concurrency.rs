//! A limit on the number of requests that are handled at once.

#[cfg(all(test, hangup_shuttle))]
mod model;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;

use super::refusal::{keep_header, whole_seconds};
use crate::{Error, Handler, Layer, Request, RequestExt, ResponseWriter, Result};
use turns::{Refused, Turns};

/// The default of [`ConcurrencyLimit::max_wait`].
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The status in logs of a request whose client left before its turn. It is not sent.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// A limit on the number of requests that are handled at once, with a queue for others.
///
/// A request beyond the limit waits in the queue. It is refused with 503 and `Retry-After` if the queue is
/// full, or if it has waited too long. Its turn comes in the order of arrival. A request whose client leaves
/// gives up its place at once.
///
/// ```
/// use hangup::layers::ConcurrencyLimit;
/// use hangup::{HandlerExt, Request, respond, testing};
/// use std::time::Duration;
///
/// let limit = ConcurrencyLimit::new(8).queue(100).max_wait(Duration::from_secs(2));
/// let handler = respond(|_| Ok("made a report")).layer(limit.clone());
/// assert_eq!(testing::call(&handler, Request::new(()))?.status(), 200);
/// assert_eq!((limit.running(), limit.waiting()), (0, 0));
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// Clones share the limit and the queue. So one limit can be put around several routes.
///
/// A request keeps its place until the handler has returned, also if the handler panics, or runs beyond a
/// [`Timeout`](super::Timeout).
///
/// # Blocking
///
/// A request that waits occupies the thread of its connection, which costs memory but no time. The wait ends
/// early when the request's [context](RequestExt::context) ends.
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit {
    turns: Arc<Turns>,
    queue: usize,
    max_wait: Duration,
    retry_after: Duration,
}

impl ConcurrencyLimit {
    /// Creates a limit of `limit` requests at once, without a queue.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        assert!(limit > 0, "a concurrency limit of 0 would refuse every request");
        Self {
            turns: Arc::new(Turns::new(limit)),
            queue: 0,
            max_wait: DEFAULT_WAIT,
            retry_after: Duration::from_secs(1),
        }
    }

    /// Sets how many requests may wait for their turn. 0 by default.
    #[must_use]
    pub fn queue(self, requests: usize) -> Self {
        Self { queue: requests, ..self }
    }

    /// Sets how long a request may wait for its turn. 10 s by default.
    #[must_use]
    pub fn max_wait(self, wait: Duration) -> Self {
        Self { max_wait: wait, ..self }
    }

    /// Sets the `Retry-After` header of a refusal, in whole seconds, rounded up. 1 s by default.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: after, ..self }
    }

    /// Returns the number of requests that are being handled.
    #[must_use]
    pub fn running(&self) -> usize {
        self.turns.running()
    }

    /// Returns the number of requests that wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }
}

impl Layer for ConcurrencyLimit {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let context = || r.context().child_with_timeout(self.max_wait);
        let turn = match self.turns.enter(self.queue, context) {
            Ok(turn) => turn,
            Err(Refused::ContextEnded(error)) if error.is_cancelled() => {
                let status = StatusCode::from_u16(CLIENT_CLOSED_REQUEST)?;
                return Err(Error::status(status, "the client left the queue"));
            }
            Err(Refused::ContextEnded(_) | Refused::QueueFull) => {
                keep_header(w, RETRY_AFTER, whole_seconds(self.retry_after).into());
                let text = "too many requests at once";
                return Err(Error::status(StatusCode::SERVICE_UNAVAILABLE, text));
            }
        };
        let outcome = next.handle(w, r);
        drop(turn);
        outcome
    }
}
