//! What stands under a TLS stream's lock: rustls, and bytes in wait. Nothing here blocks.

mod info;

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use rustls::Connection;

use crate::net::buffer::Buffer;
use crate::net::stream::{Interest, Parked, Stream};

/// How much is read from below at a time, in bytes, while the peer sends more than fits into a first,
/// small buffer: two of the largest records.
const BULK: usize = 32 * 1024;

/// One TLS connection as data. Every method that takes the stream `below` reads from it and writes to
/// it only what does not block.
pub(super) struct Session {
    tls: Connection,
    /// Received from below, and not yet taken apart.
    raw: Buffer,
    /// The last read from below filled its buffer: there is more to come.
    bulky: bool,
    /// How many decrypted bytes wait to be read.
    plaintext: usize,
    /// Those of them that were decrypted in front of what made the session fail.
    last_words: Bytes,
    inward: Inward,
    outward: Outward,
    /// How many threads are in a write or a flush, and send what is left to be sent.
    writers: usize,
    /// A writer has waited for room for as long as it may, and nothing was sent since.
    stalled: bool,
    /// How many threads wait below for something to read.
    waiting: usize,
}

/// What can still come from the peer.
enum Inward {
    /// Nothing has come yet.
    Fresh,
    Open,
    /// Its close_notify has come.
    Ended,
    /// The stream below has ended without one.
    Cut,
    /// It broke the protocol, or we did.
    Failed(Arc<rustls::Error>),
    /// We want nothing more.
    Shut,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outward {
    Open,
    /// A close_notify is on its way, and the end of the stream below follows it.
    Closing,
    Closed,
}

/// What came of an attempt at something.
pub(super) enum Attempt<T> {
    Done(T),
    /// There was progress. The next attempt is another step, so that deadlines are looked at and the
    /// lock is free in between.
    Again,
    /// Nothing can be done before the stream below is ready.
    Wait(Interest),
}

/// A client speaks HTTP where TLS was expected: the beginning of what it said.
#[derive(Debug)]
pub(super) struct NotTls(pub(super) Vec<u8>);

impl Session {
    pub(super) fn new(tls: Connection) -> Self {
        Self {
            tls,
            raw: Buffer::default(),
            bulky: false,
            plaintext: 0,
            last_words: Bytes::new(),
            inward: Inward::Fresh,
            outward: Outward::Open,
            writers: 0,
            stalled: false,
            waiting: 0,
        }
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Drives the handshake one step.
    pub(super) fn shake_hands(&mut self, below: &Stream) -> io::Result<Attempt<()>> {
        // That the peer takes nothing any more may have a reason, which it has sent before.
        let _ = self.push(below);
        if !self.tls.is_handshaking() {
            return Ok(Attempt::Done(()));
        }
        match self.take_in(below)? {
            Attempt::Done(()) => Err(self.end_of_handshake()),
            other => Ok(other),
        }
    }

    fn end_of_handshake(&self) -> io::Error {
        match &self.inward {
            Inward::Failed(error) => failed(error),
            _ => {
                let message = "the peer closed the connection during the TLS handshake";
                io::Error::new(io::ErrorKind::UnexpectedEof, message)
            }
        }
    }

    /// Takes in what has come, at most one read from below, until there is something to be told:
    /// plaintext, an end, or an error.
    pub(super) fn take_in(&mut self, below: &Stream) -> io::Result<Attempt<()>> {
        if self.has_news() {
            return Ok(Attempt::Done(()));
        }
        // Answers to what the peer has sent. If they cannot be sent, writes will tell.
        let _ = self.push(below);
        if self.raw.is_empty() {
            self.raw.reserve(if self.bulky { BULK } else { 0 });
            match self.raw.fill(|room| below.try_read(room)) {
                Ok(0) => self.inward = Inward::Cut,
                Ok(_) => self.bulky = self.raw.is_full(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Attempt::Wait(self.interest()));
                }
                Err(error) => return Err(error),
            }
        }
        if !self.raw.is_empty() {
            self.take_apart(below)?;
        }
        Ok(Attempt::Again)
    }

