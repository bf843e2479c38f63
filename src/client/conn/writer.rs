//! The writer loop: sends the part of requests that could block.
//!
//! The peer may respond or hang up while a request is still being sent, so the caller never waits for a
//! write alone. This loop does, and closing the connection ends its wait. It is started with the
//! connection's first [`WriteJob`] and takes one at a time. Each ends with a result, also if the body's
//! source panics:
//!
//! * The lifecycle keeps it: the connection is used again only if the request was wholly sent.
//! * On the full way the caller receives it, and then waits for the response head.
//! * Beside a caller that is in a read, a failure closes the connection, which ends that read; a success
//!   sets its deadline for the response head.

use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::messages::{
    ExchangeId, ReportTo, SendError, SendResult, StreamedBody, Unwritten, Withheld, WriteJob,
};
use super::shared::{Grace, LOOP_STACK, Shared, close_reason};
use super::watch::Sending;
use crate::body::Body;
use crate::client::speed::{Speed, is_deadline};
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::chunked;
use crate::net::Stream;
use crate::sync;
use crate::sync::channel::{Receiver, RecvTimeoutError, Sender, at, bounded, never, select};

/// How many bytes of a body are read from its source, and written, at a time at most.
const PIECE: usize = 128 * 1024;

/// The largest body, in bytes, whose head waits for it.
const SMALL_BODY: usize = 16 * 1024;

/// How long a large buffer is kept for the next body. One for a small body is not kept: allocating it
/// costs less than waiting with a limit.
const KEPT: Duration = Duration::from_millis(100);

impl Shared {
    /// Hands a job to the writer loop, which is started if this is its first. The caller has
    /// [left the sending](super::state::Lifecycle::begin_sending) to it before.
    ///
    /// # Errors
    ///
    /// If no thread could be started. The lifecycle has the result then.
    pub(super) fn write_later(self: &Arc<Self>, job: WriteJob) -> Result<(), Error> {
        let written = job.unwritten.written;
        let running = self.lifecycle.lock().jobs();
        match running.map_or_else(|| self.start_writer(), Ok) {
            Ok(jobs) => {
                // A loop that has ended has seen the connection closed, and so does the caller.
                let _ = jobs.send(job);
                Ok(())
            }
            Err(error) => {
                let error = Error::with_source(ErrorKind::Send, error);
                self.end_sending(Err(SendError::Failed { error: error.clone(), written }));
                Err(error)
            }
        }
    }

    fn start_writer(self: &Arc<Self>) -> io::Result<Sender<WriteJob>> {
        let (jobs, handed) = bounded(1);
        let shared = Arc::clone(self);
        sync::spawn("hangup-write", Some(LOOP_STACK), move || {
            shared.run_loop(|| run(&shared, &handed));
        })?;
        self.lifecycle.lock().keep_jobs(jobs.clone());
        Ok(jobs)
    }
}

