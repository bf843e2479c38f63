//! The writing half of a connection, which the connection's requests share.
//!
//! One thread writes at a time, so that records are not mixed up. It holds a [`WriteGuard`], and no lock
//! while it writes. Other threads wait for the guard, each until its own deadline. Small records for which
//! no thread waits are *queued*: the thread that holds the guard writes them before it drops the guard.
//!
//! Invariant: while records are queued, a thread holds the guard.

use std::io::{self, IoSlice, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::error::{Error, TimeLimit};
use crate::h1::CloseReason;
use crate::net::Stream;
use crate::serving::{Counting, Limit};
use crate::sync::{Condvar, Mutex, now};

/// How many bytes may be queued. Only a web server that keeps sending records and reads no responses needs
/// more.
const MAX_QUEUED: usize = 64 * 1024;

/// The time limits of a connection's writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriteLimits {
    /// How long the web server may take no byte.
    pub(super) idle: Option<Duration>,
    /// How long one guard may write queued records. It bounds the time that a thread spends on the records
    /// of other threads.
    pub(super) queue: Duration,
}

/// Writes whole records, for one thread at a time.
pub(super) struct RecordWriter {
    /// It has the limit of a write without progress.
    stream: Stream,
    /// See [`WriteLimits::queue`].
    queue: Duration,
    counting: Counting,
    state: Mutex<State>,
    /// Goes with `state`. Predicate: no thread holds the guard. Notified when a guard is dropped, awaited
    /// by [`lock`](RecordWriter::lock).
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// A thread holds the guard.
    locked: bool,
    queued: Vec<u8>,
    /// How many of the queued records end a request.
    queued_ends: usize,
    /// How many of those were written, or failed, since the last [`RecordWriter::take_ends`].
    past_ends: usize,
    /// The reason why this half has ended.
    closed: Option<CloseReason>,
}

impl RecordWriter {
    pub(super) fn new(stream: Stream, limits: WriteLimits, counting: Counting) -> Self {
        stream.set_write_idle_timeout(limits.idle);
        Self {
            stream,
            queue: limits.queue,
            counting,
            state: Mutex::default(),
            free: Condvar::new(),
        }
    }

    /// Writes whole records, if `may_write` returns `true` once this thread holds the guard.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the deadline or the limit for progress, `BrokenPipe` if `may_write` returns `false`,
    /// or the connection's error. A write that fails within the records closes the connection.
    ///
    /// # Blocking
    ///
    /// Until the records are written. The deadline, the limit, and closing the stream end it.
    pub(super) fn write(
        &self,
        records: &mut [IoSlice<'_>],
        deadline: Option<Instant>,
        may_write: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let guard = self.lock(deadline)?;
        if !may_write() {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the request has ended"));
        }
        // Nothing has been written, so this ends one request and not the connection.
        if deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(Error::timeout(TimeLimit::Send).into());
        }
        guard.write(records, deadline)
    }

    /// Queues small records, of which `ends` end a request.
    ///
    /// # Blocking
    ///
    /// If no thread holds the guard, until the records are written, for at most [`WriteLimits::queue`].
    /// Otherwise it does not block.
    pub(super) fn enqueue(&self, records: &[u8], ends: usize) {
        let mut state = self.state.lock();
        state.queued.extend_from_slice(records);
        state.queued_ends += ends;
        if !std::mem::replace(&mut state.locked, true) {
            drop(state);
            // Dropping the guard writes the queue.
            drop(WriteGuard(self));
        } else if state.queued.len() > MAX_QUEUED {
            drop(state);
            self.close(CloseReason::LimitReached);
        }
    }

    /// Returns how many queued ends of requests were written, or failed, since the last call.
    pub(super) fn take_ends(&self) -> usize {
        std::mem::take(&mut self.state.lock().past_ends)
    }

    /// Returns the reason why this half has ended.
    pub(super) fn closed(&self) -> Option<CloseReason> {
        self.state.lock().closed
    }

    /// Half-closes the stream. Later writes fail. Records that were written before are still delivered.
    pub(super) fn end(&self, reason: CloseReason) {
        self.state.lock().closed.get_or_insert(reason);
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes the connection, unless the stream was half-closed. Then the reader reads it to its end.
    fn close(&self, reason: CloseReason) {
        {
            let mut state = self.state.lock();
            if state.closed.is_some() {
                return;
            }
            state.closed = Some(reason);
        }
        self.stream.close();
    }

    fn lock(&self, deadline: Option<Instant>) -> io::Result<WriteGuard<'_>> {
        let mut state = self.state.lock();
        while state.locked {
            match deadline {
                None => self.free.wait(&mut state),
                Some(deadline) => {
                    if self.free.wait_until(&mut state, deadline).timed_out() && state.locked {
                        return Err(Error::timeout(TimeLimit::Send).into());
                    }
                }
            }
        }
        state.locked = true;
        Ok(WriteGuard(self))
    }
}

/// The exclusive right to write. Dropping it writes the queue.
struct WriteGuard<'a>(&'a RecordWriter);

