//! The options of the whole command line, which `--next` does not reset.

use std::path::PathBuf;

use crate::options::Given;
use crate::support::Usage;

/// The number of transfers at the same time, unless `--parallel-max` sets it.
const PARALLEL: usize = 50;

/// The largest number of transfers at the same time.
const MAX_PARALLEL: usize = 300;

#[derive(Default)]
pub(crate) struct General {
    pub(crate) silent: bool,
    pub(crate) show_error: bool,
    pub(crate) verbose: bool,
    pub(crate) trace: Option<Trace>,
    pub(crate) trace_time: bool,
    pub(crate) progress_bar: bool,
    /// `--no-progress-meter`
    pub(crate) no_meter: bool,
    pub(crate) parallel: bool,
    parallel_max: Option<usize>,
    pub(crate) fail_early: bool,
    pub(crate) version: bool,
}

/// The file of `--trace` or `--trace-ascii`.
pub(crate) struct Trace {
    pub(crate) path: PathBuf,
    pub(crate) form: TraceForm,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TraceForm {
    /// Hexadecimal and text
    Hex,
    Text,
}

impl General {
    /// Takes the option and returns `true` if it is one of these.
    pub(super) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "silent" => self.silent = given.on(),
            "show-error" => self.show_error = given.on(),
            "verbose" => self.verbose = given.on(),
            "trace" => self.trace = Some(Trace { path: given.path(), form: TraceForm::Hex }),
            "trace-ascii" => self.trace = Some(Trace { path: given.path(), form: TraceForm::Text }),
            "trace-time" => self.trace_time = given.on(),
            "progress-bar" => self.progress_bar = given.on(),
            "progress-meter" => self.no_meter = !given.on(),
            "parallel" => self.parallel = given.on(),
            "parallel-max" => {
                let most: usize = given.number()?;
                let usual = most == 0 || most > MAX_PARALLEL;
                self.parallel_max = Some(if usual { PARALLEL } else { most });
            }
            "fail-early" => self.fail_early = given.on(),
            "version" => self.version = true,
            // Transfers begin at once, and no file of options is read.
            "parallel-immediate" | "disable" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the largest number of transfers at the same time.
    pub(crate) fn most_transfers(&self) -> usize {
        match self.parallel {
            true => self.parallel_max.unwrap_or(PARALLEL),
            false => 1,
        }
    }

    /// Returns `true` if the user wants error messages.
    pub(crate) fn shows_errors(&self) -> bool {
        !self.silent || self.show_error
    }
}
