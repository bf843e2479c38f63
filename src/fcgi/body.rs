//! A request's body, as its handler reads it.

use std::io::{self, Read};
use std::sync::{Arc, Weak};

use http::HeaderMap;

use super::conn::Conn;
use super::request::ActiveRequest;
use crate::body::Incoming;
use crate::context::{Context, HookGuard};
use crate::error::{Error, ErrorKind};
use crate::text::counted;

/// A request's body, from its STDIN stream. It does not keep the connection alive, since a handler may keep
/// the body for any time.
pub(super) struct RequestBody {
    conn: Weak<Conn>,
    request: Arc<ActiveRequest>,
    /// How many bytes of the declared length are unread. Bytes beyond that length are not part of the body
    /// (RFC 3875 section 4.2).
    left: Option<u64>,
    /// Ends the body with the context that the handler has set.
    cancel: Option<HookGuard>,
}

impl RequestBody {
    pub(super) fn new(conn: &Arc<Conn>, request: Arc<ActiveRequest>, length: Option<u64>) -> Self {
        Self { conn: Arc::downgrade(conn), request, left: length, cancel: None }
    }

    /// Wakes the connection's reader, if it waits for the handler to read.
    fn wake_reader(&self) {
        if let Some(conn) = self.conn.upgrade() {
            conn.wake_reader();
        }
    }

    /// Discards the rest of the body, so that the connection does not wait for the handler.
    fn discard(&self, reason: &str) {
        if self.request.inbox.fail(Error::message(ErrorKind::Misuse, reason)) {
            self.wake_reader();
        }
    }

    fn cut_short(&self, left: u64) -> Error {
        let message = format!("body is {} shorter than CONTENT_LENGTH", counted(left, "byte"));
        let error = Error::message(ErrorKind::IncompleteBody, message);
        self.request.inbox.report(&error);
        error
    }
}

impl Read for RequestBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = self
            .left
            .map_or(buf.len(), |left| usize::try_from(left).unwrap_or(usize::MAX).min(buf.len()));
        if most == 0 {
            return Ok(0);
        }
        let count = self.request.inbox.read(&mut buf[..most], || self.wake_reader())?;
        match self.left {
            Some(left) if count == 0 => Err(self.cut_short(left).into()),
            Some(left) => {
                let left = left - count as u64;
                self.left = Some(left);
                if left == 0 {
                    self.discard("request body was read to its end");
                }
                Ok(count)
            }
            None => Ok(count),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.discard("request body was dropped");
    }
}

impl Incoming for RequestBody {
    fn is_ready(&mut self) -> bool {
        self.left == Some(0) || self.request.inbox.is_ready()
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }

    fn reject(&mut self, reason: &Error) {
        self.request.inbox.report(reason);
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }
    fn set_context(&mut self, context: &Context) {
        let (conn, request) = (Weak::clone(&self.conn), Arc::clone(&self.request));
        self.cancel = Some(context.on_done(move |error| {
            if request.inbox.cancel(error.clone().into()) {
                if let Some(conn) = conn.upgrade() {
                    conn.wake_reader();
                }
            }
        }));
    }
}
