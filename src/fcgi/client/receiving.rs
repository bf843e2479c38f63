//! Reading from an application, within the limit on its silence.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pool::Pool;
use super::sending::Sending;
use crate::error::{Error, TimeLimit};
use crate::net::Stream;
use crate::sync::now;

/// How long an application may be silent on a new connection before an idle one is closed for it. PHP
/// serves one connection with each process, so the new one may wait for a process that the idle one has.
const MAY_BE_QUEUED: Duration = Duration::from_millis(50);

/// The reading side of an exchange.
pub(super) struct Receiving {
    stream: Stream,
    sending: Sending,
    /// `None` is no limit.
    silence: Option<Duration>,
    /// The limit that an application exceeds: on the head first, then on the body.
    pub(super) limit: TimeLimit,
    /// The pool, as long as the application may not have accepted the connection.
    unaccepted: Option<Arc<Pool>>,
    /// Some bytes have arrived.
    pub(super) begun: bool,
}

impl Receiving {
    /// `pool`: that of a new connection.
    pub(super) fn new(
        stream: Stream,
        sending: Sending,
        silence: Option<Duration>,
        pool: Option<Arc<Pool>>,
    ) -> Self {
        let limit = TimeLimit::ResponseHead;
        Self { stream, sending, silence, limit, unaccepted: pool, begun: false }
    }

    /// Reads what has arrived, or waits for more. Returns 0 at the end of the stream.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut since = None;
        loop {
            let limit = self.next_limit(since);
            match self.stream.read_for(buf, limit) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    since = Some(self.silent_since(since, limit)?);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => {
                    if matches!(outcome, Ok(1..)) {
                        (self.begun, self.unaccepted) = (true, None);
                    }
                    return outcome;
                }
            }
        }
    }

    /// Returns how long the next read may wait.
    fn next_limit(&self, since: Option<Instant>) -> Option<Duration> {
        let rest = self.silence.map(|silence| {
            let passed =
                since.map_or(Duration::ZERO, |since| now().saturating_duration_since(since));
            silence.saturating_sub(passed).max(Duration::from_millis(1))
        });
        match self.unaccepted {
            Some(_) => Some(rest.map_or(MAY_BE_QUEUED, |rest| rest.min(MAY_BE_QUEUED))),
            None => rest,
        }
    }

    /// Returns the time from which the silence counts, after a read has waited for `waited`. The application
    /// may be silent while the request is being sent.
    fn silent_since(
        &mut self,
        since: Option<Instant>,
        waited: Option<Duration>,
    ) -> io::Result<Instant> {
        let now = now();
        let begun = since.unwrap_or(now - waited.unwrap_or_default());
        let Some(sent) = self.sending.finished_at(now) else { return Ok(now) };
        let since = begun.max(sent);
        if self.silence.is_some_and(|silence| now.saturating_duration_since(since) >= silence) {
            return Err(Error::timeout(self.limit).into());
        }
        if let Some(pool) = &self.unaccepted {
            pool.evict();
        }
        Ok(since)
    }
}
