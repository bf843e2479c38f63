//! The clock of one exploration, and its rule for time limits.

use std::cell::Cell;
use std::time::Instant;

use shuttle::rand::Rng;

/// The rule for waits whose time limit has not passed when they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// The limit never ends the wait. A thread that waits for nothing else is deadlocked.
    Never,
    /// The limit may end the wait at any moment.
    AnyMoment,
}

// One system thread, the test's, runs all threads of an exploration.
std::thread_local! {
    static LIMITS: Cell<Limits> = const { Cell::new(Limits::Never) };
    /// The time to which the clock was advanced, if it was.
    static MOVED_TO: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// On average, one of this many checks of a time limit finds that it has passed.
const PATIENCE: u32 = 12;

pub(super) fn reset(limits: Limits) {
    LIMITS.set(limits);
    MOVED_TO.set(None);
}

pub(super) fn pass() {
    LIMITS.set(Limits::AnyMoment);
}

/// Returns the time that deadlines are compared with.
pub(crate) fn now() -> Instant {
    let now = Instant::now();
    MOVED_TO.get().map_or(now, |moved| moved.max(now))
}

/// Returns `true` if time limits may end waits.
pub(super) fn runs() -> bool {
    LIMITS.get() == Limits::AnyMoment
}

/// Returns `true` if `time` has passed. The call itself may advance the clock to it.
pub(super) fn has_passed(time: Instant) -> bool {
    if time <= now() {
        return true;
    }
    let passes = runs() && shuttle::rand::thread_rng().gen_ratio(1, PATIENCE);
    if passes {
        MOVED_TO.set(Some(time));
    }
    passes
}
