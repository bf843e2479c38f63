//! The writing half of a connection, which several requests share.
//!
//! Records must not be mixed up, so one thread writes at a time. It has the *turn*, and no lock. Others
//! wait for the turn, each until its own deadline. Small records for which no thread waits are *queued*: the
//! thread that has the turn writes them before it gives the turn up.
//!
//! Invariant: while something is queued, a thread has the turn.

use std::io::{self, IoSlice, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::error::{Error, TimeLimit};
use crate::h1::CloseReason;
use crate::net::Stream;
use crate::sync::{Condvar, Mutex, now};

/// How much may be queued, in bytes. Only a web server that asks and asks, and does not read the answers,
/// needs more.
const MAX_QUEUED: usize = 64 * 1024;

/// Time limits of a connection's writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From one piece that the web server takes to the next.
    pub(super) idle: Option<Duration>,
    /// For all that one turn writes of the queue: a thread that has the turn must get away in the end.
    pub(super) queue: Duration,
}

pub(super) struct Outlet {
    stream: Stream,
    limits: Limits,
    state: Mutex<State>,
    /// Goes with `state`; the predicate is "no thread has the turn". Notified by the thread that gives the
    /// turn up, awaited by [`take_turn`](Outlet::take_turn).
    free: Condvar,
}

#[derive(Default)]
struct State {
    taken: bool,
    queued: Vec<u8>,
    /// How many of the queued records end a request.
    queued_ends: usize,
    /// How many of those have been written, or never will be, since [`Outlet::take_ends`].
    past_ends: usize,
    /// Why this half ended.
    closed: Option<CloseReason>,
}

impl Outlet {
    pub(super) fn new(stream: Stream, limits: Limits) -> Self {
        Self { stream, limits, state: Mutex::default(), free: Condvar::new() }
    }

    /// Writes whole records, if `may` still says so when the turn has come.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the deadline or the limit for progress, `BrokenPipe` if `may` says no, or the
    /// connection's own. A write that fails within the records closes the connection.
    ///
    /// # Blocking
    ///
    /// Until they are written. The deadline, the limit, and closing the stream end it.
    pub(super) fn write(
        &self,
        records: &mut [IoSlice<'_>],
        deadline: Option<Instant>,
        may: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let turn = self.take_turn(deadline)?;
        if !may() {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the request has ended"));
        }
        // Nothing has been written: this ends one request, and not the connection.
        if deadline.is_some_and(|deadline| deadline <= now()) {
            return Err(Error::timeout(TimeLimit::Send).into());
        }
        turn.write(records, deadline)
    }

    /// Has small records written for which no thread waits. `ends` of them end a request.
    ///
    /// # Blocking
    ///
    /// If no thread has the turn, until they are written, [`Limits::queue`] at most. Otherwise not at all.
    pub(super) fn queue(&self, records: &[u8], ends: usize) {
        let mut state = self.state.lock();
        state.queued.extend_from_slice(records);
        state.queued_ends += ends;
        if !std::mem::replace(&mut state.taken, true) {
            drop(state);
            // It writes what is queued.
            drop(Turn(self));
        } else if state.queued.len() > MAX_QUEUED {
            drop(state);
            self.close(CloseReason::LimitReached);
        }
    }

    /// Returns how many queued ends of requests have been dealt with since the last call.
    pub(super) fn take_ends(&self) -> usize {
        std::mem::take(&mut self.state.lock().past_ends)
    }

    /// Returns why this half ended, if it has.
    pub(super) fn closed(&self) -> Option<CloseReason> {
        self.state.lock().closed
    }

    /// Ends our stream. Writes fail from now on, and what was written is still delivered.
    pub(super) fn end(&self, reason: CloseReason) {
        self.state.lock().closed.get_or_insert(reason);
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes the connection, unless our stream was ended: then it is read out.
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

    fn take_turn(&self, deadline: Option<Instant>) -> io::Result<Turn<'_>> {
        let mut state = self.state.lock();
        while state.taken {
            match deadline {
                None => self.free.wait(&mut state),
                Some(deadline) => {
                    if self.free.wait_until(&mut state, deadline).timed_out() && state.taken {
                        return Err(Error::timeout(TimeLimit::Send).into());
                    }
                }
            }
        }
        state.taken = true;
        Ok(Turn(self))
    }
}

/// The right to write.
struct Turn<'a>(&'a Outlet);

