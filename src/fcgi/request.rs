//! One request: what the connection and its handler share of it, and its body as the handler reads it.

use std::io::{self, Read};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::conn::Conn;
use super::inbox::Inbox;
use crate::body::Incoming;
use crate::context::{Context, HookGuard};
use crate::error::{Error, ErrorKind};
use crate::serving::Signals;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::text::counted;

/// A request that has begun and not ended.
pub(super) struct Active {
    pub(super) id: u16,
    pub(super) inbox: Inbox,
    pub(super) signals: Arc<Signals>,
    /// Whoever sets this ends the request: its handler has returned, or the web server has given it up.
    over: AtomicBool,
    /// Something was written to its error stream, which has to be ended, too.
    erred: AtomicBool,
    /// When everything that belongs to the response, its error stream included, must be written.
    write_deadline: Mutex<Option<Instant>>,
}

impl Active {
    /// `body_idle`: how long the handler waits for more of the body.
    pub(super) fn new(id: u16, body_idle: Option<Duration>) -> Arc<Self> {
        Arc::new(Self {
            id,
            inbox: Inbox::new(body_idle),
            signals: Arc::default(),
            over: AtomicBool::new(false),
            erred: AtomicBool::new(false),
            write_deadline: Mutex::new(None),
        })
    }

    pub(super) fn write_deadline(&self) -> Option<Instant> {
        *self.write_deadline.lock()
    }

    pub(super) fn set_write_deadline(&self, deadline: Option<Instant>) {
        *self.write_deadline.lock() = deadline;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(super) fn has_erred(&self) -> bool {
        self.erred.load(Ordering::Acquire)
    }

    pub(super) fn set_erred(&self) {
        self.erred.store(true, Ordering::Release);
    }

    /// Ends the request; `false` if somebody else has.
    pub(super) fn end(&self) -> bool {
        !self.over.swap(true, Ordering::AcqRel)
    }
}

/// A request's body, from its STDIN stream. It keeps no connection alive: a handler may leave it anywhere.
pub(super) struct RequestBody {
    conn: Weak<Conn>,
    active: Arc<Active>,
    /// How much of the declared length is still to come. What comes beyond it is not part of the body
    /// (RFC 3875 section 4.2).
    left: Option<u64>,
    /// Ends the body with the context that the handler has set.
    cancel: Option<HookGuard>,
}

impl RequestBody {
    pub(super) fn new(conn: &Arc<Conn>, active: Arc<Active>, length: Option<u64>) -> Self {
        Self { conn: Arc::downgrade(conn), active, left: length, cancel: None }
    }
}

impl RequestBody {
    /// Wakes the connection's reader, if it waits for the handler to read.
    fn make_room(&self) {
        if let Some(conn) = self.conn.upgrade() {
            conn.make_room();
        }
    }

    /// The handler gets nothing more of the body: the connection need not wait for it.
    fn discard(&self, reason: &str) {
        if self.active.inbox.fail(Error::message(ErrorKind::Misuse, reason)) {
            self.make_room();
        }
    }

    fn cut_short(&self, left: u64) -> Error {
        let message = format!("{} less than its CONTENT_LENGTH", counted(left, "byte"));
        let error = Error::message(ErrorKind::IncompleteBody, message);
        self.active.inbox.report(&error);
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
        let count = self.active.inbox.read(&mut buf[..most], || self.make_room())?;
        match self.left {
            Some(left) if count == 0 => Err(self.cut_short(left).into()),
            Some(left) => {
                let left = left - count as u64;
                self.left = Some(left);
                if left == 0 {
                    self.discard("the request's body has been read to its end");
                }
                Ok(count)
            }
            None => Ok(count),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.discard("the request's body was dropped");
    }
}

impl Incoming for RequestBody {
    fn is_ready(&mut self) -> bool {
        self.left == Some(0) || self.active.inbox.is_ready()
    }

    fn remaining(&self) -> Option<u64> {
        self.left
    }

    fn reject(&mut self, reason: &Error) {
        self.active.inbox.report(reason);
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    fn set_context(&mut self, context: &Context) {
        let (conn, active) = (Weak::clone(&self.conn), Arc::clone(&self.active));
        self.cancel = Some(context.on_done(move |error| {
            if active.inbox.cancel(error.clone().into())
                && let Some(conn) = conn.upgrade()
            {
                conn.make_room();
            }
        }));
    }
}
