//! Streams in memory: two ends that behave like a connection, without a socket.
//!
//! ```text
//!        end 0                                     end 1
//!      write ───────────> lanes[0] ───────────────> read
//!       read <─────────── lanes[1] <────────────── write
//!   deadlines, parked      one lock                deadlines, parked
//!                        one Condvar
//! ```
//!
//! They obey deadlines, half-closes and resets as sockets do, hold a bounded number of bytes in
//! each direction, and are made of a lock and Condvars alone, so that a test can schedule them.

#[cfg(feature = "tls")]
mod under_tls;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addr::Addr;
use super::bell::{Bell, Woken};
use super::stream::{Hangup, Parked, Readiness, Stream, Until};
use crate::sync::{Condvar, Mutex, MutexGuard, now};

/// How many bytes a direction of [`pair`] holds before a write blocks: what a socket holds is of
/// this order, and a test that means to fill it is done at once.
pub const DEFAULT_CAPACITY: usize = 64 * 1024;

/// Two connected streams, [`DEFAULT_CAPACITY`] bytes (64 KiB) a direction.
///
/// What the one writes the other reads. See [`Stream`] for what blocks and what ends it.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::Shutdown;
///
/// let (mut one, mut other) = hangup::net::memory::pair();
/// one.write_all(b"that is all")?;
/// one.shutdown(Shutdown::Write)?;
/// let mut text = String::new();
/// other.read_to_string(&mut text)?;
/// assert_eq!(text, "that is all");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn pair() -> (Stream, Stream) {
    pair_with_capacity(DEFAULT_CAPACITY)
}

/// As [`pair`], with room for `capacity` bytes a direction, at least one.
#[must_use]
pub fn pair_with_capacity(capacity: usize) -> (Stream, Stream) {
    let lane = || Lane {
        bytes: VecDeque::new(),
        capacity: capacity.max(1),
        writer: Half::Open,
        reader: Half::Open,
    };
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            lanes: [lane(), lane()],
            sides: [Side::default(), Side::default()],
            epoch: 0,
        }),
        changed: Condvar::new(),
        parked: Condvar::new(),
    });
    let end = |side| Stream::from_memory(End { side, shared: Arc::clone(&shared) });
    (end(0), end(1))
}

/// One end; dropping it closes it.
pub(super) struct End {
    side: usize,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Goes with `state`; the predicate is whatever the waiting call is after (bytes, room, the
    /// peer's end, its deadline). Notified by everything that changes the state.
    changed: Condvar,
    /// Goes with `state`; the predicate is a count in [`Side::parked`]. Notified by every thread
    /// before it waits on `changed`.
    parked: Condvar,
}

struct State {
    /// `lanes[side]` is what `side` writes and the other reads.
    lanes: [Lane; 2],
    sides: [Side; 2],
    /// Counts the changes: a thread that was parked before one is on its way out.
    epoch: u64,
}

/// One direction.
struct Lane {
    bytes: VecDeque<u8>,
    capacity: usize,
    writer: Half,
    reader: Half,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Open,
    Shut,
}

#[derive(Default)]
struct Side {
    life: Life,
    read_deadline: Option<Instant>,
    write_deadline: Option<Instant>,
    /// How long one write may wait, whatever the deadline.
    write_patience: Option<Duration>,
    /// Somebody asked for the end of one wait for a hang-up; consumed by it.
    interrupted: bool,
    /// The same for one read that has nothing to read.
    read_interrupted: bool,
    /// For each [`Parked`], whether somebody asked one thread there to look again.
    #[cfg(feature = "tls")]
    notified: [bool; 3],
    /// How many threads wait at each [`Parked`] since the last change.
    parked: [usize; 3],
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Life {
    #[default]
    Open,
    /// Closed by its own side.
    Closed,
    /// Reset by the peer.
    Reset,
}

impl End {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    /// Changes the state and tells everybody.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let outcome = change(&mut state);
        self.announce(&mut state);
        outcome
    }

    fn announce(&self, state: &mut State) {
        state.epoch += 1;
        for side in &mut state.sides {
            side.parked = [0; 3];
        }
        self.shared.changed.notify_all();
    }