impl Turn<'_> {
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
        // Empty slices are none: a write of nothing would look like the end of all room.
        IoSlice::advance_slices(&mut records, 0);
        while !records.is_empty() {
            let (until, limit) = self.until(deadline);
            stream.set_write_deadline(until);
            match stream.write_vectored(records) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut records, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(Error::timeout(limit).into());
                }
                Err(error) => return Err(error),
            }
        }
        stream.flush()
    }

    /// The moment at which a write that makes no progress ends, and the limit that ends it then.
    fn until(&self, deadline: Option<Instant>) -> (Option<Instant>, TimeLimit) {
        let idle = self.0.limits.idle.and_then(|idle| now().checked_add(idle));
        match (idle, deadline) {
            (Some(idle), Some(deadline)) if deadline <= idle => (Some(deadline), TimeLimit::Send),
            (Some(idle), _) => (Some(idle), TimeLimit::WriteIdle),
            (None, deadline) => (deadline, TimeLimit::Send),
        }
    }
}

impl Drop for Turn<'_> {
    /// Writes what is queued, and gives the turn up.
    fn drop(&mut self) {
        let mut deadline = None;
        loop {
            let (records, ends) = {
                let mut state = self.0.state.lock();
                if state.queued.is_empty() {
                    state.taken = false;
                    break;
                }
                (std::mem::take(&mut state.queued), std::mem::take(&mut state.queued_ends))
            };
            let deadline = *deadline.get_or_insert_with(|| now() + self.0.limits.queue);
            // If it fails the connection is closed, and what is queued from then on fails as well.
            let _ = self.write(&mut [IoSlice::new(&records)], Some(deadline));
            self.0.state.lock().past_ends += ends;
        }
        self.0.free.notify_one();
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::*;
    use crate::net::{Parked, memory};
    use crate::sync::channel::{Receiver, bounded};
    use crate::sync::spawn;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn outlet(queue: Duration) -> (Arc<Outlet>, Stream, Stream) {
        let (near, far) = memory::pair();
        let outlet = Outlet::new(near.clone(), Limits { idle: None, queue });
        (Arc::new(outlet), near, far)
    }

    /// A thread that has the turn, and no room to write. What comes of it.
    fn blocked(outlet: &Arc<Outlet>, near: &Stream) -> Receiver<io::Result<()>> {
        let (report, outcome) = bounded(1);
        let writer = Arc::clone(outlet);
        let write = move || {
            let bytes = vec![b'a'; 1 << 20];
            let written = writer.write(&mut [IoSlice::new(&bytes)], None, || true);
            report.send(written).unwrap();
        };
        spawn("writes", None, write).unwrap();
        assert!(near.wait_until_parked(Parked::Write, PATIENCE));
        outcome
    }

    /// A web server that asks on and on, and reads none of the answers, is not served for ever.
    #[test]
    fn f09_the_queue_is_bounded() {
        let (outlet, near, _far) = outlet(PATIENCE);
        let outcome = blocked(&outlet, &near);
        for _ in 0..MAX_QUEUED / 1024 {
            outlet.queue(&[b'q'; 1024], 0);
        }
        assert!(!near.is_closed(), "as much as there may be");
        outlet.queue(b"q", 0);
        assert!(near.is_closed() && outlet.closed() == Some(CloseReason::LimitReached));
        outcome.recv().unwrap().unwrap_err();
    }

    /// Nobody waits for what is queued, and its requests end when it has been written.
    #[test]
    fn f05_what_is_queued_is_written_by_the_thread_that_has_the_turn() {
        let (outlet, near, mut far) = outlet(PATIENCE);
        let outcome = blocked(&outlet, &near);
        outlet.queue(b"end", 1);
        assert_eq!(outlet.take_ends(), 0, "it has not been written");
        let mut received = vec![0; (1 << 20) + 3];
        far.read_exact(&mut received).unwrap();
        assert!(received.ends_with(b"aend"));
        outcome.recv().unwrap().unwrap();
        assert_eq!((outlet.take_ends(), outlet.take_ends()), (1, 0));
    }

    /// A connection that takes nothing gives the thread back that has something queued for it.
    #[test]
    fn f09_what_is_queued_has_a_time_limit() {
        let (outlet, near, _far) = outlet(Duration::from_millis(20));
        while near.try_write_vectored(&[IoSlice::new(&[0; 4096])]).is_ok() {}
        outlet.queue(b"end", 1);
        assert_eq!((outlet.take_ends(), outlet.closed()), (1, Some(CloseReason::TimedOut)));
    }

    #[test]
    fn f09_a_deadline_that_is_over_ends_a_request_and_not_the_connection() {
        let (outlet, near, _far) = outlet(PATIENCE);
        let write = || outlet.write(&mut [IoSlice::new(b"late")], Some(now()), || true);
        assert_eq!(write().unwrap_err().kind(), io::ErrorKind::TimedOut);
        let outcome = blocked(&outlet, &near);
        assert_eq!(write().unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(!near.is_closed());
        near.close();
        outcome.recv().unwrap().unwrap_err();
    }
}
