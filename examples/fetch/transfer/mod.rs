//! One URL, from the first request to the last byte of the response.
//!
//! | file | contents |
//! | --- | --- |
//! | `attempt.rs` | the requests and redirects of one attempt |
//! | `save.rs`, `body.rs` | the response's body and its destination |
//! | `retry.rs` | further attempts |
//! | `operation.rs` | the shared state of the transfers between two `--next` |
//! | `several.rs` | all transfers, in turn or in parallel |

mod attempt;
mod body;
mod operation;
mod retry;
mod save;
pub(crate) mod several;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hangup::{Context, Error};
use indicatif::ProgressBar;
use parking_lot::Mutex;

use crate::INTERRUPTED;
use crate::failure::Failure;
use crate::options::{General, Job};
use crate::output::Output;
use crate::report::Report;
use crate::request::payload::is_stdin;
use crate::support::complain;
use attempt::Attempt;
use operation::Shared;
use retry::Retries;

/// One URL and the state that it shares with others.
struct Transfer<'a> {
    general: &'a General,
    shared: &'a Shared<'a>,
    context: &'a Context,
    job: &'a Job,
    /// The number of the URL on the command line.
    number: usize,
    /// The bar of all parallel transfers.
    bar: Option<&'a ProgressBar>,
}

impl Transfer<'_> {
    /// Makes the transfer, reports it, and returns the exit code.
    fn run(&self) -> u8 {
        if self.context.is_done() {
            return INTERRUPTED;
        }
        let mut report = Report::new(&self.job.url, self.number);
        let outcome = self.persistently(&mut report);
        if let Err(failure) = &outcome {
            report.exit_code = failure.code;
            report.error = Some(failure.message.clone());
            match self.bar {
                Some(bar) => bar.suspend(|| failure.tell(self.general)),
                None => failure.tell(self.general),
            }
        }
        if let Some(format) = &self.shared.template.write_out {
            report.write_out(format);
        }
        report.exit_code
    }

    /// Makes as many attempts as `--retry` allows.
    fn persistently(&self, report: &mut Report) -> Result<(), Failure> {
        let options = self.shared.options;
        let mut retries = Retries::new(&options.timing);
        let output = Arc::new(Mutex::new(Output::new(self.job, options)?));
        loop {
            *report = Report::new(&self.job.url, self.number);
            let begun = Instant::now();
            let outcome = self.attempt(&output, report, begun);
            report.took = begun.elapsed();
            report.file = output.lock().path().map(Into::into);
            // An upload from a pipe cannot be read twice.
            let spent = self.reads_once() && report.uploaded > 0;
            let Some(retry) = retries.next(&outcome, report).filter(|_| !spent) else {
                if outcome.is_err() && options.saving.remove_on_error {
                    output.lock().remove();
                }
                return outcome;
            };
            if !self.general.silent {
                let (why, pause, left) = (retry.why, retry.pause.as_secs(), retry.left);
                complain!("fetch: {why}; retrying in {pause} s, {left} left");
            }
            output.lock().restart()?;
            if let Some(ended) = self.context.wait_timeout(retry.pause) {
                return Err(Error::from(ended).into());
            }
        }
    }

    /// Returns `true` if the upload comes from stdin or a pipe.
    fn reads_once(&self) -> bool {
        let is_file = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.is_file());
        self.job.upload.as_deref().is_some_and(|path| is_stdin(path) || !is_file(path))
    }

    fn attempt(
        &self,
        output: &Arc<Mutex<Output>>,
        report: &mut Report,
        begun: Instant,
    ) -> Result<(), Failure> {
        let call = match self.shared.options.timing.max_time {
            Some(limit) => self.context.child_with_timeout(limit),
            None => self.context.child(),
        };
        let offset = output.lock().offset();
        let plan = self.shared.template.plan(self.job, offset, report)?;
        Attempt::new(self, output, report, begun, call).make(plan)
    }
}
