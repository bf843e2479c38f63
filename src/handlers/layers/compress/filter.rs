//! The filter that compresses one response.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode};

use super::coder::Coder;
use super::eligible;
use super::settings::Settings;
use crate::logging as log;
use crate::{Filter, FilterOutput, Head};

pub(super) struct CompressFilter {
    settings: Arc<Settings>,
    /// The index of the coding.
    coding: usize,
    /// The request's If-None-Match.
    known: Option<HeaderValue>,
    state: State,
}

enum State {
    /// The response is sent as it is.
    Plain,
    /// Less than the minimal size has been written, and the length is unknown.
    Held(Vec<u8>),
    Coding {
        coder: Box<dyn Coder>,
        /// Data was written since the last flush.
        unflushed: bool,
    },
}

impl CompressFilter {
    pub(super) fn new(settings: Arc<Settings>, coding: usize, known: Option<HeaderValue>) -> Self {
        Self { settings, coding, known, state: State::Plain }
    }

    /// Begins to compress. Without memory for it, the response is sent as it is.
    fn begin(&mut self, headers: Option<&mut HeaderMap>) {
        let coding = &self.settings.codings[self.coding];
        self.state = match (coding.coder(), headers) {
            (Ok(coder), Some(headers)) => {
                eligible::mark(headers, coding.name());
                State::Coding { coder, unflushed: true }
            }
            (Err(error), _) => {
                log::warn!("cannot compress a response: {error}");
                State::Plain
            }
            (Ok(_), None) => State::Plain,
        };
    }

    /// Begins to compress a response of which `held` was held back.
    fn begin_with(&mut self, held: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.begin(out.head().as_mut().map(Head::headers_mut));
        if held.is_empty() { Ok(()) } else { self.body(held, out) }
    }
}

impl Filter for CompressFilter {
    fn head(&mut self, head: &mut Head<'_>) {
        let status = head.status();
        if status == StatusCode::NOT_MODIFIED {
            if eligible::varies(&self.settings, status, head.headers()) {
                eligible::add_vary(head.headers_mut());
            }
            return eligible::mark_not_modified(head.headers_mut(), self.known.as_ref());
        }
        if !eligible::varies(&self.settings, status, head.headers()) {
            return;
        }
        if !head.has_body() {
            // The body of the response to GET would be large enough, or is likely to be.
            eligible::mark(head.headers_mut(), self.settings.codings[self.coding].name());
        } else if eligible::length(head.headers()).is_some() {
            self.begin(Some(head.headers_mut()));
        } else {
            self.state = State::Held(Vec::new());
        }
    }

    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        match &mut self.state {
            State::Plain => out.write_all(data),
            State::Held(held) if held.len() + data.len() < self.settings.min_size => {
                held.extend_from_slice(data);
                Ok(())
            }
            State::Held(held) => {
                let held = mem::take(held);
                self.begin_with(&held, out)?;
                self.body(data, out)
            }
            State::Coding { coder, unflushed } => {
                *unflushed = true;
                coder.write(data, out)
            }
        }
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        if let State::Held(held) = &mut self.state {
            let held = mem::take(held);
            self.begin_with(&held, out)?;
        }
        if let State::Coding { coder, unflushed } = &mut self.state {
            if mem::take(unflushed) {
                coder.flush(out)?;
            }
        }
        out.flush()
    }

    fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        match &mut self.state {
            State::Plain => Ok(()),
            State::Held(held) => out.write_all(held),
            State::Coding { coder, .. } => coder.finish(out),
        }
    }
}
