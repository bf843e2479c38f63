//! A wish for a connection, with exactly one outcome.
//!
//! A caller that needs a connection may get it from two sides at once: another call ends and gives
//! its connection back, or a dial for this caller succeeds. Or the caller gives up. Whoever comes
//! first wins; what the others bring they get back, and keep it for somebody else.

use std::sync::Arc;

use crate::context::Context;
use crate::error::Result;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// The side that grants. `C` is a connection.
pub(super) struct Want<C>(Mutex<State<C>>);

enum State<C> {
    Open {
        sender: Sender<Result<C>>,
        /// The dial that is under way for it.
        dial: Option<Context>,
    },
    Granted,
    GivenUp,
}

/// The side that wished. Capacity 1: granting never blocks.
pub(super) type Granted<C> = Receiver<Result<C>>;

impl<C> Want<C> {
    pub(super) fn new() -> (Arc<Self>, Granted<C>) {
        let (sender, receiver) = bounded(1);
        (Arc::new(Self(Mutex::new(State::Open { sender, dial: None }))), receiver)
    }

    /// Decides the outcome; gives it back if that was done already.
    pub(super) fn grant(&self, outcome: Result<C>) -> Result<(), Result<C>> {
        let mut state = self.0.lock();
        let State::Open { sender, .. } = &*state else { return Err(outcome) };
        // Under the lock: who gives up after this finds the outcome in the channel.
        sender.send(outcome).map_err(|refused| refused.0)?;
        *state = State::Granted;
        Ok(())
    }

    /// A dial is under way for it, which ends with `context`: giving up ends it, being granted another
    /// connection does not.
    pub(super) fn is_dialled(&self, context: &Context) {
        let given_up = match &mut *self.0.lock() {
            State::Open { dial, .. } => {
                *dial = Some(context.clone());
                false
            }
            State::Granted => false,
            State::GivenUp => true,
        };
        if given_up {
            context.cancel();
        }
    }

    /// Gives up: nothing will be granted from now on. What was granted before is in the channel.
    pub(super) fn give_up(&self) {
        let before = std::mem::replace(&mut *self.0.lock(), State::GivenUp);
        if let State::Open { dial: Some(dial), .. } = before {
            dial.cancel();
        }
    }

    /// Whether it can still be granted.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.0.lock(), State::Open { .. })
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

    #[test]
    fn t14_giving_up_ends_the_dial_and_being_granted_does_not() {
        let (want, _granted) = Want::<u32>::new();
        let (early, late) = (Context::new(), Context::new());
        want.is_dialled(&early);
        want.give_up();
        want.is_dialled(&late);
        assert!(early.is_done() && late.is_done());
        let (want, _granted) = Want::new();
        let dial = Context::new();
        want.is_dialled(&dial);
        assert!(want.grant(Ok(1)).is_ok());
        want.give_up();
        assert!(!dial.is_done(), "its connection is somebody else's");
    }
}
