//! Callbacks at two moments of a response: before its head is sent, and at its end.

use std::mem;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING};

use super::state::Stage;
use super::{ResponseWriter, too_late};
use crate::handler::Request;
use crate::handler::outcome::{OutcomeKind, ResponseOutcome};
use crate::handler::sink::Length;
use crate::sync;

impl ResponseWriter<'_> {
    /// Calls `hook` right before the head is sent, with the status and the headers.
    ///
    /// In contrast to headers that a layer sets before the handler runs, those that the hook sets are in every
    /// response, also in one to the handler's error. The hook sees what the handler and the
    /// [filters](crate::Filter) have set, and a `Content-Type` that was derived from the body. It sees
    /// `Content-Length` if the length is known, but cannot change it.
    ///
    /// Hooks run in the order in which they were added. Interim responses and hijacked connections bypass
    /// them. Once the head was sent, this has no effect but a log line at `debug`.
    ///
    /// ```
    /// use hangup::{HandlerExt, Request, respond, testing};
    ///
    /// let handler = respond(|_| Err::<hangup::Response, _>(http::StatusCode::NOT_FOUND.into()))
    ///     .layer_fn(|w, r, next| {
    ///         w.on_head(|_, headers| {
    ///             headers.entry("x-frame-options").or_insert("DENY".parse().unwrap());
    ///         });
    ///         next.handle(w, r)
    ///     });
    /// let response = testing::call(&handler, Request::new(()))?;
    /// assert_eq!(response.status(), 404);
    /// assert_eq!(response.headers()["x-frame-options"], "DENY");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn on_head(&mut self, hook: impl FnOnce(StatusCode, &mut HeaderMap) + Send + 'static) {
        match self.is_on_wire() {
            true => too_late("the hooks of the head"),
            false => self.state.hooks.heads.push(Box::new(hook)),
        }
    }

    /// Calls `hook` once after the response has ended, however it has ended. Access logs use this.
    ///
    /// The hook runs on the handler's thread after the last byte was written, also if the handler failed or
    /// panicked. A panic of the hook is logged. The next request on the connection waits until the hook has
    /// returned. A response with such a hook is written at once, and not together with the response to a
    /// pipelined next request.
    ///
    /// ```
    /// use hangup::{HandlerExt, OutcomeKind, respond};
    ///
    /// let handler = respond(|_| Ok("hello")).layer_fn(|w, r, next| {
    ///     w.on_end(|outcome| {
    ///         assert_eq!(outcome.kind(), OutcomeKind::Complete);
    ///         assert_eq!(outcome.bytes_sent(), 5);
    ///         println!("{} {:?}", outcome.request().uri().path(), outcome.status());
    ///     });
    ///     next.handle(w, r)
    /// });
    /// # hangup::testing::call(&handler, hangup::Request::new(()))?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn on_end(&mut self, hook: impl FnOnce(&ResponseOutcome<'_>) + Send + 'static) {
        self.state.hooks.ends.push(Box::new(hook));
    }

    /// Runs the hooks of the head, which was decided with this length.
    #[cold]
    pub(super) fn run_head_hooks(&mut self, length: Length) {
        self.state.hooks.first_byte = Some(sync::now());
        if self.state.hooks.heads.is_empty() {
            return;
        }
        if let Some(kind) = self.sniff() {
            self.state.head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Length::Known(length) = length {
            self.state.head.set_length(length);
        }
        let mut hooks = mem::take(&mut self.state.hooks.heads);
        let head = &mut self.state.head;
        for hook in hooks.drain(..) {
            hook(head.status, &mut head.headers);
        }
        head.headers.remove(TRANSFER_ENCODING);
        self.state.hooks.heads = hooks;
    }

    /// Returns `true` if [`on_end`](Self::on_end) was called.
    pub(crate) fn has_end_hooks(&self) -> bool {
        !self.state.hooks.ends.is_empty()
    }

    /// Notes that the handler has returned, and whether the client was known to have gone away by then.
    pub(crate) fn before_finish(&mut self, gone: bool) {
        let unfinished = !matches!(self.state.stage, Stage::Sending { missing: Some(0) });
        self.state.hooks.client_left = gone && unfinished;
    }

    /// Runs the hooks of the end. `contain` catches their panics.
    #[cold]
    pub(crate) fn run_end_hooks(
        &mut self,
        kind: OutcomeKind,
        request: &Request,
        contain: impl Fn(&mut dyn FnMut()),
    ) {
        let mut hooks = mem::take(&mut self.state.hooks.ends);
        let head = &self.state.head;
        let has_head = match self.state.stage {
            Stage::Open => false,
            // The handler has announced the 101 that it wrote itself.
            Stage::Hijacked => head.status == StatusCode::SWITCHING_PROTOCOLS,
            _ => true,
        };
        let outcome = ResponseOutcome {
            kind: match kind {
                OutcomeKind::Complete if self.state.hooks.client_left => OutcomeKind::ClientLeft,
                kind => kind,
            },
            status: has_head.then_some(head.status),
            headers: &head.headers,
            bytes_sent: if head.head_only { 0 } else { self.state.sent },
            first_byte: self.state.hooks.first_byte,
            request,
        };
        for hook in hooks.drain(..) {
            let mut hook = Some(hook);
            contain(&mut || hook.take().into_iter().for_each(|hook| hook(&outcome)));
        }
        self.state.hooks.ends = hooks;
    }
}
