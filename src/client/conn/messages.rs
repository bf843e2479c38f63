//! What crosses threads on a client connection. Every channel has room for all that is ever sent on
//! it, so that no loop blocks on a send.
//!
//! | channel | sender | receiver | capacity, and why |
//! | --- | --- | --- | --- |
//! | expectations | caller | reader loop | 1: one exchange at a time |
//! | write jobs | caller | writer loop | 1: one exchange at a time |
//! | `Expectation::reply` | reader loop | caller | 1: one final answer or error |
//! | results, or `Report::Both::reader` | writer loop, or the caller whose write failed | who reads the answer, then its body | 1: one result for each request |
//! | `Report::Both::caller` | writer loop | caller | 1: the same result |
//! | `Expected::proceed` | reader loop | writer loop | 1: a 100 releases the body once; dropped by the final answer |
//! | `Withheld::give_back` | writer loop | caller | 1: a withheld body comes back once; dropped when it is released |
//! | `Returned` | response body | reader loop | 1: the buffer comes back once |
//! | calls | whoever gives the connection back | reader loop | 1: one call ends one sleep |
//! | closed | nobody | all three | 0: it disconnects |

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::ExchangeId;
use crate::body::Body;
use crate::client::raw_head::RawHead;
use crate::context::Context;
use crate::error::Error;
use crate::h1::ResponseHead;
use crate::net::{Buffer, Duplex};
use crate::sync::channel::{Receiver, Sender};

/// Sees the interim responses to a request.
pub(in crate::client) type OnInformational = Arc<dyn Fn(StatusCode, &HeaderMap) + Send + Sync>;

/// Sees the heads of the responses to a request as they came.
pub(in crate::client) type OnRawHead = Arc<dyn Fn(&RawHead<'_>) + Send + Sync>;

/// From the caller to the reader loop: an answer is going to come.
pub(super) struct Expectation {
    pub(super) expected: Expected,
    pub(super) context: Option<Context>,
    pub(super) reply: Sender<Reply>,
}

/// What is known beforehand of the answer to a request.
pub(super) struct Expected {
    pub(super) id: ExchangeId,
    pub(super) method: Method,
    /// The request asked for the connection to be closed.
    pub(super) closes: bool,
    pub(super) on_informational: Option<OnInformational>,
    pub(super) on_raw_head: Option<OnRawHead>,
    /// Releases a body that is withheld for a 100; dropping it means that the body is not wanted.
    pub(super) proceed: Option<Sender<()>>,
    pub(super) wrote: Wrote,
    /// The longest silence allowed within the response's body.
    pub(super) idle_read: Option<Duration>,
}

/// What the reading side knows of the request: the last condition for reuse.
pub(super) enum Wrote {
    /// It was wholly written before anybody looked for the answer.
    Whole,
    /// The result comes by this channel.
    Reported(Receiver<WriteResult>),
}

/// How writing a request went.
pub(super) type WriteResult = Result<(), WriteError>;

/// Why a request was not wholly written.
#[derive(Clone, Debug)]
pub(super) enum WriteError {
    /// The connection failed, after this many bytes.
    Failed { error: Error, written: u64 },
    /// The body's source failed, so that the request cannot be finished.
    Source(Error),
    /// The final answer came while the body was withheld.
    Withheld,
}

/// From the reader loop to the caller: the answer, or why there is none.
pub(super) type Reply = Result<Answer, ReplyError>;

/// An answer whose head has been read.
pub(in crate::client) struct Answer {
    pub(in crate::client) head: ResponseHead,
    pub(in crate::client) body: AnswerBody,
}

/// What follows an answer's head.
pub(in crate::client) enum AnswerBody {
    /// A body, which may still be on its way.
    Body(Body),
    /// Another protocol.
    Duplex(Duplex),
}

/// Why no answer came.
#[derive(Clone, Debug)]
pub(super) struct ReplyError {
    pub(super) error: Error,
    /// At least one byte of an answer had come.
    pub(super) begun: bool,
}

/// From the response body to the reader loop: the reading half's buffer, when the body has ended and
/// the connection is clean.
pub(super) type Returned = Buffer;

/// From the caller to the writer loop: what is left to be written, and who is to hear of it.
pub(super) struct WriteJob {
    pub(super) unwritten: Unwritten,
    pub(super) report: Report,
}

/// Who hears how writing a request went.
pub(super) enum Report {
    /// The full way: the reader loop, which decides on reuse, and the caller, which waits for it.
    Both { reader: Sender<WriteResult>, caller: Sender<WriteResult> },
    /// The caller reads the answer itself. It looks at the connection's results at the answer's end, or
    /// when it has failed; what it has to know before reaches it through the connection, whose `id`
    /// this is: its end, and the deadline for the answer's head, so long after the request.
    Reading { id: ExchangeId, response_head: Option<Duration> },
}

/// What of a request the caller has not written.
pub(super) struct Unwritten {
    /// The head and an in-memory body, without what the caller could write without blocking.
    pub(super) bytes: [Bytes; 2],
    /// How many bytes the caller has already written.
    pub(super) written: u64,
    /// A body to be streamed after that.
    pub(super) body: Option<StreamedBody>,
}

/// A body that the writer loop reads from its source.
pub(super) struct StreamedBody {
    pub(super) body: Body,
    pub(super) chunked: bool,
    /// Wait for a 100 before the body.
    pub(super) withheld: Option<Withheld>,
}

/// The limit and the way back of a withheld body.
pub(super) struct Withheld {
    /// Releases the body. Disconnects if it is not wanted.
    pub(super) proceed: Receiver<()>,
    /// The body is sent then without having been released, if there is a limit.
    pub(super) until: Option<Instant>,
    /// Where the body goes if it is not sent.
    pub(super) give_back: Sender<Body>,
}
