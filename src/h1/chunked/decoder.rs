//! Decoding chunks as they arrive.
//!
//! ```text
//!            ┌───────────── CRLF ──────────────┐
//!            ▼                                 │
//! ──────▶ Size ──▶ Extension ──▶ SizeEnd ──▶ Data ──▶ DataEnd
//!            ├────────▶ Blanks ─────▲ │
//!                                     │ size 0
//!                                     ▼
//!               TrailerLine ◀──▶ LineStart ──▶ LastEnd ──▶ the end
//! ```

use bytes::Bytes;
use http::HeaderMap;

use super::trailers;
use crate::h1::body::error::{BodyError, BodyLimits};
use crate::h1::fields;
use crate::h1::side::Side;

/// The digits of a `u64`. No legitimate chunk size has more.
const MAX_SIZE_DIGITS: u8 = 16;

/// Reads the framing of a chunked body byte by byte, and counts the payload.
#[derive(Debug, Clone)]
pub(in crate::h1) struct ChunkDecoder {
    side: Side,
    state: State,
    limits: BodyLimits,
    /// Bytes of extensions in excess of the payload so far.
    extension_debt: usize,
    trailers: TrailerLines,
}

/// The next part of the body; see [`Next`](crate::h1::Next).
#[derive(Debug)]
pub(in crate::h1) enum Step {
    Payload(u64),
    NeedInput,
    End(Option<HeaderMap>),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Size {
        digits: u8,
        size: u64,
    },
    /// Blanks after a size, before an extension's `;`. They count as extensions.
    Blanks {
        len: usize,
        size: u64,
    },
    Extension {
        len: usize,
        size: u64,
    },
    /// The CR of a size line was seen.
    SizeEnd {
        size: u64,
    },
    /// Invariant: `left` is not zero.
    Data {
        left: u64,
    },
    /// The payload was taken, and CR is expected.
    DataCr,
    /// LF is expected.
    DataLf,
    /// The last chunk was seen, and a trailer or the empty line is expected.
    LineStart,
    TrailerLine,
    /// The CR of the empty line was seen.
    LastEnd,
    Ended,
}

const NEXT_SIZE: State = State::Size { digits: 0, size: 0 };

impl ChunkDecoder {
    pub(in crate::h1) fn new(side: Side, limits: BodyLimits) -> Self {
        ChunkDecoder {
            side,
            state: NEXT_SIZE,
            limits,
            extension_debt: 0,
            trailers: TrailerLines::default(),
        }
    }

    /// Consumes framing up to payload, the end of the body, or the end of the input.
    pub(in crate::h1) fn advance(&mut self, input: &[u8]) -> Result<(usize, Step), BodyError> {
        let mut consumed = 0;
        loop {
            match self.state {
                State::Data { left } => return Ok((consumed, Step::Payload(left))),
                State::Ended => {
                    let trailers = std::mem::take(&mut self.trailers).parse(self.side)?;
                    return Ok((consumed, Step::End(trailers)));
                }
                _ => {}
            }
            let Some(byte) = input.get(consumed) else {
                return Ok((consumed, Step::NeedInput));
            };
            consumed += 1;
            self.state = self.after(*byte)?;
        }
    }

    pub(in crate::h1) fn payload_taken(&mut self, n: u64) {
        let left = if let State::Data { left } = self.state { left } else { 0 };
        debug_assert!(n <= left, "Invariant: no more is taken than was offered");
        if n > 0 {
            self.state = match left.saturating_sub(n) {
                0 => State::DataCr,
                left => State::Data { left },
            };
        }
    }

    /// Returns the state after one byte of framing.
    fn after(&mut self, byte: u8) -> Result<State, BodyError> {
        match (self.state, byte) {
            (State::Size { digits, size }, _) => self.after_size_byte(digits, size, byte),
            (State::SizeEnd { size }, b'\n') => Ok(self.after_size(size)),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(NEXT_SIZE),
            (State::LineStart, b'\r') => Ok(State::LastEnd),
            (State::LastEnd, b'\n') => Ok(State::Ended),
            _ => self.after_rare_byte(byte),
        }
    }

    /// Returns the state after a byte of an extension or a trailer, or one that may be an error.
    #[cold]
    fn after_rare_byte(&mut self, byte: u8) -> Result<State, BodyError> {
        let lenient = self.is_lenient();
        match (self.state, byte) {
            (State::Blanks { len, size }, _) => self.after_blank(len, size, byte),
            (State::Extension { size, .. }, b'\r') => Ok(State::SizeEnd { size }),
            (State::Extension { size, .. }, b'\n') if lenient => Ok(self.after_size(size)),
            (State::Extension { .. }, b'\n') => Err(BodyError::LineEnd),
            (State::Extension { len, size }, _) => self.after_extension_byte(len, size, byte),
            (State::DataCr, b'\n') if lenient => Ok(NEXT_SIZE),
            (State::LineStart, b'\n') if lenient => Ok(State::Ended),
            (State::LineStart | State::TrailerLine, _) => {
                let complete = self.trailers.push(self.side, byte, &self.limits)?;
                Ok(if complete { State::LineStart } else { State::TrailerLine })
            }
            _ => Err(BodyError::LineEnd),
        }
    }

