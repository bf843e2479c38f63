//! The clock of one exploration, and what becomes of time limits.

use std::cell::Cell;
use std::time::Instant;

use shuttle::rand::Rng;

/// What becomes of waits with a time limit that has not passed when they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// They do not end by it: what waits for nothing else is a deadlock.
    Never,
    /// They end by it at any moment.
    AnyMoment,
}

// All threads of an exploration are run by one thread of the system, the test's.
std::thread_local! {
    static LIMITS: Cell<Limits> = const { Cell::new(Limits::Never) };
    /// How far the clock was moved, if it was.
    static MOVED_TO: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// One in so many looks at a time limit finds that it has passed.
const PATIENCE: u32 = 12;

pub(super) fn reset(limits: Limits) {
    LIMITS.set(limits);
    MOVED_TO.set(None);
}

pub(super) fn pass() {
    LIMITS.set(Limits::AnyMoment);
}

/// The moment against which deadlines are held.
pub(crate) fn now() -> Instant {
    let now = Instant::now();
    MOVED_TO.get().map_or(now, |moved| moved.max(now))
}

/// Whether waits may end by limits that lie ahead.
pub(super) fn runs() -> bool {
    LIMITS.get() == Limits::AnyMoment
}

/// Whether `moment` has come. It may come by this very look.
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
