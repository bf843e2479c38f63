//! Decides, once the head of a response has been read, where its body comes from and what becomes of
//! the connection.
//!
//! * Another protocol follows: the connection is handed over to the caller.
//! * The body is in the buffer already, or there is none: the connection is given back at once.
//! * The body is still to be received: it [takes the buffer along](super::body), and ends the exchange
//!   at its end.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

use super::body::{BodyLimits, OpenExchange, ResponseBody};
use super::head::malformed;
use super::keep_alive::KeepAlive;
use super::messages::{ExchangeId, Expected, ReceivedBody, ReceivedResponse, ReplyError};
use super::shared::{SEND_PATIENCE, Shared};
use crate::body::Body;
use crate::client::observe::{CallEvent, show};
use crate::error::{Error, ErrorKind};
use crate::h1::{self, CloseReason, Framing, ResponseHead};
use crate::net::{Buffer, Duplex};

/// The step that is left to do with the connection once the caller has the response.
///
/// The response is delivered first: it says more than the end of the connection, which the caller would
/// see at the same time.
pub(super) enum NextStep {
    /// Nothing: the connection was given back, or the body will end the exchange.
    Nothing,
    Close(CloseReason),
    HandOver,
}

impl NextStep {
    #[inline]
    pub(super) fn take(self, shared: &Arc<Shared>, id: ExchangeId) {
        match self {
            Self::Nothing => {}
            Self::HandOver => shared.hand_over(),
            Self::Close(reason) => {
                shared.close_in(id, Error::new(ErrorKind::Closed), reason);
            }
        }
    }
}

/// Completes the response whose head has been read. `buffer` holds what was read beyond the head.
///
/// # Errors
///
/// If the framing is invalid, or the peer changed the protocol before it had the whole request.
pub(super) fn complete(
    shared: &Arc<Shared>,
    expected: Expected,
    head: ResponseHead,
    mut buffer: Buffer,
) -> Result<(ReceivedResponse, NextStep), ReplyError> {
    let Expected { id, method, closes, proceed, hook, idle_read, watch, .. } = expected;
    let trace = watch.as_ref().and_then(|watch| watch.trace.as_ref());
    // A body that is still withheld is not wanted any more.
    drop(proceed);
    if is_handed_over(&method, head.status) {
        // The writer loop must not send HTTP when another protocol begins.
        if !matches!(shared.await_sent(SEND_PATIENCE), Some(Ok(()))) {
            let message = "server switched protocols before the request was fully sent";
            return Err(malformed(Error::message(ErrorKind::MalformedMessage, message)));
        }
        let duplex = Duplex::new(shared.stream.clone(), buffer.take());
        return Ok((
            ReceivedResponse { head, body: ReceivedBody::Duplex(duplex) },
            NextStep::HandOver,
        ));
    }
    let framed = h1::response_framing(&method, head.status, head.version, &head.headers)
        .map_err(|error| malformed(Error::with_source(ErrorKind::MalformedMessage, error)))?;
    let persist = match closes {
        true => Err(CloseReason::WeAskedToClose),
        false => {
            let ResponseHead { version, status, headers, .. } = &head;
            h1::response_persists(&method, *version, *status, headers, framed)
        }
    };
    if let Some(announced) = KeepAlive::of(&head.headers) {
        shared.lifecycle.lock().note(announced);
    }
    let exchange = OpenExchange { shared: Arc::clone(shared), id, buffer, persist, hook };
    let (body, next) = match framed.framing {
        Framing::Empty if exchange.has_all(0) => {
            show(trace, || CallEvent::BodyDone { bytes: 0 });
            (Body::empty(), give_back(exchange))
        }
        Framing::Length(length) if exchange.has_all(length) => {
            show(trace, || CallEvent::BodyDone { bytes: length });
            let (body, exchange) = exchange.cut(length as usize);
            (body, give_back(exchange))
        }
        framing => {
            let speed = watch.as_ref().and_then(|watch| watch.speed.clone());
            if let Some(speed) = &speed {
                speed.responding(&shared.stream);
            }
            let limits = BodyLimits { idle_read, speed };
            let body = ResponseBody::new(framing, exchange, limits, trace.cloned());
            (Body::incoming(Box::new(body)), NextStep::Nothing)
        }
    };
    Ok((ReceivedResponse { head, body: ReceivedBody::Body(body) }, next))
}

/// Returns `true` if the connection speaks another protocol after this response.
fn is_handed_over(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || (*method == Method::CONNECT && status.is_success())
}

/// Ends the exchange of a response that has been read whole. The connection is free before the caller
/// has the response.
fn give_back(exchange: OpenExchange) -> NextStep {
    exchange.give_back(Duration::ZERO).map_or_else(NextStep::Close, |()| NextStep::Nothing)
}
