//! The body of a response.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::exchange::Exchange;
use crate::body::Incoming;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::Content;
use crate::text::counted;

/// The most output, in bytes, that is discarded so that a connection can be reused.
const MAX_DISCARDED: usize = 256 * 1024;

/// The longest time for which output is discarded.
const DISCARDING: Duration = Duration::from_millis(50);

/// The body of a response, which the application is still sending.
pub(super) struct ResponseBody {
    exchange: Exchange,
    content: Content,
    /// The first error. It stays.
    failed: Option<Error>,
}

impl ResponseBody {
    pub(super) fn new(exchange: Exchange, content: Content) -> Self {
        let mut body = Self { exchange, content, failed: None };
        body.exchange.begin_body();
        body.settle();
        body
    }

    fn read_some(&mut self, buf: &mut [u8]) -> Result<usize> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.content.read(buf, |buf| self.exchange.read(buf))? {
            Some(count) => {
                self.settle();
                Ok(count)
            }
            None => self.check_end().map(|()| 0),
        }
    }

    /// The output has ended.
    fn check_end(&self) -> Result<()> {
        let message = match (self.content.left(), self.exchange.end()) {
            (Some(left @ 1..), _) => {
                format!("body is {} shorter than Content-Length", counted(left, "byte"))
            }
            // Without a length, only the status says that the application has failed within the body.
            (None, Some(end)) if end.exit != 0 => {
                format!("the application ended with status {}", end.exit)
            }
            _ => return Ok(()),
        };
        Err(Error::message(ErrorKind::IncompleteBody, message))
    }

    /// Gives the connection back before the reader sees the end.
    fn settle(&mut self) {
        if self.content.left() == Some(0) && !self.exchange.is_ended() {
            self.exchange.end_if_arrived();
        }
    }
}

impl Read for ResponseBody {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf).map_err(|error| {
            self.failed.get_or_insert_with(|| error.clone());
            error.into()
        })
    }
}

impl Incoming for ResponseBody {
    fn remaining(&self) -> Option<u64> {
        self.content.remaining()
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    fn is_ready(&mut self) -> bool {
        self.content.is_here() || self.failed.is_some() || self.exchange.is_ready()
    }

    fn set_context(&mut self, context: &Context) {
        self.exchange.set_context(context);
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if !self.exchange.is_ended() && self.failed.is_none() {
            self.exchange.discard(MAX_DISCARDED, Instant::now() + DISCARDING);
        }
    }
}
