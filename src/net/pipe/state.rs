//! The state of two streams in memory, and the rules by which calls change it. Nothing here blocks.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::net::readiness::{Hangup, Parked, Readiness};

/// The state of both streams, under one lock.
pub(super) struct State {
    /// `side` writes into `pipes[side]`, and the other side reads from it.
    pub(super) pipes: [Pipe; 2],
    pub(super) sides: [Side; 2],
    /// The number of changes. A thread that parked before the last one has been woken.
    pub(super) epoch: u64,
}

/// The bytes in one direction.
pub(super) struct Pipe {
    pub(super) bytes: VecDeque<u8>,
    pub(super) capacity: usize,
    pub(super) writer: Half,
    pub(super) reader: Half,
}

/// One side's use of its half of a pipe.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Open,
    Shut,
}

/// The state of one stream.
#[derive(Default)]
pub(super) struct Side {
    pub(super) life: Life,
    pub(super) read_deadline: Option<Instant>,
    pub(super) write_deadline: Option<Instant>,
    /// The limit of one write's wait, whatever the deadline.
    pub(super) write_idle_timeout: Option<Duration>,
    /// One wait for a hang-up must end. That wait resets it.
    pub(super) interrupted: bool,
    /// One read that has nothing to read must end. That read resets it.
    pub(super) read_interrupted: bool,
    /// For each [`Parked`]: the number of times that the threads were told to check again.
    #[cfg(feature = "tls")]
    pub(super) notices: [u64; 3],
    /// For each [`Parked`]: the number of threads that have parked since the last change.
    pub(super) parked: [usize; 3],
}

/// The condition of a stream.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Life {
    #[default]
    Open,
    /// Closed by this side.
    Closed,
    /// Reset by the peer.
    Reset,
}

impl Side {
    pub(super) fn deadline(&self, place: Parked) -> Option<Instant> {
        match place {
            Parked::Read => self.read_deadline,
            Parked::Write => self.write_deadline,
            Parked::Hangup => None,
        }
    }
}

impl State {
    /// Creates the state of two open streams.
    pub(super) fn new(capacity: usize) -> Self {
        let pipe = || Pipe {
            bytes: VecDeque::new(),
            capacity: capacity.max(1),
            writer: Half::Open,
            reader: Half::Open,
        };
        Self { pipes: [pipe(), pipe()], sides: [Side::default(), Side::default()], epoch: 0 }
    }

    /// Fails with `after_close` if `side` has closed the stream, and with `ConnectionReset` if its peer
    /// has reset it.
    pub(super) fn alive(&self, side: usize, after_close: io::ErrorKind) -> io::Result<()> {
        match self.sides[side].life {
            Life::Open => Ok(()),
            Life::Closed => Err(io::Error::new(after_close, "stream closed on this side")),
            Life::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }

    /// Fails with `WouldBlock` if a read of `side` would block.
    pub(super) fn readable(&self, side: usize) -> io::Result<()> {
        if self.sides[side].life == Life::Closed {
            self.alive(side, io::ErrorKind::ConnectionAborted)?;
        }
        match self.readiness(side).readable {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    pub(super) fn read(&mut self, side: usize, buf: &mut [u8]) -> io::Result<usize> {
        self.alive(side, io::ErrorKind::ConnectionAborted)?;
        self.pipes[other(side)].take(buf)
    }

    pub(super) fn write(&mut self, side: usize, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.alive(side, io::ErrorKind::BrokenPipe)?;
        self.pipes[side].put(slices)
    }

    pub(super) fn readiness(&self, side: usize) -> Readiness {
        let (input, output) = (&self.pipes[other(side)], &self.pipes[side]);
        let dead = self.sides[side].life != Life::Open;
        let peer_closed = dead || input.writer == Half::Shut;
        Readiness {
            readable: peer_closed || input.reader == Half::Shut || !input.bytes.is_empty(),
            peer_closed,
            broken: dead
                || (peer_closed && (output.reader == Half::Shut || output.writer == Half::Shut)),
        }
    }

    pub(super) fn hangup(&mut self, side: usize, least: Hangup) -> io::Result<Hangup> {
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

    pub(super) fn shutdown(&mut self, side: usize, how: Shutdown) -> io::Result<()> {
        if self.sides[side].life != Life::Open {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if how != Shutdown::Read {
            self.pipes[side].writer = Half::Shut;
        }
        if how != Shutdown::Write {
            self.pipes[other(side)].refuse();
        }
        Ok(())
    }

    pub(super) fn reset(&mut self, side: usize) {
        self.close(side);
        self.pipes[side].bytes.clear();
        let peer = &mut self.sides[other(side)];
        if peer.life == Life::Open {
            peer.life = Life::Reset;
        }
    }

    pub(super) fn close(&mut self, side: usize) {
        self.sides[side].life = Life::Closed;
        self.pipes[side].writer = Half::Shut;
        self.pipes[other(side)].refuse();
    }
}

impl Pipe {
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

    /// Ends the reader's half: drops the bytes and accepts no more.
    fn refuse(&mut self) {
        self.reader = Half::Shut;
        self.bytes.clear();
    }
}

/// Returns the index of the other side.
fn other(side: usize) -> usize {
    1 - side
}
