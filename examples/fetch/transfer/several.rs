//! All transfers, in turn or in parallel.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use hangup::Context;
use hangup::client::CookieJar;
use indicatif::ProgressBar;

use crate::cookies;
use crate::failure::Failure;
use crate::options::{Command, Job};
use crate::output::progress;
use crate::trace::Tracer;
use crate::transfer::Transfer;
use crate::transfer::operation::Shared;

/// Makes all transfers and returns the exit code.
///
/// # Errors
///
/// A file of the command line cannot be used.
pub(crate) fn run(command: &Command, context: &Context) -> Result<u8, Failure> {
    let general = &command.general;
    let tracer = Arc::new(Tracer::new(general)?);
    // The operations share their cookies, as curl's do.
    let jar = CookieJar::new();
    let prepare = |operation| Shared::new(general, operation, &tracer, &jar);
    let shared: Vec<_> = command.operations.iter().map(prepare).collect::<Result<_, _>>()?;
    let jobs: Vec<(&Shared<'_>, &Job)> = command
        .operations
        .iter()
        .zip(&shared)
        .flat_map(|(operation, shared)| operation.jobs.iter().map(move |job| (shared, job)))
        .collect();
    let bar = common_bar(command);
    let transfer = |number: usize| {
        let (shared, job) = jobs[number];
        Transfer { general, shared, context, job, number, bar: bar.as_ref() }.run()
    };
    let code = match general.parallel {
        false => in_turn(jobs.len(), general.fail_early, transfer),
        true => in_parallel(jobs.len(), general.most_transfers(), general.fail_early, transfer),
    };
    if let Some(bar) = bar {
        progress::leave(&bar);
    }
    for operation in &command.operations {
        cookies::save(&jar, &operation.options.cookies, general);
    }
    Ok(code)
}

/// Creates the bar that parallel transfers share.
fn common_bar(command: &Command) -> Option<ProgressBar> {
    let general = &command.general;
    let wanted = general.progress_bar || (stderr().is_terminal() && !general.no_meter);
    (general.parallel && wanted && !general.silent).then(|| progress::bar(None))
}

/// Returns the exit code of the last transfer.
fn in_turn(jobs: usize, fail_early: bool, transfer: impl Fn(usize) -> u8) -> u8 {
    let mut code = 0;
    for job in 0..jobs {
        code = transfer(job);
        if fail_early && code != 0 {
            break;
        }
    }
    code
}

/// Returns the exit code of the last transfer that failed.
fn in_parallel(
    jobs: usize,
    most: usize,
    fail_early: bool,
    transfer: impl Fn(usize) -> u8 + Sync,
) -> u8 {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let mut code = 0;
        loop {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs || (fail_early && failed.load(Ordering::Relaxed)) {
                return code;
            }
            match transfer(job) {
                0 => {}
                failure => {
                    failed.store(true, Ordering::Relaxed);
                    code = failure;
                }
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..most.min(jobs)).map(|_| scope.spawn(work)).collect();
        let codes = threads.into_iter().map(|thread| thread.join().unwrap_or(1));
        codes.filter(|code| *code != 0).last().unwrap_or_default()
    })
}
