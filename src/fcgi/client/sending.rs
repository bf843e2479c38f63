//! Sending a request's body while the response is read.
//!
//! A request that fits into the socket's buffer is written by its caller. Otherwise a thread sends the
//! rest, so that an application that responds before it has read everything blocks neither side.
//!
//! ```text
//!   Idle ⇄ Writing ──▶ Finished | Failed          the sending thread
//!     └───────┴──────▶ Stopped                    the end of the context, or of the exchange
//! ```

use std::io::{self, IoSlice, Read};
use std::sync::Arc;
use std::time::Instant;

use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::fcgi::client::decoder::REQUEST_ID;
use crate::fcgi::record::{self, HEADER, kind};
use crate::logging as log;
use crate::net::Stream;
use crate::sync::{self, Mutex, contain, now};

/// How much of a body is read and sent at once, the record's header included.
const PIECE: usize = 32 * 1024;

/// The stack of the sending thread, in bytes. The user's code runs on it: the body's source.
const STACK: Option<usize> = None;

/// The sending side of an exchange. Cloning returns another handle.
#[derive(Clone)]
pub(super) struct Sending(Arc<Shared>);

struct Shared {
    stream: Stream,
    phase: Mutex<Phase>,
    /// Ends reads of the body's source. `None` without a thread.
    source: Option<Context>,
}

enum Phase {
    /// Between two records. The thread may wait for the body's source.
    Idle,
    /// A part of a record may have been written.
    Writing,
    /// The whole request was sent.
    Finished(Instant),
    /// Sending failed. The error decides the exchange, if there is one; otherwise the response does.
    Failed(Instant, Option<Error>),
    Stopped,
}

/// The rest of a request that a thread sends.
pub(super) struct Rest {
    /// The encoded part.
    pub(super) encoded: Vec<u8>,
    /// The part of the body that is not encoded. `None`: `encoded` is everything.
    pub(super) body: Option<Body>,
}

impl Sending {
    /// Creates the sending side of a request that was sent.
    pub(super) fn finished(stream: Stream) -> Self {
        Self(Arc::new(Shared { stream, phase: Mutex::new(Phase::Finished(now())), source: None }))
    }

    /// Starts a thread that sends `rest`. Reads of its body end with `context`.
    pub(super) fn start(stream: Stream, mut rest: Rest, context: &Context) -> Result<Self> {
        let source = context.child();
        if let Some(body) = &mut rest.body {
            body.set_context(&source);
        }
        let (phase, source) = (Mutex::new(Phase::Idle), Some(source));
        let shared = Arc::new(Shared { stream, phase, source });
        let of_thread = Arc::clone(&shared);
        sync::spawn("hangup-fcgi-send", STACK, move || of_thread.run(rest)).map_err(|error| {
            log::error!("cannot start a thread for a FastCGI request's body: {error}");
            Error::from(error)
        })?;
        Ok(Self(shared))
    }

    /// Returns `true` if the whole request was sent.
    pub(super) fn is_complete(&self) -> bool {
        matches!(*self.0.phase.lock(), Phase::Finished(_))
    }

    /// Returns when sending ended; `None` if it has not. `now` stands for the end by another thread.
    pub(super) fn finished_at(&self, now: Instant) -> Option<Instant> {
        match *self.0.phase.lock() {
            Phase::Idle | Phase::Writing => None,
            Phase::Finished(at) | Phase::Failed(at, _) => Some(at),
            Phase::Stopped => Some(now),
        }
    }

    /// Returns the error that decides the exchange: that of the body's source, or a timeout.
    pub(super) fn failure(&self) -> Option<Error> {
        match &*self.0.phase.lock() {
            Phase::Failed(_, error) => error.clone(),
            _ => None,
        }
    }

    /// Aborts the request and closes the connection. Does not block.
    pub(super) fn abort(&self) {
        let between_records = {
            let mut phase = self.0.phase.lock();
            let between = !matches!(*phase, Phase::Writing | Phase::Stopped | Phase::Failed(..));
            if !matches!(*phase, Phase::Failed(..)) {
                *phase = Phase::Stopped;
            }
            between
        };
        // No thread begins another record now. Without the record, the close alone aborts the request.
        if between_records {
            self.0.write_abort();
        }
        self.0.stream.close();
    }

    /// Ends the thread, since the exchange is over.
    pub(super) fn stop(&self) {
        {
            let mut phase = self.0.phase.lock();
            if matches!(*phase, Phase::Idle | Phase::Writing) {
                *phase = Phase::Stopped;
            }
        }
        if let Some(source) = &self.0.source {
            source.cancel();
        }
    }
}

/// The reason why sending ended early.
enum Failure {
    Source(Error),
    Write(io::Error),
    Stopped,
}

impl Shared {
    /// Sends the record that aborts the request, if there is room for it.
    fn write_abort(&self) {
        let abort = record::header(kind::ABORT_REQUEST, REQUEST_ID, 0);
        let _ = self.stream.try_write_vectored(&[IoSlice::new(&abort)]);
    }

    fn run(&self, rest: Rest) {
        let sent = contain(|| self.send(rest));
        let sent = sent.unwrap_or_else(|| {
            let message = "the body's source panicked";
            Err(Failure::Source(Error::message(ErrorKind::BodySource, message)))
        });
        let error = match sent {
            Ok(()) => return self.end(Phase::Finished(now())),
            Err(Failure::Stopped) => return,
            // The application does not want the rest. Its response may still arrive.
            Err(Failure::Write(error)) if error.kind() != io::ErrorKind::TimedOut => {
                return self.end(Phase::Failed(now(), None));
            }
            Err(Failure::Write(_)) => Error::timeout(TimeLimit::Send),
            Err(Failure::Source(error)) => {
                self.write_abort();
                error
            }
        };
        self.end(Phase::Failed(now(), Some(error)));
        // Wakes the thread that reads the response.
        self.stream.close();
    }

    fn end(&self, end: Phase) {
        let mut phase = self.phase.lock();
        if !matches!(*phase, Phase::Stopped) {
            *phase = end;
        }
    }

    fn send(&self, rest: Rest) -> Result<(), Failure> {
        let Rest { encoded, body } = rest;
        self.write(&encoded)?;
        drop(encoded);
        let Some(mut body) = body else { return Ok(()) };
        let mut piece = vec![0; PIECE];
        loop {
            let count = read(&mut body, &mut piece[HEADER..])?;
            piece[..HEADER].copy_from_slice(&record::header(kind::STDIN, REQUEST_ID, count));
            self.write(&piece[..HEADER + count])?;
            // The empty record has ended the stream.
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// Writes whole records.
    fn write(&self, records: &[u8]) -> Result<(), Failure> {
        self.enter(Phase::Writing)?;
        self.stream.send_all(&mut [IoSlice::new(records)]).map_err(Failure::Write)?;
        self.enter(Phase::Idle)
    }

    fn enter(&self, next: Phase) -> Result<(), Failure> {
        let mut phase = self.phase.lock();
        if matches!(*phase, Phase::Stopped) {
            return Err(Failure::Stopped);
        }
        *phase = next;
        Ok(())
    }
}

/// Reads a piece of the body. Returns 0 at its end.
fn read(body: &mut Body, piece: &mut [u8]) -> Result<usize, Failure> {
    loop {
        match body.read(piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(count) => return Ok(count),
            // The error of a received body is the crate's. Any other is that of the caller's source.
            Err(error) => {
                return Err(Failure::Source(match error.downcast::<Error>() {
                    Ok(error) => error,
                    Err(error) => Error::with_source(ErrorKind::BodySource, error),
                }));
            }
        }
    }
}
