//! The connections that a client has: which are idle, how many there may be, who waits for one.
//!
//! Plain data: nothing here waits, dials, or looks at the clock. [`Pool`] is generic over the
//! connection, so that its rules can be tried with numbers.

#[cfg(all(test, hangup_shuttle))]
mod model;

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::want::{Granted, Want};

/// How many connections a client keeps.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Idle ones in all.
    pub(super) idle: usize,
    /// Idle ones to one host.
    pub(super) idle_per_host: usize,
    /// How long one may be idle.
    pub(super) idle_timeout: Option<Duration>,
    /// Connections to one host, idle or not.
    pub(super) per_host: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: 100,
            idle_per_host: 16,
            idle_timeout: Some(Duration::from_secs(90)),
            per_host: None,
        }
    }
}

/// What the pool keeps of connections `C` to the hosts `K`.
pub(super) struct Pool<K, C> {
    limits: Limits,
    hosts: HashMap<K, Host<C>>,
    /// Invariant: the sum of all hosts' `idle.len()`.
    idle: usize,
    /// How many connections have been put: which of two has been idle longer.
    puts: u64,
    closed: bool,
}

struct Host<C> {
    /// The most recently used is last.
    idle: Vec<Idle<C>>,
    /// Connections that exist or are being dialled. Invariant: at most `limits.per_host`.
    open: usize,
    /// First come, first served.
    waiting: VecDeque<Waiting<C>>,
}

struct Waiting<C> {
    want: Arc<Want<C>>,
    /// Whether a dial is under way for it. Without a limit there always is.
    dialled: bool,
}

struct Idle<C> {
    connection: C,
    /// `Pool::puts` at that moment.
    since: u64,
}

/// What a caller that needs a connection is told.
pub(super) enum Checkout<C> {
    /// Here is one.
    Idle(C),
    /// There is none: a want is queued, until another connection is given back or closed. With `dial`
    /// one may be made for it: its place is counted.
    Queued { want: Arc<Want<C>>, granted: Granted<C>, dial: bool },
    /// The client was closed.
    Closed,
}

/// What becomes of a connection that is given back.
pub(super) enum Return<C> {
    /// It waits for its next use, or somebody had waited for it.
    Kept,
    /// It is kept; this one, which had been idle longest, is not.
    Evicted(C),
    /// There is no place for it.
    Refused(C),
}

impl<C> Default for Host<C> {
    fn default() -> Self {
        Self { idle: Vec::new(), open: 0, waiting: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, C: PartialEq> Pool<K, C> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, hosts: HashMap::new(), idle: 0, puts: 0, closed: false }
    }

    /// Finds the connection to `key` that was used last, or queues a want for one.
    pub(super) fn checkout(&mut self, key: &K) -> Checkout<C> {
        if self.closed {
            return Checkout::Closed;
        }
        if let Some(idle) = self.hosts.get_mut(key).and_then(|host| host.idle.pop()) {
            self.idle -= 1;
            return Checkout::Idle(idle.connection);
        }
        let host = self.hosts.entry(key.clone()).or_default();
        let dial = self.limits.per_host.is_none_or(|most| host.open < most);
        if dial {
            host.open += 1;
        }
        let (want, granted) = Want::new();
        host.waiting.push_back(Waiting { want: Arc::clone(&want), dialled: dial });
        Checkout::Queued { want, granted, dial }
    }

    /// Takes a want out of the queue that has its outcome, or has been given up.
    pub(super) fn forget(&mut self, key: &K, want: &Arc<Want<C>>) {
        if let Some(host) = self.hosts.get_mut(key) {
            host.waiting.retain(|waiting| !Arc::ptr_eq(&waiting.want, want));
        }
    }

    /// Takes a connection that is ready for its next use: for the first that waits, or to be kept.
    pub(super) fn put(&mut self, key: &K, mut connection: C) -> Return<C> {
        if self.closed {
            return Return::Refused(connection);
        }
        let host = match self.hosts.get_mut(key) {
            Some(host) => host,
            None => self.hosts.entry(key.clone()).or_default(),
        };
        while let Some(first) = host.waiting.pop_front() {
            match first.want.grant(Ok(connection)) {
                Ok(()) => return Return::Kept,
                Err(refused) => connection = refused.expect("a connection was offered"),
            }
        }
        if host.idle.len() >= self.limits.idle_per_host || self.limits.idle == 0 {
            return Return::Refused(connection);
        }
        host.idle.push(Idle { connection, since: self.puts });
        self.puts += 1;
        self.idle += 1;
        if self.idle > self.limits.idle { self.evict() } else { Return::Kept }
    }

