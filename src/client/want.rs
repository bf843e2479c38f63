//! A pending request for a connection, which resolves exactly once.
//!
//! A caller that needs a connection may get it from two sides at once: another call ends and gives
//! its connection back, or a dial succeeds. Or the caller gives up. The first outcome stays; a later one
//! is handed back, for another caller.

use std::sync::Arc;

use crate::error::Result;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// The side that grants. `C` is a connection.
pub(super) struct Want<C>(Mutex<State<C>>);

enum State<C> {
    Open(Sender<Result<C>>),
    Granted,
    GivenUp,
}

/// The side that waits. Capacity 1: granting never blocks.
pub(super) type Granted<C> = Receiver<Result<C>>;

impl<C> Want<C> {
    pub(super) fn new() -> (Arc<Self>, Granted<C>) {
        let (sender, receiver) = bounded(1);
        (Arc::new(Self(Mutex::new(State::Open(sender)))), receiver)
    }

    /// Decides the outcome; gives it back if that was done already.
    pub(super) fn grant(&self, outcome: Result<C>) -> Result<(), Result<C>> {
        let mut state = self.0.lock();
        let State::Open(sender) = &*state else { return Err(outcome) };
        // Under the lock: a caller that gives up after this finds the outcome in the channel.
        sender.send(outcome).map_err(|refused| refused.0)?;
        *state = State::Granted;
        Ok(())
    }

    /// Gives up: nothing is granted from now on. What was granted before is in the channel.
    pub(super) fn give_up(&self) {
        *self.0.lock() = State::GivenUp;
    }

    /// Whether it can still be granted.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.0.lock(), State::Open(_))
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn t13_the_first_outcome_stays_and_the_others_are_given_back() {
        let (want, granted) = Want::new();
        assert!(want.grant(Ok(1)).is_ok());
        assert_eq!(want.grant(Ok(2)).unwrap_err().unwrap(), 2);
        want.give_up();
        assert_eq!(granted.try_recv().unwrap().unwrap(), 1);
        let (want, _granted) = Want::new();
        want.give_up();
        assert_eq!(want.grant(Ok(3)).unwrap_err().unwrap(), 3);
    }
}
