//! One request: running the handler, and deciding what follows on the connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode, Version};

use super::{Conn, Refusal, Step, after};
use crate::body::Body;
use crate::h1::{self, CloseReason, Framing, FramingError};
use crate::handler::{RequestInfo, ResponseEnd, ResponseWriter, set_info};
use crate::server::body::{ConnBody, Progress, ReadHalf};
use crate::server::continues::Continue;
use crate::server::info::ConnRequestInfo;
use crate::server::response::{ActiveExchange, DRAIN_LIMIT, ReadSide};
use crate::server::slot::{BodyHandle, BodySlot};
use crate::serving::Outcome;

/// How long reading the rest of a request body may take, to reuse the connection.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A request's input after its handler has returned.
enum Unread {
    Nothing(ReadHalf),
    Body(Box<ConnBody>),
}

impl Conn {
    /// Runs the handler on a request and decides what follows.
    ///
    /// Not inlined, so that its stack frame is gone while the connection reads the next head. A thread
    /// keeps the stack that its deepest call has touched, also while its connection is idle.
    #[inline(never)]
    pub(super) fn serve(&mut self, half: ReadHalf) -> Step {
        let head_only = *self.request.method() == Method::HEAD;
        let framing = match self.framing() {
            // No client waits for a 100 to send an empty body.
            Ok(Framing::Length(0)) => Framing::Empty,
            Ok(framing) => framing,
            Err(error) => {
                return Step::Refuse(Refusal::new(error.status(), error, head_only));
            }
        };
        let continues = match self.expectation() {
            Ok(false) => None,
            Ok(true) => Some(Continue::new()),
            Err(refusal) => return Step::Refuse(refusal),
        };
        let waits = match framing {
            Framing::Empty => false,
            Framing::Length(length) => length > half.buffer.data().len() as u64,
            Framing::Chunked | Framing::UntilClose => true,
        };
        if waits && self.write_responses().is_err() {
            // Responses to earlier requests must not wait for the rest of this one. A 100 bypasses the
            // buffer, and must not overtake them.
            return Step::Close(CloseReason::IoFailed);
        }
        self.set_deadlines(!matches!(framing, Framing::Empty));
        let info = self.begin(half, framing, continues);
        set_info(&mut self.request, Arc::clone(&info) as Arc<dyn RequestInfo>);
        self.response.begin(head_only);
        let Self { shared, wire, response, request, conn_info, guard, .. } = self;
        let mut writer = ResponseWriter::new(response, wire);
        let (remote, counting) = (&conn_info.remote, guard.counting());
        let outcome = shared.service.run_counted(&mut writer, request, remote, counting);
        info.signals.finish();
        self.request_info = Some(info);
        self.settle(outcome)
    }

    fn framing(&self) -> Result<Framing, FramingError> {
        match self.scanner.is_plain() {
            true => Ok(Framing::Empty),
            false => h1::request_framing(self.request.version(), self.request.headers()),
        }
    }

    /// Returns `true` if the client waits for a 100 before it sends the body (RFC 9110 section 10.1.1).
    fn expectation(&self) -> Result<bool, Refusal> {
        if self.scanner.is_plain() || self.request.version() < Version::HTTP_11 {
            return Ok(false);
        }
        h1::expects_continue(self.request.headers()).map_err(|error| {
            let head_only = *self.request.method() == Method::HEAD;
            Refusal::new(StatusCode::EXPECTATION_FAILED, error, head_only)
        })
    }

    /// Sets the deadlines of a request. No deadline is set before.
    fn set_deadlines(&mut self, body: bool) {
        if body {
            if let Some(limit) = self.shared.options.read_timeout {
                let begun = self.begun();
                self.stream().set_read_deadline(after(begun, limit));
            }
        }
        self.set_write_deadline();
    }

    /// Puts the reading half where the response and the body find it. Returns the information on the
    /// request.
    fn begin(
        &mut self,
        half: ReadHalf,
        framing: Framing,
        continues: Option<Arc<Continue>>,
    ) -> Arc<ConnRequestInfo> {
        let version = self.request.version();
        let persist = match self.scanner.is_plain() && version == Version::HTTP_11 {
            true => Ok(()),
            false => h1::request_persists(version, self.request.headers()),
        };
        let (number, input) = if matches!(framing, Framing::Empty) {
            let next_begun = !half.buffer.is_empty();
            (self.reader.begin_request(Some(next_begun)), ReadSide::Here(half))
        } else {
            (self.reader.begin_request(None), self.lend(half, framing, continues.clone()))
        };
        let tunnel = *self.request.method() == Method::CONNECT;
        self.wire.begin(ActiveExchange::new(version, input, continues, tunnel, persist));
        if let Some(mut info) = self.request_info.take() {
            if let Some(unshared) = Arc::get_mut(&mut info) {
                unshared.renew(number);
                return info;
            }
        }
        Arc::new(ConnRequestInfo {
            signals: Arc::default(),
            reader: Arc::clone(&self.reader),
            conn: Arc::clone(&self.conn_info),
            number,
        })
    }

