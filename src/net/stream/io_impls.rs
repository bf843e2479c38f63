//! Reading and writing.

use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::time::Duration;

use super::{Carrier, Kind, Stream};
use crate::net::wake::sends_files;

impl Stream {
    /// Reads, and waits at most for `limit` (`None` is no limit). Most calls take one system call.
    ///
    /// For threads that no other thread has to wake: the read deadline does not apply. If `limit`
    /// differs from the previous call's and the call has to wait, it takes two more system calls. The
    /// system may round `limit` up by some milliseconds.
    ///
    /// # Errors
    ///
    /// `TimedOut` if nothing arrived within `limit`, `ConnectionAborted` after
    /// [`close`](Self::close), or the connection's error.
    ///
    /// # Blocking
    ///
    /// Until there is something to read, at most for `limit`. [`close`](Self::close) and
    /// [`shutdown`](Self::shutdown) end it.
    pub fn read_for(&self, buf: &mut [u8], limit: Option<Duration>) -> io::Result<usize> {
        each!(self, kind => kind.read_for(buf, limit))
    }

    /// Reads what has arrived, without blocking. The read deadline does not apply.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived, `ConnectionAborted` after [`close`](Self::close), or the
    /// connection's error.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        each!(self, kind => kind.try_read(buf))
    }

    /// Writes as much as there is room for, without blocking. The write deadline does not apply.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room at all, `BrokenPipe` after [`close`](Self::close), or the
    /// connection's error.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, kind => kind.try_write(slices))
    }

    /// Sends what earlier writes have left unsent, without blocking. The write deadline does not apply.
    ///
    /// Only TLS leaves anything unsent: encrypted, the data of a write can be larger than the room there
    /// was for it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if not everything could be sent, `BrokenPipe` after [`close`](Self::close), or the
    /// connection's error.
    pub fn try_flush(&self) -> io::Result<()> {
        each!(self, kind => kind.try_flush())
    }

    /// Writes all of `slices`, in as few system calls as possible, and flushes.
    pub(crate) fn send_all(&self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut stream = self;
        // Removes empty slices: writing none of them would look like `WriteZero`.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match stream.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut slices, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stream.flush()
    }

    /// Writes data that more will follow at once. A TCP socket may hold it back (on Linux at most 200
    /// ms), so that both are sent together and the peer wakes once.
    pub(crate) fn write_ahead(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &*self.0 {
            Kind::Carrier(Carrier::Socket(socket)) => socket.write_ahead(slices),
            _ => self.write_slices(slices),
        }
    }

    /// Writes all of `data`, as [`write_ahead`](Self::write_ahead) does.
    pub(crate) fn send_all_ahead(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            match self.write_ahead(&[IoSlice::new(data)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => data = &data[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns `true` if [`send_file`](Self::send_file) can send anything.
    pub(crate) fn sends_files(&self) -> bool {
        matches!(&*self.0, Kind::Carrier(Carrier::Socket(_))) && sends_files()
    }

    /// Writes `length` bytes of `file`, from `offset` on, without a copy through this process. Returns how
    /// many bytes were written: fewer if the file ends early, or if the system cannot do it with this file.
    ///
    /// # Errors
    ///
    /// As a write. Deadlines and limits apply as to a write.
    pub(crate) fn send_file(&self, file: &File, offset: u64, length: u64) -> io::Result<u64> {
        let Kind::Carrier(Carrier::Socket(socket)) = &*self.0 else { return Ok(0) };
        let mut sent = 0;
        while sent < length {
            match socket.send_file(file, offset + sent, length - sent) {
                Ok(0) => break,
                Ok(count) => sent += count as u64,
                Err(error) if error.kind() == io::ErrorKind::Unsupported => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    #[inline]
    fn write_slices(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(self, kind => kind.write(slices))
    }
}

impl Read for &Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        each!(self, kind => kind.read(buf))
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for &Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_slices(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_slices(slices)
    }

    /// Waits until what earlier writes have left unsent is sent: over TLS, the rest of a write that ran
    /// into its deadline. The write deadline and [`close`](Stream::close) end it.
    fn flush(&mut self) -> io::Result<()> {
        each!(self, kind => kind.flush())
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}
