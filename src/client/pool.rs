//! The connections that a client has: which are idle, how many there may be, who waits for one.
//!
//! Plain data: nothing here waits, dials, or looks at the clock. [`Pool`] is generic over the
//! connection, so that its rules can be tried with numbers.
//!
//! A dial is begun for the call that finds no connection, and belongs to that call while it waits:
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
//! calls that wait for one or have one, beside those that are idle.

mod host;
#[cfg(all(test, hangup_shuttle))]
mod model;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

pub(super) use self::host::Dial;
use self::host::{Assigned, Host, Idle, Waiting};
use super::want::{Granted, Want};
use crate::error::{Error, ErrorKind};

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

/// The result of [`Pool::checkout`].
pub(super) enum Checkout<C> {
    /// An idle connection.
    Idle(C),
    /// There is none: a want is queued, until another connection is given back or closed, or a dial
    /// succeeds. The caller begins the dial `begins`, if there is one.
    Queued { want: Arc<Want<C>>, granted: Granted<C>, begins: Option<Arc<Dial>> },
    /// The client was closed.
    Closed,
}

/// What becomes of a connection that is given back.
pub(super) enum Return<C> {
    /// It is idle, or a call had waited for it.
    Kept,
    /// It is kept; this one, which had been idle longest, is not.
    Evicted(C),
    /// There is no place for it.
    Refused(C),
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
        let mut begins = None;
        let dial = if let Some(spare) = host.spare.pop_front() {
            Assigned::Joined(spare)
        } else if self.limits.per_host.is_none_or(|most| host.open < most) {
            host.open += 1;
            Assigned::Own(Arc::clone(begins.insert(Dial::new())))
        } else {
            Assigned::None
        };
        let (want, granted) = Want::new();
        host.waiting.push_back(Waiting { want: Arc::clone(&want), dial });
        Checkout::Queued { want, granted, begins }
    }

    /// Takes a want out of the queue that has been given up. Returns its dial, which the caller ends.
    pub(super) fn forget(&mut self, key: &K, want: &Arc<Want<C>>) -> Option<Arc<Dial>> {
        let host = self.hosts.get_mut(key)?;
        let is_it = |waiting: &Waiting<C>| Arc::ptr_eq(&waiting.want, want);
        let place = host.waiting.iter().position(is_it)?;
        host.waiting.remove(place)?.dial.take()
    }

    /// Takes a connection that is ready for its next use: for the first that waits, or to be kept.
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

    /// Takes the connection that `dial` has made, for the call that waits for the dial. Gives the
    /// connection back if none does; the dial still counts as in flight then, until the connection is
    /// [put](Self::put_dialled).
    pub(super) fn dialled(&mut self, key: &K, dial: &Arc<Dial>, connection: C) -> Result<(), C> {
        match self.hosts.get_mut(key) {
            Some(host) => host.offer_dialled(dial, connection),
            None => Err(connection),
        }
    }

    /// As [`put`](Self::put), for a connection that `dial` has made: for the call that has joined the
    /// dial, if one has.
    pub(super) fn put_dialled(&mut self, key: &K, dial: &Arc<Dial>, connection: C) -> Return<C> {
        let connection = match self.dialled(key, dial, connection) {
            Ok(()) => return Return::Kept,
            Err(connection) => connection,
        };
        if let Some(host) = self.hosts.get_mut(key) {
            host.forget_dial(dial);
        }
        self.put(key, connection)
    }

    /// A dial has failed: so has the call that it was begun for. Its place is free, as
    /// [`release`](Self::release) has it. A call that had joined the dial waits on.
    pub(super) fn dial_failed(
        &mut self,
        key: &K,
        dial: &Arc<Dial>,
        error: Error,
    ) -> Option<Arc<Dial>> {
        let host = self.hosts.get_mut(key)?;
        if let Some(place) = host.place_of(dial)
            && let Waiting { want, dial: Assigned::Own(_) } = &host.waiting[place]
            && want.grant(Err(error)).is_ok()
        {
            host.waiting.remove(place);
        }
        host.forget_dial(dial);
        self.release(key)
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

    /// A connection has been closed, or a dial has failed: its place is free. Returns the dial that the
    /// caller begins in its place, which is counted again: for the call that has waited longest without.
    pub(super) fn release(&mut self, key: &K) -> Option<Arc<Dial>> {
        let host = self.hosts.get_mut(key)?;
        debug_assert!(host.open > 0, "a place is given back once");
        host.open = host.open.saturating_sub(1);
        while !host.spare.is_empty()
            && let Some(next) = host.waiting.iter_mut().find(|next| next.is_without_dial())
        {
            next.dial = host.spare.pop_front().map_or(Assigned::None, Assigned::Joined);
        }
        let Some(next) = host.next_without_dial().filter(|_| !self.closed) else {
            self.forget_host_if_unused(key);
            return None;
        };
        let dial = Dial::new();
        next.dial = Assigned::Own(Arc::clone(&dial));
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

    /// Takes out every idle connection.
    pub(super) fn drain(&mut self) -> Vec<C> {
        self.idle = 0;
        let idle = self.hosts.values_mut().flat_map(|host| host.idle.drain(..));
        idle.map(|idle| idle.connection).collect()
    }

    /// Keeps nothing from now on; returns the idle connections and the dials, which the caller ends.
    pub(super) fn close(&mut self) -> (Vec<C>, Vec<Arc<Dial>>) {
        self.closed = true;
        let mut dials = Vec::new();
        for host in self.hosts.values_mut() {
            dials.extend(host.spare.drain(..));
            for mut waiting in host.waiting.drain(..) {
                dials.extend(waiting.dial.take());
                let _ = waiting.want.grant(Err(Error::new(ErrorKind::Closed)));
            }
        }
        (self.drain(), dials)
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
mod tests;
