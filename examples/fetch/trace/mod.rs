//! The output of `-v`, `--trace` and `--trace-ascii`, in curl's forms.
//!
//! | file | contents |
//! | --- | --- |
//! | `heads.rs` | the heads of responses, for this output and others |
//! | `dump.rs` | bytes as lines of hexadecimal digits or text |
//! | `watcher.rs`, `steps.rs` | the steps of a request |

mod dump;
pub(crate) mod heads;
mod steps;
pub(crate) mod watcher;

use std::fs::File;
use std::io::{self, Write};

use parking_lot::Mutex;

use crate::failure::Failure;
use crate::options::{General, TraceForm};

/// Shows what happens to a transfer.
pub(crate) struct Tracer {
    shown: Shown,
    with_time: bool,
}

enum Shown {
    Nothing,
    /// `-v`: heads and steps, on stderr.
    Heads,
    /// `--trace` and `--trace-ascii`: all bytes.
    Everything(TraceForm, Mutex<Box<dyn Write + Send>>),
}

impl Tracer {
    pub(crate) fn new(general: &General) -> Result<Self, Failure> {
        let shown = match &general.trace {
            Some(trace) => {
                let sink: Box<dyn Write + Send> = match trace.path.to_str() {
                    Some("-") => Box::new(io::stdout()),
                    Some("%") => Box::new(io::stderr()),
                    _ => Box::new(File::create(&trace.path).map_err(|error| {
                        Failure::not_written(format!("{}: {error}", trace.path.display()))
                    })?),
                };
                Shown::Everything(trace.form, Mutex::new(sink))
            }
            None if general.verbose => Shown::Heads,
            None => Shown::Nothing,
        };
        Ok(Self { shown, with_time: general.trace_time })
    }

    pub(crate) fn is_on(&self) -> bool {
        !matches!(self.shown, Shown::Nothing)
    }

    /// Shows a step, as a connection that is made.
    pub(crate) fn info(&self, text: impl std::fmt::Display) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Heads => self.write_lines("* ", format!("{text}\n").as_bytes()),
            Shown::Everything(_, sink) => {
                let line = format!("{}== Info: {text}\n", self.time());
                let _ = sink.lock().write_all(line.as_bytes());
            }
        }
    }

    pub(crate) fn head_out(&self, head: &[u8]) {
        self.head("> ", "=> Send header", head);
    }

    pub(crate) fn head_in(&self, head: &[u8]) {
        self.head("< ", "<= Recv header", head);
    }

    pub(crate) fn data_out(&self, data: &[u8]) {
        self.dump("=> Send data", data);
    }

    pub(crate) fn data_in(&self, data: &[u8]) {
        self.dump("<= Recv data", data);
    }

    fn head(&self, mark: &str, title: &str, head: &[u8]) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Heads => self.write_lines(mark, head),
            // curl shows each line of a received head by itself.
            Shown::Everything(..) if mark == "< " => {
                for line in head.split_inclusive(|byte| *byte == b'\n') {
                    self.dump(title, line);
                }
            }
            Shown::Everything(..) => self.dump(title, head),
        }
    }

    fn dump(&self, title: &str, data: &[u8]) {
        if let Shown::Everything(form, sink) = &self.shown
            && !data.is_empty()
        {
            let length = data.len();
            let mut text = format!("{}{title}, {length} bytes ({length:#x})\n", self.time());
            dump::dump(&mut text, data, *form);
            // The transfer continues if the trace cannot be written.
            let _ = sink.lock().write_all(text.as_bytes());
        }
    }

    /// Writes each line behind a mark to stderr.
    fn write_lines(&self, mark: &str, text: &[u8]) {
        let mut shown = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            shown.extend_from_slice(self.time().as_bytes());
            let line = line.trim_ascii_end();
            shown
                .extend_from_slice(if line.is_empty() { mark.trim_end() } else { mark }.as_bytes());
            shown.extend_from_slice(line);
            shown.push(b'\n');
        }
        // The transfer continues if stderr is closed.
        let _ = io::stderr().write_all(&shown);
    }

    /// Returns the time of day in UTC for `--trace-time`.
    fn time(&self) -> String {
        if !self.with_time {
            return String::new();
        }
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let since = since.unwrap_or_default();
        let (seconds, micros) = (since.as_secs() % 86_400, since.subsec_micros());
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        format!("{hours:02}:{minutes:02}:{:02}.{micros:06} ", seconds % 60)
    }
}
