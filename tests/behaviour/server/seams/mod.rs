//! Layers, filters and `testing::call`, as a program outside of the crate would write them.

mod calls;
mod contexts;
mod filters;
mod layers;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hangup::http::StatusCode;
use hangup::http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, RETRY_AFTER};
use hangup::{
    Filter, FilterOutput, Handler, Head, Layer, Request, RequestExt, ResponseWriter, Result,
};

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Gives a handler a limited time. A handler that fails after it is answered for with a 503.
pub(crate) struct TimeLimit(pub(crate) Duration);

impl Layer for TimeLimit {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let context = r.context().child_with_timeout(self.0);
        r.set_context(context.clone());
        next.handle(w, r).map_err(|error| match context.err() {
            Some(ended) if ended.is_deadline_exceeded() => StatusCode::SERVICE_UNAVAILABLE.into(),
            _ => error,
        })
    }
}

/// Sets a header.
pub(crate) struct SetHeader(pub(crate) HeaderName, pub(crate) &'static str);

impl Layer for SetHeader {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        w.headers_mut().insert(&self.0, HeaderValue::from_static(self.1));
        next.handle(w, r)
    }
}

/// Limits how many requests are handled at the same time. One more is answered with a 503.
pub(crate) struct ConcurrencyLimit {
    pub(crate) most: usize,
    pub(crate) running: AtomicUsize,
}

impl ConcurrencyLimit {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, running: AtomicUsize::new(0) }
    }
}

impl Layer for ConcurrencyLimit {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let before = self.running.fetch_add(1, Ordering::SeqCst);
        let _leave = Leave(&self.running);
        if before >= self.most {
            w.set_status(503).set_header(RETRY_AFTER, "1")?;
            return Ok(());
        }
        next.handle(w, r)
    }
}

/// Adds filters, the first of them first.
pub(crate) fn filtered<F: Filter + 'static>(
    handler: impl Handler,
    filters: impl Fn() -> Vec<F> + Send + Sync + 'static,
) -> impl Handler {
    use hangup::HandlerExt;
    handler.layer_fn(move |w, r, next| {
        filters().into_iter().for_each(|filter| w.filter(filter));
        next.handle(w, r)
    })
}

/// Counts the bytes that pass, and publishes the count at the end.
pub(crate) struct Count {
    pub(crate) bytes: usize,
    pub(crate) total: Arc<AtomicUsize>,
}

impl Filter for Count {
    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.bytes += data.len();
        out.write_all(data)
    }

    fn end(&mut self, _: &mut FilterOutput<'_>) -> io::Result<()> {
        self.total.store(self.bytes, Ordering::SeqCst);
        Ok(())
    }
}

/// Turns the body into upper case. The length stays the same.
pub(crate) struct UpperCase;

impl Filter for UpperCase {
    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        out.write_all(&data.to_ascii_uppercase())
    }
}

/// Holds the whole body back, so that its length is known before the head is sent.
#[derive(Default)]
pub(crate) struct Whole(Vec<u8>);

impl Filter for Whole {
    fn body(&mut self, data: &[u8], _: &mut FilterOutput<'_>) -> io::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn flush(&mut self, _: &mut FilterOutput<'_>) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        let mut head = out.head().expect("nothing was written");
        if head.has_body() {
            head.headers_mut().insert(CONTENT_LENGTH, self.0.len().into());
        }
        out.write_all(&self.0)
    }
}

/// Writes every byte twice, in pieces of 8: a buffering filter that changes the length.
#[derive(Default)]
pub(crate) struct Twice(Vec<u8>);

impl Filter for Twice {
    fn head(&mut self, head: &mut Head<'_>) {
        head.headers_mut().remove(CONTENT_LENGTH);
    }

    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.0.extend(data.iter().flat_map(|byte| [*byte, *byte]));
        let whole = self.0.len() / 8 * 8;
        out.write_all(&self.0.drain(..whole).collect::<Vec<u8>>())
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        out.write_all(&std::mem::take(&mut self.0))?;
        out.flush()
    }

    fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        out.write_all(&self.0)
    }
}

/// Any of the filters, for a list of different ones.
pub(crate) fn any(filter: impl Filter + 'static) -> Box<dyn Filter> {
    Box::new(filter)
}