/// Sends the requests that it is handed, until the connection is closed.
fn run(shared: &Arc<Shared>, jobs: &Receiver<WriteJob>) {
    let mut piece = Vec::new();
    loop {
        let job = match piece.is_empty() {
            true => jobs.recv().map_err(RecvTimeoutError::from),
            false => jobs.recv_timeout(KEPT),
        };
        match job {
            Ok(job) => {
                write(shared, job, &mut piece);
                if piece.len() <= SMALL_BODY {
                    piece = Vec::new();
                }
            }
            Err(RecvTimeoutError::Timeout) => piece = Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Sends one request, with `piece` as the buffer for its body, and reports the result.
fn write(shared: &Arc<Shared>, job: WriteJob, piece: &mut Vec<u8>) {
    let WriteJob { unwritten, sending, idle, report_to } = job;
    let speed = sending.as_ref().and_then(Sending::speed);
    let idle = idle.filter(|_| speed.is_none());
    if idle.is_some() {
        shared.stream.set_write_idle_timeout(idle);
    }
    let Unwritten { bytes, written, body } = unwritten;
    let limit = match speed {
        Some(speed) => WriteLimit::Speed(speed),
        None if idle.is_some() => WriteLimit::Idle,
        None => WriteLimit::None,
    };
    let mut out = Counted { shared, limit, written, ahead: false };
    // The body's source is the user's and may panic.
    let sent = sync::contain(|| {
        out.ahead = body.as_ref().is_some_and(StreamedBody::is_small);
        // Before the response can arrive, so that an observer sees the two in this order.
        if let Some(sending) = &sending {
            sending.show_head();
        }
        out.all(&mut bytes.each_ref().map(|bytes| IoSlice::new(bytes)))?;
        out.ahead = false;
        body.map_or(Ok(()), |body| write_body(shared, &mut out, body, piece))?;
        out.flush()
    });
    let result = sent.unwrap_or_else(|| {
        Err(SendError::Source(Error::message(ErrorKind::BodySource, "it panicked")))
    });
    if let (Some(sending), Ok(())) = (&sending, &result) {
        sending.show_end(out.written);
    }
    match limit {
        WriteLimit::None => {}
        // The next job may have none.
        WriteLimit::Idle => shared.stream.set_write_idle_timeout(None),
        WriteLimit::Speed(speed) => speed.sent(&shared.stream),
    }
    shared.end_sending(result.clone());
    match report_to {
        ReportTo::Caller(caller) => {
            let _ = caller.send(result);
        }
        ReportTo::Reading { id, response_head } => {
            // With a least speed, the reader keeps its deadline itself.
            let response_head = response_head.filter(|_| speed.is_none());
            tell_by_the_connection(shared, id, result, response_head);
        }
    }
}

/// Reports to a caller that waits for the response head in a read, by way of the connection. A caller
/// that has the head looks at the result at the end of the response.
fn tell_by_the_connection(
    shared: &Arc<Shared>,
    id: ExchangeId,
    result: SendResult,
    response_head: Option<Duration>,
) {
    let error = match result {
        Ok(()) => {
            let due = response_head.and_then(|limit| Instant::now().checked_add(limit));
            // Under the lock, so that it does not become the deadline of a body or a later exchange.
            let lifecycle = shared.lifecycle.lock();
            if due.is_some() && lifecycle.awaits_head(id) {
                shared.stream.set_read_deadline(due);
            }
            return;
        }
        Err(SendError::Withheld) => return,
        // No response can change that.
        Err(SendError::Source(error)) => error,
        Err(SendError::Failed { error, .. }) => {
            wait_for_head(shared, id);
            error
        }
    };
    let reason = close_reason(&error);
    shared.close_if(|lifecycle| lifecycle.awaits_head(id), error, reason);
}

/// Waits for a response that the peer sent before it closed.
fn wait_for_head(shared: &Shared, id: ExchangeId) {
    let mut grace = Grace::new();
    loop {
        select! {
            recv(shared.closed) -> _ => return,
            recv(at(grace.until())) -> _ => {}
        }
        if !shared.lifecycle.lock().awaits_head(id) || !grace.extend(&shared.stream) {
            return;
        }
    }
}

fn write_body(
    shared: &Shared,
    out: &mut Counted<'_>,
    streamed: StreamedBody,
    piece: &mut Vec<u8>,
) -> SendResult {
    let StreamedBody { mut body, chunked, withheld } = streamed;
    if let Some(Withheld { proceed, until, give_back }) = withheld {
        if let Err(error) = await_release(shared, out, &proceed, until) {
            // No byte of it was read, so the request can be sent again.
            let _ = give_back.send(body);
            return Err(error);
        }
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
            Err(error) => return Err(SendError::Source(source_error(error))),
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

/// Waits until a withheld body may be sent.
fn await_release(
    shared: &Shared,
    out: &Counted<'_>,
    proceed: &Receiver<()>,
    until: Option<Instant>,
) -> SendResult {
    // Without a response by then the body is sent anyway (RFC 9110 section 10.1.1).
    select! {
        recv(proceed) -> released => released.map_err(|_| SendError::Withheld),
        recv(shared.closed) -> _ => Err(out.failed(io::ErrorKind::BrokenPipe.into())),
        recv(until.map_or_else(never, at)) -> _ => Ok(()),
    }
}

fn write_end(out: &mut Counted<'_>, body: &mut Body) -> SendResult {
    let mut end = Vec::new();
    let trailers = body.take_trailers();
    chunked::write_end(&mut end, trailers.as_ref())
        .map_err(|error| SendError::Source(Error::with_source(ErrorKind::InvalidMessage, error)))?;
    out.all(&mut [IoSlice::new(&end)])
}

impl StreamedBody {
    /// Returns `true` if the head waits for the body's first piece, so that both go out in one segment and
    /// the peer wakes once.
    ///
    /// The system does the waiting, and sends the head if the source has produced nothing for a moment.
    /// So a source that blocks delays the head only briefly, and a peer may respond to the head alone. One
    /// segment makes no difference beside a body of many pieces. A body of unknown length may be part of a
    /// dialogue, so its head goes out at once.
    fn is_small(&self) -> bool {
        !self.chunked
            && self.withheld.is_none()
            && self.body.len().is_some_and(|length| (1..=SMALL_BODY as u64).contains(&length))
    }
}

/// Converts an error of a body's source. An error of this crate keeps its kind.
fn source_error(error: io::Error) -> Error {
    let error = Error::from(error);
    match error.kind() {
        ErrorKind::Io => Error::with_source(ErrorKind::BodySource, error),
        _ => error,
    }
}

/// The limit of each write of a job.
#[derive(Clone, Copy)]
enum WriteLimit<'a> {
    None,
    /// The stream's own limit of a wait.
    Idle,
    Speed(&'a Speed),
}

impl WriteLimit<'_> {
    /// Writes by `write`, which may block. It returns what `count` counts.
    fn write<T>(
        self,
        stream: &Stream,
        mut write: impl FnMut() -> io::Result<T>,
        count: impl Fn(&T) -> u64,
    ) -> io::Result<T> {
        match self {
            Self::None => write(),
            Self::Idle => write().map_err(|error| match is_deadline(&error) {
                true => Error::timeout(TimeLimit::WriteIdle).into(),
                false => error,
            }),
            Self::Speed(speed) => speed.write(stream, write, count),
        }
    }
}

/// The stream, with a count of the bytes written.
struct Counted<'a> {
    shared: &'a Shared,
    limit: WriteLimit<'a>,
    written: u64,
    /// The bytes written now may wait for those that follow.
    ahead: bool,
}

impl Counted<'_> {
    fn all(&mut self, mut slices: &mut [IoSlice<'_>]) -> SendResult {
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            let write = || self.some(slices);
            match self.limit.write(&self.shared.stream, write, |count| *count as u64) {
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

    /// Writes at least one byte.
    fn some(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stream = &self.shared.stream;
        match self.ahead {
            true => stream.write_ahead(slices),
            false => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> SendResult {
        let mut stream = &self.shared.stream;
        let flushed = self.limit.write(&self.shared.stream, || stream.flush(), |()| 0);
        flushed.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> SendError {
        self.shared.send_error(error, self.written)
    }
}

#[cfg(all(test, feature = "tls", not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::net::{DialError, Dialed, Target, memory};
    use crate::{Client, Context, testing};

    #[test]
    fn t15_a_write_over_tls_may_take_longer_than_the_idle_limit() {
        const LIMIT: Duration = Duration::from_secs(1);
        const ROOM: usize = 4000;
        let (near, far) = memory::pair_with_capacity(ROOM);
        let near = sync::Mutex::new(Some(near));
        let dialer = move |_: &Target, _: &Context| -> Result<Dialed, DialError> {
            near.lock().take().map(Dialed::new).ok_or_else(|| DialError::other("only one"))
        };
        let client = Client::builder().dialer(dialer).tls(testing::tls_connector());
        let client = client.idle_write_timeout(LIMIT).build();
        std::thread::scope(|scope| {
            let body = Body::from(vec![0; 1 << 20]);
            let call = scope.spawn(|| client.put("https://localhost/").body(body).send());
            let patience = Duration::from_secs(20);
            let far = testing::tls_acceptor().accept(far, patience).unwrap();
            let mut head = [0; 4];
            (&mut &far).read_exact(&mut head).unwrap();
            // 64 KiB, the most of one write, would take 4 s.
            let below = far.below_tls().unwrap();
            for _ in 0..12 {
                let _ = sync::channel::after(LIMIT / 4).recv();
                below.wait_readable().unwrap();
                assert_ne!(below.try_read(&mut [0; ROOM]).unwrap(), 0);
            }
            far.close();
            let error = call.join().unwrap().unwrap_err();
            assert_eq!(error.timed_out(), None, "{error}");
        });
    }

    #[test]
    #[cfg(unix)]
    fn t15_a_timeout_of_the_system_is_not_taken_for_the_idle_limit() {
        let (stream, _peer) = memory::pair();
        let code = rustix::io::Errno::TIMEDOUT.raw_os_error();
        let failing = || Err::<(), _>(io::Error::from_raw_os_error(code));
        let error = WriteLimit::Idle.write(&stream, failing, |()| 0).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(code));
    }
}