    /// Takes records apart until there is something to be told, or all have been.
    fn take_apart(&mut self, below: &Stream) -> io::Result<()> {
        if let Inward::Fresh = self.inward {
            self.inward = Inward::Open;
            if matches!(self.tls, Connection::Server(_)) && is_http(self.raw.data()) {
                let begin = NotTls(self.raw.data().to_vec());
                return Err(io::Error::new(io::ErrorKind::InvalidData, begin));
            }
        }
        while !self.raw.is_empty() && !self.has_news() {
            let count = self.tls.read_tls(&mut self.raw.data())?;
            if count == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a TLS message is too large",
                ));
            }
            self.raw.consume(count);
            match self.tls.process_new_packets() {
                Ok(state) => {
                    self.plaintext = state.plaintext_bytes_to_read();
                    if state.peer_has_closed() {
                        self.end_inward(Inward::Ended, below);
                    }
                }
                Err(error) => {
                    // The peer is told what is wrong, if there is room for it.
                    let _ = self.push(below);
                    self.keep_last_words();
                    self.end_inward(Inward::Failed(Arc::new(error)), below);
                }
            }
        }
        Ok(())
    }

    /// What was decrypted together with what failed is still the peer's word.
    fn keep_last_words(&mut self) {
        let mut last_words = Vec::new();
        // Ends with an error, behind what there is.
        let _ = self.tls.reader().read_to_end(&mut last_words);
        self.plaintext = last_words.len();
        self.last_words = last_words.into();
    }

    /// Nothing more is read, and those are told who wait for the peer to hang up.
    fn end_inward(&mut self, end: Inward, below: &Stream) {
        self.inward = end;
        self.raw.release();
        below.wake_hangup();
    }

    /// Whether a read would not block.
    pub(super) fn has_news(&self) -> bool {
        self.plaintext > 0 || !matches!(self.inward, Inward::Fresh | Inward::Open)
    }

    /// Whether something that has come waits to be taken apart.
    pub(super) fn has_raw(&self) -> bool {
        !self.raw.is_empty()
    }

    /// A thread begins to wait below. Those who write are told of room by the stream below itself, and
    /// are not counted.
    pub(super) fn begin_waiting(&mut self, place: Parked) {
        self.waiting += usize::from(place == Parked::Read);
    }

    /// The same for one who reads, but only if nothing but the stream below can bring news, and nothing
    /// is to be sent: to look for them first would be in vain.
    pub(super) fn begin_waiting_if_quiet(&mut self) -> bool {
        let quiet = !self.has_news() && !self.has_raw() && !self.has_unsent();
        if quiet {
            self.begin_waiting(Parked::Read);
        }
        quiet
    }

    pub(super) fn end_waiting(&mut self, place: Parked) {
        self.waiting -= usize::from(place == Parked::Read);
    }

    /// Whether there is something to be told that others wait for.
    pub(super) fn has_news_for_others(&self) -> bool {
        self.waiting > 0 && self.has_news()
    }

    pub(super) fn peer_has_closed(&self) -> bool {
        matches!(self.inward, Inward::Ended | Inward::Cut)
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.inward, Inward::Failed(_))
    }

    /// Reads what has been decrypted.
    pub(super) fn read(&mut self, below: &Stream, buf: &mut [u8]) -> io::Result<Attempt<usize>> {
        Ok(match self.take_in(below)? {
            Attempt::Done(()) => Attempt::Done(self.take_out(buf)?),
            Attempt::Again => Attempt::Again,
            Attempt::Wait(interest) => Attempt::Wait(interest),
        })
    }

    fn take_out(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.plaintext > 0 {
            let count = match self.last_words.is_empty() {
                true => self.tls.reader().read(buf)?,
                false => (&mut self.last_words).reader().read(buf)?,
            };
            self.plaintext -= count;
            return Ok(count);
        }
        match &self.inward {
            Inward::Failed(error) => Err(failed(error)),
            Inward::Cut => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection was cut: it ended without a close_notify",
            )),
            Inward::Fresh | Inward::Open | Inward::Ended | Inward::Shut => Ok(0),
        }
    }

    /// Sends what is left to be sent; whether that is everything.
    fn push(&mut self, below: &Stream) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Below(below)) {
                Ok(0) => return Ok(false),
                Ok(_) => self.stalled = false,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if self.outward == Outward::Closing {
            self.outward = Outward::Closed;
            below.shutdown(Shutdown::Write)?;
        }
        Ok(true)
    }

    /// Encrypts as much of `slices` as there may be in wait, once nothing else is.
    pub(super) fn accept(
        &mut self,
        below: &Stream,
        slices: &[IoSlice<'_>],
    ) -> io::Result<Attempt<usize>> {
        if self.outward != Outward::Open {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "a close_notify was sent"));
        }
        if let Inward::Failed(error) = &self.inward {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, Arc::clone(error)));
        }
        match self.push(below)? {
            true => Ok(Attempt::Done(self.tls.writer().write_vectored(slices)?)),
            false => Ok(Attempt::Wait(ROOM)),
        }
    }

    /// Sends what is left to be sent.
    pub(super) fn flush(&mut self, below: &Stream) -> io::Result<Attempt<()>> {
        match self.push(below)? {
            true => Ok(Attempt::Done(())),
            false => Ok(Attempt::Wait(ROOM)),
        }
    }

    /// A wait for room has ended without any. Whether some of what is left can be sent all the same.
    pub(super) fn sends_more(&mut self, below: &Stream) -> io::Result<bool> {
        self.stalled = true;
        Ok(self.push(below)? || !self.stalled)
    }

    /// Whether the peer has taken nothing for as long as a write may wait.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.tls.wants_write()
    }

    /// A thread begins to write: nobody else need wait for room.
    pub(super) fn begin_writing(&mut self) {
        self.writers += 1;
    }

    /// A thread has written. Whether something is left that nobody sends.
    pub(super) fn end_writing(&mut self) -> bool {
        self.writers -= 1;
        self.writers == 0 && self.has_unsent()
    }

    /// What a reader waits for.
    fn interest(&self) -> Interest {
        Interest { read: true, write: self.writers == 0 && self.has_unsent() }
    }

    /// Tells the peer that nothing more will come, and ends the stream below behind it. Whether there
    /// was room for that.
    pub(super) fn end_outward(&mut self, below: &Stream) -> io::Result<bool> {
        self.say_goodbye(Outward::Closing);
        self.push(below)
    }

    /// Tells the peer that nothing more will come, if there is room for it. Whoever closes the stream
    /// below does that at once, not one direction after the other.
    pub(super) fn end(&mut self, below: &Stream) {
        self.say_goodbye(Outward::Closed);
        let _ = self.push(below);
    }

    fn say_goodbye(&mut self, state: Outward) {
        // Also within the handshake, which the peer may have ended already; but not to one that has said
        // nothing yet, of whom nobody knows whether it speaks TLS.
        if self.outward == Outward::Open && !matches!(self.inward, Inward::Fresh) {
            self.tls.send_close_notify();
        }
        if self.outward != Outward::Closed {
            self.outward = state;
        }
    }

    pub(super) fn shut_inward(&mut self) {
        self.plaintext = 0;
        self.raw.release();
        self.inward = Inward::Shut;
    }

    /// Gives back the memory that is not in use.
    pub(super) fn release(&mut self) {
        if self.raw.is_empty() {
            self.raw.release();
            self.bulky = false;
        }
    }
}

/// Something to read.
pub(super) const READABLE: Interest = Interest { read: true, write: false };

/// Room for what is to be sent.
const ROOM: Interest = Interest { read: false, write: true };

/// Whether a message begins as an HTTP request does: with a method. A TLS record begins with a byte
/// below 32 (RFC 8446 section 5.1).
fn is_http(bytes: &[u8]) -> bool {
    let method: Vec<u8> = bytes.iter().copied().take_while(u8::is_ascii_uppercase).collect();
    !method.is_empty() && matches!(bytes.get(method.len()), None | Some(b' '))
}

fn failed(error: &Arc<rustls::Error>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, Arc::clone(error))
}

/// The stream below, as rustls writes to it.
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
        f.write_str("the client speaks HTTP without TLS")
    }
}

impl std::error::Error for NotTls {}
