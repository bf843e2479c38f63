//! Finished responses: those that a handler returns, and those that replace a failed handler's.

use std::io::{self, Read, Write};

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue,
    SET_COOKIE, TRAILER, VARY,
};
use http::{HeaderMap, StatusCode};

use super::state::Stage;
use super::{HOLD_BACK, ResponseWriter, misuse};
use crate::body::{Body, FilePart};
use crate::error::Result;
use crate::handler::Response;
use crate::handler::into_response::IntoResponse;
use crate::sniff;

/// The buffer through which a [`Body`] is copied into a response, in bytes.
const COPY_BUFFER: usize = 16 * 1024;

/// From this size on, in bytes, a part of a file is sent without a copy. Below it, one read and one write
/// with the head are faster.
const LARGE_FILE: u64 = 32 * 1024;

impl ResponseWriter<'_> {
    /// Sends a finished response: an [`http::Response`], text, [`Json`](crate::Json), or any other value that
    /// [`IntoResponse`] lists.
    ///
    /// Its status and body replace those set before. Its headers are added: each replaces those of the same
    /// name, except for `Set-Cookie` and `Vary`. So the headers that a layer has set remain. Only those that
    /// describe a body do not: `Content-Type`, `Content-Length`, `Content-Encoding`, `Content-Range` and
    /// `Trailer`.
    ///
    /// ```
    /// use hangup::{Request, ResponseWriter, Result};
    ///
    /// fn hello(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    ///     w.send("hello")
    /// }
    /// # hangup::testing::call(&hello, Request::new(()))?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// A body with a source is sent as it is read. Before a read that may wait, the head and the pieces so
    /// far are sent. The exception is a reader in a response without a Content-Type: its first piece decides
    /// the type, so it is read once before the head is sent. A source of small pieces that never waits is
    /// sent faster through a [`BufReader`](std::io::BufReader) with at least 16 KiB, or as bytes.
    ///
    /// # Errors
    ///
    /// The value's error if it is no response. [`ErrorKind::Misuse`](crate::ErrorKind::Misuse) if the head
    /// was already sent. The error of reading the body or of writing if that fails.
    pub fn send(&mut self, response: impl IntoResponse) -> Result<()> {
        self.send_response(response.into_response()?)
    }

    fn send_response(&mut self, response: Response) -> Result<()> {
        if self.is_head_sent() {
            return Err(misuse("a second response to one request"));
        }
        let (parts, mut body) = response.into_parts();
        self.set_status(parts.status);
        add_headers(&mut self.state.head.headers, parts.headers);
        self.state.held.clear();
        if body.has_trailers() {
            // Only a body of unknown length can have trailers.
            self.state.head.headers.remove(CONTENT_LENGTH);
        } else if let Some(length) = body.len().filter(|_| self.state.head.allows_body()) {
            self.state.head.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
        }
        if let Some(content_type) = body.content_type().filter(|_| self.state.head.allows_body()) {
            self.state.head.headers.entry(CONTENT_TYPE).or_insert_with(|| content_type.clone());
        }
        match self.state.head.allows_body() {
            true if self.state.head.head_only => self.sniff_unsent(&mut body),
            true => self.copy(&mut body),
            false => Ok(()),
        }
    }

    /// Sets the Content-Type that `body` would be sent with. Reads only as much of it as that takes.
    fn sniff_unsent(&mut self, body: &mut Body) -> Result<()> {
        if self.is_type_known() {
            return Ok(());
        }
        let mut read = Vec::new();
        let start = match body.as_bytes() {
            Some(bytes) => bytes,
            None => {
                read_start(body, &mut read)?;
                &read
            }
        };
        if !start.is_empty() {
            let kind = HeaderValue::from_static(sniff::content_type(start));
            self.state.head.headers.insert(CONTENT_TYPE, kind);
        }
        Ok(())
    }

    fn copy(&mut self, body: &mut Body) -> Result<()> {
        match body.as_bytes() {
            Some(bytes) => self.write_all(bytes)?,
            None => {
                self.pass_file_on(body)?;
                self.copy_from_source(body)?;
            }
        }
        if let Some(trailers) = body.take_trailers() {
            self.trailers_mut().extend(trailers);
        }
        Ok(())
    }

    /// Passes a large part of a file on to the sink, without a copy. Leaves the rest in `body`, which is
    /// everything if filters need the bytes, or if they decide the Content-Type.
    fn pass_file_on(&mut self, body: &mut Body) -> Result<()> {
        let length = body.as_file_part().map_or(0, |part| part.length);
        if length < LARGE_FILE || !self.is_type_known() || self.declared()? != Some(length) {
            return Ok(());
        }
        let Some(part) = body.as_file_part() else { return Ok(()) };
        let mut sent = 0;
        let outcome = self.pass_part_on(&part, &mut sent);
        body.advance_file_part(sent);
        outcome
    }

    /// Passes a part of a file on to the sink, as the next bytes of a body of a known length. Adds the bytes
    /// to `sent`, also if it fails.
    pub(super) fn pass_part_on(&mut self, part: &FilePart<'_>, sent: &mut u64) -> Result<()> {
        if !self.is_head_sent() {
            self.commit(false)?;
        }
        self.flush_held()?;
        let Stage::Sending { missing: Some(missing) } = &mut self.state.stage else {
            return Ok(());
        };
        let before = *sent;
        let outcome = self.sink.file(part, sent);
        *missing -= *sent - before;
        self.state.sent += *sent - before;
        Ok(outcome.map_err(|error| self.broken(error))?)
    }

    /// Copies a body that is not in memory. Nothing is held back while its source waits, not even the head.
    fn copy_from_source(&mut self, body: &mut Body) -> Result<()> {
        let length = body.len().and_then(|length| usize::try_from(length).ok());
        let mut buffer = vec![0; length.map_or(COPY_BUFFER, |length| length.clamp(1, COPY_BUFFER))];
        // A full buffer was passed on. After less, something may be held back.
        let mut holds = self.is_type_known() || body.is_incoming();
        loop {
            if holds && body.may_wait() {
                self.flush()?;
            }
            match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    self.write_all(&buffer[..count])?;
                    holds = count < COPY_BUFFER;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Replaces the response of a failed handler with a status and its name. Returns `false` if a part of
    /// the response was already sent.
    pub(crate) fn replace_with(&mut self, status: StatusCode) -> bool {
        self.replace_with_text(status, &status.to_string())
    }

    /// Replaces the response as [`replace_with`](Self::replace_with) does, with one line of text.
    pub(crate) fn replace_with_text(&mut self, status: StatusCode, text: &str) -> bool {
        if self.is_on_wire() {
            return false;
        }
        self.state.reset();
        self.state.head.status = status;
        if self.state.head.allows_body() {
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            self.state.head.headers.insert(CONTENT_TYPE, plain);
            let text = format!("{text}\n");
            if text.len() > HOLD_BACK {
                self.state.head.headers.insert(CONTENT_LENGTH, text.len().into());
            }
            // `finish` reports a failure.
            let _ = self.write_all(text.as_bytes());
        }
        true
    }

    /// Replaces the response of a failed handler with `response`.
    pub(crate) fn replace_with_response(&mut self, response: Response) -> Result<()> {
        if !self.is_on_wire() {
            self.state.reset();
        }
        self.send_response(response)
    }
}

/// Adds the headers of a finished response to those set before.
fn add_headers(before: &mut HeaderMap, added: HeaderMap) {
    match (before.is_empty(), added.is_empty()) {
        // Keeps the memory of the connection's earlier responses.
        (true, true) => {}
        (true, false) => *before = added,
        (false, _) => merge_headers(before, added),
    }
}

/// The headers that describe one body.
const OF_A_BODY: [HeaderName; 5] =
    [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, TRAILER];

fn merge_headers(before: &mut HeaderMap, added: HeaderMap) {
    for name in &OF_A_BODY {
        before.remove(name);
    }
    let mut current = None;
    for (name, value) in added {
        // A further value of the same name comes without it.
        if let Some(name) = name {
            if name != SET_COOKIE && name != VARY {
                before.remove(&name);
            }
            current = Some(name);
        }
        if let Some(name) = &current {
            before.append(name, value);
        }
    }
}

/// Reads the bytes that decide the type of a body that is not in memory: as many as a response to GET reads
/// before it sends its head.
fn read_start(body: &mut Body, start: &mut Vec<u8>) -> io::Result<()> {
    match (body.may_wait(), body.is_incoming()) {
        (false, _) => body.by_ref().take(sniff::LOOK_AT as u64).read_to_end(start).map(drop),
        (true, true) => Ok(()),
        (true, false) => loop {
            start.resize(sniff::LOOK_AT, 0);
            match body.read(start) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome.map(|count| start.truncate(count)),
            }
        },
    }
}
