//! The state of a TLS stream, under its lock: rustls and buffered bytes. Nothing here blocks.

mod info;

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use rustls::Connection;

use crate::net::buffer::Buffer;
use crate::net::readiness::{Interest, Parked};
use crate::net::stream::Stream;

/// The size of a read from the stream below, in bytes, once the peer sends more than fits into the first,
/// small buffer: two records of the largest size.
const BULK: usize = 32 * 1024;

/// The state of one TLS connection. The methods that take the stream `below` read from it and write to
/// it without blocking.
pub(super) struct Session {
    tls: Connection,
    /// Received from below, and not decrypted yet.
    raw: Buffer,
    /// The last read from below filled its buffer, so more is likely to follow.
    bulky: bool,
    /// The number of decrypted bytes that have not been read.
    plaintext: usize,
    /// The unread bytes that were decrypted before the session failed.
    final_plaintext: Bytes,
    read: ReadState,
    write: WriteState,
    /// The number of threads in a write or a flush, which send what is unsent.
    writers: usize,
    /// A write has used up its limit, and nothing was sent since.
    stalled: bool,
    /// The number of encrypted bytes that the stream below has taken.
    sent: u64,
    /// The number of threads that wait below for something to read.
    waiting: usize,
}

/// The state of the peer's direction.
enum ReadState {
    /// The peer has sent nothing yet.
    Fresh,
    Open,
    /// The peer has sent its close_notify.
    Ended,
    /// The stream below has ended without a close_notify.
    Cut,
    /// The session failed, by an error of either side.
    Failed(Arc<rustls::Error>),
    /// This side reads no more.
    Shut,
}

/// The state of this side's direction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WriteState {
    Open,
    /// A close_notify is being sent. The stream below is shut down after it.
    Closing,
    Closed,
}

/// The outcome of one step of an operation.
pub(super) enum Progress<T> {
    Done(T),
    /// There was progress. The next attempt is a separate step, so that deadlines are checked and the
    /// lock is free in between.
    Again,
    /// No progress is possible before the stream below is ready.
    Wait(Interest),
}

/// The error for a client that speaks HTTP where TLS was expected, with the first bytes it sent.
#[derive(Debug)]
pub(super) struct NotTls(pub(super) Vec<u8>);

impl Session {
    /// Creates the state of a connection of which `raw` has been received.
    pub(super) fn new(tls: Connection, raw: Buffer) -> Self {
        Self {
            tls,
            raw,
            bulky: false,
            plaintext: 0,
            final_plaintext: Bytes::new(),
            read: ReadState::Fresh,
            write: WriteState::Open,
            writers: 0,
            stalled: false,
            sent: 0,
            waiting: 0,
        }
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Drives the handshake one step.
    pub(super) fn complete_handshake(&mut self, below: &Stream) -> io::Result<Progress<()>> {
        // If the peer accepts no more data, it may have sent the reason. The read below reports that.
        let _ = self.push(below);
        if !self.tls.is_handshaking() {
            return Ok(Progress::Done(()));
        }
        match self.take_in(below)? {
            Progress::Done(()) => Err(self.end_of_handshake()),
            other => Ok(other),
        }
    }

    fn end_of_handshake(&self) -> io::Error {
        match &self.read {
            ReadState::Failed(error) => failed(error),
            _ => {
                let message = "peer closed the connection during the TLS handshake";
                io::Error::new(io::ErrorKind::UnexpectedEof, message)
            }
        }
    }

    /// Takes in what has arrived, with at most one read from below. It is done when a read would not
    /// block: when there is plaintext, an end of stream, or an error.
    pub(super) fn take_in(&mut self, below: &Stream) -> io::Result<Progress<()>> {
        if self.is_readable() {
            return Ok(Progress::Done(()));
        }
        // Replies to what the peer has sent. If sending fails, the next write reports it.
        let _ = self.push(below);
        if self.raw.is_empty() {
            self.raw.reserve(if self.bulky { BULK } else { 0 });
            match self.raw.fill(|room| below.try_read(room)) {
                Ok(0) => self.read = ReadState::Cut,
                Ok(_) => self.bulky = self.raw.is_full(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Wait(self.interest()));
                }
                Err(error) => return Err(error),
            }
        }
        if !self.raw.is_empty() {
            self.decrypt(below)?;
        }
        Ok(Progress::Again)
    }

