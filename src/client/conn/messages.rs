//! The values that cross threads on a client connection.
//!
//! Every channel has room for all that is ever sent on it, so no loop blocks on a send.
//!
//! | channel | sender | receiver | capacity, and why |
//! | --- | --- | --- | --- |
//! | expectations | caller | reader loop | 1: one exchange at a time |
//! | write jobs | caller | writer loop | 1: one exchange at a time |
//! | `Expectation::reply` | reader loop | caller | 1: one final response or error |
//! | `ReportTo::Caller` | writer loop | caller | 1: one result for each request |
//! | `Expected::proceed` | reader loop | writer loop | 1: a 100 releases the body once; the final response drops the sender |
//! | `Withheld::give_back` | writer loop | caller | 1: a withheld body comes back once; dropped when the body is released |
//! | wake-ups | the thread that gives the connection back | reader loop | 1: one wake-up ends one sleep |
//! | closed | none | all three | 0: it disconnects |
//!
//! The result of sending a request is also kept in the connection's [lifecycle](super::state), where
//! the thread that ends the exchange finds it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;

use super::watch::{Sending, Watch};
use crate::body::Body;
use crate::client::observe::Trace;
use crate::client::speed::Speed;
use crate::context::HookGuard;
use crate::error::Error;
use crate::h1::ResponseHead;
use crate::net::Duplex;
use crate::sync::channel::{Receiver, Sender};

/// The number of an exchange on its connection.
///
/// A thread that holds it may close the connection on behalf of that exchange, and only while the
/// exchange is in progress. Later the connection may serve another call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::client) struct ExchangeId(u64);

impl ExchangeId {
    /// Returns `true` for the connection's first exchange.
    pub(in crate::client) fn is_first(self) -> bool {
        self.0 == 1
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The order to the reader loop to read a response.
pub(super) struct Expectation {
    pub(super) expected: Expected,
    pub(super) reply: Sender<Reply>,
}

/// The facts about a request that reading its response takes.
pub(super) struct Expected {
    pub(super) id: ExchangeId,
    pub(super) method: Method,
    /// The request asked for the connection to be closed.
    pub(super) closes: bool,
    /// `None` if the call watches nothing. Boxed, since expectations are moved about.
    pub(super) watch: Option<Box<Watch>>,
    /// Releases a body that waits for a 100. Dropping it cancels the body.
    pub(super) proceed: Option<Sender<()>>,
    /// Closes the connection when the call's context ends.
    pub(super) hook: Option<HookGuard>,
    /// The longest silence allowed within the response's body.
    pub(super) idle_read: Option<Duration>,
}

impl Expected {
    /// Returns the call, if it is observed.
    pub(super) fn trace(&self) -> Option<&Trace> {
        self.watch.as_ref()?.trace.as_ref()
    }

    /// Returns the measure of the speed, if it is limited.
    pub(super) fn speed(&self) -> Option<&Arc<Speed>> {
        self.watch.as_ref()?.speed.as_ref()
    }
}

/// The reader loop's report to the caller.
pub(super) type Reply = Result<ReceivedResponse, ReplyError>;

/// A response whose head has been read.
pub(in crate::client) struct ReceivedResponse {
    pub(in crate::client) head: ResponseHead,
    pub(in crate::client) body: ReceivedBody,
}

/// The part of a response that follows its head.
pub(in crate::client) enum ReceivedBody {
    /// A body, which may not have been received yet.
    Body(Body),
    /// A connection that speaks another protocol from now on.
    Duplex(Duplex),
}

/// The reason why no response could be read.
#[derive(Clone, Debug)]
pub(super) struct ReplyError {
    pub(super) error: Error,
    /// At least one byte of a response was received.
    pub(super) begun: bool,
}

/// The order to the writer loop to send the rest of a request.
pub(super) struct WriteJob {
    pub(super) unwritten: Unwritten,
    /// `None` if the call watches nothing.
    pub(super) sending: Option<Sending>,
    /// How long a write may wait without progress.
    pub(super) idle: Option<Duration>,
    pub(super) report_to: ReportTo,
}

/// The recipient of the result of sending, besides the connection's lifecycle.
pub(super) enum ReportTo {
    /// The caller, which waits for it on the full way.
    Caller(Sender<SendResult>),
    /// The caller of this exchange, which is in a read beside the writer loop. A failure closes the
    /// connection. A success sets the deadline for the response head, this long after it.
    Reading { id: ExchangeId, response_head: Option<Duration> },
}

/// The result of sending a request.
pub(super) type SendResult = Result<(), SendError>;

/// The reason why a request was not wholly sent.
#[derive(Clone, Debug)]
pub(super) enum SendError {
    /// The connection failed after this many bytes.
    Failed { error: Error, written: u64 },
    /// The body's source failed, so the request cannot be finished.
    Source(Error),
    /// The final response arrived while the body was withheld.
    Withheld,
}

/// The part of a request that the caller has not written.
pub(super) struct Unwritten {
    /// The rest of the head, and the rest of a body in memory.
    pub(super) bytes: [Bytes; 2],
    /// How many bytes the caller has already written.
    pub(super) written: u64,
    /// A body to stream after `bytes`.
    pub(super) body: Option<StreamedBody>,
}

/// A body that the writer loop reads from its source.
pub(super) struct StreamedBody {
    pub(super) body: Body,
    pub(super) chunked: bool,
    /// Present if the body waits for a 100.
    pub(super) withheld: Option<Withheld>,
}

/// The release, the limit and the way back of a body that waits for a 100.
pub(super) struct Withheld {
    /// Releases the body. Disconnects if the body is not wanted.
    pub(super) proceed: Receiver<()>,
    /// When the body is sent without a release; `None` for never.
    pub(super) until: Option<Instant>,
    /// Returns the body if it is not sent.
    pub(super) give_back: Sender<Body>,
}
