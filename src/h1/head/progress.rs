//! Scanning one head line by line.

use std::ops::Range;

use bytes::Bytes;

use super::error::Fault;
use super::lines::{LineEnd, Lines};
use super::start_line::{self, RequestLine, StatusLine};
use super::values::Limits;
use crate::h1::fields::{self, FieldError};
use crate::h1::side::Side;

/// The number of empty lines before a request that are skipped. RFC 9112 section 2.2 asks for one, since
/// old clients sent one after a form and did not count it. Some clients send two.
const MAX_EMPTY_LINES: u8 = 2;

/// The progress within one head.
#[derive(Debug, Default)]
pub(super) struct Progress {
    lines: Lines,
    /// The start of the start line, after the skipped empty lines.
    start: usize,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The start line is not complete.
    StartLine {
        empty_lines: u8,
        /// The number of bytes that have passed [`start_line::check_beginning`].
        checked: usize,
    },
    /// The start line is complete, the fields are not.
    Fields { line: StartLine, block: usize, count: usize },
    /// The head is complete. Holds its start line until it is taken.
    Found(StartLine),
}

#[derive(Debug)]
pub(super) enum StartLine {
    Request(RequestLine),
    Status(StatusLine),
}

impl Default for Stage {
    fn default() -> Self {
        Stage::StartLine { empty_lines: 0, checked: 0 }
    }
}

/// The fields of a complete head, not parsed yet.
pub(super) struct FieldLines {
    /// The range of the fields, including the empty line.
    pub(super) block: Range<usize>,
    /// The number of lines.
    pub(super) count: usize,
}

impl Progress {
    /// Takes the start line of a complete head, and starts the next one.
    pub(super) fn take_found(&mut self) -> StartLine {
        match std::mem::take(&mut self.stage) {
            Stage::Found(line) => line,
            _ => unreachable!("Invariant: it is taken once, when a head was found"),
        }
    }

    /// Returns `true` if no byte of a head has been seen.
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.stage, Stage::StartLine { empty_lines: 0, checked: 0 })
    }

    pub(super) fn scan(
        &mut self,
        side: Side,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<(StartLine, FieldLines)>, Fault> {
        loop {
            // Bytes beyond the limit are never examined, so that the verdict does not depend on how many
            // of them have arrived.
            let end = buf.len().min(self.start.saturating_add(limits.max_bytes));
            let Some(line) = self.lines.next(&buf[..end]) else {
                self.check_unfinished(side, &buf[..end])?;
                if end < buf.len() {
                    return Err(Fault::TooLarge { limit: limits.max_bytes });
                }
                return Ok(None);
            };
            let text = &buf[line.text.clone()];
            // In this order, so that the verdict does not depend on how the line was split.
            if let Stage::StartLine { checked, .. } = self.stage {
                start_line::check_beginning(side, text, checked - line.text.start)?;
            }
            if line.end == LineEnd::Lf && side == Side::Request {
                return Err(Fault::BareLf { line: self.lines.number() });
            }
            let at_end = matches!(self.stage, Stage::Fields { .. }) && text.is_empty();
            if at_end {
                return Ok(Some(self.finish()));
            }
            self.take_line(side, text, limits)?;
        }
    }

    /// Checks the part of a start line that has arrived.
    fn check_unfinished(&mut self, side: Side, buf: &[u8]) -> Result<(), Fault> {
        let Stage::StartLine { checked, .. } = &mut self.stage else { return Ok(()) };
        let line = &buf[self.start..];
        // A final CR may be half of a line end. It is checked together with the next byte.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        start_line::check_beginning(side, line, *checked - self.start)?;
        *checked = self.start + line.len();
        Ok(())
    }

    /// Takes one line that is not the end of the head.
    fn take_line(&mut self, side: Side, line: &[u8], limits: &Limits) -> Result<(), Fault> {
        match &mut self.stage {
            Stage::StartLine { empty_lines, checked }
                if line.is_empty() && side == Side::Request =>
            {
                *empty_lines += 1;
                if *empty_lines > MAX_EMPTY_LINES {
                    return Err(Fault::StartLine("more than two empty lines before it"));
                }
                self.start = self.lines.next_start();
                *checked = self.start;
            }
            Stage::StartLine { .. } => {
                let line = Bytes::copy_from_slice(line);
                let line = StartLine::parse(side, &line, &line)?;
                let block = self.lines.next_start();
                self.stage = Stage::Fields { line, block, count: 0 };
            }
            Stage::Fields { count, .. } => {
                *count += 1;
                if *count > limits.max_fields {
                    return Err(Fault::TooManyFields { limit: limits.max_fields });
                }
                if line.starts_with(b" ") || line.starts_with(b"\t") {
                    check_fold(side, *count)?;
                }
            }
            Stage::Found(_) => unreachable!("Invariant: its line is taken at once"),
        }
        Ok(())
    }

    /// Returns the start line and the fields of a complete head.
    fn finish(&mut self) -> (StartLine, FieldLines) {
        let end = self.lines.next_start();
        match std::mem::take(&mut self.stage) {
            Stage::Fields { line, block, count } => (line, FieldLines { block: block..end, count }),
            Stage::StartLine { .. } | Stage::Found(_) => {
                unreachable!("Invariant: a head ends behind its start line");
            }
        }
    }
}

impl StartLine {
    /// Parses `line`, which is a part of `shared`.
    pub(super) fn parse(side: Side, line: &[u8], shared: &Bytes) -> Result<Self, Fault> {
        Ok(match side {
            Side::Request => Self::Request(start_line::parse_request(line, shared)?),
            Side::Response => Self::Status(start_line::parse_status(line)?),
        })
    }
}

/// Refuses a folded line in a request. A response may have some (RFC 9112 section 5.2). A first line that
/// would continue the start line is refused in both, when the fields are parsed.
fn check_fold(side: Side, number: usize) -> Result<(), FieldError> {
    match side {
        Side::Request => Err(FieldError::new(number, b"", fields::FOLDED)),
        Side::Response => Ok(()),
    }
}
