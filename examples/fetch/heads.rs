//! The heads of responses, for `-v`, `-i`, `-I` and `-w`.

use std::sync::Arc;

use hangup::Response;
use hangup::client::RawHead;
use hangup::http::StatusCode;
use parking_lot::Mutex;

use crate::command::Command;
use crate::failure::Failure;
use crate::output::Output;
use crate::verbose::{show_connection, show_raw};

/// Observes the heads of one request's responses, on the thread that reads them.
pub(crate) struct Heads {
    included: bool,
    verbose: bool,
    output: Arc<Mutex<Output>>,
    seen: Mutex<Seen>,
}

/// Facts of the last head, also of an incomplete one.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) status: Option<StatusCode>,
    pub(crate) location: Option<Vec<u8>>,
    pub(crate) content_type: Option<Vec<u8>>,
    /// The text, if `-v` has not shown it yet.
    unshown: Option<Vec<u8>>,
    not_written: Option<Failure>,
}

impl Heads {
    pub(crate) fn new(command: &Command, output: &Arc<Mutex<Output>>) -> Self {
        Self {
            included: command.include || command.head,
            verbose: command.verbose,
            output: Arc::clone(output),
            seen: Mutex::default(),
        }
    }

    pub(crate) fn see(&self, head: &RawHead<'_>) {
        let mut seen = self.seen.lock();
        seen.status = head.status().or(seen.status);
        seen.location = field(head, "location");
        seen.content_type = field(head, "content-type");
        if self.verbose {
            match head.status() {
                Some(status) if status.is_informational() => show_raw(head.as_bytes()),
                // The connection is shown first. It is known after the response has been returned.
                _ => seen.unshown = Some(head.as_bytes().to_owned()),
            }
        }
        if self.included && head.status().is_some() && seen.not_written.is_none() {
            seen.not_written = self.output.lock().write(head.as_bytes()).err();
        }
    }

    /// Shows the rest and returns the facts of the last head.
    ///
    /// # Errors
    ///
    /// The heads could not be written.
    pub(crate) fn finish(&self, response: Option<&Response>) -> Result<Seen, Failure> {
        let mut seen = std::mem::take(&mut *self.seen.lock());
        if let Some(response) = response.filter(|_| self.verbose) {
            show_connection(response);
        }
        if let Some(text) = seen.unshown.take() {
            show_raw(&text);
        }
        match seen.not_written.take() {
            Some(failure) => Err(failure),
            None => Ok(seen),
        }
    }
}

impl Seen {
    /// Returns `true` if the last head is that of a final response.
    pub(crate) fn is_final(&self) -> bool {
        self.status.is_some_and(|status| !status.is_informational())
    }

    /// Returns the Location of a redirect.
    pub(crate) fn redirect(&self) -> Option<&[u8]> {
        let location = self.location.as_deref().filter(|location| !location.is_empty());
        location.filter(|_| self.status.is_some_and(|status| status.is_redirection()))
    }
}

/// Returns the value of the first field of this name.
fn field(head: &RawHead<'_>, name: &str) -> Option<Vec<u8>> {
    head.lines().skip(1).find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let found = line[..colon].trim_ascii_end().eq_ignore_ascii_case(name.as_bytes());
        found.then(|| line[colon + 1..].trim_ascii().to_owned())
    })
}
