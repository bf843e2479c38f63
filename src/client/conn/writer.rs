//! The writer loop: what of requests could block, written on a thread of its own.
//!
//! The peer may answer, or hang up, while a request is still being written. So the caller never
//! waits for a write alone: this loop does, and closing the connection ends its wait.

use std::io::{self, IoSlice, Read, Write};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use super::messages::{Report, StreamedBody, Unwritten, WriteError, WriteJob, WriteResult};
use super::{Shared, Turn, WROTE_PATIENCE, close_reason};
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::h1::chunked;
use crate::sync::channel::{Receiver, after, at, never, select};

/// How much of a body is read from its source, and written, at a time at most, in bytes.
const PIECE: usize = 64 * 1024;

/// Writes what it is handed until the connection is closed.
pub(super) fn run(shared: &Arc<Shared>, jobs: &Receiver<WriteJob>) {
    loop {
        select! {
            recv(jobs) -> job => match job {
                Ok(job) => write(shared, job),
                Err(_) => return,
            },
            recv(shared.closed) -> _ => return,
        }
    }
}

/// Writes one request, and reports.
fn write(shared: &Arc<Shared>, job: WriteJob) {
    let WriteJob { unwritten, report } = job;
    let Unwritten { bytes, written, body } = unwritten;
    let mut out = Counted { shared, written };
    let written = AssertUnwindSafe(|| {
        for bytes in &bytes {
            out.all(&mut [IoSlice::new(bytes)])?;
        }
        body.map_or(Ok(()), |body| write_body(shared, &mut out, body))?;
        out.flush()
    });
    // The body's source is the user's. Whatever it does, the result is told.
    let result = std::panic::catch_unwind(written).unwrap_or_else(|_| {
        Err(WriteError::Source(Error::message(ErrorKind::BodySource, "it panicked")))
    });
    // There is always room: each is sent one result for each request.
    match report {
        Report::Both { reader, caller } => {
            let _ = reader.send(result.clone());
            let _ = caller.send(result);
        }
        Report::Reading { caller, turn, response_head } => {
            let _ = caller.send(result.clone());
            tell_by_the_connection(shared, turn, result, response_head);
        }
    }
}

/// Tells a caller that may be reading what it has to know then. If it has the answer's head by now, it
/// looks at the result when that is due.
fn tell_by_the_connection(
    shared: &Arc<Shared>,
    turn: Turn,
    result: WriteResult,
    response_head: Option<Duration>,
) {
    let error = match result {
        Ok(()) => return shared.expect_head_within(turn, response_head),
        Err(WriteError::Withheld) => return,
        // Nothing the peer says can mend it.
        Err(WriteError::Source(error)) => error,
        Err(WriteError::Failed { error, .. }) => {
            // The answer that the peer sent before it closed may still come.
            select! {
                recv(shared.closed) -> _ => return,
                recv(after(WROTE_PATIENCE)) -> _ => error,
            }
        }
    };
    let reason = close_reason(&error);
    shared.close_if(|state| state.awaits_head(turn), error, reason);
}

fn write_body(shared: &Shared, out: &mut Counted<'_>, streamed: StreamedBody) -> WriteResult {
    let StreamedBody { mut body, chunked, proceed } = streamed;
    if let Some((proceed, until)) = proceed {
        // Without an answer by then the body is sent anyway (RFC 9110 section 10.1.1).
        select! {
            recv(proceed) -> released => released.map_err(|_| WriteError::Withheld)?,
            recv(shared.closed) -> _ => return Err(out.failed(io::ErrorKind::BrokenPipe.into())),
            recv(until.map_or_else(never, at)) -> _ => {}
        }
    }
    let room = body.len().map_or(PIECE, |length| length.clamp(1, PIECE as u64) as usize);
    let mut piece = vec![0; room];
    loop {
        let count = match body.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(WriteError::Source(source_error(error))),
        };
        if chunked {
            let header = chunked::chunk_header(count);
            out.all(&mut [
                IoSlice::new(&header),
                IoSlice::new(&piece[..count]),
                IoSlice::new(b"\r\n"),
            ])?;
        } else {
            out.all(&mut [IoSlice::new(&piece[..count])])?;
        }
    }
    if chunked { write_end(out, &mut body) } else { Ok(()) }
}

fn write_end(out: &mut Counted<'_>, body: &mut Body) -> WriteResult {
    let mut end = Vec::new();
    let trailers = body.take_trailers();
    chunked::write_end(&mut end, trailers.as_ref()).map_err(|error| {
        WriteError::Source(Error::with_source(ErrorKind::InvalidMessage, error))
    })?;
    out.all(&mut [IoSlice::new(&end)])
}

/// Keeps the kind of an error of ours; any other is the source's.
fn source_error(error: io::Error) -> Error {
    let error = Error::from(error);
    match error.kind() {
        ErrorKind::Io => Error::with_source(ErrorKind::BodySource, error),
        _ => error,
    }
}

/// The stream, with a count of what has been written.
struct Counted<'a> {
    shared: &'a Shared,
    written: u64,
}

impl Counted<'_> {
    fn all(&mut self, mut slices: &mut [IoSlice<'_>]) -> WriteResult {
        let mut stream = &self.shared.stream;
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match stream.write_vectored(slices) {
                Ok(0) => return Err(self.failed(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.written += count as u64;
                    IoSlice::advance_slices(&mut slices, count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> WriteResult {
        (&self.shared.stream).flush().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> WriteError {
        self.shared.write_error(error, self.written)
    }
}
