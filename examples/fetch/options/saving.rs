//! The options of the response: destination, heads, failing statuses, report.

use std::path::PathBuf;

use crate::options::Given;
use crate::support::Usage;

#[derive(Default)]
pub(crate) struct Saving {
    pub(crate) include: bool,
    pub(crate) dump_header: Option<PathBuf>,
    pub(crate) fail: FailOn,
    pub(crate) remote_header_name: bool,
    pub(crate) create_dirs: bool,
    pub(crate) output_dir: Option<PathBuf>,
    /// `--no-clobber`: an existing file gets a number behind its name.
    pub(crate) keeps_files: bool,
    pub(crate) remove_on_error: bool,
    pub(crate) max_file_size: Option<u64>,
    pub(crate) write_out: Option<String>,
    pub(crate) suppress_connect_headers: bool,
}

/// The treatment of a status of 400 or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FailOn {
    #[default]
    NoStatus,
    /// `-f`: the body is not saved.
    Status,
    /// `--fail-with-body`
    StatusWithBody,
}

impl Saving {
    /// Takes the option and returns `true` if it is one of these.
    pub(super) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "include" => self.include = given.on(),
            "dump-header" => self.dump_header = Some(given.path()),
            "fail" => self.fail = self.fail_on(given, FailOn::Status)?,
            "fail-with-body" => self.fail = self.fail_on(given, FailOn::StatusWithBody)?,
            "remote-header-name" => self.remote_header_name = given.on(),
            "create-dirs" => self.create_dirs = given.on(),
            "output-dir" => self.output_dir = Some(given.path()),
            "clobber" => self.keeps_files = !given.on(),
            "remove-on-error" => self.remove_on_error = given.on(),
            "max-filesize" => self.max_file_size = Some(given.bytes()?).filter(|most| *most > 0),
            "write-out" => self.write_out = Some(given.text()?),
            "suppress-connect-headers" => self.suppress_connect_headers = given.on(),
            // Every piece of a body is flushed.
            "buffer" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn fail_on(&self, given: &Given, fail: FailOn) -> Result<FailOn, Usage> {
        match (given.on(), self.fail) {
            (false, _) => Ok(FailOn::NoStatus),
            (true, now) if now == FailOn::NoStatus || now == fail => Ok(fail),
            (true, _) => Err(given.bad("--fail and --fail-with-body exclude each other")),
        }
    }
}
