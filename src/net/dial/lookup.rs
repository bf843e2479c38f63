//! The look-ups of a resolver: which run, which are queued, and which dials wait for each.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::sync::channel::{Receiver, Sender, bounded};

/// The most look-ups that a resolver runs at a time. Each holds a thread until the resolver returns. A
/// host has few name servers, and more questions at a time would not be answered sooner.
pub(crate) const MAX_LOOKUPS: usize = 64;

/// The age up to which another dial joins a look-up. The packets of an older one are most likely lost,
/// so a second look-up is begun beside it.
pub(super) const JOINABLE: Duration = Duration::from_secs(10);

/// A host name and a port.
pub(super) type Name = (String, u16);

/// The look-ups of one resolver.
#[derive(Default)]
pub(super) struct Table {
    /// The number of threads. Invariant: at most [`MAX_LOOKUPS`], and exactly that many while a look-up
    /// is queued.
    pub(super) threads: usize,
    /// The look-ups that another dial may join. The queue keeps a queued one alive, and its thread a
    /// running one.
    pub(super) known: HashMap<Name, Weak<Lookup>>,
    pub(super) queue: VecDeque<Task>,
}

/// A look-up, as seen by the dials that wait for it.
pub(super) struct Lookup {
    pub(super) name: Name,
    /// Ends when no dial waits any more. A dial may join even then, and asks again if the resolver gave
    /// up.
    pub(super) context: Context,
    /// The number of dials that wait. It grows under the table's lock only.
    pub(super) waiting: AtomicUsize,
    /// Set when a thread takes the look-up.
    pub(super) begun: OnceLock<Instant>,
    /// Set before `done` disconnects, unless the resolver panicked.
    pub(super) result: OnceLock<io::Result<Vec<SocketAddr>>>,
    /// Nothing is ever sent. It disconnects when the look-up has ended.
    pub(super) done: Receiver<Infallible>,
}

/// A look-up, as seen by its thread.
pub(super) struct Task {
    pub(super) lookup: Arc<Lookup>,
    /// Dropped when the look-up has ended, also by a panic.
    _done: Sender<Infallible>,
}

/// A dial's share in a look-up. The drop of the last one ends the look-up's context.
pub(super) struct Waiting(Arc<Lookup>);

impl Table {
    /// Returns a share in the look-up of `name` that a new dial joins, if there is one.
    pub(super) fn join(&self, name: &Name) -> Option<Waiting> {
        let known = self.known.get(name).and_then(Weak::upgrade)?;
        let joins = known.is_young() || self.threads >= MAX_LOOKUPS;
        joins.then(|| Waiting::new(known))
    }

    /// Takes the next look-up for the thread that has run `ended`. Returns `None` if none is queued, in
    /// which case the thread no longer counts.
    pub(super) fn next(&mut self, ended: &Task) -> Option<Task> {
        let name = &ended.lookup.name;
        let known = self.known.get(name);
        if known.is_some_and(|known| Weak::as_ptr(known) == Arc::as_ptr(&ended.lookup)) {
            self.known.remove(name);
        }
        self.remove_abandoned();
        let next = self.queue.pop_front();
        match &next {
            Some(task) => task.lookup.begin(),
            None => self.threads -= 1,
        }
        next
    }

    /// Removes the queued look-ups that no dial waits for.
    pub(super) fn remove_abandoned(&mut self) {
        let Self { known, queue, .. } = self;
        queue.retain(|task| {
            let is_wanted = task.lookup.waiting.load(Ordering::SeqCst) > 0;
            if !is_wanted {
                known.remove(&task.lookup.name);
            }
            is_wanted
        });
    }
}

impl Task {
    pub(super) fn new(name: Name) -> Self {
        let (sender, done) = bounded(0);
        let lookup = Lookup {
            name,
            context: Context::new(),
            waiting: AtomicUsize::new(0),
            begun: OnceLock::new(),
            result: OnceLock::new(),
            done,
        };
        Self { lookup: Arc::new(lookup), _done: sender }
    }
}

impl Lookup {
    /// Records that a thread has taken the look-up.
    pub(super) fn begin(&self) {
        let _ = self.begun.set(Instant::now());
    }

    pub(super) fn is_young(&self) -> bool {
        self.begun.get().is_none_or(|begun| begun.elapsed() < JOINABLE)
    }

    /// Returns a copy of the result. Call it when `done` has disconnected.
    pub(super) fn result(&self) -> io::Result<Vec<SocketAddr>> {
        match self.result.get() {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            Some(Err(error)) => Err(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            }),
            None => Err(io::Error::other("the resolver panicked")),
        }
    }
}

impl Waiting {
    /// Call it under the table's lock.
    pub(super) fn new(lookup: Arc<Lookup>) -> Self {
        lookup.waiting.fetch_add(1, Ordering::SeqCst);
        Self(lookup)
    }
}

impl std::ops::Deref for Waiting {
    type Target = Lookup;

    fn deref(&self) -> &Lookup {
        &self.0
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.context.cancel_with("no dial waits for the look-up");
        }
    }
}
