//! A TLS connection that threads can wait on.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::session::{Attempt, READABLE, Session};
use crate::net::addr::Addr;
use crate::net::bell::{Bell, Woken};
use crate::net::stream::{Hangup, Interest, Parked, Readiness, Stream, Until};
use crate::net::tls_info::TlsInfo;
use crate::sync::{Mutex, now};

/// How many reads from below a look at the stream takes at most: it holds the lock meanwhile, and a
/// peer may send records without data for as long as it likes.
const LOOK_AHEAD: usize = 16;

/// TLS over another stream, which has the deadlines and the parked threads.
pub(in crate::net) struct TlsStream {
    below: Stream,
    /// Held for a step that does not block; see [`Session`].
    session: Mutex<Session>,
}

impl TlsStream {
    pub(super) fn new(below: Stream, tls: impl Into<rustls::Connection>) -> Self {
        Self { below, session: Mutex::new(Session::new(tls.into())) }
    }

    /// The stream that carries this one.
    pub(super) fn below(&self) -> &Stream {
        &self.below
    }

    pub(in crate::net) fn info(&self) -> Option<TlsInfo> {
        self.session.lock().info()
    }

    /// Makes the handshake, if it has not been made.
    ///
    /// # Blocking
    ///
    /// Until it is made or has failed; ended by the read deadline and by `close`.
    pub(super) fn shake_hands(&self) -> io::Result<()> {
        self.wait(Parked::Read, Until::Deadline(None), Session::shake_hands)
    }

    /// Tries until it is done, and waits below whenever nothing can be done.
    fn wait<T>(
        &self,
        place: Parked,
        until: Until,
        mut attempt: impl FnMut(&mut Session, &Stream) -> io::Result<Attempt<T>>,
    ) -> io::Result<T> {
        loop {
            self.below.admit(place, until)?;
            let attempted = {
                let mut session = self.session.lock();
                let attempted = attempt(&mut session, &self.below)?;
                match &attempted {
                    Attempt::Wait(_) => session.begin_waiting(place),
                    Attempt::Done(_) | Attempt::Again => self.tell_others(&session),
                }
                attempted
            };
            match attempted {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Again => {}
                Attempt::Wait(interest) => match self.wait_below(place, interest, until) {
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                        self.below.admit(place, until)?;
                        // Not the deadline, but a write's patience is over.
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

    /// Waits below, as one who has been counted.
    fn wait_below(&self, place: Parked, interest: Interest, until: Until) -> io::Result<()> {
        let outcome = self.below.wait_ready(place, interest, until);
        self.session.lock().end_waiting(place);
        outcome
    }

    /// What those wait for who are parked below may have been taken from there: they look again.
    fn tell_others(&self, session: &Session) {
        if session.has_news_for_others() {
            self.below.notify(Parked::Read);
        }
    }

    /// Tries until it is done, or would have to wait.
    fn attempt<T>(
        &self,
        mut attempt: impl FnMut(&mut Session, &Stream) -> io::Result<Attempt<T>>,
    ) -> io::Result<T> {
        loop {
            let attempted = attempt(&mut self.session.lock(), &self.below)?;
            match attempted {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Again => {}
                Attempt::Wait(_) => return Err(io::ErrorKind::WouldBlock.into()),
            }
        }
    }

    pub(in crate::net) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait(Parked::Read, Until::Deadline(None), |session, below| session.read(below, buf))
    }

    pub(in crate::net) fn read_for(
        &self,
        buf: &mut [u8],
        patience: Option<Duration>,
    ) -> io::Result<usize> {
        if patience == Some(Duration::ZERO) {
            return self.try_read(buf).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            });
        }
        let until = Until::Only(patience.and_then(|patience| now().checked_add(patience)));
        if self.session.lock().begin_waiting_if_quiet() {
            self.wait_below(Parked::Read, READABLE, until)?;
        }
        self.wait(Parked::Read, until, |session, below| session.read(below, buf))
    }

    pub(in crate::net) fn wait_idle(
        &self,
        bell: &Bell,
        limit: Option<Instant>,
    ) -> io::Result<Woken> {
        loop {
            self.check_open()?;
            let attempted = self.session.lock().take_in(&self.below)?;
            match attempted {
                Attempt::Done(()) => return Ok(Woken::Readable),
                Attempt::Again => {}
                // Something is left to be sent, for which only the stream below knows of room.
                Attempt::Wait(interest) if interest.write => {
                    self.session.lock().begin_waiting(Parked::Read);
                    self.wait_below(Parked::Read, interest, Until::Only(limit))?;
                }
                Attempt::Wait(_) => {
                    if self.below.wait_idle(bell, limit)? == Woken::Rung {
                        return Ok(Woken::Rung);
                    }
                }
            }
        }
    }

    pub(in crate::net) fn has_unread(&self) -> bool {
        let session = self.session.lock();
        session.has_news() || session.has_raw() || self.below.has_unread()
    }

    pub(in crate::net) fn look_again(&self) {
        self.below.look_again();
    }

    pub(in crate::net) fn interrupt_read(&self) {
        self.below.interrupt_read();
    }

    pub(in crate::net) fn halt(&self) {
        if !self.below.is_closed() {
            // The rest is sent when the stream has been resumed.
            let _ = self.session.lock().end_outward(&self.below);
        }
        self.below.halt();
    }

    pub(in crate::net) fn discard_input(&self) {
        self.below.discard_input();
    }

    pub(in crate::net) fn resume(&self) {
        self.below.resume();
    }

    /// What was decrypted before a close is not read after it.
    fn check_open(&self) -> io::Result<()> {
        self.below.admit(Parked::Read, Until::Only(None))
    }

    pub(in crate::net) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.check_open()?;
        self.attempt(|session, below| session.read(below, buf))
    }

