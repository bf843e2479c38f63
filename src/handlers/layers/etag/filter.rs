//! The filter that gives one response its tag.

use std::io::{self, Write};
use std::mem;

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE,
    ETAG, HeaderValue,
};
use http::{HeaderMap, StatusCode};

use super::conditions::{Conditions, Instead};
use super::hash::Hash;
use crate::{Filter, FilterOutput, Head};

pub(super) struct ETagFilter {
    conditions: Conditions,
    limit: usize,
    weak: bool,
    state: State,
}

enum State {
    /// The response is sent as it is.
    Plain,
    /// The body so far.
    Held(Vec<u8>),
    /// The response is another one, without a body.
    Replaced,
}

impl ETagFilter {
    pub(super) fn new(conditions: Conditions, limit: usize, weak: bool) -> Self {
        Self { conditions, limit, weak, state: State::Plain }
    }

    /// Replaces a response with this tag if the conditions ask for that.
    fn check(&mut self, head: &mut Head<'_>, tag: &HeaderValue) {
        let status = match self.conditions.instead(tag) {
            Some(Instead::NotModified) => StatusCode::NOT_MODIFIED,
            Some(Instead::PreconditionFailed) => StatusCode::PRECONDITION_FAILED,
            None => return,
        };
        head.set_status(status);
        // They describe the body (RFC 9110 section 15.4.5).
        for name in
            [ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE]
        {
            head.headers_mut().remove(name);
        }
        self.state = State::Replaced;
    }

    /// Sends a body that gets no tag.
    fn give_up(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        match mem::replace(&mut self.state, State::Plain) {
            State::Held(held) if !held.is_empty() => out.write_all(&held),
            State::Replaced => {
                self.state = State::Replaced;
                Ok(())
            }
            State::Plain | State::Held(_) => Ok(()),
        }
    }
}

impl Filter for ETagFilter {
    fn head(&mut self, head: &mut Head<'_>) {
        if head.status() != StatusCode::OK {
            return;
        }
        if let Some(tag) = head.headers().get(ETAG).cloned() {
            return self.check(head, &tag);
        }
        let is_small = length(head.headers()).is_none_or(|length| length <= self.limit as u64);
        if head.has_body() && is_small && !is_not_stored(head.headers()) {
            self.state = State::Held(Vec::new());
        }
    }

    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        match &mut self.state {
            State::Plain => out.write_all(data),
            State::Held(held) if held.len() + data.len() <= self.limit => {
                held.extend_from_slice(data);
                Ok(())
            }
            State::Held(_) => {
                self.give_up(out)?;
                out.write_all(data)
            }
            State::Replaced => Ok(()),
        }
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.give_up(out)?;
        out.flush()
    }

    fn end(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        let State::Held(held) = mem::replace(&mut self.state, State::Plain) else { return Ok(()) };
        if let Some(mut head) = out.head() {
            let tag = HeaderValue::try_from(Hash::of(&held).tag(self.weak)).expect("hexadecimal");
            head.headers_mut().insert(ETAG, tag.clone());
            self.check(&mut head, &tag);
        }
        match self.state {
            State::Replaced => Ok(()),
            _ => out.write_all(&held),
        }
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns `true` if no cache may keep the response, so that no request will ever ask for its tag.
fn is_not_stored(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CACHE_CONTROL).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
}
