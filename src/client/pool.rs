//! The connections of a client: the idle ones, their limits, and the calls that wait for one.
//!
//! Plain data: nothing here waits, dials, or reads the clock. [`Pool`] is generic over the connection, so
//! that its rules can be tested with numbers.
//!
//! A dial is begun for a call that finds no connection. It belongs to that call while the call waits:
//!
//! ```text
//!               begun for a call          the call got another connection
//!   checkout ───────────────────▶ Own ─────────────────────────────────────┐
//!      │                           │                                       ▼
//!      │  joins a spare dial       │ made: for its call      a call waits without a dial: Joined
//!      └──────────────▶ Joined ────┤ failed: its call fails  none does: spare, for the next call
//!                                  ▼                                       │
//!                     for its call; failed: the call        made: for the first that waits, or idle
//!                     waits on, for its next dial           failed: no call notices
//! ```
//!
//! A dial is begun only if there is no spare one. So there are never more dials and connections than
//! calls that wait for one or use one, beside the idle connections.

mod host;
#[cfg(all(test, hangup_shuttle))]
mod model;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

pub(super) use self::host::PendingDial;
use self::host::{Host, Idle, Waiting};
use super::observe::{Trace, WeakTrace};
use super::waiter::{Delivery, NoConnection, Waiter};
use crate::error::Error;

/// How many connections a client keeps.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// The idle connections in all.
    pub(super) idle: usize,
    /// The idle connections of one route.
    pub(super) idle_per_host: usize,
    /// How long a connection may be idle.
    pub(super) idle_timeout: Option<Duration>,
    /// The connections of one route, idle or not.
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

/// The connections `C` by their routes `K`.
pub(super) struct Pool<K, C> {
    limits: Limits,
    hosts: HashMap<K, Host<C>>,
    /// Invariant: the sum of all hosts' `idle.len()`.
    idle: usize,
    /// How many connections have been put. It tells which of two has been idle longer.
    puts: u64,
    closed: bool,
}

/// The result of [`Pool::checkout`].
pub(super) enum Checkout<C> {
    /// An idle connection.
    Idle(C),
    /// There is none. A waiter is queued until another connection is put back or closed, or a dial
    /// succeeds. The caller begins the dial `begins`, if there is one.
    Queued { waiter: Arc<Waiter<C>>, delivery: Delivery<C>, begins: Option<Arc<PendingDial>> },
    /// The pool was closed.
    Closed,
}

/// The result of putting a connection back.
pub(super) enum Return<C> {
    /// It is idle now, or went to a waiting call.
    Kept,
    /// It is idle now. This other connection, which had been idle longest, has lost its place.
    Evicted(C),
    /// There is no place for it.
    Refused(C),
}

