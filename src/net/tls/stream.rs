//! A TLS connection that threads can wait on.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::session::{Progress, READABLE, Session};
use crate::net::buffer::Buffer;
use crate::net::latch::{Latch, Woken};
use crate::net::readiness::{Hangup, Interest, Parked, Readiness, Until};
use crate::net::stream::Stream;
use crate::net::tls_info::TlsInfo;
use crate::sync::{Mutex, now};

/// The most reads from below that [`TlsStream::readiness`] makes. It holds the lock meanwhile, and a peer
/// may send any number of records without data.
const LOOK_AHEAD: usize = 16;

/// TLS over another stream. The deadlines and the parked threads are those of the stream below.
pub(in crate::net) struct TlsStream {
    below: Stream,
    /// Locked for one step that does not block. See [`Session`].
    session: Mutex<Session>,
}

impl TlsStream {
    /// Creates a stream over `below`, of which `received` has been read.
    pub(super) fn new(below: Stream, received: Buffer, tls: impl Into<rustls::Connection>) -> Self {
        Self { below, session: Mutex::new(Session::new(tls.into(), received)) }
    }

    /// Returns the stream that carries this one.
    pub(in crate::net) fn below(&self) -> &Stream {
        &self.below
    }

    pub(in crate::net) fn info(&self) -> Option<TlsInfo> {
        self.session.lock().info()
    }

    /// Completes the handshake. Does nothing if it is complete.
    ///
    /// # Blocking
    ///
    /// Until the handshake is complete or has failed. The read deadline and `close` end it.
    pub(super) fn complete_handshake(&self) -> io::Result<()> {
        self.wait(Parked::Read, Until::Deadline(None), Session::complete_handshake)
    }

