//! The connections, dials and waiting calls of one route.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::client::observe::{DialWatch, WeakTrace};
use crate::client::waiter::Waiter;
use crate::context::Context;

/// The connections of one route.
pub(super) struct Host<C> {
    /// The idle connections. The most recently used is last.
    pub(super) idle: Vec<Idle<C>>,
    /// How many connections exist or are being dialled. Invariant: at most `limits.per_host`.
    pub(super) open: usize,
    /// The waiting calls, in the order in which they came.
    pub(super) waiting: VecDeque<Waiting<C>>,
    /// The dials that no call waits for, the oldest first. Invariant: empty while a call waits without
    /// a dial.
    pub(super) spare: VecDeque<Arc<PendingDial>>,
}

/// A call that waits for a connection.
pub(super) struct Waiting<C> {
    pub(super) waiter: Arc<Waiter<C>>,
    /// Sees the events of the dial.
    trace: WeakTrace,
    dial: Assigned,
}

/// The dial that a call waits for. Any connection that becomes free ends the waiting as well.
enum Assigned {
    /// No dial: the limit of connections has been reached.
    None,
    /// A dial that was begun for this call. If it fails, the call fails.
    Own(Arc<PendingDial>),
    /// A dial that was begun for another call, which has left it.
    Joined(Arc<PendingDial>),
}

impl Assigned {
    fn is(&self, this: &Arc<PendingDial>) -> bool {
        match self {
            Self::None => false,
            Self::Own(dial) | Self::Joined(dial) => Arc::ptr_eq(dial, this),
        }
    }
}

/// A dial in flight. It counts against the limit of connections until it ends.
#[derive(Debug)]
pub(in crate::client) struct PendingDial {
    /// Ends the dial.
    pub(in crate::client) context: Context,
    /// The call that waits for the dial sees its events.
    pub(in crate::client) watch: DialWatch,
}

/// A connection that waits for its next use.
pub(super) struct Idle<C> {
    pub(super) connection: C,
    /// The value of `Pool::puts` when it was put.
    pub(super) since: u64,
}

impl<C> Default for Host<C> {
    fn default() -> Self {
        Self { idle: Vec::new(), open: 0, waiting: VecDeque::new(), spare: VecDeque::new() }
    }
}

impl<C> Host<C> {
    /// Offers a connection to the waiting calls, in their order. A waiter that refuses it has been
    /// cancelled, and its caller is about to take it out of the queue.
    pub(super) fn offer(&mut self, mut connection: C) -> Result<(), C> {
        for place in 0..self.waiting.len() {
            match self.waiting[place].waiter.deliver(Ok(connection)) {
                Ok(()) => {
                    self.leave(place);
                    return Ok(());
                }
                Err(refused) => connection = refused.expect("a connection was offered"),
            }
        }
        Err(connection)
    }

    /// Takes a call out of the queue that got a connection which its dial has not made. The dial goes to
    /// the next call that has none.
    fn leave(&mut self, place: usize) {
        let left = self.waiting.remove(place);
        let Some(dial) = left.and_then(|mut left| left.take_dial()) else { return };
        match self.next_without_dial() {
            Some(next) => next.join(dial),
            None => self.spare.push_back(dial),
        }
    }

    pub(super) fn next_without_dial(&mut self) -> Option<&mut Waiting<C>> {
        self.waiting.iter_mut().find(|next| next.is_without_dial())
    }

    pub(super) fn place_of(&self, dial: &Arc<PendingDial>) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.dial.is(dial))
    }

    /// Offers the connection that `dial` has made to the call that waits for the dial.
    pub(super) fn offer_dialled(
        &mut self,
        dial: &Arc<PendingDial>,
        connection: C,
    ) -> Result<(), C> {
        let Some(place) = self.place_of(dial) else { return Err(connection) };
        match self.waiting[place].waiter.deliver(Ok(connection)) {
            Ok(()) => {
                self.waiting.remove(place);
                Ok(())
            }
            Err(refused) => Err(refused.expect("a connection was offered")),
        }
    }

    /// Forgets a dial that has ended: no call waits for it any more, and none joins it.
    pub(super) fn forget_dial(&mut self, dial: &Arc<PendingDial>) {
        if let Some(place) = self.place_of(dial) {
            self.waiting[place].dial = Assigned::None;
        }
        self.spare.retain(|spare| !Arc::ptr_eq(spare, dial));
    }
}

impl<C> Waiting<C> {
    pub(super) fn new(waiter: Arc<Waiter<C>>, trace: WeakTrace) -> Self {
        Self { waiter, trace, dial: Assigned::None }
    }

    pub(super) fn is_without_dial(&self) -> bool {
        matches!(self.dial, Assigned::None) && self.waiter.is_open()
    }

    /// Assigns a dial that is begun for this call.
    pub(super) fn set_dial(&mut self, dial: Arc<PendingDial>) {
        dial.watch.set(self.trace.clone());
        self.dial = Assigned::Own(dial);
    }

    /// Assigns a dial that was begun for another call.
    pub(super) fn join(&mut self, dial: Arc<PendingDial>) {
        dial.watch.set(self.trace.clone());
        self.dial = Assigned::Joined(dial);
    }

    pub(super) fn has_dial(&self) -> bool {
        !matches!(self.dial, Assigned::None)
    }

    pub(super) fn has_own_dial(&self) -> bool {
        matches!(self.dial, Assigned::Own(_))
    }

    pub(super) fn take_dial(&mut self) -> Option<Arc<PendingDial>> {
        match std::mem::replace(&mut self.dial, Assigned::None) {
            Assigned::None => None,
            Assigned::Own(dial) | Assigned::Joined(dial) => {
                dial.watch.set(WeakTrace::default());
                Some(dial)
            }
        }
    }
}

impl PendingDial {
    pub(in crate::client) fn new() -> Arc<Self> {
        Arc::new(Self { context: Context::new(), watch: DialWatch::default() })
    }
}