    /// Returns `true` if LF alone ends a line, and blanks are allowed between a size and its line's end.
    fn is_lenient(&self) -> bool {
        self.side == Side::Response
    }

    /// Returns the state after the line of a chunk size.
    fn after_size(&mut self, size: u64) -> State {
        if size == 0 {
            return State::LineStart;
        }
        self.pay_for_extensions(size);
        State::Data { left: size }
    }

    /// Returns the state after a byte of a size. A sign and `0x` are errors.
    fn after_size_byte(&mut self, digits: u8, size: u64, byte: u8) -> Result<State, BodyError> {
        match (char::from(byte).to_digit(16), byte) {
            (Some(digit), _) if digits < MAX_SIZE_DIGITS => {
                Ok(State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) })
            }
            (None, b'\r') if digits > 0 => Ok(State::SizeEnd { size }),
            (None, b';') if digits > 0 => self.after_extension_byte(0, size, byte),
            (None, b' ' | b'\t') if digits > 0 => self.after_blank(0, size, byte),
            (None, b'\n') if digits > 0 && self.is_lenient() => Ok(self.after_size(size)),
            (None, b'\n') => Err(BodyError::LineEnd),
            _ => Err(BodyError::ChunkSize),
        }
    }

    /// Returns the state after a blank. Blanks are allowed before an extension (RFC 9112 section 7.1.1), and
    /// in a response also before the line's end.
    fn after_blank(&mut self, len: usize, size: u64, byte: u8) -> Result<State, BodyError> {
        match byte {
            b' ' | b'\t' => {
                self.count_extension_byte(len)?;
                Ok(State::Blanks { len: len + 1, size })
            }
            b';' => self.after_extension_byte(len, size, byte),
            b'\r' if self.is_lenient() => Ok(State::SizeEnd { size }),
            b'\n' if self.is_lenient() => Ok(self.after_size(size)),
            _ => Err(BodyError::ChunkSize),
        }
    }

    fn after_extension_byte(
        &mut self,
        len: usize,
        size: u64,
        byte: u8,
    ) -> Result<State, BodyError> {
        if byte.is_ascii_control() && byte != b'\t' {
            return Err(BodyError::ChunkExtension);
        }
        self.count_extension_byte(len)?;
        Ok(State::Extension { len: len + 1, size })
    }

    /// Counts another byte of a chunk's extensions, after `len` bytes.
    fn count_extension_byte(&mut self, len: usize) -> Result<(), BodyError> {
        if len >= self.limits.extension_bytes {
            return Err(BodyError::ExtensionTooLarge { limit: self.limits.extension_bytes });
        }
        if self.extension_debt >= self.limits.extension_debt {
            return Err(BodyError::TooManyExtensions { limit: self.limits.extension_debt });
        }
        self.extension_debt += 1;
        Ok(())
    }

    fn pay_for_extensions(&mut self, payload: u64) {
        let payload = usize::try_from(payload).unwrap_or(usize::MAX);
        self.extension_debt = self.extension_debt.saturating_sub(payload);
    }
}

/// The lines after the last chunk. Allocates only if there are trailers.
#[derive(Debug, Clone, Default)]
struct TrailerLines {
    block: Vec<u8>,
    count: usize,
}

impl TrailerLines {
    /// Adds one byte. Returns `true` if it completes a line.
    fn push(&mut self, side: Side, byte: u8, limits: &BodyLimits) -> Result<bool, BodyError> {
        if self.block.len() >= limits.trailer_bytes {
            return Err(BodyError::TrailersTooLarge { limit: limits.trailer_bytes });
        }
        if byte != b'\n' {
            self.block.push(byte);
            return Ok(false);
        }
        if side == Side::Request && self.block.last() != Some(&b'\r') {
            return Err(BodyError::LineEnd);
        }
        self.block.push(byte);
        self.count += 1;
        if self.count > limits.trailer_fields {
            return Err(BodyError::TooManyTrailers { limit: limits.trailer_fields });
        }
        Ok(true)
    }

    /// Parses the lines, and drops forbidden trailers. In a request, trailers about the message are an error:
    /// an intermediary may have acted on them.
    fn parse(mut self, side: Side) -> Result<Option<HeaderMap>, BodyError> {
        if self.count == 0 {
            return Ok(None);
        }
        self.block.extend_from_slice(b"\r\n");
        let mut received = HeaderMap::new();
        fields::parse(side, &self.block, &Bytes::copy_from_slice, self.count, &mut received)
            .map_err(BodyError::Trailer)?;
        if side == Side::Request {
            if let Some(name) = received.keys().find(|name| trailers::is_about_the_message(name)) {
                return Err(BodyError::ForbiddenTrailer(name.clone()));
            }
        }
        Ok(Some(without_forbidden(received)))
    }
}

fn without_forbidden(received: HeaderMap) -> HeaderMap {
    if !received.keys().any(trailers::is_forbidden_trailer) {
        return received;
    }
    let mut kept = HeaderMap::with_capacity(received.len());
    for (name, value) in &received {
        if !trailers::is_forbidden_trailer(name) {
            kept.append(name, value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests;