    /// Repeats `attempt` until it is done, and waits on the stream below when there is no progress.
    fn wait<T>(
        &self,
        place: Parked,
        until: Until,
        mut attempt: impl FnMut(&mut Session, &Stream) -> io::Result<Progress<T>>,
    ) -> io::Result<T> {
        loop {
            self.below.check(place, until)?;
            let (attempted, seen) = {
                let mut session = self.session.lock();
                let attempted = attempt(&mut session, &self.below)?;
                match &attempted {
                    Progress::Wait(_) => session.begin_waiting(place),
                    Progress::Done(_) | Progress::Again => self.wake_others(&session),
                }
                (attempted, self.below.notices(place))
            };
            match attempted {
                Progress::Done(outcome) => return Ok(outcome),
                Progress::Again => {}
                Progress::Wait(interest) => match self.wait_below(place, interest, until, seen) {
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                        self.below.check(place, until)?;
                        // The deadline has not passed, so the write's limit is used up.
                        let writes = place == Parked::Write;
                        if writes && !self.session.lock().sends_more(&self.below)? {
                            return Err(error);
                        }
                    }
                    waited => waited?,
                },
            }
        }
    }

    /// Waits on the stream below. The session has counted the thread as waiting when there were `seen`
    /// notices.
    fn wait_below(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
        seen: u64,
    ) -> io::Result<()> {
        let outcome = self.below.wait_ready(place, interest, until, seen);
        self.session.lock().end_waiting(place);
        outcome
    }

    /// Wakes a thread that waits below for input that this thread has taken in.
    fn wake_others(&self, session: &Session) {
        if session.has_input_for_others() {
            self.below.notify(Parked::Read);
        }
    }

    /// Repeats `attempt` until it is done or fails with `WouldBlock`.
    fn attempt<T>(
        &self,
        mut attempt: impl FnMut(&mut Session, &Stream) -> io::Result<Progress<T>>,
    ) -> io::Result<T> {
        loop {
            let attempted = attempt(&mut self.session.lock(), &self.below)?;
            match attempted {
                Progress::Done(outcome) => return Ok(outcome),
                Progress::Again => {}
                Progress::Wait(_) => return Err(io::ErrorKind::WouldBlock.into()),
            }
        }
    }

    pub(in crate::net) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait(Parked::Read, Until::Deadline(None), |session, below| session.read(below, buf))
    }

    pub(in crate::net) fn read_for(
        &self,
        buf: &mut [u8],
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        if limit == Some(Duration::ZERO) {
            return self.try_read(buf).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            });
        }
        let until = Until::Only(limit.and_then(|limit| now().checked_add(limit)));
        let seen = {
            let mut session = self.session.lock();
            session.begin_waiting_if_quiet().then(|| self.below.notices(Parked::Read))
        };
        if let Some(seen) = seen {
            self.wait_below(Parked::Read, READABLE, until, seen)?;
        }
        self.wait(Parked::Read, until, |session, below| session.read(below, buf))
    }

    pub(in crate::net) fn wait_idle(
        &self,
        latch: &Latch,
        limit: Option<Instant>,
    ) -> io::Result<Woken> {
        loop {
            self.check_open()?;
            let attempted = self.session.lock().take_in(&self.below)?;
            match attempted {
                Progress::Done(()) => return Ok(Woken::Readable),
                Progress::Again => {}
                // Something is unsent, and only the stream below can wait for room.
                Progress::Wait(interest) if interest.write => {
                    let seen = {
                        let mut session = self.session.lock();
                        session.begin_waiting(Parked::Read);
                        self.below.notices(Parked::Read)
                    };
                    self.wait_below(Parked::Read, interest, Until::Only(limit), seen)?;
                }
                Progress::Wait(_) => {
                    if self.below.wait_idle(latch, limit)? == Woken::Latched {
                        return Ok(Woken::Latched);
                    }
                }
            }
        }
    }

    pub(in crate::net) fn has_unread(&self) -> bool {
        let session = self.session.lock();
        session.is_readable() || session.has_raw() || self.below.has_unread()
    }

    pub(in crate::net) fn halt(&self) {
        if !self.below.is_closed() {
            // Unsent bytes are sent after `resume`.
            let _ = self.session.lock().end_writing_direction(&self.below);
        }
        self.below.halt();
    }

    /// Fails after a close, so that plaintext from before the close is not read.
    fn check_open(&self) -> io::Result<()> {
        self.below.check(Parked::Read, Until::Only(None))
    }

    pub(in crate::net) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_open()?;
        self.attempt(|session, below| session.read(below, buf))
    }

    pub(in crate::net) fn wait_readable(&self, limit: Option<Instant>) -> io::Result<()> {
        self.wait(Parked::Read, Until::Deadline(limit), Session::take_in)
    }

    /// Writes, and returns when the data is sent or at the deadline. The next read, write or flush sends
    /// what is unsent then.
    pub(in crate::net) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.session.lock().is_handshaking() {
            self.complete_handshake()?;
        }
        let _turn = Writing::begin(self);
        let count = self.wait(Parked::Write, Until::Deadline(None), |session, below| {
            session.accept(below, slices)
        })?;
        match self.wait(Parked::Write, Until::Deadline(None), Session::flush) {
            Err(error) if error.kind() != io::ErrorKind::TimedOut => Err(error),
            // Does not wait a second time for a peer that reads nothing.
            Err(error) if self.session.lock().is_stalled() => Err(error),
            _ => Ok(count),
        }
    }

    pub(in crate::net) fn flush(&self) -> io::Result<()> {
        // Succeeds even after a close or a deadline, as on other streams.
        if !self.session.lock().has_unsent() {
            return Ok(());
        }
        let _turn = Writing::begin(self);
        self.wait(Parked::Write, Until::Deadline(None), Session::flush)
    }

    /// Returns the number of encrypted bytes that the stream below has taken.
    pub(in crate::net) fn sent(&self) -> u64 {
        self.session.lock().sent()
    }

    pub(in crate::net) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.session.lock().is_handshaking() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.attempt(|session, below| session.accept(below, slices))?;
        match self.try_flush() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    pub(in crate::net) fn try_flush(&self) -> io::Result<()> {
        let outcome = self.attempt(Session::flush);
        if outcome.is_err() {
            self.below.notify(Parked::Read);
        }
        outcome
    }

    pub(in crate::net) fn readiness(&self) -> Readiness {
        let below = self.below.readiness();
        let mut session = self.session.lock();
        if below.readable || session.has_raw() {
            // The next read reports an error.
            let mut look = || matches!(session.take_in(&self.below), Ok(Progress::Again));
            let _ = (0..LOOK_AHEAD).all(|_| look());
            self.wake_others(&session);
        }
        Readiness {
            readable: session.is_readable() || below.broken,
            peer_closed: below.peer_closed || session.peer_has_closed(),
            broken: below.broken || session.has_failed(),
        }
    }

    pub(in crate::net) fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        if let Some(hangup) = self.hangup(least) {
            return Ok(hangup);
        }
        match self.below.wait_hangup(least) {
            // Either `wake_hangup` was called, or the session has ended the peer's direction.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.hangup(least).ok_or(error)
            }
            outcome => outcome,
        }
    }

    /// Returns the hang-up that only the session has seen.
    fn hangup(&self, least: Hangup) -> Option<Hangup> {
        let session = self.session.lock();
        if session.has_failed() {
            Some(Hangup::Broken)
        } else {
            let ended = session.peer_has_closed() && least == Hangup::EndOfStream;
            ended.then_some(Hangup::EndOfStream)
        }
    }

    pub(in crate::net) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            self.session.lock().shut_reading();
            self.below.shutdown(Shutdown::Read)?;
        }
        if how != Shutdown::Read {
            let all_sent = self.session.lock().end_writing_direction(&self.below)?;
            if !all_sent {
                self.below.notify(Parked::Read);
            }
        }
        Ok(())
    }

    pub(in crate::net) fn close(&self) {
        if !self.below.is_closed() {
            self.session.lock().end(&self.below);
        }
        self.below.close();
    }

    pub(in crate::net) fn release(&self) {
        self.session.lock().release();
    }

    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
        seen: u64,
    ) -> io::Result<()> {
        self.wait(place, until, |session, below| {
            if below.notices(place) != seen {
                return Ok(Progress::Done(()));
            }
            if !interest.read {
                return session.flush(below);
            }
            let taken = session.take_in(below)?;
            let room = interest.write && !session.has_unsent();
            Ok(if room { Progress::Done(()) } else { taken })
        })
    }
}

impl Drop for TlsStream {
    /// Sends a close_notify, so that the peer can tell the end from a truncation.
    fn drop(&mut self) {
        self.close();
    }
}

/// A thread that writes. Its drop wakes a reader to send what is unsent.
struct Writing<'a>(&'a TlsStream);

impl<'a> Writing<'a> {
    fn begin(stream: &'a TlsStream) -> Self {
        stream.session.lock().begin_writing();
        Self(stream)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let left = self.0.session.lock().end_writing();
        if left {
            self.0.below.notify(Parked::Read);
        }
    }
}
