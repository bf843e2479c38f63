//! The response of a program: its head, and its body.

use std::fmt;
use std::io::{self, Read};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::input::Sending;
use super::process::{Process, signal};
use crate::body::Incoming;
use crate::context::{Context, HookGuard};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Content, ErrorLines, ProgramHead, ProgramHeadReader};
use crate::logging as log;
use crate::text::counted;

/// How long a program may run on after the end of its response.
const RUN_ON: Duration = Duration::from_secs(1);

/// How much of the head is read at once, in bytes.
const HEAD_PIECE: usize = 8 * 1024;

/// A program that runs for a request.
pub(super) struct Running {
    process: Process,
    sending: Sending,
    errors: ErrorLines,
    name: Arc<str>,
    /// Ends with the request, or at the time limit.
    context: Context,
    /// Kills the program when the context ends.
    kill: Option<HookGuard>,
    /// The program was reaped, with this status.
    exit: Option<Exit>,
}

/// The end of a program.
#[derive(Clone, Copy)]
struct Exit(Option<ExitStatus>);

impl Running {
    pub(super) fn new(
        process: Process,
        sending: Sending,
        errors: ErrorLines,
        name: Arc<str>,
        context: &Context,
    ) -> Self {
        let context = context.clone();
        let mut running = Self { process, sending, errors, name, context, kill: None, exit: None };
        running.kill_with();
        running
    }

    fn kill_with(&mut self) {
        let killer = self.process.killer().clone();
        self.kill = Some(self.context.on_done(move |_| killer.kill()));
    }

    /// Reads the head of the response, and the start of its body.
    pub(super) fn read_head(&mut self, max_bytes: usize) -> Result<(ProgramHead, Vec<u8>)> {
        let mut reader = ProgramHeadReader::new(max_bytes);
        let mut piece = [0; HEAD_PIECE];
        loop {
            let count = self.read(&mut piece)?;
            if count == 0 {
                let end = self.finish();
                return Err(match reader.is_empty() {
                    true => {
                        let message = format!("the program sent no response: {end}");
                        Error::message(ErrorKind::EmptyReply, message)
                    }
                    false => {
                        let message = format!("the response ended within its head: {end}");
                        Error::message(ErrorKind::MalformedMessage, message)
                    }
                });
            }
            if let Some(read) = reader.read(&piece[..count])? {
                return Ok(read);
            }
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        self.process.read(buf, &mut self.errors).map_err(|error| {
            let ended = self.context.err().map(Error::from).or_else(|| self.sending.failure());
            ended.unwrap_or_else(|| Error::with_source(ErrorKind::Receive, error))
        })
    }

    /// Waits for the end of the program, and kills it if it runs on.
    fn finish(&mut self) -> Exit {
        if let Some(exit) = self.exit {
            return exit;
        }
        let status = self.process.wait_exit(RUN_ON, &mut self.errors);
        if status.is_none() && !self.context.is_done() {
            log::warn!("{}: killed: still running after its response", self.name);
        }
        let status = status.or_else(|| self.process.end());
        self.reaped(status)
    }

    fn reaped(&mut self, status: Option<ExitStatus>) -> Exit {
        self.kill = None;
        let exit = Exit(status);
        if !exit.is_success() {
            log::debug!("{}: {exit}", self.name);
        }
        *self.exit.insert(exit)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.exit.is_none() {
            let status = self.process.end();
            self.reaped(status);
        }
    }
}

impl Exit {
    fn is_success(self) -> bool {
        self.0.is_some_and(|status| status.success())
    }

    fn is_killed(self) -> bool {
        self.0.and_then(signal).is_some()
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // As `exit status: 1`, or `signal: 9 (SIGKILL)`.
            Some(status) => write!(f, "{status}"),
            None => f.write_str("unknown exit status"),
        }
    }
}

/// The body of a response, which the program is still writing.
pub(super) struct ProgramBody {
    running: Running,
    content: Content,
    state: State,
}

#[derive(Clone)]
enum State {
    Reading,
    Ended,
    /// The first error stays.
    Failed(Error),
}

impl ProgramBody {
    pub(super) fn new(running: Running, content: Content) -> Self {
        Self { running, content, state: State::Reading }
    }

    fn read_some(&mut self, buf: &mut [u8]) -> Result<usize> {
        match &self.state {
            State::Reading => {}
            State::Ended => return Ok(0),
            State::Failed(error) => return Err(error.clone()),
        }
        match self.content.read(buf, |buf| self.running.read(buf))? {
            Some(count) => Ok(count),
            None => self.end().map(|()| 0),
        }
    }

    /// The output has ended.
    fn end(&mut self) -> Result<()> {
        let exit = self.running.finish();
        let message = match self.content.left() {
            Some(left @ 1..) => {
                format!("body is {} shorter than Content-Length: {exit}", counted(left, "byte"))
            }
            None if exit.is_killed() => format!("the program was killed: {exit}"),
            _ => {
                self.state = State::Ended;
                return Ok(());
            }
        };
        Err(Error::message(ErrorKind::IncompleteBody, message))
    }
}

impl Read for ProgramBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(|error| {
            if matches!(self.state, State::Reading) {
                self.state = State::Failed(error.clone());
            }
            error.into()
        })
    }
}

impl Incoming for ProgramBody {
    fn remaining(&self) -> Option<u64> {
        self.content.remaining()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    fn is_ready(&mut self) -> bool {
        self.content.is_here()
            || !matches!(self.state, State::Reading)
            || self.running.process.is_ready()
    }

    fn set_context(&mut self, context: &Context) {
        self.running.context = context.clone();
        self.running.kill_with();
    }
}

impl Drop for ProgramBody {
    fn drop(&mut self) {
        // A program whose body was read may still have something to do.
        if self.content.left() == Some(0) {
            self.running.finish();
        }
    }
}