    /// Takes out the connection that has been idle longest.
    fn evict(&mut self) -> Return<C> {
        let oldest =
            self.hosts.iter().filter_map(|(key, host)| Some((host.idle.first()?.since, key)));
        let Some(key) = oldest.min_by_key(|(since, _)| *since).map(|(_, key)| key.clone()) else {
            return Return::Kept;
        };
        let host = self.hosts.get_mut(&key).expect("it was just seen");
        self.idle -= 1;
        Return::Evicted(host.idle.remove(0).connection)
    }

    /// Takes an idle connection out that is of no more use. Whether it was there.
    pub(super) fn remove(&mut self, key: &K, connection: &C) -> bool {
        let Some(host) = self.hosts.get_mut(key) else { return false };
        let Some(place) = host.idle.iter().position(|idle| idle.connection == *connection) else {
            return false;
        };
        host.idle.remove(place);
        self.idle -= 1;
        self.forget_host_if_unused(key);
        true
    }

    /// A connection has been closed, or a dial has failed: its place is free. Returns for whom a dial
    /// may be started in its place, which is then counted again: whoever has waited longest without.
    pub(super) fn release(&mut self, key: &K) -> Option<Arc<Want<C>>> {
        let host = self.hosts.get_mut(key)?;
        debug_assert!(host.open > 0, "a place is given back once");
        host.open = host.open.saturating_sub(1);
        host.waiting.retain(|waiting| waiting.want.is_open());
        match host.waiting.iter_mut().find(|waiting| !waiting.dialled) {
            Some(next) => {
                next.dialled = true;
                host.open += 1;
                Some(Arc::clone(&next.want))
            }
            None => {
                self.forget_host_if_unused(key);
                None
            }
        }
    }

    fn forget_host_if_unused(&mut self, key: &K) {
        let unused = self
            .hosts
            .get(key)
            .is_some_and(|host| host.open == 0 && host.waiting.is_empty() && host.idle.is_empty());
        if unused {
            self.hosts.remove(key);
        }
    }

    /// Takes out every idle connection.
    pub(super) fn drain(&mut self) -> Vec<C> {
        self.idle = 0;
        let idle = self.hosts.values_mut().flat_map(|host| host.idle.drain(..));
        idle.map(|idle| idle.connection).collect()
    }

