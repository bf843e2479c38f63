//! A body that is opened for each sending.

use std::io::{self, Read};
use std::sync::Arc;

use http::HeaderMap;

use super::Body;
use super::source::{Adapter, Source};
use crate::context::Context;
use crate::error::Error;

impl Body {
    /// Creates a body that can be opened again, so that its request can be repeated after a redirect or
    /// on a connection that had gone stale. `open` is called for each sending. `length` is the length of
    /// the body that it returns, if known. Files need no such help: see [`Body::from`].
    pub fn replayable(
        length: Option<u64>,
        open: impl Fn() -> io::Result<Self> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Source::Adapted(Box::new(Replay { open: Arc::new(open), opened: None, length })))
    }
}

type Open = dyn Fn() -> io::Result<Body> + Send + Sync;

struct Replay {
    open: Arc<Open>,
    opened: Option<Body>,
    length: Option<u64>,
}

impl Read for Replay {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(body) = &mut self.opened {
            return body.read(buf);
        }
        let body = (self.open)()?;
        let body = match self.length {
            Some(length) => Body::from_sized_reader(body, length),
            None => body,
        };
        self.opened.insert(body).read(buf)
    }
}

impl Adapter for Replay {
    fn remaining(&self) -> Option<u64> {
        match &self.opened {
            Some(body) => self.length.and_then(|_| body.len()),
            None => self.length,
        }
    }

    fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.opened.as_mut()?.take_trailers()
    }

    /// Opening does not wait: most of these bodies open a file.
    fn may_wait(&mut self) -> bool {
        self.opened.as_mut().is_some_and(Body::may_wait)
    }

    fn is_incoming(&self) -> bool {
        false
    }

    fn reject(&mut self, reason: &Error) {
        if let Some(body) = &mut self.opened {
            body.source.reject(reason);
        }
    }

    fn set_context(&mut self, context: &Context) {
        if let Some(body) = &mut self.opened {
            body.source.set_context(context);
        }
    }

    fn again(&self) -> Option<Box<dyn Adapter>> {
        let open = Arc::clone(&self.open);
        Some(Box::new(Self { open, opened: None, length: self.length }))
    }

    fn name(&self) -> &'static str {
        "replayable"
    }
}
