//! A wish for a connection, with exactly one outcome.
//!
//! A caller that needs a connection may get it from two sides at once: another call ends and gives
//! its connection back, or a dial for this caller succeeds. Or the caller gives up. Whoever comes
//! first wins; what the others bring they get back, and keep it for somebody else.

use crate::error::Result;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// The side that grants. `C` is a connection.
pub(super) struct Want<C> {
    /// Taken by the one that decides the outcome.
    sender: Mutex<Option<Sender<Result<C>>>>,
}

/// The side that wished. Capacity 1: granting never blocks.
pub(super) type Granted<C> = Receiver<Result<C>>;

impl<C> Want<C> {
    pub(super) fn new() -> (Self, Granted<C>) {
        let (sender, receiver) = bounded(1);
        (Self { sender: Mutex::new(Some(sender)) }, receiver)
    }

    /// Decides the outcome; gives it back if that was done already.
    pub(super) fn grant(&self, outcome: Result<C>) -> Result<(), Result<C>> {
        let mut sender = self.sender.lock();
        let Some(deciding) = sender.take() else { return Err(outcome) };
        // Under the lock: who gives up after this finds the outcome in the channel.
        deciding.send(outcome).map_err(|refused| refused.0)
    }

    /// Gives up: nothing will be granted from now on. What was granted before is in the channel.
    pub(super) fn give_up(&self) {
        drop(self.sender.lock().take());
    }

    /// Whether it can still be granted.
    pub(super) fn is_open(&self) -> bool {
        self.sender.lock().is_some()
    }
}
