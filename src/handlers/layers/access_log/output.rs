//! Where the lines of an access log go.

use std::io::Write;
use std::sync::Arc;

use crate::logging as log;
use crate::sync::Mutex;

/// The target in the `log` crate.
const TARGET: &str = "hangup::access";

#[derive(Clone)]
pub(super) enum Output {
    /// The `log` crate.
    Log,
    Writer(Arc<Mutex<Writer>>),
}

pub(super) struct Writer {
    writer: Box<dyn Write + Send>,
    /// The latest write has failed.
    failed: bool,
}

impl Output {
    pub(super) fn to(writer: Box<dyn Write + Send>) -> Self {
        Self::Writer(Arc::new(Mutex::new(Writer { writer, failed: false })))
    }

    pub(super) fn is_enabled(&self) -> bool {
        match self {
            Self::Log => ::log::log_enabled!(target: TARGET, ::log::Level::Info),
            Self::Writer(_) => true,
        }
    }

    /// Writes a line, which has no end yet and is escaped.
    pub(super) fn write(&self, mut line: String) {
        match self {
            Self::Log => ::log::log!(target: TARGET, ::log::Level::Info, "{line}"),
            Self::Writer(writer) => {
                line.push('\n');
                writer.lock().write(line.as_bytes());
            }
        }
    }
}

impl Writer {
    fn write(&mut self, line: &[u8]) {
        match self.writer.write_all(line) {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                log::warn!("cannot write the access log: {error}");
            }
            Err(_) => {}
        }
    }
}
