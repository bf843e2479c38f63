//! The numbers as connections count them.

use std::sync::Arc;
// Not those of `crate::sync`: no decision depends on a number, so the models need not interleave them.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;

use super::snapshot::{BOUNDS, Connections, Histogram, Requests, Snapshot, Timeouts};
use crate::sync::now;

/// How many shards there are: at least as many as most machines have cores.
const SHARDS: usize = 16;

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Redirection,
    ClientError,
    ServerError,
    Hijacked,
    /// The client went away.
    Aborted,
    /// The response was broken off.
    Failed,
}

impl Outcome {
    /// Returns the outcome of a request whose response was complete.
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            ..300 => Self::Success,
            300..400 => Self::Redirection,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }
}

/// A time limit of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    TlsHandshake,
    ReadHeader,
    Read,
    BodyIdle,
    Write,
    WriteIdle,
    Idle,
}

/// The numbers of a server.
pub(crate) struct Counters {
    shards: [Shard; SHARDS],
    /// The time of handlers is measured.
    is_timed: bool,
}

/// The numbers of some of a server's connections. Two shards never share a cache line, nor the pair of
/// lines that processors fetch together.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Shard {
    outcomes: [AtomicU64; 7],
    refused: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
    timeouts: [AtomicU64; 7],
    accepted: AtomicU64,
    taken_over: AtomicU64,
    rejected: AtomicU64,
}

impl Counters {
    /// `is_timed`: the time of handlers is measured.
    pub(super) fn new(is_timed: bool) -> Self {
        Self { shards: std::array::from_fn(|_| Shard::default()), is_timed }
    }

    /// Returns the number of the shard in which a connection counts.
    pub(super) fn shard_of(connection: u64) -> usize {
        (connection % SHARDS as u64) as usize
    }

    pub(super) fn shard(&self, number: usize) -> &Shard {
        &self.shards[number]
    }

    /// Counts a connection that was accepted.
    pub(in crate::serving) fn accepted(&self, connection: u64) {
        add(&self.shard(Self::shard_of(connection)).accepted, 1);
    }

    /// Counts a connection beyond the maximum.
    #[cold]
    pub(in crate::serving) fn rejected(&self) {
        add(&self.shards[0].rejected, 1);
    }

    /// Counts a connection that a handler has taken over.
    #[cold]
    pub(in crate::serving) fn taken_over(&self) {
        add(&self.shards[0].taken_over, 1);
    }

    fn sum(&self, part: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|shard| part(shard).load(Ordering::Relaxed)).sum()
    }

    /// Returns the numbers, without the connections by state.
    pub(super) fn snapshot(&self) -> Snapshot {
        let outcome = |outcome: Outcome| self.sum(|shard| &shard.outcomes[outcome as usize]);
        let limit = |limit: Limit| self.sum(|shard| &shard.timeouts[limit as usize]);
        let buckets = 0..=BOUNDS.len();
        Snapshot {
            connections: Connections {
                accepted: self.sum(|shard| &shard.accepted),
                hijacked: self.sum(|shard| &shard.taken_over),
                rejected: self.sum(|shard| &shard.rejected),
                ..Connections::default()
            },
            requests: Requests {
                success: outcome(Outcome::Success),
                redirection: outcome(Outcome::Redirection),
                client_error: outcome(Outcome::ClientError),
                server_error: outcome(Outcome::ServerError),
                hijacked: outcome(Outcome::Hijacked),
                aborted: outcome(Outcome::Aborted),
                failed: outcome(Outcome::Failed),
                refused: self.sum(|shard| &shard.refused),
            },
            bytes_received: self.sum(|shard| &shard.received),
            bytes_sent: self.sum(|shard| &shard.sent),
            handler_time: Histogram::new(
                buckets.map(|bucket| self.sum(|shard| &shard.buckets[bucket])).collect(),
                Duration::from_nanos(self.sum(|shard| &shard.nanos)),
            ),
            timeouts: Timeouts {
                tls_handshake: limit(Limit::TlsHandshake),
                read_header: limit(Limit::ReadHeader),
                read: limit(Limit::Read),
                body_idle: limit(Limit::BodyIdle),
                write: limit(Limit::Write),
                write_idle: limit(Limit::WriteIdle),
                idle: limit(Limit::Idle),
            },
        }
    }
}