impl WriteGuard<'_> {
    fn write(&self, records: &mut [IoSlice<'_>], deadline: Option<Instant>) -> io::Result<()> {
        let outcome = self.write_all(records, deadline);
        if let Err(error) = &outcome {
            self.0.close(match error.kind() {
                io::ErrorKind::TimedOut => CloseReason::TimedOut,
                _ => CloseReason::IoFailed,
            });
        }
        outcome
    }

    fn write_all(
        &self,
        mut records: &mut [IoSlice<'_>],
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let mut stream = &self.0.stream;
        // Removes empty slices: writing one would return 0, as if the stream took no more.
        IoSlice::advance_slices(&mut records, 0);
        while !records.is_empty() {
            stream.set_write_deadline(deadline);
            match stream.write_vectored(records) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.0.counting.sent(count as u64);
                    IoSlice::advance_slices(&mut records, count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The system's `ETIMEDOUT` means that the host has vanished.
                Err(error)
                    if error.kind() == io::ErrorKind::TimedOut
                        && error.raw_os_error().is_none() =>
                {
                    let passed = deadline.is_some_and(|deadline| deadline <= now());
                    let (limit, counted) = match passed {
                        true => (TimeLimit::Send, Limit::Write),
                        false => (TimeLimit::WriteIdle, Limit::WriteIdle),
                    };
                    self.0.counting.timed_out(counted);
                    return Err(Error::timeout(limit).into());
                }
                Err(error) => return Err(error),
            }
        }
        stream.flush()
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let mut deadline = None;
        loop {
            let (records, ends) = {
                let mut state = self.0.state.lock();
                if state.queued.is_empty() {
                    state.locked = false;
                    break;
                }
                (std::mem::take(&mut state.queued), std::mem::take(&mut state.queued_ends))
            };
            let deadline = *deadline.get_or_insert_with(|| now() + self.0.queue);
            // A failure closes the connection, so records that are queued later fail as well.
            let _ = self.write(&mut [IoSlice::new(&records)], Some(deadline));
            self.0.state.lock().past_ends += ends;
        }
        self.0.free.notify_one();
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use super::*;
    use crate::net::{Parked, memory};
    use crate::sync::channel::{Receiver, bounded};
    use crate::sync::spawn;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn writer(queue: Duration) -> (Arc<RecordWriter>, Stream, Stream) {
        let (near, far) = memory::pair();
        let writer =
            RecordWriter::new(near.clone(), WriteLimits { idle: None, queue }, Counting::default());
        (Arc::new(writer), near, far)
    }

    /// Starts a thread that holds the guard and blocks in its write of a MiB. Returns the write's result.
    fn blocked(writer: &Arc<RecordWriter>, near: &Stream) -> Receiver<io::Result<()>> {
        blocked_in(writer, near, 1 << 20)
    }

    fn blocked_in(
        writer: &Arc<RecordWriter>,
        near: &Stream,
        length: usize,
    ) -> Receiver<io::Result<()>> {
        let (report, outcome) = bounded(1);
        let writer = Arc::clone(writer);
        let write = move || {
            let bytes = vec![b'a'; length];
            let written = writer.write(&mut [IoSlice::new(&bytes)], None, || true);
            report.send(written).unwrap();
        };
        spawn("writes", None, write).unwrap();
        assert!(near.wait_until_parked(Parked::Write, PATIENCE));
        outcome
    }

    /// A web server that keeps sending records and reads no responses loses its connection.
    #[test]
    fn f09_the_queue_is_bounded() {
        let (writer, near, _far) = writer(PATIENCE);
        let outcome = blocked(&writer, &near);
        for _ in 0..MAX_QUEUED / 1024 {
            writer.enqueue(&[b'q'; 1024], 0);
        }
        assert!(!near.is_closed(), "the queue is full, and not more");
        writer.enqueue(b"q", 0);
        assert!(near.is_closed() && writer.closed() == Some(CloseReason::LimitReached));
        outcome.recv().unwrap().unwrap_err();
    }

    /// No thread waits for queued records. Their requests end when they are written.
    #[test]
    fn f05_the_thread_that_holds_the_guard_writes_the_queue() {
        let (writer, near, mut far) = writer(PATIENCE);
        let outcome = blocked(&writer, &near);
        writer.enqueue(b"end", 1);
        assert_eq!(writer.take_ends(), 0, "not written yet");
        let mut received = vec![0; (1 << 20) + 3];
        far.read_exact(&mut received).unwrap();
        assert!(received.ends_with(b"aend"));
        outcome.recv().unwrap().unwrap();
        assert_eq!((writer.take_ends(), writer.take_ends()), (1, 0));
    }

    /// A thread does not wait for ever to write the queue to a web server that reads nothing.
    #[test]
    fn f09_queued_records_have_a_time_limit() {
        let (writer, near, _far) = writer(Duration::from_millis(20));
        while near.try_write_vectored(&[IoSlice::new(&[0; 4096])]).is_ok() {}
        writer.enqueue(b"end", 1);
        assert_eq!((writer.take_ends(), writer.closed()), (1, Some(CloseReason::TimedOut)));
    }

    /// It takes some bytes within each limit, but never enough for the socket to become writable.
    #[test]
    fn f09_a_web_server_that_reads_slowly_is_spared() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let near = Stream::from(listener.accept().unwrap().0);
        let idle = Duration::from_millis(600);
        let limits = WriteLimits { idle: Some(idle), queue: PATIENCE };
        let writer = Arc::new(RecordWriter::new(near.clone(), limits, Counting::default()));
        let outcome = blocked_in(&writer, &near, 64 << 20);
        let begun = now();
        while begun.elapsed() < 3 * idle {
            far.read_exact(&mut [0; 64 * 1024]).unwrap();
            std::thread::park_timeout(idle / 12);
        }
        assert!(outcome.is_empty(), "{:?}", outcome.recv());
        near.close();
        outcome.recv().unwrap().unwrap_err();
    }

    #[test]
    fn f09_a_passed_deadline_ends_the_request_but_not_the_connection() {
        let (writer, near, _far) = writer(PATIENCE);
        let write = || writer.write(&mut [IoSlice::new(b"late")], Some(now()), || true);
        assert_eq!(write().unwrap_err().kind(), io::ErrorKind::TimedOut);
        let outcome = blocked(&writer, &near);
        assert_eq!(write().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(!near.is_closed());
        near.close();
        outcome.recv().unwrap().unwrap_err();
    }
}