    /// Tries `attempt` until it no longer says `WouldBlock`, or the limit has come.
    fn wait<T>(
        &self,
        place: Parked,
        until: Until,
        mut attempt: impl FnMut(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.lock();
        let mut idle = None;
        loop {
            let deadline = until.moment(state.sides[self.side].deadline(place));
            let until = if idle.is_some() { earlier(deadline, idle) } else { deadline };
            let open = state.sides[self.side].life == Life::Open;
            if open && until.is_some_and(|until| until <= now()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match attempt(&mut state) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => {
                    self.announce(&mut state);
                    return outcome;
                }
            }
            let me = &mut state.sides[self.side];
            if place == Parked::Read && std::mem::take(&mut me.read_interrupted) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if place == Parked::Write && idle.is_none() {
                let patience = state.sides[self.side].write_patience;
                idle = patience.and_then(|patience| now().checked_add(patience));
            }
            self.park(&mut state, place, earlier(until, idle));
        }
    }

    fn park(&self, state: &mut MutexGuard<'_, State>, place: Parked, until: Option<Instant>) {
        let epoch = state.epoch;
        state.sides[self.side].parked[place as usize] += 1;
        self.shared.parked.notify_all();
        match until {
            Some(until) => {
                self.shared.changed.wait_until(state, until);
            }
            None => self.shared.changed.wait(state),
        }
        // A change has set the counts to zero, with this thread in them.
        if state.epoch == epoch {
            state.sides[self.side].parked[place as usize] -= 1;
        }
    }

    pub(super) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.wait(Parked::Read, Until::Deadline(None), |state| state.read(self.side, buf))
    }

    pub(super) fn read_for(&self, buf: &mut [u8], patience: Option<Duration>) -> io::Result<usize> {
        if patience == Some(Duration::ZERO) {
            return self.try_read(buf).map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                _ => error,
            });
        }
        let until = patience.and_then(|patience| now().checked_add(patience));
        self.wait(Parked::Read, Until::Only(until), |state| state.read(self.side, buf))
    }

    pub(super) fn wait_idle(&self, bell: &Bell, limit: Option<Instant>) -> io::Result<Woken> {
        self.wait(Parked::Read, Until::Only(limit), |state| match state.readable(self.side) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && bell.is_rung() => {
                Ok(Woken::Rung)
            }
            outcome => outcome.map(|()| Woken::Readable),
        })
    }

    pub(super) fn has_unread(&self) -> bool {
        self.readiness().readable
    }

    pub(super) fn interrupt_read(&self) {
        self.change(|state| state.sides[self.side].read_interrupted = true);
    }

    /// A bell does not wake those who wait here.
    pub(super) fn look_again(&self) {
        self.change(|_| ());
    }

    pub(super) fn halt(&self) {
        self.close();
    }

    /// Nothing here is lost by a close, and so nothing is left to be done after one.
    pub(super) fn resume(&self) {}

    /// Input that is left here resets nothing.
    pub(super) fn discard_input(&self) {}

    pub(super) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.change(|state| state.read(self.side, buf))
    }

    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.wait(Parked::Write, Until::Deadline(None), |state| state.write(self.side, slices))
    }

    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.change(|state| state.write(self.side, slices))
    }

    /// A write leaves nothing behind.
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// A write leaves nothing behind.
    pub(super) fn try_flush(&self) -> io::Result<()> {
        Ok(())
    }

    /// It holds no memory of its own.
    pub(super) fn release(&self) {}

    pub(super) fn wait_readable(&self, limit: Option<Instant>) -> io::Result<()> {
        self.wait(Parked::Read, Until::Deadline(limit), |state| state.readable(self.side))
    }

    pub(super) fn wait_hangup(&self, least: Hangup) -> io::Result<Hangup> {
        self.wait(Parked::Hangup, Until::Deadline(None), |state| state.hangup(self.side, least))
    }

    pub(super) fn wake_hangup(&self) {
        self.change(|state| state.sides[self.side].interrupted = true);
    }

    pub(super) fn readiness(&self) -> Readiness {
        self.lock().readiness(self.side)
    }

    pub(super) fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.change(|state| state.sides[self.side].read_deadline = deadline);
    }

    pub(super) fn read_deadline(&self) -> Option<Instant> {
        self.lock().sides[self.side].read_deadline
    }

    pub(super) fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.change(|state| state.sides[self.side].write_deadline = deadline);
    }

    pub(super) fn set_write_patience(&self, patience: Option<Duration>) {
        self.lock().sides[self.side].write_patience = patience;
    }

    pub(super) fn write_deadline(&self) -> Option<Instant> {
        self.lock().sides[self.side].write_deadline
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.change(|state| {
            if state.sides[self.side].life != Life::Open {
                return Err(io::ErrorKind::NotConnected.into());
            }
            if how != Shutdown::Read {
                state.lanes[self.side].writer = Half::Shut;
            }
            if how != Shutdown::Write {
                state.lanes[other(self.side)].refuse();
            }
            Ok(())
        })
    }

    pub(super) fn close(&self) {
        self.change(|state| state.close(self.side));
    }

    pub(super) fn reset(&self) {
        self.change(|state| {
            state.close(self.side);
            state.lanes[self.side].bytes.clear();
            let peer = &mut state.sides[other(self.side)];
            if peer.life == Life::Open {
                peer.life = Life::Reset;
            }
        });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().sides[self.side].life == Life::Closed
    }

    pub(super) fn peer_addr(&self) -> io::Result<Addr> {
        Ok(Addr::Memory)
    }

    pub(super) fn local_addr(&self) -> io::Result<Addr> {
        Ok(Addr::Memory)
    }

    pub(super) fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn set_keepalive(&self, _period: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn wait_until_parked(&self, place: Parked, until: Instant) -> bool {
        let mut state = self.lock();
        while state.sides[self.side].parked[place as usize] == 0 {
            if self.shared.parked.wait_until(&mut state, until).timed_out() {
                return state.sides[self.side].parked[place as usize] > 0;
            }
        }
        true
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close();
    }
}