impl<K: Clone + Eq + Hash, C: PartialEq> Pool<K, C> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, hosts: HashMap::new(), idle: 0, puts: 0, closed: false }
    }

    /// Takes the idle connection to `key` that was used last, or queues a waiter for one. `trace` sees the
    /// events of the dial that the waiter waits for.
    pub(super) fn checkout(&mut self, key: &K, trace: Option<&Trace>) -> Checkout<C> {
        if self.closed {
            return Checkout::Closed;
        }
        if let Some(idle) = self.hosts.get_mut(key).and_then(|host| host.idle.pop()) {
            self.idle -= 1;
            return Checkout::Idle(idle.connection);
        }
        let host = self.hosts.entry(key.clone()).or_default();
        let (waiter, delivery) = Waiter::new();
        let mut waiting = Waiting::new(Arc::clone(&waiter), WeakTrace::new(trace));
        let mut begins = None;
        if let Some(spare) = host.spare.pop_front() {
            waiting.join(spare);
        } else if self.limits.per_host.is_none_or(|most| host.open < most) {
            host.open += 1;
            waiting.set_dial(Arc::clone(begins.insert(PendingDial::new())));
        }
        host.waiting.push_back(waiting);
        Checkout::Queued { waiter, delivery, begins }
    }

    /// Takes a cancelled waiter out of the queue. Returns its dial, which the caller ends.
    pub(super) fn forget(&mut self, key: &K, waiter: &Arc<Waiter<C>>) -> Option<Arc<PendingDial>> {
        let host = self.hosts.get_mut(key)?;
        let is_it = |waiting: &Waiting<C>| Arc::ptr_eq(&waiting.waiter, waiter);
        let place = host.waiting.iter().position(is_it)?;
        host.waiting.remove(place)?.take_dial()
    }

    /// Puts back a connection that is ready for its next use. It goes to the first waiting call, or is
    /// kept.
    pub(super) fn put(&mut self, key: &K, connection: C) -> Return<C> {
        if self.closed {
            return Return::Refused(connection);
        }
        let host = match self.hosts.get_mut(key) {
            Some(host) => host,
            None => self.hosts.entry(key.clone()).or_default(),
        };
        let connection = match host.offer(connection) {
            Ok(()) => return Return::Kept,
            Err(connection) => connection,
        };
        if host.idle.len() >= self.limits.idle_per_host || self.limits.idle == 0 {
            return Return::Refused(connection);
        }
        host.idle.push(Idle { connection, since: self.puts });
        self.puts += 1;
        self.idle += 1;
        if self.idle > self.limits.idle { self.evict() } else { Return::Kept }
    }

    /// Delivers the connection that `dial` has made to the call that waits for the dial. Returns the
    /// connection if no call does. The dial still counts as in flight then, until the connection is
    /// [put](Self::put_dialled).
    pub(super) fn dialled(
        &mut self,
        key: &K,
        dial: &Arc<PendingDial>,
        connection: C,
    ) -> Result<(), C> {
        match self.hosts.get_mut(key) {
            Some(host) => host.offer_dialled(dial, connection),
            None => Err(connection),
        }
    }

    /// Puts a connection that `dial` has made, as [`put`](Self::put) does. It goes first to the call
    /// that has joined the dial meanwhile.
    pub(super) fn put_dialled(
        &mut self,
        key: &K,
        dial: &Arc<PendingDial>,
        connection: C,
    ) -> Return<C> {
        let connection = match self.dialled(key, dial, connection) {
            Ok(()) => return Return::Kept,
            Err(connection) => connection,
        };
        if let Some(host) = self.hosts.get_mut(key) {
            host.forget_dial(dial);
        }
        self.put(key, connection)
    }

    /// Fails the call that the failed `dial` was begun for. A call that had joined the dial waits on.
    /// The dial's place is free, as in [`release`](Self::release).
    pub(super) fn dial_failed(
        &mut self,
        key: &K,
        dial: &Arc<PendingDial>,
        error: Error,
    ) -> Option<Arc<PendingDial>> {
        let host = self.hosts.get_mut(key)?;
        if let Some(place) = host.place_of(dial) {
            let waiting = &host.waiting[place];
            if waiting.has_own_dial()
                && waiting.waiter.deliver(Err(NoConnection::DialFailed(error))).is_ok()
            {
                host.waiting.remove(place);
            }
        }
        host.forget_dial(dial);
        self.release(key)
    }

    /// Removes the connection that has been idle longest.
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

    /// Counts a connection that was made beside the pool. Returns `false` at the limit of its host.
    pub(super) fn adopt(&mut self, key: &K) -> bool {
        if self.closed {
            return false;
        }
        let host = self.hosts.entry(key.clone()).or_default();
        let has_place = self.limits.per_host.is_none_or(|most| host.open < most);
        host.open += usize::from(has_place);
        has_place
    }

    /// Returns `true` if a dial is in flight for a waiting call.
    pub(super) fn has_dial(&self, key: &K, waiter: &Arc<Waiter<C>>) -> bool {
        let mut waiting = self.hosts.get(key).into_iter().flat_map(|host| &host.waiting);
        waiting.any(|waiting| Arc::ptr_eq(&waiting.waiter, waiter) && waiting.has_dial())
    }

    /// Removes an idle connection. Returns `true` if it was there.
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

    /// Frees the place of a closed connection or a failed dial. Returns the dial that the caller begins in
    /// that place, for the call that has waited longest without one. The place is counted again then.
    pub(super) fn release(&mut self, key: &K) -> Option<Arc<PendingDial>> {
        let host = self.hosts.get_mut(key)?;
        debug_assert!(host.open > 0, "a place is given back once");
        host.open = host.open.saturating_sub(1);
        for next in host.waiting.iter_mut().filter(|next| next.is_without_dial()) {
            let Some(spare) = host.spare.pop_front() else { break };
            next.join(spare);
        }
        let Some(next) = host.next_without_dial().filter(|_| !self.closed) else {
            self.forget_host_if_unused(key);
            return None;
        };
        let dial = PendingDial::new();
        next.set_dial(Arc::clone(&dial));
        host.open += 1;
        Some(dial)
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

    /// Removes and returns every idle connection.
    pub(super) fn drain(&mut self) -> Vec<C> {
        self.idle = 0;
        let idle = self.hosts.values_mut().flat_map(|host| host.idle.drain(..));
        idle.map(|idle| idle.connection).collect()
    }

    /// Closes the pool, which keeps nothing from now on. Returns the idle connections and the dials, which
    /// the caller ends.
    pub(super) fn close(&mut self) -> (Vec<C>, Vec<Arc<PendingDial>>) {
        self.closed = true;
        let mut dials = Vec::new();
        for host in self.hosts.values_mut() {
            dials.extend(host.spare.drain(..));
            for mut waiting in host.waiting.drain(..) {
                dials.extend(waiting.take_dial());
                let _ = waiting.waiter.deliver(Err(NoConnection::Closed));
            }
        }
        (self.drain(), dials)
    }

    /// Returns the number of calls that wait for a connection.
    pub(super) fn waiting(&self) -> usize {
        let waiting = self.hosts.values().flat_map(|host| &host.waiting);
        waiting.filter(|waiting| waiting.waiter.is_open()).count()
    }

    /// Returns the number of idle connections.
    pub(super) fn idle(&self) -> usize {
        self.idle
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
