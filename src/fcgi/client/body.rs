//! The body of a response.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use http::HeaderMap;

use super::exchange::Exchange;
use crate::body::Incoming;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::text::counted;

/// The most output, in bytes, that is discarded so that a connection can be reused.
const MAX_DISCARDED: usize = 256 * 1024;

/// The longest time for which output is discarded.
const DISCARDING: Duration = Duration::from_millis(50);

/// The body of a response, which the application is still sending.
pub(super) struct ResponseBody {
    exchange: Exchange,
    /// The start of the body, which arrived with the head.
    start: Vec<u8>,
    /// How much of `start` was read.
    used: usize,
    /// How much of the body is unread, if its length is known.
    left: Option<u64>,
    /// The response to a HEAD request, for which the length that a GET would have is unknown.
    is_head: bool,
    /// The first error. It stays.
    failed: Option<Error>,
}

impl ResponseBody {
    /// `length`: the length of the body, if it is known. `is_head`: the request was a HEAD.
    pub(super) fn new(
        exchange: Exchange,
        start: Vec<u8>,
        length: Option<u64>,
        is_head: bool,
    ) -> Self {
        let mut body = Self { exchange, start, used: 0, left: length, is_head, failed: None };
        body.exchange.begin_body();
        body.settle();
        body
    }

    fn read_some(&mut self, buf: &mut [u8]) -> Result<usize> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let most = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let most = most.min(buf.len());
        if most == 0 {
            return Ok(0);
        }
        let count = match self.start.len() - self.used {
            0 => self.exchange.read(&mut buf[..most])?,
            here => {
                let count = here.min(most);
                buf[..count].copy_from_slice(&self.start[self.used..self.used + count]);
                self.used += count;
                count
            }
        };
        if count == 0 {
            return self.check_end().map(|()| 0);
        }
        self.left = self.left.map(|left| left - count as u64);
        self.settle();
        Ok(count)
    }

    /// The output has ended.
    fn check_end(&self) -> Result<()> {
        let message = match (self.left, self.exchange.end()) {
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
        if self.left == Some(0) && !self.exchange.is_ended() {
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
        self.left.filter(|_| !self.is_head)
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        None
    }

    fn is_ready(&mut self) -> bool {
        let is_here = self.used < self.start.len() || self.left == Some(0);
        is_here || self.failed.is_some() || self.exchange.is_ready()
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