impl Side {
    fn deadline(&self, place: Parked) -> Option<Instant> {
        match place {
            Parked::Read => self.read_deadline,
            Parked::Write => self.write_deadline,
            Parked::Hangup => None,
        }
    }
}

impl State {
    /// May `side` go on? `after_close` is what it is told once it has closed.
    fn alive(&self, side: usize, after_close: io::ErrorKind) -> io::Result<()> {
        match self.sides[side].life {
            Life::Open => Ok(()),
            Life::Closed => Err(io::Error::new(after_close, "the stream was closed on this side")),
            Life::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }

    /// Whether a read of `side` would not block; `WouldBlock` if it would.
    fn readable(&self, side: usize) -> io::Result<()> {
        if self.sides[side].life == Life::Closed {
            self.alive(side, io::ErrorKind::ConnectionAborted)?;
        }
        match self.readiness(side).readable {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn read(&mut self, side: usize, buf: &mut [u8]) -> io::Result<usize> {
        self.alive(side, io::ErrorKind::ConnectionAborted)?;
        self.lanes[other(side)].take(buf)
    }

    fn write(&mut self, side: usize, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.alive(side, io::ErrorKind::BrokenPipe)?;
        self.lanes[side].put(slices)
    }

    fn readiness(&self, side: usize) -> Readiness {
        let (inward, outward) = (&self.lanes[other(side)], &self.lanes[side]);
        let dead = self.sides[side].life != Life::Open;
        let peer_closed = dead || inward.writer == Half::Shut;
        Readiness {
            readable: peer_closed || inward.reader == Half::Shut || !inward.bytes.is_empty(),
            peer_closed,
            broken: dead
                || (peer_closed && (outward.reader == Half::Shut || outward.writer == Half::Shut)),
        }
    }

    fn hangup(&mut self, side: usize, least: Hangup) -> io::Result<Hangup> {
        if std::mem::take(&mut self.sides[side].interrupted) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.sides[side].life == Life::Closed {
            self.alive(side, io::ErrorKind::ConnectionAborted)?;
        }
        match self.readiness(side) {
            Readiness { broken: true, .. } => Ok(Hangup::Broken),
            Readiness { peer_closed: true, .. } if least == Hangup::EndOfStream => {
                Ok(Hangup::EndOfStream)
            }
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn close(&mut self, side: usize) {
        self.sides[side].life = Life::Closed;
        self.lanes[side].writer = Half::Shut;
        self.lanes[other(side)].refuse();
    }
}

impl Lane {
    fn take(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() && self.writer == Half::Open && self.reader == Half::Open {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        io::Read::read(&mut self.bytes, buf)
    }

    fn put(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.writer == Half::Shut || self.reader == Half::Shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = self.capacity - self.bytes.len();
        if room == 0 && slices.iter().any(|slice| !slice.is_empty()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before = self.bytes.len();
        for slice in slices {
            let room = self.capacity - self.bytes.len();
            self.bytes.extend(&slice[..slice.len().min(room)]);
        }
        Ok(self.bytes.len() - before)
    }

    /// The reader will read no more: what is there is dropped, and nothing more is taken.
    fn refuse(&mut self) {
        self.reader = Half::Shut;
        self.bytes.clear();
    }
}

fn other(side: usize) -> usize {
    1 - side
}

/// The earlier of two moments, of which `None` never comes.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}
