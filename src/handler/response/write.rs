//! The way of a response's bytes from the handler to the sink.

use std::io::{self, Write};

use super::state::Stage;
use super::{HOLD_BACK, ResponseWriter, misuse};
use crate::error::Result;
use crate::handler::sink::ResponseEnd;
use crate::text::counted;

impl Write for ResponseWriter<'_> {
    /// Takes all of `buf`, or nothing if it returns an error.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.check(buf.len())?;
        if self.is_head_sent() {
            self.take(buf)?;
        } else if self.state.held.len() + buf.len() <= HOLD_BACK {
            self.state.held.extend_from_slice(buf);
        } else {
            // The first bytes decide the type, so as many as possible are held at that moment.
            let sample = (HOLD_BACK - self.state.held.len()).min(buf.len());
            self.state.held.extend_from_slice(&buf[..sample]);
            self.commit(false)?;
            self.take(&buf[sample..])?;
        }
        Ok(buf.len())
    }

    /// Sends the head, if it was not sent, and everything written so far. With filters, their
    /// [`flush`](crate::Filter::flush) decides what is sent.
    fn flush(&mut self) -> io::Result<()> {
        if !self.is_head_sent() {
            self.commit(false)?;
        }
        if self.state.filters.have_begun() {
            return self.flush_filtered();
        }
        match self.state.stage {
            Stage::Open | Stage::Sending { .. } => self.flush_held()?,
            Stage::Ended | Stage::Hijacked => return Ok(()),
            Stage::Broken => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        self.sink.flush().map_err(|error| self.broken(error))
    }
}

impl ResponseWriter<'_> {
    /// Ends the response of a handler that has returned.
    ///
    /// # Errors
    ///
    /// The response that the handler left cannot be sent. The caller treats the error as the handler's.
    pub(crate) fn finish(&mut self) -> Result<ResponseEnd> {
        if !self.is_head_sent() {
            self.commit(true)?;
        }
        if self.state.filters.have_begun() && !self.is_broken() {
            if !self.end_filters()? {
                return Ok(ResponseEnd::Short);
            }
            if !self.is_on_wire() {
                self.commit(true)?;
            }
        }
        if let Stage::Sending { .. } = self.state.stage {
            self.flush_held()?;
        }
        match self.state.stage {
            Stage::Hijacked => Ok(ResponseEnd::Hijacked),
            Stage::Broken => Ok(ResponseEnd::Broken),
            Stage::Sending { missing: Some(1..) } if !self.state.head.head_only => {
                Ok(ResponseEnd::Short)
            }
            // It was ended in the handler's place.
            Stage::Ended => Ok(ResponseEnd::Whole),
            Stage::Open | Stage::Sending { .. } => {
                let trailers = self.state.trailers.as_deref();
                let trailers = trailers.filter(|trailers| !trailers.is_empty());
                self.sink.end(trailers).map_err(|error| self.broken(error))?;
                self.state.stage = Stage::Ended;
                Ok(self.confirm_end())
            }
        }
    }

    /// Writes what the sink still holds, if a hook reports how the response has ended.
    fn confirm_end(&mut self) -> ResponseEnd {
        if !self.has_end_hooks() {
            return ResponseEnd::Whole;
        }
        match self.sink.flush() {
            Ok(()) => ResponseEnd::Whole,
            Err(_) => {
                self.state.stage = Stage::Broken;
                ResponseEnd::Broken
            }
        }
    }

    /// Refuses bytes that must not be written.
    fn check(&mut self, bytes: usize) -> io::Result<()> {
        let missing = match &self.state.stage {
            Stage::Open | Stage::Sending { .. } if self.state.filters.have_begun() => {
                self.missing_filtered()?
            }
            Stage::Open if !self.state.head.allows_body() => {
                let message = format!("a body with status {}", self.state.head.status.as_u16());
                return Err(misuse(message).into());
            }
            Stage::Open => {
                let held = self.state.held.len() as u64;
                self.declared()?.map(|length| length.saturating_sub(held))
            }
            Stage::Sending { missing } => *missing,
            Stage::Ended => return Err(misuse("writing after the response's end").into()),
            Stage::Hijacked => return Err(misuse("writing after the hijack").into()),
            Stage::Broken => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        match missing {
            Some(missing) if bytes as u64 > missing => Err(misuse(format!(
                "{} where the declared Content-Length leaves {missing}",
                counted(bytes as u64, "byte")
            ))
            .into()),
            _ => Ok(()),
        }
    }

    /// Takes the next piece of a body whose head was sent. A small piece is held back, so that several of
    /// them become one chunk.
    fn take(&mut self, data: &[u8]) -> io::Result<()> {
        if self.state.filters.have_begun() {
            return self.write_filtered(data);
        }
        if let Stage::Sending { missing: Some(missing) } = &mut self.state.stage {
            *missing -= data.len() as u64;
        }
        if self.state.held.len() + data.len() > HOLD_BACK {
            self.flush_held()?;
        }
        if data.len() <= HOLD_BACK {
            self.state.held.extend_from_slice(data);
            return Ok(());
        }
        self.pass_on(data)
    }

    /// Passes on the held bytes. Their buffer is kept.
    pub(super) fn flush_held(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.state.held);
        let sent = self.pass_on(&held);
        self.state.held = held;
        self.state.held.clear();
        sent
    }

    fn pass_on(&mut self, data: &[u8]) -> io::Result<()> {
        if self.state.head.head_only || data.is_empty() {
            return Ok(());
        }
        self.state.sent += data.len() as u64;
        self.sink.body(data).map_err(|error| self.broken(error))
    }

    #[cold]
    pub(super) fn broken(&mut self, error: io::Error) -> io::Error {
        self.state.stage = Stage::Broken;
        error
    }
}
