//! One host's connections, dials, and waiting calls.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::client::want::Want;
use crate::context::Context;

/// The connections to one host.
pub(super) struct Host<C> {
    /// The most recently used is last.
    pub(super) idle: Vec<Idle<C>>,
    /// Connections that exist or are being dialled. Invariant: at most `limits.per_host`.
    pub(super) open: usize,
    /// First come, first served.
    pub(super) waiting: VecDeque<Waiting<C>>,
    /// Dials that no call waits for, the oldest first. Invariant: empty while a call waits without a
    /// dial.
    pub(super) spare: VecDeque<Arc<Dial>>,
}

/// A call that waits for a connection.
pub(super) struct Waiting<C> {
    pub(super) want: Arc<Want<C>>,
    pub(super) dial: Assigned,
}

/// The dial that a call waits for, beside any connection that comes free.
pub(super) enum Assigned {
    /// The host's limit has been reached.
    None,
    /// It was begun for this call: its failure is the call's.
    Own(Arc<Dial>),
    /// It was begun for another call, which has left it.
    Joined(Arc<Dial>),
}

impl Assigned {
    fn is(&self, this: &Arc<Dial>) -> bool {
        match self {
            Self::None => false,
            Self::Own(dial) | Self::Joined(dial) => Arc::ptr_eq(dial, this),
        }
    }

    pub(super) fn take(&mut self) -> Option<Arc<Dial>> {
        match std::mem::replace(self, Self::None) {
            Self::None => None,
            Self::Own(dial) | Self::Joined(dial) => Some(dial),
        }
    }
}

/// A dial in flight. Its place in the host's limit is counted until it ends.
#[derive(Debug)]
pub(in crate::client) struct Dial {
    /// Ends the dial.
    pub(in crate::client) context: Context,
}

/// A connection that waits for its next use.
pub(super) struct Idle<C> {
    pub(super) connection: C,
    /// `Pool::puts` at that moment.
    pub(super) since: u64,
}

impl<C> Default for Host<C> {
    fn default() -> Self {
        Self { idle: Vec::new(), open: 0, waiting: VecDeque::new(), spare: VecDeque::new() }
    }
}

impl<C> Host<C> {
    /// Offers a connection to the calls that wait, in their order. A want that refuses it has been
    /// given up, and its caller is about to take it out of the queue.
    pub(super) fn offer(&mut self, mut connection: C) -> Result<(), C> {
        for place in 0..self.waiting.len() {
            match self.waiting[place].want.grant(Ok(connection)) {
                Ok(()) => {
                    self.leave(place);
                    return Ok(());
                }
                Err(refused) => connection = refused.expect("a connection was offered"),
            }
        }
        Err(connection)
    }

    /// Takes a call out of the queue that got a connection which its dial has not made: the dial goes to
    /// the next that has none.
    fn leave(&mut self, place: usize) {
        let left = self.waiting.remove(place);
        let Some(dial) = left.and_then(|mut left| left.dial.take()) else { return };
        match self.next_without_dial() {
            Some(next) => next.dial = Assigned::Joined(dial),
            None => self.spare.push_back(dial),
        }
    }

    pub(super) fn next_without_dial(&mut self) -> Option<&mut Waiting<C>> {
        self.waiting.iter_mut().find(|next| next.is_without_dial())
    }

    pub(super) fn place_of(&self, dial: &Arc<Dial>) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.dial.is(dial))
    }

    /// Offers the connection that `dial` has made to the call that waits for it.
    pub(super) fn offer_dialled(&mut self, dial: &Arc<Dial>, connection: C) -> Result<(), C> {
        let Some(place) = self.place_of(dial) else { return Err(connection) };
        match self.waiting[place].want.grant(Ok(connection)) {
            Ok(()) => {
                self.waiting.remove(place);
                Ok(())
            }
            Err(refused) => Err(refused.expect("a connection was offered")),
        }
    }

    /// A dial has ended: no call waits for it any more, and none joins it.
    pub(super) fn forget_dial(&mut self, dial: &Arc<Dial>) {
        if let Some(place) = self.place_of(dial) {
            self.waiting[place].dial = Assigned::None;
        }
        self.spare.retain(|spare| !Arc::ptr_eq(spare, dial));
    }
}

impl<C> Waiting<C> {
    pub(super) fn is_without_dial(&self) -> bool {
        matches!(self.dial, Assigned::None) && self.want.is_open()
    }
}

impl Dial {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { context: Context::new() })
    }
}