    pub(in crate::net) fn wait_readable(&self, limit: Option<Instant>) -> io::Result<()> {
        self.wait(Parked::Read, Until::Deadline(limit), Session::take_in)
    }

    /// Writes, and returns when what it took has been sent, or when the deadline comes: what is left
    /// then is sent by whoever reads, writes or flushes next.
    pub(in crate::net) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.session.lock().is_handshaking() {
            self.shake_hands()?;
        }
        let _turn = Writing::begin(self);
        let count = self.wait(Parked::Write, Until::Deadline(None), |session, below| {
            session.accept(below, slices)
        })?;
        match self.wait(Parked::Write, Until::Deadline(None), Session::flush) {
            Err(error) if error.kind() != io::ErrorKind::TimedOut => Err(error),
            // A peer that takes nothing is not waited for twice.
            Err(error) if self.session.lock().is_stalled() => Err(error),
            _ => Ok(count),
        }
    }

    pub(in crate::net) fn flush(&self) -> io::Result<()> {
        // As on any other stream, there is nothing to be told if nothing is left.
        if !self.session.lock().has_unsent() {
            return Ok(());
        }
        let _turn = Writing::begin(self);
        self.wait(Parked::Write, Until::Deadline(None), Session::flush)
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
            // What is wrong with it the next read will tell.
            let mut look = || matches!(session.take_in(&self.below), Ok(Attempt::Again));
            let _ = (0..LOOK_AHEAD).all(|_| look());
            self.tell_others(&session);
        }
        Readiness {
            readable: session.has_news() || below.broken,
            peer_closed: below.peer_closed || session.peer_has_closed(),
            broken: below.broken || session.has_failed(),
        }
    }

    pub(in crate::net) fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        if let Some(hangup) = self.hangup(least) {
            return Ok(hangup);
        }
        match self.below.wait_hangup(least) {
            // By somebody who wants it, or because the session has something to tell.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.hangup(least).ok_or(error)
            }
            outcome => outcome,
        }
    }

    /// What the session tells, and the stream below does not.
    fn hangup(&self, least: Hangup) -> Option<Hangup> {
        let session = self.session.lock();
        if session.has_failed() {
            Some(Hangup::Broken)
        } else {
            let ended = session.peer_has_closed() && least == Hangup::EndOfStream;
            ended.then_some(Hangup::EndOfStream)
        }
    }

    pub(in crate::net) fn wake_hangup(&self) {
        self.below.wake_hangup();
    }

    pub(in crate::net) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            self.session.lock().shut_inward();
            self.below.shutdown(Shutdown::Read)?;
        }
        if how != Shutdown::Read {
            let all_sent = self.session.lock().end_outward(&self.below)?;
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

    pub(in crate::net) fn reset(&self) {
        self.below.reset();
    }

    pub(in crate::net) fn is_closed(&self) -> bool {
        self.below.is_closed()
    }

    pub(in crate::net) fn release(&self) {
        self.session.lock().release();
    }

    pub(in crate::net) fn wait_ready(
        &self,
        place: Parked,
        interest: Interest,
        until: Until,
    ) -> io::Result<()> {
        self.wait(place, until, |session, below| {
            if !interest.read {
                return session.flush(below);
            }
            let taken = session.take_in(below)?;
            let room = interest.write && !session.has_unsent();
            Ok(if room { Attempt::Done(()) } else { taken })
        })
    }

    pub(in crate::net) fn admit(&self, place: Parked, until: Until) -> io::Result<()> {
        self.below.admit(place, until)
    }

    pub(in crate::net) fn notify(&self, place: Parked) {
        self.below.notify(place);
    }

    pub(in crate::net) fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.below.set_read_deadline(deadline);
    }

    pub(in crate::net) fn read_deadline(&self) -> Option<Instant> {
        self.below.read_deadline()
    }

    pub(in crate::net) fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.below.set_write_deadline(deadline);
    }

    pub(in crate::net) fn set_write_patience(&self, patience: Option<Duration>) {
        self.below.set_write_patience(patience);
    }

    pub(in crate::net) fn write_deadline(&self) -> Option<Instant> {
        self.below.write_deadline()
    }

    pub(in crate::net) fn peer_addr(&self) -> io::Result<Addr> {
        self.below.peer_addr()
    }

    pub(in crate::net) fn local_addr(&self) -> io::Result<Addr> {
        self.below.local_addr()
    }

    pub(in crate::net) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.below.set_nodelay(nodelay)
    }

    pub(in crate::net) fn set_keepalive(&self, period: Option<Duration>) -> io::Result<()> {
        self.below.set_keepalive(period)
    }

    pub(in crate::net) fn wait_until_parked(&self, place: Parked, until: Instant) -> bool {
        self.below.wait_until_parked(place, until.saturating_duration_since(now()))
    }
}

impl Drop for TlsStream {
    /// The peer is told that this was all, and has not been cut off.
    fn drop(&mut self) {
        self.close();
    }
}

/// A thread that writes. When it leaves something behind, who reads is told to send it.
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
