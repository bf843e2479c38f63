//! The source of a form's body: heads and contents of the parts in turn.

use std::io::{self, Read};
use std::mem;

use bytes::{Buf, Bytes};
use http::HeaderMap;

use super::super::Body;
use super::super::source::{Adapter, Source};
use crate::context::Context;
use crate::error::Error;

/// A form up to this size, in bytes, becomes one piece of memory if its parts are in memory. The client
/// sends such a body without another thread.
const ONE_PIECE: u64 = 64 * 1024;

/// The line break behind the content of each part.
const LINE_BREAK: &[u8] = b"\r\n";

/// A part whose head is written.
pub(super) struct EncodedPart {
    head: Bytes,
    /// Unread, as long as the form can be sent again. Otherwise `None` once it is being read.
    content: Option<Body>,
}

impl EncodedPart {
    pub(super) fn new(head: Bytes, content: Body) -> Self {
        Self { head, content: Some(content) }
    }

    fn len(&self) -> Option<u64> {
        let content = self.content.as_ref()?.len()?;
        content.checked_add((self.head.len() + LINE_BREAK.len()) as u64)
    }

    /// Returns the unread part, if it can be read again.
    fn again(&self) -> Option<Self> {
        let content = self.content.as_ref()?.try_clone()?;
        Some(Self { head: self.head.clone(), content: Some(content) })
    }

    /// Returns the content to read. The part keeps it if it can be read again.
    fn open(&mut self) -> Body {
        let again = self.content.as_ref().and_then(Body::try_clone);
        mem::replace(&mut self.content, again).unwrap_or_default()
    }
}

/// Reads a form.
pub(super) struct Encoder {
    parts: Vec<EncodedPart>,
    last_delimiter: Bytes,
    stage: Stage,
    /// The length of the rest, if it is known.
    left: Option<u64>,
}

enum Stage {
    /// The head of the part with this number.
    Head(usize, Bytes),
    Content(usize, Body),
    /// The line break behind the part with this number.
    LineBreak(usize, Bytes),
    LastDelimiter(Bytes),
    Failed(Error),
}

impl Encoder {
    pub(super) fn new(parts: Vec<EncodedPart>, last_delimiter: Bytes) -> Self {
        let end = Some(last_delimiter.len() as u64);
        let left = parts.iter().fold(end, |sum, part| sum?.checked_add(part.len()?));
        let stage = Stage::before(&parts, 0, &last_delimiter);
        Self { parts, last_delimiter, stage, left }
    }

    /// Creates the source of a form that cannot be sent.
    pub(super) fn failed(error: Error) -> Self {
        let stage = Stage::Failed(error);
        Self { parts: Vec::new(), last_delimiter: Bytes::new(), stage, left: None }
    }

    pub(super) fn into_body(mut self) -> Body {
        let in_memory = |part: &EncodedPart| {
            part.content.as_ref().is_some_and(|body| body.as_bytes().is_some())
        };
        if self.left.is_some_and(|left| left <= ONE_PIECE) && self.parts.iter().all(in_memory) {
            let mut all = Vec::new();
            if self.read_to_end(&mut all).is_ok() {
                return all.into();
            }
        }
        Body::of(Source::Adapted(Box::new(self)))
    }

    /// Reads from the current stage. Returns 0 at its end.
    fn read_stage(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.stage {
            Stage::Head(_, bytes) | Stage::LineBreak(_, bytes) | Stage::LastDelimiter(bytes) => {
                let count = bytes.len().min(buf.len());
                bytes.copy_to_slice(&mut buf[..count]);
                Ok(count)
            }
            // A faulty reader may return more than the length of the buffer.
            Stage::Content(_, body) => body.read(buf).map(|count| count.min(buf.len())),
            Stage::Failed(error) => Err(error.clone().into()),
        }
    }

    /// Goes on to the next stage. Returns `false` at the end of the form.
    fn advance(&mut self) -> bool {
        self.stage = match self.stage {
            Stage::Head(number, _) => Stage::Content(number, self.parts[number].open()),
            Stage::Content(number, _) => Stage::LineBreak(number, Bytes::from_static(LINE_BREAK)),
            Stage::LineBreak(number, _) => {
                Stage::before(&self.parts, number + 1, &self.last_delimiter)
            }
            Stage::LastDelimiter(_) | Stage::Failed(_) => return false,
        };
        true
    }

    /// Returns the body that is being read.
    fn content(&self) -> Option<&Body> {
        match &self.stage {
            Stage::Content(_, body) => Some(body),
            _ => None,
        }
    }

    fn content_mut(&mut self) -> Option<&mut Body> {
        match &mut self.stage {
            Stage::Content(_, body) => Some(body),
            _ => None,
        }
    }
}

impl Stage {
    /// Returns the stage before the part with this number, or behind the last part.
    fn before(parts: &[EncodedPart], number: usize, last_delimiter: &Bytes) -> Self {
        match parts.get(number) {
            Some(part) => Self::Head(number, part.head.clone()),
            None => Self::LastDelimiter(last_delimiter.clone()),
        }
    }
}

impl Read for Encoder {
    /// Fills `buf` with as many parts as fit, so that many small parts make few pieces. Returns early before
    /// a read that may wait.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            if filled > 0 && self.may_wait() {
                break;
            }
            match self.read_stage(&mut buf[filled..]) {
                Ok(0) if self.advance() => {}
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => match filled {
                    0 => return Err(error),
                    _ => break,
                },
                Err(error) => {
                    let error = Error::from(error);
                    self.stage = Stage::Failed(error.clone());
                    match filled {
                        0 => return Err(error.into()),
                        // The next read fails.
                        _ => break,
                    }
                }
            }
        }
        self.left = self.left.map(|left| left.saturating_sub(filled as u64));
        Ok(filled)
    }
}

impl Adapter for Encoder {
    fn remaining(&self) -> Option<u64> {
        self.left
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    fn may_wait(&mut self) -> bool {
        self.content_mut().is_some_and(Body::may_wait)
    }

    fn is_incoming(&self) -> bool {
        self.content().is_some_and(Body::is_incoming)
    }

    fn reject(&mut self, reason: &Error) {
        if let Some(body) = self.content_mut() {
            body.source.reject(reason);
        }
    }

    fn set_context(&mut self, context: &Context) {
        let unread = self.parts.iter_mut().filter_map(|part| part.content.as_mut());
        unread.for_each(|body| body.set_context(context));
        if let Some(body) = self.content_mut() {
            body.set_context(context);
        }
    }

    fn again(&self) -> Option<Box<dyn Adapter>> {
        if matches!(self.stage, Stage::Failed(_)) {
            return None;
        }
        let parts = self.parts.iter().map(EncodedPart::again).collect::<Option<Vec<_>>>()?;
        Some(Box::new(Self::new(parts, self.last_delimiter.clone())))
    }

    fn name(&self) -> &'static str {
        "multipart"
    }
}