    /// Keeps nothing from now on; returns what it had.
    pub(super) fn close(&mut self) -> Vec<C> {
        self.closed = true;
        for host in self.hosts.values_mut() {
            for waiting in host.waiting.drain(..) {
                let _ = waiting.want.grant(Err(crate::error::Error::new(crate::ErrorKind::Closed)));
            }
        }
        self.drain()
    }

    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        self.limits.idle_timeout
    }

    /// How many wants are queued that can still be granted.
    pub(super) fn waiting(&self) -> usize {
        let waiting = self.hosts.values().flat_map(|host| &host.waiting);
        waiting.filter(|waiting| waiting.want.is_open()).count()
    }

    /// How many connections are idle.
    pub(super) fn idle(&self) -> usize {
        self.idle
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    fn pool(limits: Limits) -> Pool<&'static str, u32> {
        Pool::new(limits)
    }

    /// Queues a want, for which one may dial or not.
    fn queue(pool: &mut Pool<&str, u32>, may_dial: bool) -> (Arc<Want<u32>>, Granted<u32>) {
        match pool.checkout(&"a") {
            Checkout::Queued { want, granted, dial } if dial == may_dial => (want, granted),
            _ => panic!("dial: {may_dial}"),
        }
    }

    #[test]
    fn t13_the_most_recently_used_is_taken_first() {
        let mut pool = pool(Limits::default());
        for connection in [1, 2, 3] {
            assert!(matches!(pool.put(&"a", connection), Return::Kept));
        }
        assert!(matches!(pool.checkout(&"a"), Checkout::Idle(3)));
        assert!(matches!(pool.checkout(&"b"), Checkout::Queued { dial: true, .. }));
        assert_eq!(pool.idle(), 2);
    }

    #[test]
    fn t13_a_host_keeps_so_many_and_no_more() {
        let mut pool = pool(Limits { idle_per_host: 2, ..Limits::default() });
        for (connection, kept) in [(1, true), (2, true), (3, false)] {
            let outcome = pool.put(&"a", connection);
            assert_eq!(matches!(outcome, Return::Kept), kept, "{connection}");
        }
        assert!(matches!(pool.put(&"b", 4), Return::Kept));
    }

    #[test]
    fn t13_beyond_the_total_the_longest_idle_goes() {
        let mut pool = pool(Limits { idle: 2, ..Limits::default() });
        for (host, connection) in [("b", 2), ("a", 1)] {
            assert!(matches!(pool.put(&host, connection), Return::Kept));
        }
        assert!(matches!(pool.put(&"a", 3), Return::Evicted(2)));
        assert_eq!(pool.idle(), 2);
    }

    #[test]
    fn t13_the_queue_at_a_limit_is_fair() {
        let mut pool = pool(Limits { per_host: Some(1), ..Limits::default() });
        let (first, _first_granted) = queue(&mut pool, true);
        assert!(first.grant(Ok(1)).is_ok());
        let (_second, second_granted) = queue(&mut pool, false);
        let (third, third_granted) = queue(&mut pool, false);
        assert!(matches!(pool.put(&"a", 1), Return::Kept));
        assert_eq!(second_granted.try_recv().unwrap().unwrap(), 1);
        assert!(third_granted.try_recv().is_err());
        // The second's connection is closed: the third may dial in its place.
        let next = pool.release(&"a").expect("the place is free");
        assert!(Arc::ptr_eq(&next, &third));
    }

    #[test]
    fn t13_who_gave_up_is_passed_over() {
        let mut pool = pool(Limits { per_host: Some(1), ..Limits::default() });
        queue(&mut pool, true).0.give_up();
        let (gone, _gone_granted) = queue(&mut pool, false);
        let (_stays, granted) = queue(&mut pool, false);
        gone.give_up();
        assert!(matches!(pool.put(&"a", 9), Return::Kept));
        assert_eq!(granted.try_recv().unwrap().unwrap(), 9);
    }

    #[test]
    fn t13_a_free_place_goes_to_one_that_nobody_dials_for() {
        let mut pool = pool(Limits { per_host: Some(2), ..Limits::default() });
        let (busy, _busy) = queue(&mut pool, true);
        assert!(busy.grant(Ok(1)).is_ok());
        let (_dials, _dialled) = queue(&mut pool, true);
        let (waits, _granted) = queue(&mut pool, false);
        let next = pool.release(&"a").expect("the place is free");
        assert!(Arc::ptr_eq(&next, &waits));
        assert!(pool.release(&"a").is_none(), "everybody has a dial");
    }

    #[test]
    fn a_host_is_forgotten_with_its_last_connection() {
        let mut pool = pool(Limits::default());
        let (want, _granted) = queue(&mut pool, true);
        want.give_up();
        pool.forget(&"a", &want);
        // It was closed just before it was put: the pool hears of it first.
        assert!(pool.release(&"a").is_none());
        assert!(matches!(pool.put(&"a", 1), Return::Kept));
        assert!(pool.remove(&"a", &1));
        assert!(pool.hosts.is_empty());
    }

    #[test]
    fn a_closed_pool_keeps_nothing_and_grants_nothing() {
        let mut pool = pool(Limits { per_host: Some(1), ..Limits::default() });
        queue(&mut pool, true).0.give_up();
        let (_waits, granted) = queue(&mut pool, false);
        assert!(pool.close().is_empty());
        assert!(granted.recv().unwrap().is_err());
        assert!(matches!(pool.put(&"a", 1), Return::Refused(1)));
        assert!(matches!(pool.checkout(&"a"), Checkout::Closed));
    }

    #[test]
    fn what_is_not_there_is_not_counted() {
        let mut pool = pool(Limits::default());
        assert!(matches!(pool.put(&"a", 1), Return::Kept));
        assert!(pool.remove(&"a", &1) && !pool.remove(&"a", &1));
        assert_eq!(pool.idle(), 0);
    }
}