    /// Creates the request's body, which is read from `half`.
    fn lend(
        &mut self,
        half: ReadHalf,
        framing: Framing,
        continues: Option<Arc<Continue>>,
    ) -> ReadSide {
        let idle = self.shared.options.body_idle_timeout;
        let slot = BodySlot::new(ConnBody::new(half, framing, continues, idle));
        *self.request.body_mut() = Body::incoming(Box::new(BodyHandle::new(Arc::clone(&slot))));
        ReadSide::InBody(slot)
    }

    /// Decides what follows on the connection after the handler has returned.
    fn settle(&mut self, outcome: Outcome) -> Step {
        if let Outcome::Ended(ResponseEnd::Hijacked) = outcome {
            return Step::HandedOver;
        }
        let mut exchange = self.wire.finish();
        // First the body: until it is taken back, another thread may read it to its end.
        let body = match std::mem::replace(&mut exchange.read_side, ReadSide::Gone) {
            ReadSide::Here(half) => Some(Unread::Nothing(half)),
            ReadSide::InBody(slot) => slot.take_back(&self.reader).map(Unread::Body),
            ReadSide::Gone => None,
        };
        // Only now can no other thread end the body, which would allow a background read.
        self.reader.end_request();
        let Some(body) = body else { return Step::Close(CloseReason::HandlerFailed) };
        match outcome {
            Outcome::Ended(ResponseEnd::Whole) => self.keep_or_close(body, exchange.persist),
            // Without a length on the wire, only a reset shows that the body is too short.
            Outcome::Ended(ResponseEnd::Short) => {
                self.break_off(&exchange, CloseReason::HandlerFailed)
            }
            Outcome::Ended(ResponseEnd::Broken) => self.break_off(&exchange, CloseReason::IoFailed),
            Outcome::Ended(ResponseEnd::Hijacked) => Step::HandedOver,
            Outcome::Failed => self.break_off(&exchange, CloseReason::HandlerFailed),
            Outcome::ClientGone => self.break_off(&exchange, CloseReason::EndOfStream),
        }
    }

    /// Continues after a complete response: with the next request, or by closing.
    fn keep_or_close(&mut self, input: Unread, persist: Result<(), CloseReason>) -> Step {
        match (persist, input) {
            (Ok(()), Unread::Nothing(half)) => self.next(half),
            (Ok(()), Unread::Body(body)) => self.drain(*body),
            (Err(reason), _) => Step::Close(reason),
        }
    }

    /// Reads the rest of the body, behind which the next request comes.
    fn drain(&mut self, mut body: ConnBody) -> Step {
        if !matches!(body.progress, Progress::Ended(_)) {
            // The client may wait for the response before it sends the rest.
            if self.write_responses().is_err() {
                return Step::Close(CloseReason::IoFailed);
            }
            if !body.drain(DRAIN_LIMIT, Instant::now() + DRAIN_TIMEOUT) {
                return Step::Close(CloseReason::BodyNotRead);
            }
            // The body ended between two requests, where no watch is allowed.
            self.reader.end_request();
        }
        self.next(body.half)
    }

    /// Continues with the next request. The encoded response is written now, or together with the response
    /// to a request that has already arrived. The connection is idle, so that a shutdown may close it,
    /// only when everything was written.
    fn next(&mut self, mut half: ReadHalf) -> Step {
        self.stream().set_read_deadline(None);
        self.trim(&mut half);
        if !half.buffer.is_empty() {
            return self.request_begun(half);
        }
        if self.write_responses().is_err() {
            return Step::Close(CloseReason::IoFailed);
        }
        match self.guard.idle() {
            Ok(()) => Step::Await(half),
            Err(reason) => Step::Close(reason),
        }
    }

    /// Closes the connection after an incomplete response, so that the client notices. A response that ends
    /// with the connection needs a reset for that. Any other is visibly short.
    #[cold]
    pub(super) fn break_off(&mut self, exchange: &ActiveExchange, reason: CloseReason) -> Step {
        if exchange.ends_by_closing() {
            let _ = self.wire.write_out();
            self.stream().reset();
        }
        Step::Close(reason)
    }
}
