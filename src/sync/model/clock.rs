//! The clock of one exploration, and the effect of time limits.

use std::cell::Cell;
use std::time::Instant;

use shuttle::rand::Rng;

/// The effect of time limits that have not passed when a wait begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// The limit never expires. A thread that waits for nothing else is in a deadlock.
    Never,
    /// The limit expires at any moment.
    AnyMoment,
}

// All threads of an exploration are run by one thread of the system, the test's.
std::thread_local! {
    static LIMITS: Cell<Limits> = const { Cell::new(Limits::Never) };
    /// The time that the clock was moved to, if it was.
    static MOVED_TO: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// One in this number of looks at a time limit finds that it has passed.
const PATIENCE: u32 = 12;

pub(super) fn reset(limits: Limits) {
    LIMITS.set(limits);
    MOVED_TO.set(None);
}

pub(super) fn pass() {
    LIMITS.set(Limits::AnyMoment);
}

/// Returns the time to compare deadlines with.
pub(crate) fn now() -> Instant {
    let now = Instant::now();
    MOVED_TO.get().map_or(now, |moved| moved.max(now))
}

/// Returns `true` if limits that lie ahead may expire.
pub(super) fn runs() -> bool {
    LIMITS.get() == Limits::AnyMoment
}

/// Returns `true` if `moment` has passed. The call itself may advance the clock to it.
pub(super) fn has_come(moment: Instant) -> bool {
    if moment <= now() {
        return true;
    }
    let comes = runs() && shuttle::rand::thread_rng().gen_ratio(1, PATIENCE);
    if comes {
        MOVED_TO.set(Some(moment));
    }
    comes
}
