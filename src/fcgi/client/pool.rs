//! The connections of an upstream: which are idle, how many there are, and the calls that wait for one.
//!
//! ```text
//!   lease ──▶ an idle connection ──▶ exchange ──▶ give_back ──▶ the first waiting call, or idle
//!      └────▶ permission to dial ──────┘  └─────▶ dropped ────▶ permission for the first waiting call
//!      └────▶ waits: as many connections as allowed
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::context::{Context, HookGuard};
use crate::error::{Error, Result, TimeLimit};
use crate::sync::channel::{Receiver, Sender, bounded, select};
use crate::sync::{Mutex, now};

/// The default of `max_idle`. Each idle connection occupies a process of a PHP application.
pub(super) const MAX_IDLE: usize = 16;

/// The default of `idle_timeout`, short for the same reason.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The limits of a pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_idle: usize,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_connections: Option<usize>,
}

/// The connections of an upstream.
pub(super) struct Pool {
    pub(super) limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The connection that was used last is the last one.
    idle: Vec<Idle>,
    /// The connections that exist or are being made, idle ones included.
    open: usize,
    /// In the order in which they came, each with its number.
    waiting: VecDeque<(u64, Sender<Turn>)>,
    next_number: u64,
    /// Ends idle connections at their time.
    sweep: Option<Sweep>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// Its fields keep the timer alive.
struct Sweep(#[allow(dead_code, reason = "dropping it ends the timer")] HookGuard);

/// The outcome of a wait. Sender: the call that no longer needs it. Receiver: the call that
/// waits. Capacity 1, so that sending never blocks.
enum Turn {
    Connection(Connection),
    /// It may make a connection.
    Dial,
}

/// A call that waits.
struct Waiting {
    number: u64,
    turns: Receiver<Turn>,
}

/// The right to one of the connections. Dropping it lets another call make one.
pub(super) struct Lease {
    pool: Arc<Pool>,
    /// The connection has been given back, with the right to it.
    given_back: bool,
}

impl Pool {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Returns the right to a connection, with an idle connection if there is one.
    ///
    /// # Errors
    ///
    /// The context ended, or `queue_timeout` ran out, while all connections were in use.
    pub(super) fn lease(
        self: &Arc<Self>,
        context: &Context,
        queue_timeout: Option<Duration>,
    ) -> Result<(Lease, Option<Connection>)> {
        let turn = match self.try_lease() {
            Ok(turn) => turn,
            Err(waiting) => self.wait(&waiting, context, queue_timeout)?,
        };
        let lease = Lease { pool: Arc::clone(self), given_back: false };
        match turn {
            // A connection that the application has closed, or on which it has sent something.
            Turn::Connection(connection) if connection.is_stale() => Ok((lease, None)),
            Turn::Connection(connection) => Ok((lease, Some(connection))),
            Turn::Dial => Ok((lease, None)),
        }
    }

    /// Returns a turn, or joins the calls that wait.
    fn try_lease(&self) -> Result<Turn, Waiting> {
        let mut state = self.state.lock();
        if let Some(idle) = state.idle.pop() {
            return Ok(Turn::Connection(idle.connection));
        }
        if self.limits.max_connections.is_none_or(|most| state.open < most.max(1)) {
            state.open += 1;
            return Ok(Turn::Dial);
        }
        let (sender, turns) = bounded(1);
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push_back((number, sender));
        Err(Waiting { number, turns })
    }

    fn wait(
        self: &Arc<Self>,
        waiting: &Waiting,
        context: &Context,
        limit: Option<Duration>,
    ) -> Result<Turn> {
        let whole = match limit {
            Some(limit) => context.child_with_timeout(limit),
            None => context.clone(),
        };
        select! {
            recv(waiting.turns) -> turn => if let Ok(turn) = turn { return Ok(turn) },
            recv(whole.done()) -> _ => {}
        }
        // The turn may have come at the same time.
        if let Some(turn) = self.stop_waiting(waiting) {
            return Ok(turn);
        }
        Err(context.err().map_or_else(|| Error::timeout(TimeLimit::Queue), Error::from))
    }

    /// Leaves the calls that wait. Returns the turn if it has come.
    fn stop_waiting(&self, waiting: &Waiting) -> Option<Turn> {
        let mut state = self.state.lock();
        state.waiting.retain(|(number, _)| *number != waiting.number);
        // Under the lock, as every turn is sent.
        waiting.turns.try_recv().ok()
    }

    /// Takes a connection back.
    fn put(self: &Arc<Self>, connection: Connection) {
        let surplus = {
            let mut state = self.state.lock();
            match state.offer(Turn::Connection(connection)) {
                None => None,
                Some(Turn::Connection(connection)) if state.idle.len() < self.limits.max_idle => {
                    state.idle.push(Idle { connection, since: now() });
                    if state.sweep.is_none() {
                        state.sweep = self.schedule();
                    }
                    None
                }
                Some(turn) => {
                    state.open -= 1;
                    Some(turn)
                }
            }
        };
        // Outside the lock: this closes the connection.
        drop(surplus);
    }

    /// Notes the end of a connection, or of a dial that failed.
    fn closed(&self) {
        let mut state = self.state.lock();
        if state.offer(Turn::Dial).is_some() {
            state.open -= 1;
        }
    }

    /// Closes an idle connection, if there is one. Returns `true` if there was.
    pub(super) fn evict(&self) -> bool {
        let evicted = {
            let mut state = self.state.lock();
            let oldest = (!state.idle.is_empty()).then(|| state.idle.remove(0));
            state.open -= usize::from(oldest.is_some());
            oldest
        };
        evicted.is_some()
    }

    fn schedule(self: &Arc<Self>) -> Option<Sweep> {
        let timer = Context::with_timeout(self.limits.idle_timeout?);
        let pool = Arc::downgrade(self);
        Some(Sweep(timer.on_done(move |_| {
            if let Some(pool) = pool.upgrade() {
                pool.sweep();
            }
        })))
    }

    /// Closes the connections that have been idle for long. Runs on the timer's thread.
    fn sweep(self: &Arc<Self>) {
        let Some(limit) = self.limits.idle_timeout else { return };
        let now = now();
        let (expired, before) = {
            let mut state = self.state.lock();
            // The oldest come first. Between two sweeps, a connection is idle for at most twice the limit.
            let count = state
                .idle
                .iter()
                .take_while(|idle| now.saturating_duration_since(idle.since) >= limit)
                .count();
            let expired: Vec<_> = state.idle.drain(..count).collect();
            state.open -= count;
            let next = if state.idle.is_empty() { None } else { self.schedule() };
            (expired, std::mem::replace(&mut state.sweep, next))
        };
        drop((expired, before));
    }

    #[cfg(all(test, not(hangup_shuttle)))]
    fn counts(&self) -> (usize, usize, usize) {
        let state = self.state.lock();
        (state.open, state.idle.len(), state.waiting.len())
    }
}

impl State {
    /// Offers a turn to the calls that wait. Returns it if there is none.
    fn offer(&mut self, mut turn: Turn) -> Option<Turn> {
        while let Some((_, first)) = self.waiting.pop_front() {
            match first.send(turn) {
                Ok(()) => return None,
                Err(refused) => turn = refused.0,
            }
        }
        Some(turn)
    }
}

impl Lease {
    /// Gives a connection back that another call may use.
    pub(super) fn give_back(mut self, connection: Connection) {
        self.given_back = true;
        self.pool.put(connection);
    }

    /// Returns the pool.
    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.given_back {
            self.pool.closed();
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::thread;

    use super::*;
    use crate::error::ErrorKind;
    use crate::net::memory;

    fn limits(max_idle: usize, max_connections: Option<usize>) -> Limits {
        Limits { max_idle, idle_timeout: None, max_connections }
    }

    /// Returns a connection, and the application's end.
    fn connection() -> (Connection, crate::net::Stream) {
        let (near, far) = memory::pair();
        (Connection::new(near), far)
    }

    fn lease(pool: &Arc<Pool>) -> (Lease, Option<Connection>) {
        pool.lease(&Context::new(), None).unwrap()
    }

    #[test]
    fn h12_idle_connections_are_reused_up_to_a_limit() {
        let pool = Pool::new(limits(1, None));
        let ((first, none), (second, _)) = (lease(&pool), lease(&pool));
        assert!(none.is_none());
        assert_eq!(pool.counts(), (2, 0, 0));
        let ((one, _far_one), (two, far_two)) = (connection(), connection());
        first.give_back(one);
        second.give_back(two);
        assert_eq!(pool.counts(), (1, 1, 0), "one is surplus");
        assert!(far_two.readiness().peer_closed);
        let (third, reused) = lease(&pool);
        assert!(reused.is_some());
        drop(third);
        assert_eq!(pool.counts(), (0, 0, 0));
    }

    #[test]
    fn h12_a_stale_connection_is_not_reused() {
        let pool = Pool::new(limits(9, None));
        let (idle, far) = connection();
        lease(&pool).0.give_back(idle);
        drop(far);
        let (lease, none) = lease(&pool);
        assert!(none.is_none());
        assert_eq!(pool.counts(), (1, 0, 0));
        drop(lease);
        assert!(!pool.evict());
    }

    #[test]
    fn h12_calls_wait_for_a_connection_in_their_order() {
        let pool = Pool::new(limits(9, Some(1)));
        let (first, _) = lease(&pool);
        let limit = Some(Duration::from_millis(1));
        let error = pool.lease(&Context::new(), limit).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Queue));
        let cancelled = Context::new();
        cancelled.cancel();
        let error = pool.lease(&cancelled, None).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(pool.counts(), (1, 0, 0));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lease(&pool));
            while pool.counts().2 == 0 {
                thread::yield_now();
            }
            let (idle, _far) = connection();
            first.give_back(idle);
            let (second, reused) = waiting.join().unwrap();
            assert!(reused.is_some());
            let waiting = scope.spawn(|| lease(&pool));
            while pool.counts().2 == 0 {
                thread::yield_now();
            }
            drop(second);
            let (_third, none) = waiting.join().unwrap();
            assert!(none.is_none());
        });
        assert_eq!(pool.counts(), (0, 0, 0));
    }

    #[test]
    fn h12_idle_connections_are_closed_after_a_time() {
        let idle_timeout = Some(Duration::from_millis(5));
        let pool = Pool::new(Limits { idle_timeout, ..limits(9, None) });
        let (idle, far) = connection();
        lease(&pool).0.give_back(idle);
        far.wait_readable().unwrap();
        while pool.counts() != (0, 0, 0) {
            thread::yield_now();
        }
    }
}