impl Shard {
    pub(super) fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    pub(super) fn sent(&self, bytes: u64) {
        add(&self.sent, bytes);
    }

    pub(super) fn ended(&self, outcome: Outcome) {
        add(&self.outcomes[outcome as usize], 1);
    }

    /// Counts the time of a handler.
    pub(super) fn took(&self, time: Duration) {
        let bucket = BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(BOUNDS.len());
        add(&self.buckets[bucket], 1);
        add(&self.nanos, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn refused(&self) {
        add(&self.refused, 1);
    }

    pub(super) fn timed_out(&self, limit: Limit) {
        add(&self.timeouts[limit as usize], 1);
    }
}

/// Adds to a number that nothing is ordered by.
fn add(number: &AtomicU64, count: u64) {
    number.fetch_add(count, Ordering::Relaxed);
}

/// A connection's access to the numbers of its server.
#[derive(Clone)]
pub(crate) struct Counting {
    counters: Arc<Counters>,
    shard: usize,
}

#[cfg(test)]
impl Default for Counting {
    fn default() -> Self {
        Self::new(&Arc::new(Counters::new(false)), 0)
    }
}

impl Counting {
    pub(in crate::serving) fn new(counters: &Arc<Counters>, connection: u64) -> Self {
        Self { counters: Arc::clone(counters), shard: Counters::shard_of(connection) }
    }

    fn shard(&self) -> &Shard {
        self.counters.shard(self.shard)
    }

    /// Counts bytes that were read.
    #[inline]
    pub(crate) fn received(&self, bytes: usize) {
        self.shard().received(bytes);
    }

    /// Counts bytes that were written.
    #[inline]
    pub(crate) fn sent(&self, bytes: u64) {
        self.shard().sent(bytes);
    }

    /// Returns the time at which a handler begins, if its time is measured.
    #[inline]
    pub(crate) fn begin(&self) -> Option<Instant> {
        self.counters.is_timed.then(now)
    }

    /// Counts a request that has ended. `begun`: see [`begin`](Self::begin).
    #[inline]
    pub(crate) fn ended(&self, outcome: Outcome, begun: Option<Instant>) {
        self.shard().ended(outcome);
        if let Some(begun) = begun {
            self.shard().took(now() - begun);
        }
    }

    /// Counts a request that no handler saw.
    #[cold]
    pub(crate) fn refused(&self, outcome: Outcome) {
        self.shard().ended(outcome);
        self.shard().refused();
    }

    /// Counts a time limit that ran out.
    #[cold]
    pub(crate) fn timed_out(&self, limit: Limit) {
        self.shard().timed_out(limit);
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h16_a_time_is_counted_in_the_first_bucket_that_holds_it() {
        let counters = Counters::new(true);
        let times = [0, 100_000, 100_001, 250_000, 60_000_000_000, 60_000_000_001];
        for (at, nanos) in times.into_iter().enumerate() {
            counters.shard(at % SHARDS).took(Duration::from_nanos(nanos));
        }
        let histogram = counters.snapshot().handler_time;
        let filled: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        let expected = [
            (Some(Duration::from_micros(100)), 2),
            (Some(Duration::from_micros(250)), 2),
            (Some(Duration::from_secs(60)), 1),
            (None, 1),
        ];
        assert_eq!(filled, expected);
        assert_eq!(histogram.count(), 6);
        assert_eq!(histogram.sum(), Duration::from_nanos(times.iter().sum()));
        assert!(BOUNDS.is_sorted());
    }

    #[test]
    fn h16_shards_are_added_up() {
        let counters = Counters::new(true);
        for connection in 0..100 {
            counters.accepted(connection);
            let shard = counters.shard(Counters::shard_of(connection));
            shard.ended(Outcome::of(StatusCode::NOT_FOUND));
            shard.received(3);
            shard.timed_out(Limit::WriteIdle);
        }
        let snapshot = counters.snapshot();
        assert_eq!(snapshot.connections.accepted, 100);
        assert_eq!(snapshot.requests.client_error, 100);
        assert_eq!(snapshot.requests.total(), 100);
        assert_eq!(snapshot.bytes_received, 300);
        assert_eq!(snapshot.timeouts.write_idle, 100);
        assert_eq!(Counters::new(true).snapshot().handler_time.count(), 0);
    }
}
