//! One request: what the connection and its handler share of it, and its body as the handler reads it.

use std::io::{self, Read};
use std::sync::Arc;

use http::HeaderMap;

use super::conn::Conn;
use super::inbox::Inbox;
use crate::body::Incoming;
use crate::error::{Error, ErrorKind};
use crate::serving::Signals;
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
}

impl Active {
    pub(super) fn new(id: u16) -> Arc<Self> {
        Arc::new(Self {
            id,
            inbox: Inbox::new(),
            signals: Arc::default(),
            over: AtomicBool::new(false),
            erred: AtomicBool::new(false),
        })
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

/// A request's body, from its STDIN stream.
pub(super) struct RequestBody {
    conn: Arc<Conn>,
    active: Arc<Active>,
    /// How much of the declared length is still to come. What comes beyond it is not part of the body
    /// (RFC 3875 section 4.2).
    left: Option<u64>,
}

impl RequestBody {
    pub(super) fn new(conn: Arc<Conn>, active: Arc<Active>, length: Option<u64>) -> Self {
        Self { conn, active, left: length }
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
        let count = self.active.inbox.read(&mut buf[..most], || self.conn.make_room())?;
        match &mut self.left {
            Some(left) if count == 0 => {
                let message = format!("{} less than its CONTENT_LENGTH", counted(*left, "byte"));
                Err(Error::message(ErrorKind::IncompleteBody, message).into())
            }
            Some(left) => {
                *left -= count as u64;
                Ok(count)
            }
            None => Ok(count),
        }
    }
}

impl Incoming for RequestBody {
    fn remaining(&self) -> Option<u64> {
        self.left
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }
}
