//! The filters of a response at work.
//!
//! ```text
//!   handler ─▶ held back ─▶ the filter added last ─▶ … ─▶ the filter added first ─▶ held back ─▶ sink
//! ```
//!
//! While the chain runs it is taken out of the response. The [`ResponseWriter`] behind it is then one
//! without filters, and does the rest as for any other response: it holds bytes back, decides the length
//! and writes to the sink.

use std::io::{self, Write};
use std::mem;

use http::header::{CONTENT_TYPE, HeaderValue};

use super::ResponseWriter;
use super::state::{Chain, Filters, Step};
use crate::error::{Error, ErrorKind, Result};
use crate::handler::filter::{Downstream, Filter, FilterOutput, Head, HeadFields};
use crate::handler::sink::Length;

impl Step {
    /// Shows the head to the filter, once.
    fn begin(&mut self, head: &mut HeadFields) {
        if !mem::replace(&mut self.begun, true) {
            self.filter.head(&mut Head::new(head));
        }
    }
}

/// Fails the response if a filter panics: a layer may catch that, and write on.
struct FailOnUnwind<'r, 'w>(&'r mut ResponseWriter<'w>);

impl Drop for FailOnUnwind<'_, '_> {
    fn drop(&mut self) {
        let error = Error::message(ErrorKind::Other, "a filter panicked");
        self.0.state.filters = Filters::Failed(error);
    }
}

/// The steps behind a filter: the other filters and the writer.
struct Rest<'r, 'w> {
    steps: &'r mut [Step],
    writer: &'r mut ResponseWriter<'w>,
}

impl<'w> Rest<'_, 'w> {
    /// Calls the next filter, or the writer if there is none.
    fn call(
        &mut self,
        filter: impl FnOnce(&mut dyn Filter, &mut FilterOutput<'_>) -> io::Result<()>,
        writer: impl FnOnce(&mut ResponseWriter<'w>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some((step, steps)) = self.steps.split_last_mut() else { return writer(self.writer) };
        step.begin(&mut self.writer.state.head);
        let mut rest = Rest { steps, writer: self.writer };
        filter(&mut *step.filter, &mut FilterOutput::new(&mut rest))
    }

    /// Ends all filters, the first to see the handler's bytes first.
    fn end(&mut self) -> io::Result<()> {
        for index in (0..self.steps.len()).rev() {
            let mut rest = Rest { steps: &mut self.steps[..=index], writer: self.writer };
            rest.call(|filter, out| filter.end(out), |_| Ok(()))?;
        }
        Ok(())
    }
}

impl Downstream for Rest<'_, '_> {
    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        if let Some(step) = self.steps.last_mut() {
            step.begin(&mut self.writer.state.head);
        }
        if !self.writer.state.head.has_body() {
            return Ok(());
        }
        self.call(|filter, out| filter.body(data, out), |writer| writer.write_all(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(|filter, out| filter.flush(out), Write::flush)
    }

    fn head(&mut self) -> Option<Head<'_>> {
        let passed_on = match self.steps.last() {
            Some(step) => step.begun,
            // The writer holds nothing when the filters begin.
            None => self.writer.is_on_wire() || !self.writer.state.held.is_empty(),
        };
        (!passed_on).then(|| Head::new(&mut self.writer.state.head))
    }
}

impl ResponseWriter<'_> {
    /// Begins to pass the response through its filters, once the handler's head is decided.
    #[cold]
    pub(super) fn start_filters(&mut self, length: Length, missing: Option<u64>) -> Result<()> {
        let Filters::Added(filters) = mem::take(&mut self.state.filters) else { return Ok(()) };
        if let Some(kind) = self.sniff() {
            self.state.head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Length::Known(length) = length {
            self.state.head.set_length(length);
        }
        let steps = filters.into_iter().map(|filter| Step { filter, begun: false }).collect();
        self.state.filters = Filters::Running(Box::new(Chain { steps, missing }));
        let held = mem::take(&mut self.state.held);
        Ok(self.write_filtered(&held)?)
    }

    /// Passes `data` through the filters.
    #[cold]
    pub(super) fn write_filtered(&mut self, data: &[u8]) -> io::Result<()> {
        if let Filters::Running(chain) = &mut self.state.filters {
            if let Some(missing) = &mut chain.missing {
                *missing = missing.saturating_sub(data.len() as u64);
            }
        }
        self.run_filters(|rest| rest.write(data))
    }

    #[cold]
    pub(super) fn flush_filtered(&mut self) -> io::Result<()> {
        self.run_filters(|rest| rest.flush())
    }

    /// Ends the filters of a handler that has returned, after which the response has none. Returns `false`
    /// if the handler wrote less than it declared.
    #[cold]
    pub(super) fn end_filters(&mut self) -> Result<bool> {
        let short = match &self.state.filters {
            Filters::Running(chain) => chain.missing.is_some_and(|missing| missing > 0),
            _ => false,
        };
        if short && self.state.head.has_body() {
            self.drop_filters();
            self.flush()?;
            return Ok(false);
        }
        self.run_filters(|rest| rest.end())?;
        self.drop_filters();
        Ok(true)
    }

    /// Returns how many bytes a handler may still write into the filters.
    pub(super) fn missing_filtered(&self) -> io::Result<Option<u64>> {
        match &self.state.filters {
            Filters::Running(chain) => Ok(chain.missing),
            Filters::Failed(error) => Err(error.clone().into()),
            Filters::None | Filters::Added(_) => Ok(None),
        }
    }

    /// Runs a step of the filters, which are gone after a failure.
    fn run_filters(
        &mut self,
        step: impl FnOnce(&mut Rest<'_, '_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut chain = match mem::take(&mut self.state.filters) {
            Filters::Running(chain) => chain,
            Filters::Failed(error) => {
                self.state.filters = Filters::Failed(error.clone());
                return Err(error.into());
            }
            Filters::None | Filters::Added(_) => return Ok(()),
        };
        let outcome = {
            let running = FailOnUnwind(self);
            let outcome = step(&mut Rest { steps: &mut chain.steps, writer: &mut *running.0 });
            mem::forget(running);
            outcome
        };
        match outcome {
            Ok(()) => {
                self.state.filters = Filters::Running(chain);
                Ok(())
            }
            Err(error) => {
                let error = Error::from(error);
                self.state.filters = Filters::Failed(error.clone());
                Err(error.into())
            }
        }
    }
}
