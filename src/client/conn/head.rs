//! Reads the head of a response, past the interim responses.
//!
//! The steps are the same on the caller's thread and on the reader loop.

use std::io;

use http::StatusCode;

use super::messages::{Expected, ReplyError};
use super::shared::{Shared, receive_error};
use crate::client::observe::{CallEvent, show};
use crate::client::raw_head::RawHead;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::ResponseHead;
use crate::net::Buffer;
use crate::text::counted;

/// Reads the head of the expected response by calling `read`. Returns it with the buffer, which holds
/// the bytes that were read beyond it.
pub(super) fn read_head(
    shared: &Shared,
    expected: &Expected,
    buffer: Buffer,
    read: impl FnMut(&mut [u8]) -> io::Result<usize>,
) -> Result<(ResponseHead, Buffer), ReplyError> {
    let mut reader = HeadReader { shared, buffer, expected, read, interim: 0 };
    let head = reader.read()?;
    Ok((head, reader.buffer))
}

/// The error for a response that breaks the protocol.
pub(super) fn malformed(error: Error) -> ReplyError {
    ReplyError { error, begun: true }
}

struct HeadReader<'a, R> {
    shared: &'a Shared,
    buffer: Buffer,
    expected: &'a Expected,
    read: R,
    /// How many bytes of interim responses have been received.
    interim: usize,
}

impl<R: FnMut(&mut [u8]) -> io::Result<usize>> HeadReader<'_, R> {
    fn read(&mut self) -> Result<ResponseHead, ReplyError> {
        let limits = self.shared.response_limits;
        let mut begun = false;
        loop {
            match self.buffer.next_response(&limits) {
                Ok(Some((head, used))) => {
                    self.show_raw_head(used, true);
                    self.show_received(&head, used);
                    self.buffer.consume(used);
                    if !is_interim(head.status) {
                        return Ok(head);
                    }
                    self.pass_interim(&head, used, limits.max_bytes)?;
                }
                Ok(None) => {
                    self.fill(begun)?;
                    if !begun {
                        show(self.expected.trace(), || CallEvent::FirstByte);
                    }
                    begun = true;
                }
                Err(error) => {
                    self.show_raw_head(self.buffer.data().len(), false);
                    let too_large = error.is_too_large();
                    let kind =
                        if too_large { ErrorKind::TooLarge } else { ErrorKind::MalformedMessage };
                    return Err(malformed(Error::with_source(kind, error)));
                }
            }
        }
    }

    fn fill(&mut self, begun: bool) -> Result<(), ReplyError> {
        let filled = match self.buffer.fill(&mut self.read) {
            // A head is delimited by its own syntax, so a truncated TLS stream cannot shorten it.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            filled => filled,
        };
        if let Ok(1..) = filled {
            return Ok(());
        }
        self.show_raw_head(self.buffer.data().len(), false);
        let error = match filled {
            // A complete interim response is no part of the final one.
            Ok(0) if !self.buffer.is_empty() => Error::message(
                ErrorKind::MalformedMessage,
                "the connection was closed within the response head",
            ),
            Ok(_) => Error::new(ErrorKind::EmptyReply),
            // If the connection was closed on this side, the read failed for that cause.
            Err(error) => {
                let cause = self.shared.cause();
                cause.unwrap_or_else(|| receive_error(error, TimeLimit::ResponseHead))
            }
        };
        Err(ReplyError { error, begun })
    }

    /// Calls the callback for raw heads, if there is one, with the first `length` bytes of the buffer.
    fn show_raw_head(&self, length: usize, complete: bool) {
        let Some(watch) = &self.expected.watch else { return };
        let Some(callback) = &watch.on_raw_head else { return };
        let bytes = &self.buffer.data()[..length];
        let head = if complete { RawHead::complete(bytes) } else { RawHead::incomplete(bytes) };
        if !head.as_bytes().is_empty() {
            callback(&head);
        }
    }

    /// Shows a head of `length` bytes to the observers of the call.
    fn show_received(&self, head: &ResponseHead, length: usize) {
        let (status, headers) = (head.status, &head.headers);
        show(self.expected.trace(), || match is_interim(status) {
            true => CallEvent::Informational { status, headers },
            false => {
                let head = RawHead::complete(&self.buffer.data()[..length]);
                CallEvent::ReceivedHead { status, head }
            }
        });
    }

    /// Counts an interim response and shows it to the callback. A 100 also releases a withheld body.
    fn pass_interim(
        &mut self,
        head: &ResponseHead,
        bytes: usize,
        most: usize,
    ) -> Result<(), ReplyError> {
        self.interim += bytes;
        if self.interim > most {
            let message = format!("interim responses exceed {}", counted(most, "byte"));
            return Err(malformed(Error::message(ErrorKind::TooLarge, message)));
        }
        if let (StatusCode::CONTINUE, Some(proceed)) = (head.status, &self.expected.proceed) {
            let _ = proceed.try_send(());
        }
        if let Some(watch) = &self.expected.watch {
            if let Some(callback) = &watch.on_informational {
                callback(head.status, &head.headers);
            }
        }
        Ok(())
    }
}

/// Returns `true` if another response follows. A 101 is final: the connection changes its protocol
/// (RFC 9110 section 15.2.2).
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}
