//! The decision on a response's head.

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRAILER, TRANSFER_ENCODING};

use super::state::{Filters, Stage};
use super::{ResponseWriter, misuse};
use crate::error::{Error, ErrorKind, Result};
use crate::h1;
use crate::handler::sink::{FinalHead, Length};
use crate::sniff;

impl ResponseWriter<'_> {
    /// Decides the head and passes it on, with the held part of the body. `whole`: the handler has
    /// returned, so that is all of the body.
    pub(super) fn commit(&mut self, whole: bool) -> Result<()> {
        let length = self.decide_length(whole)?;
        let held = self.state.held.len() as u64;
        let missing = match length {
            Length::NoBody => Some(0),
            Length::Known(length) => Some(length),
            Length::Unknown | Length::Unsaid => None,
        };
        if missing.is_some_and(|missing| missing < held) {
            let message = "the status or Content-Length was set when more had been written";
            return Err(misuse(message));
        }
        if let Filters::Added(_) = self.state.filters {
            return self.start_filters(length, missing);
        }
        if !self.state.hooks.is_empty() {
            self.run_head_hooks(length);
        }
        let sniffed = self.sniff();
        self.state.head.headers.remove(CONTENT_LENGTH);
        self.state.stage = Stage::Sending { missing: missing.map(|missing| missing - held) };
        let fields = &self.state.head;
        let (status, headers, head_only) = (fields.status, &fields.headers, fields.head_only);
        let head = FinalHead { status, headers, sniffed, length, head_only };
        self.sink.head(&head).map_err(|error| self.broken(error))?;
        Ok(self.flush_held()?)
    }

    fn decide_length(&mut self, whole: bool) -> Result<Length> {
        if let Some(error) = &self.state.invalid_status {
            return Err(error.clone());
        }
        let status = self.state.head.status;
        if status.is_informational() {
            return Err(misuse(format!("{} is not a final status", status.as_u16())));
        }
        // Which framing is used is decided here, not by a header (RFC 9112 section 6.1).
        self.state.head.headers.remove(TRANSFER_ENCODING);
        if status == StatusCode::RESET_CONTENT {
            // It has no body, and says so (RFC 9110 section 15.3.6).
            return Ok(Length::Known(0));
        }
        if !self.state.head.allows_body() {
            return Ok(Length::NoBody);
        }
        if let Some(declared) = self.declared()? {
            return Ok(Length::Known(declared));
        }
        let trailers = self.state.trailers.as_ref().is_some_and(|trailers| !trailers.is_empty())
            || self.state.head.headers.contains_key(TRAILER);
        Ok(match whole {
            true if self.state.head.head_only && self.state.held.is_empty() => Length::Unsaid,
            true if !trailers => Length::Known(self.state.held.len() as u64),
            _ => Length::Unknown,
        })
    }

    /// Returns the Content-Length that the handler has set.
    pub(super) fn declared(&self) -> Result<Option<u64>> {
        h1::declared_length(&self.state.head.headers)
            .map_err(|error| Error::with_source(ErrorKind::InvalidMessage, error))
    }

    /// Returns the type that the body looks like, if the handler has set none.
    pub(super) fn sniff(&self) -> Option<&'static str> {
        let sniffs = !self.is_type_known() && !self.state.held.is_empty();
        sniffs.then(|| sniff::content_type(&self.state.held))
    }

    pub(super) fn is_type_known(&self) -> bool {
        let headers = &self.state.head.headers;
        self.state.is_typeless
            || [CONTENT_TYPE, CONTENT_ENCODING].iter().any(|name| headers.contains_key(name))
    }
}
