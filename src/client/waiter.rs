//! A call that waits for a connection: a race with one outcome.
//!
//! A waiter may get a connection from two sides at once: another call ends and puts its connection back,
//! or a dial succeeds. The caller may also cancel. The first outcome stays. A later one is returned to
//! the side that brought it, for another waiter.

use std::sync::Arc;

use crate::error::Error;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// The side that delivers. `C` is a connection.
pub(super) struct Waiter<C>(Mutex<State<C>>);

enum State<C> {
    Open(Sender<Outcome<C>>),
    Delivered,
    Cancelled,
}

/// The outcome of waiting.
pub(super) type Outcome<C> = Result<C, NoConnection>;

/// Why a waiter got no connection.
#[derive(Debug)]
pub(super) enum NoConnection {
    /// The dial that was begun for it failed.
    DialFailed(Error),
    /// The pool was closed.
    Closed,
}

/// The side that waits. Sender: the waiter. Receiver: the caller. Capacity 1, so that delivering never
/// blocks.
pub(super) type Delivery<C> = Receiver<Outcome<C>>;

impl<C> Waiter<C> {
    pub(super) fn new() -> (Arc<Self>, Delivery<C>) {
        let (sender, receiver) = bounded(1);
        (Arc::new(Self(Mutex::new(State::Open(sender)))), receiver)
    }

    /// Decides the outcome. Returns it if the outcome had been decided before.
    pub(super) fn deliver(&self, outcome: Outcome<C>) -> Result<(), Outcome<C>> {
        let mut state = self.0.lock();
        let State::Open(sender) = &*state else { return Err(outcome) };
        // Under the lock: a caller that cancels after this finds the outcome in the channel.
        sender.send(outcome).map_err(|refused| refused.0)?;
        *state = State::Delivered;
        Ok(())
    }

    /// Ends the waiting: nothing is delivered from now on. An outcome delivered before is in the channel.
    pub(super) fn cancel(&self) {
        *self.0.lock() = State::Cancelled;
    }

    /// Returns `true` while the outcome is undecided.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.0.lock(), State::Open(_))
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn t13_the_first_outcome_stays_and_later_ones_are_returned() {
        let (waiter, delivery) = Waiter::new();
        assert!(waiter.deliver(Ok(1)).is_ok());
        assert_eq!(waiter.deliver(Ok(2)).unwrap_err().unwrap(), 2);
        waiter.cancel();
        assert_eq!(delivery.try_recv().unwrap().unwrap(), 1);
        let (waiter, _delivery) = Waiter::new();
        waiter.cancel();
        assert_eq!(waiter.deliver(Ok(3)).unwrap_err().unwrap(), 3);
    }
}
