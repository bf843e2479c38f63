//! One request: the handler runs, and what becomes of the connection is settled.

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

/// How long the rest of a request body may take that is read for the sake of the connection.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// A request's input after its handler has returned.
enum Unread {
    Nothing(ReadHalf),
    Body(Box<ConnBody>),
}

impl Conn {
    /// Runs the handler on a request and settles what follows.
    ///
    /// Not inlined: what it takes of the stack would lie under the reading of heads as well, and a thread
    /// keeps what its deepest call has touched while its connection is idle.
    #[inline(never)]
    pub(super) fn serve(&mut self, half: ReadHalf) -> Step {
        let head_only = *self.request.method() == Method::HEAD;
        let framing = match self.framing() {
            // A body of no bytes is none, and nobody waits for a leave to send it.
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
        if waits && self.write_answers().is_err() {
            // Answers to earlier requests must not wait for the rest of this one, and a 100, which
            // goes past the buffer, must not overtake them.
            return Step::Close(CloseReason::IoFailed);
        }
        self.set_deadlines(!matches!(framing, Framing::Empty));
        let info = self.begin(half, framing, continues);
        set_info(&mut self.request, Arc::clone(&info) as Arc<dyn RequestInfo>);
        self.response.begin(head_only);
        let Self { shared, wire, response, request, conn_info, .. } = self;
        let mut writer = ResponseWriter::new(response, wire);
        let outcome = shared.service.run(&mut writer, request, &conn_info.remote);
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

    /// Whether the client waits for a 100 before it sends the body (RFC 9110 section 10.1.1).
    fn expectation(&self) -> Result<bool, Refusal> {
        if self.scanner.is_plain() || self.request.version() < Version::HTTP_11 {
            return Ok(false);
        }
        h1::expects_continue(self.request.headers()).map_err(|error| {
            let head_only = *self.request.method() == Method::HEAD;
            Refusal::new(StatusCode::EXPECTATION_FAILED, error, head_only)
        })
    }

    /// None is set yet.
    fn set_deadlines(&mut self, body: bool) {
        if body && let Some(limit) = self.shared.options.read_timeout {
            let begun = self.begun();
            self.stream().set_read_deadline(after(begun, limit));
        }
        self.set_write_deadline();
    }

    /// Puts the reading half where the response and the body find it; returns where the request came
    /// from.
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
        if let Some(mut info) = self.request_info.take()
            && let Some(unshared) = Arc::get_mut(&mut info)
        {
            unshared.renew(number);
            return info;
        }
        Arc::new(ConnRequestInfo {
            signals: Arc::default(),
            reader: Arc::clone(&self.reader),
            conn: Arc::clone(&self.conn_info),
            number,
        })
    }

    /// Makes the request's body, and has it read from `half`.
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

    /// The handler is done: what becomes of the connection.
    fn settle(&mut self, outcome: Outcome) -> Step {
        if let Outcome::Ended(ResponseEnd::Hijacked) = outcome {
            return Step::HandedOver;
        }
        let mut exchange = self.wire.finish();
        // First the body, which may be read on another thread, and end, until it is back.
        let body = match std::mem::replace(&mut exchange.read_side, ReadSide::Gone) {
            ReadSide::Here(half) => Some(Unread::Nothing(half)),
            ReadSide::InBody(slot) => slot.take_back(&self.reader).map(Unread::Body),
            ReadSide::Gone => None,
        };
        // Once nobody else can read the body to its end, and so allow a background read.
        self.reader.end_request();
        let Some(body) = body else { return Step::Close(CloseReason::HandlerFailed) };
        match outcome {
            Outcome::Ended(ResponseEnd::Whole) => self.keep_or_close(body, exchange.persist),
            Outcome::Ended(ResponseEnd::Short) => Step::Close(CloseReason::HandlerFailed),
            Outcome::Ended(ResponseEnd::Broken) => self.break_off(&exchange, CloseReason::IoFailed),
            Outcome::Ended(ResponseEnd::Hijacked) => Step::HandedOver,
            Outcome::Failed => self.break_off(&exchange, CloseReason::HandlerFailed),
            Outcome::Gone => self.break_off(&exchange, CloseReason::EndOfStream),
        }
    }

    /// A whole answer was given: the next request, or the end.
    fn keep_or_close(&mut self, input: Unread, persist: Result<(), CloseReason>) -> Step {
        match (persist, input) {
            (Ok(()), Unread::Nothing(half)) => self.next(half),
            (Ok(()), Unread::Body(body)) => self.drain(*body),
            (Err(reason), _) => Step::Close(reason),
        }
    }

    /// The next request comes behind what is left of the body.
    fn drain(&mut self, mut body: ConnBody) -> Step {
        if !matches!(body.progress, Progress::Ended(_)) {
            // The answer first, then the drain.
            if self.write_answers().is_err() {
                return Step::Close(CloseReason::IoFailed);
            }
            if !body.drain(DRAIN_LIMIT, Instant::now() + DRAIN_PATIENCE) {
                return Step::Close(CloseReason::BodyNotRead);
            }
            // It ended between two requests: nobody may watch from here on.
            self.reader.end_request();
        }
        self.next(body.half)
    }

    /// The answer is encoded: it goes out now, or together with that to a request that is there
    /// already. A connection is idle, and may be closed by a shutdown, only when all is out.
    fn next(&mut self, mut half: ReadHalf) -> Step {
        self.stream().set_read_deadline(None);
        self.trim(&mut half);
        if !half.buffer.is_empty() {
            return self.request_begun(half);
        }
        if self.write_answers().is_err() {
            return Step::Close(CloseReason::IoFailed);
        }
        match self.guard.idle() {
            Ok(()) => Step::Await(half),
            Err(reason) => Step::Close(reason),
        }
    }

    /// Only a part of the answer was sent: the client must see that it is not whole. Only one that
    /// ends with the connection needs a reset for that; any other is short.
    #[cold]
    pub(super) fn break_off(&mut self, exchange: &ActiveExchange, reason: CloseReason) -> Step {
        if exchange.ends_by_closing() {
            let _ = self.wire.write_out();
            self.stream().reset();
        }
        Step::Close(reason)
    }
}
