//! Runs a test under many orders of its threads.
//!
//! The orders are the same each time, so a passing test keeps passing. The environment variable
//! `SHUTTLE_RANDOM_SEED=<number>` selects other orders, and `HANGUP_MODEL_RUNS=<number>` their number. A failure
//! prints the seed whose first order is the failing one.

use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner};

use super::clock;
pub(crate) use super::clock::Limits;

/// The number of steps at which the order of priority changes, in the last third of an exploration. Most
/// defects need two or three changes.
const DEPTH: usize = 3;

/// The first order of an exploration, unless the environment names another.
const SEED: u64 = 0x68_616e_6775_7000;

/// Runs `test` under `runs` orders of its threads, and fails if any of them fails, ends in a deadlock,
/// or does not end.
///
/// Two thirds of the runs choose a thread at every step. The others run the threads in an order of priority that
/// changes at a few steps, which finds defects that need one very slow thread.
pub(crate) fn explore(runs: usize, limits: Limits, test: impl Fn() + Send + Sync + 'static) {
    let runs = runs_from_environment().unwrap_or(runs);
    let test = std::sync::Arc::new(test);
    let once = move || {
        clock::reset(limits);
        test();
    };
    Runner::new(RandomScheduler::new_from_seed(SEED, runs - runs / 3), config()).run(once.clone());
    if runs > 3 {
        Runner::new(PctScheduler::new_from_seed(SEED, DEPTH, runs / 3), config()).run(once);
    }
}

/// `HANGUP_MODEL_RUNS`, for a longer search than the gate's.
fn runs_from_environment() -> Option<usize> {
    std::env::var("HANGUP_MODEL_RUNS").ok()?.parse().ok()
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    config.max_steps = MaxSteps::FailAfter(100_000);
    config.silence_warnings = true;
    config.ungraceful_shutdown_config.immediately_return_on_panic = true;
    config
}

/// Lets time limits of later waits expire at any moment. Waits that have begun are not affected.
pub(crate) fn let_time_pass() {
    clock::pass();
}

/// Returns any number below `end`.
pub(crate) fn any(end: usize) -> usize {
    shuttle::rand::thread_rng().gen_range(0..end)
}

/// Returns `true` or `false`.
pub(crate) fn perhaps() -> bool {
    any(2) == 0
}
