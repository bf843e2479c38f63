//! The writer loop: what of requests could block, written on a thread of its own.
//!
//! The peer may answer, or hang up, while a request is still being written. So the caller never
//! waits for a write alone: this loop does, and closing the connection ends its wait.

use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::messages::{
    Report, StreamedBody, Unwritten, Withheld, WriteError, WriteJob, WriteResult,
};
use super::{ExchangeId, Shared, WROTE_PATIENCE, close_reason};
use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::h1::chunked;
use crate::sync;
use crate::sync::channel::{Receiver, RecvTimeoutError, Sender, after, at, never, select};

/// How much of a body is read from its source, and written, at a time at most, in bytes.
const PIECE: usize = 128 * 1024;

/// How long a body may be for its head to wait for it, in bytes.
const SMALL_BODY: usize = 16 * 1024;

/// How long the buffer is kept for the next body. One for small bodies is not kept: making it costs
/// less than waiting with a limit.
const KEPT: Duration = Duration::from_millis(100);

/// Writes what it is handed until the connection is closed.
pub(super) fn run(shared: &Arc<Shared>, jobs: &Receiver<WriteJob>, results: &Sender<WriteResult>) {
    let mut piece = Vec::new();
    loop {
        let job = match piece.is_empty() {
            true => jobs.recv().map_err(RecvTimeoutError::from),
            false => jobs.recv_timeout(KEPT),
        };
        match job {
            Ok(job) => {
                write(shared, job, results, &mut piece);
                if piece.len() <= SMALL_BODY {
                    piece = Vec::new();
                }
            }
            Err(RecvTimeoutError::Timeout) => piece = Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Writes one request, by means of the buffer `piece`, and reports.
fn write(shared: &Arc<Shared>, job: WriteJob, results: &Sender<WriteResult>, piece: &mut Vec<u8>) {
    let WriteJob { unwritten: Unwritten { bytes, written, body }, report } = job;
    let mut out = Counted { shared, written, ahead: false };
    // The body's source is the user's. Whatever it does, the result is reported.
    let written = sync::contain(|| {
        out.ahead = body.as_ref().is_some_and(StreamedBody::is_small);
        out.all(&mut bytes.each_ref().map(|bytes| IoSlice::new(bytes)))?;
        out.ahead = false;
        body.map_or(Ok(()), |body| write_body(shared, &mut out, body, piece))?;
        out.flush()
    });
    let result = written.unwrap_or_else(|| {
        Err(WriteError::Source(Error::message(ErrorKind::BodySource, "it panicked")))
    });
    // There is always room: each is sent one result for each request.
    match report {
        Report::Both { reader, caller } => {
            let _ = reader.send(result.clone());
            let _ = caller.send(result);
        }
        Report::Reading { id, response_head } => {
            let _ = results.send(result.clone());
            tell_by_the_connection(shared, id, result, response_head);
        }
    }
}

/// Tells a caller that may be reading what it has to know then. If it has the answer's head by now, it
/// looks at the result when that is due.
fn tell_by_the_connection(
    shared: &Arc<Shared>,
    id: ExchangeId,
    result: WriteResult,
    response_head: Option<Duration>,
) {
    let error = match result {
        Ok(()) => return shared.expect_head_within(id, response_head),
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
    shared.close_if(|state| state.awaits_head(id), error, reason);
}

fn write_body(
    shared: &Shared,
    out: &mut Counted<'_>,
    streamed: StreamedBody,
    piece: &mut Vec<u8>,
) -> WriteResult {
    let StreamedBody { mut body, chunked, withheld } = streamed;
    if let Some(Withheld { proceed, until, give_back }) = withheld
        && let Err(error) = await_release(shared, out, &proceed, until)
    {
        // Untouched, so that the request can be repeated.
        let _ = give_back.send(body);
        return Err(error);
    }
    let room = body.len().map_or(PIECE, |length| length.clamp(1, PIECE as u64) as usize);
    if piece.len() < room {
        piece.resize(room, 0);
    }
    loop {
        let count = match body.read(piece) {
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

/// Waits until a body may be sent.
fn await_release(
    shared: &Shared,
    out: &Counted<'_>,
    proceed: &Receiver<()>,
    until: Option<Instant>,
) -> WriteResult {
    // Without an answer by then the body is sent anyway (RFC 9110 section 10.1.1).
    select! {
        recv(proceed) -> released => released.map_err(|_| WriteError::Withheld),
        recv(shared.closed) -> _ => Err(out.failed(io::ErrorKind::BrokenPipe.into())),
        recv(until.map_or_else(never, at)) -> _ => Ok(()),
    }
}

fn write_end(out: &mut Counted<'_>, body: &mut Body) -> WriteResult {
    let mut end = Vec::new();
    let trailers = body.take_trailers();
    chunked::write_end(&mut end, trailers.as_ref()).map_err(|error| {
        WriteError::Source(Error::with_source(ErrorKind::InvalidMessage, error))
    })?;
    out.all(&mut [IoSlice::new(&end)])
}

impl StreamedBody {
    /// Whether the head may wait for the body's first piece, so that both go out in one segment and the
    /// peer wakes once. The system does the waiting, and lets the head go when the source has not come up
    /// with anything for a moment: so a source that blocks holds nothing up for long, and a peer that
    /// answers on the head alone sees it. Only where it counts: beside a body of many pieces one segment
    /// is nothing, and one whose length is not known comes as it is made, in a dialogue perhaps.
    fn is_small(&self) -> bool {
        !self.chunked
            && self.withheld.is_none()
            && self.body.len().is_some_and(|length| (1..=SMALL_BODY as u64).contains(&length))
    }
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
    /// What is written now goes out with what follows it.
    ahead: bool,
}

impl Counted<'_> {
    fn all(&mut self, mut slices: &mut [IoSlice<'_>]) -> WriteResult {
        let mut stream = &self.shared.stream;
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            let count = match self.ahead {
                true => stream.write_ahead(slices),
                false => stream.write_vectored(slices),
            };
            match count {
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
