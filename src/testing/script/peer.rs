//! One connection of a script: its state, and how a step fails.

use std::fmt;
use std::io::{self, Read, Write};
use std::panic::{self, Location};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::{Failure, shown};
use super::journal::Journal;
use super::received::Received;
use crate::context::Context;
use crate::net::Stream;

/// The server's end of a connection of a [`Script`](super::Script).
///
/// Each method is a step of the script, which is done when the method returns. Most return the peer, so
/// that steps can be written in one line:
///
/// ```
/// # use hangup::testing::Script;
/// # let script = Script::new();
/// # std::thread::spawn({
/// #     let url = script.url("/a");
/// #     move || hangup::Client::new().get(url).send()
/// # });
/// let mut peer = script.accept();
/// peer.expect("GET /a").without_header("cookie").respond(200, "ok");
/// ```
///
/// # Failures
///
/// A step that does not go as written fails the test: an expectation that is not met, a client that closes
/// too early, or one that is silent for longer than the [limit of a step](super::Script::step_limit). On
/// the test's thread the step panics. In a script that was given to the `Script`, it ends the connection,
/// and [`Script::finish`](super::Script::finish) panics. The message names the connection, the step, the
/// line, the expectation, and the bytes that came.
///
/// Sending to a client that has closed the connection is no failure, since it is a matter of chance when the
/// system notices. The bytes are lost, and the next expectation reports it.
///
/// # Other protocols
///
/// A peer implements [`Read`] and [`Write`], for what follows a 101 or a CONNECT. These are not steps: they
/// return their errors, and end at the limit of a step with `TimedOut`.
pub struct Peer {
    pub(super) stream: Stream,
    /// Bytes that were received and belong to no step yet.
    pub(super) buffer: Vec<u8>,
    pub(super) request: Last,
    pub(super) role: Role,
    connection: usize,
    step: usize,
    limit: Duration,
    /// Ends the delays when the script is given up.
    stop: Context,
}

/// The last request of a connection.
pub(super) enum Last {
    None,
    /// Its body is still to be read.
    Head(Received),
    Whole(Received),
}

/// Where the steps of a connection run.
pub(super) enum Role {
    /// On a thread of the test, which a failure panics.
    Test,
    /// On a thread of the script, which keeps a failure for the end of the test.
    Script(Arc<Journal>),
}

/// The options of a connection's steps.
#[derive(Clone)]
pub(super) struct StepOptions {
    pub(super) limit: Duration,
    pub(super) stop: Context,
}

impl Peer {
    pub(super) fn new(
        stream: Stream,
        connection: usize,
        role: Role,
        options: &StepOptions,
    ) -> Self {
        let StepOptions { limit, stop } = options.clone();
        Self {
            stream,
            buffer: Vec::new(),
            request: Last::None,
            role,
            connection,
            step: 0,
            limit,
            stop,
        }
    }

    /// Returns the number of this connection, from 1 in the order in which they were accepted.
    #[must_use]
    pub fn connection(&self) -> usize {
        self.connection
    }

    /// Returns the stream, to look at its addresses or at its TLS session. Reading from it skips bytes that
    /// were received with an earlier step.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Returns the last request.
    ///
    /// # Panics
    ///
    /// If no request was received.
    #[must_use]
    #[track_caller]
    pub fn request(&self) -> &Received {
        match &self.request {
            Last::Head(request) | Last::Whole(request) => request,
            Last::None => self.fail("no request was received before".to_owned()),
        }
    }

    /// Begins a step.
    pub(super) fn begin(&mut self) {
        self.step += 1;
        if let Role::Script(journal) = &self.role {
            journal.advance();
        }
    }

    /// Ends the script with a failure of the current step.
    #[track_caller]
    pub(super) fn fail(&self, text: String) -> ! {
        let failure = Failure {
            connection: Some(self.connection),
            step: Some(self.step),
            location: Some(Location::caller()),
            text,
        };
        match self.role {
            Role::Test => panic!("{failure}"),
            // Without the panic hook: the test's thread shows the failure.
            Role::Script(_) => panic::resume_unwind(Box::new(failure)),
        }
    }

    /// Fails because the client did something else than expected, or nothing.
    #[track_caller]
    pub(super) fn unexpected(&self, expected: &str, end: &End) -> ! {
        let received = shown(&self.buffer);
        self.fail(format!("expected {expected}; received {received}, then {}", self.named(end)))
    }

    fn named(&self, end: &End) -> String {
        match end {
            End::Closed => "the client closed the connection".to_owned(),
            End::Failed(error) if error.kind() == io::ErrorKind::TimedOut => {
                format!("nothing for {:?}", self.limit)
            }
            End::Failed(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                "the script was given up".to_owned()
            }
            End::Failed(error) => format!("an error: {error}"),
        }
    }

    /// Reads more bytes into the buffer. Returns 0 at the end of the stream.
    pub(super) fn read_more(&mut self) -> io::Result<usize> {
        let mut piece = [0; 64 * 1024];
        self.stream.set_read_deadline(self.deadline());
        let count = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// Reads more bytes into the buffer, or reports how the stream ended.
    pub(super) fn fill(&mut self) -> Result<(), End> {
        match self.read_more() {
            Ok(0) => Err(End::Closed),
            Ok(_) => Ok(()),
            // `UnexpectedEof`: a TLS client closed without a close_notify.
            Err(error) => Err(match error.kind() {
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => End::Closed,
                _ => End::Failed(error),
            }),
        }
    }

    /// Moves bytes that have arrived to the buffer, without waiting. Returns `true` if the buffer has any.
    pub(super) fn take_arrived(&mut self) -> bool {
        let mut piece = [0; 4096];
        if let Ok(count) = self.stream.try_read(&mut piece) {
            self.buffer.extend_from_slice(&piece[..count]);
        }
        !self.buffer.is_empty()
    }

    /// Returns `count` bytes of the buffer, which has them.
    pub(super) fn take(&mut self, count: usize) -> Vec<u8> {
        // Unlike `drain`, this moves the bytes at once also without optimisation.
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_deadline(self.deadline());
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Waits for `pause`, or until the script is given up.
    pub(super) fn wait(&self, pause: Duration) {
        let _ = self.stop.done().recv_timeout(pause);
    }

    /// Returns the limit of a step.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.limit)
    }
}

/// Why no more bytes came.
pub(super) enum End {
    Closed,
    Failed(io::Error),
}

impl Read for Peer {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.buffer.is_empty() {
            self.stream.set_read_deadline(self.deadline());
            return self.stream.read(buf);
        }
        let count = self.buffer.len().min(buf.len());
        buf[..count].copy_from_slice(&self.take(count));
        Ok(count)
    }
}

impl Write for Peer {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.set_write_deadline(self.deadline());
        self.stream.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("connection", &self.connection)
            .field("step", &self.step)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