    /// Decrypts records until a read would not block, or none is left.
    fn decrypt(&mut self, below: &Stream) -> io::Result<()> {
        if let ReadState::Fresh = self.read {
            self.read = ReadState::Open;
            if matches!(self.tls, Connection::Server(_)) && is_http(self.raw.data()) {
                let begin = NotTls(self.raw.data().to_vec());
                return Err(io::Error::new(io::ErrorKind::InvalidData, begin));
            }
        }
        while !self.raw.is_empty() && !self.is_readable() {
            let count = self.tls.read_tls(&mut self.raw.data())?;
            if count == 0 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "TLS message too large"));
            }
            self.raw.consume(count);
            match self.tls.process_new_packets() {
                Ok(state) => {
                    self.plaintext = state.plaintext_bytes_to_read();
                    if state.peer_has_closed() {
                        self.end_reading(ReadState::Ended, below);
                    }
                }
                Err(error) => {
                    // Sends the alert, if there is room for it.
                    let _ = self.push(below);
                    self.keep_final_plaintext();
                    self.end_reading(ReadState::Failed(Arc::new(error)), below);
                }
            }
        }
        Ok(())
    }

    /// Keeps the plaintext that arrived before the error, which can still be read.
    fn keep_final_plaintext(&mut self) {
        let mut plaintext = Vec::new();
        // Ends with an error after the last byte.
        let _ = self.tls.reader().read_to_end(&mut plaintext);
        self.plaintext = plaintext.len();
        self.final_plaintext = plaintext.into();
    }

    /// Ends the peer's direction and wakes a thread that waits for the peer to hang up.
    fn end_reading(&mut self, end: ReadState, below: &Stream) {
        self.read = end;
        self.raw.release();
        below.wake_hangup();
    }

    /// Returns `true` if a read would not block.
    pub(super) fn is_readable(&self) -> bool {
        self.plaintext > 0 || !matches!(self.read, ReadState::Fresh | ReadState::Open)
    }

    /// Returns `true` if received bytes have not been decrypted yet.
    pub(super) fn has_raw(&self) -> bool {
        !self.raw.is_empty()
    }

    /// Counts a thread that begins to wait below for something to read. The stream below itself wakes
    /// the threads that wait for room.
    pub(super) fn begin_waiting(&mut self, place: Parked) {
        self.waiting += usize::from(place == Parked::Read);
    }

    /// Counts a reading thread as waiting if an attempt to read before the wait would be in vain: if
    /// nothing has been received and nothing is unsent.
    pub(super) fn begin_waiting_if_quiet(&mut self) -> bool {
        let quiet = !self.is_readable() && !self.has_raw() && !self.has_unsent();
        if quiet {
            self.begin_waiting(Parked::Read);
        }
        quiet
    }

    pub(super) fn end_waiting(&mut self, place: Parked) {
        self.waiting -= usize::from(place == Parked::Read);
    }

    /// Returns `true` if there is something to read for which other threads wait.
    pub(super) fn has_input_for_others(&self) -> bool {
        self.waiting > 0 && self.is_readable()
    }

    pub(super) fn peer_has_closed(&self) -> bool {
        matches!(self.read, ReadState::Ended | ReadState::Cut)
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.read, ReadState::Failed(_))
    }

    /// Reads plaintext.
    pub(super) fn read(&mut self, below: &Stream, buf: &mut [u8]) -> io::Result<Progress<usize>> {
        Ok(match self.take_in(below)? {
            Progress::Done(()) => Progress::Done(self.take_out(buf)?),
            Progress::Again => Progress::Again,
            Progress::Wait(interest) => Progress::Wait(interest),
        })
    }

    fn take_out(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.plaintext > 0 {
            let count = match self.final_plaintext.is_empty() {
                true => self.tls.reader().read(buf)?,
                false => (&mut self.final_plaintext).reader().read(buf)?,
            };
            self.plaintext -= count;
            return Ok(count);
        }
        match &self.read {
            ReadState::Failed(error) => Err(failed(error)),
            ReadState::Cut => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "connection ended without a TLS close_notify",
            )),
            ReadState::Fresh | ReadState::Open | ReadState::Ended | ReadState::Shut => Ok(0),
        }
    }

    /// Sends what is unsent. Returns `true` if everything was sent.
    fn push(&mut self, below: &Stream) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Below(below)) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.stalled = false;
                    self.sent += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if self.write == WriteState::Closing {
            self.write = WriteState::Closed;
            below.shutdown(Shutdown::Write)?;
        }
        Ok(true)
    }

    /// Encrypts as much of `slices` as rustls buffers, once everything before is sent.
    pub(super) fn accept(
        &mut self,
        below: &Stream,
        slices: &[IoSlice<'_>],
    ) -> io::Result<Progress<usize>> {
        if self.write != WriteState::Open {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "TLS close_notify already sent"));
        }
        if let ReadState::Failed(error) = &self.read {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, Arc::clone(error)));
        }
        match self.push(below)? {
            true => Ok(Progress::Done(self.tls.writer().write_vectored(slices)?)),
            false => Ok(Progress::Wait(ROOM)),
        }
    }

    /// Sends what is unsent.
    pub(super) fn flush(&mut self, below: &Stream) -> io::Result<Progress<()>> {
        match self.push(below)? {
            true => Ok(Progress::Done(())),
            false => Ok(Progress::Wait(ROOM)),
        }
    }

    /// Records that a wait for room has timed out, and tries again. Returns `true` if anything was sent.
    pub(super) fn sends_more(&mut self, below: &Stream) -> io::Result<bool> {
        self.stalled = true;
        Ok(self.push(below)? || !self.stalled)
    }

    /// Returns `true` if nothing was sent since a wait for room timed out.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.tls.wants_write()
    }

    /// Counts a thread that begins to write. Meanwhile readers do not wait for room.
    pub(super) fn begin_writing(&mut self) {
        self.writers += 1;
    }

    /// Discounts a thread that has written. Returns `true` if something is unsent and no thread is
    /// writing.
    pub(super) fn end_writing(&mut self) -> bool {
        self.writers -= 1;
        self.writers == 0 && self.has_unsent()
    }

    /// Returns the events that a reader waits for.
    fn interest(&self) -> Interest {
        Interest { read: true, write: self.writers == 0 && self.has_unsent() }
    }

    /// Sends a close_notify and then shuts down the writing direction of the stream below. Returns
    /// `true` if there was room for all of it.
    pub(super) fn end_writing_direction(&mut self, below: &Stream) -> io::Result<bool> {
        self.send_close_notify(WriteState::Closing);
        self.push(below)
    }

    /// Sends a close_notify if there is room for it. The caller closes the stream below.
    pub(super) fn end(&mut self, below: &Stream) {
        self.send_close_notify(WriteState::Closed);
        let _ = self.push(below);
    }

    fn send_close_notify(&mut self, state: WriteState) {
        // The handshake may be incomplete: the peer may have ended it already. A peer that has sent
        // nothing yet may not speak TLS, and gets no close_notify.
        if self.write == WriteState::Open && !matches!(self.read, ReadState::Fresh) {
            self.tls.send_close_notify();
        }
        if self.write != WriteState::Closed {
            self.write = state;
        }
    }

    pub(super) fn shut_reading(&mut self) {
        self.plaintext = 0;
        self.raw.release();
        self.read = ReadState::Shut;
    }

    /// Frees the memory that is not in use.
    pub(super) fn release(&mut self) {
        if self.raw.is_empty() {
            self.raw.release();
            self.bulky = false;
        }
    }
}

/// There is something to read.
pub(super) const READABLE: Interest = Interest { read: true, write: false };

/// There is room for a write.
const ROOM: Interest = Interest { read: false, write: true };

/// Returns `true` if `bytes` begin as an HTTP request does: with a method. A TLS record begins with a
/// byte below 32 (RFC 8446 section 5.1).
fn is_http(bytes: &[u8]) -> bool {
    let method: Vec<u8> = bytes.iter().copied().take_while(u8::is_ascii_uppercase).collect();
    !method.is_empty() && matches!(bytes.get(method.len()), None | Some(b' '))
}

fn failed(error: &Arc<rustls::Error>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Arc::clone(error))
}

/// The stream below as the [`Write`] that rustls expects.
struct Below<'a>(&'a Stream);

impl Write for Below<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Display for NotTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("client sent HTTP without TLS")
    }
}

impl std::error::Error for NotTls {}
