//! The caller's wait on the full way: for the response, the result of sending, the end of the
//! connection, or a time limit, whichever comes first.
//!
//! The end of the call's context is not among them: it closes the connection.

use std::sync::Arc;
use std::time::Instant;

use super::failure::Failure;
use super::messages::{ExchangeId, ReceivedResponse, Reply, ReplyError, SendError, SendResult};
use super::shared::{Grace, SEND_PATIENCE, Shared};
use crate::client::options::CallOptions;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::sync::channel::{Receiver, at, never, select};

pub(super) struct Wait<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) id: ExchangeId,
    pub(super) options: &'a CallOptions,
    pub(super) replies: Receiver<Reply>,
    pub(super) sent: Receiver<SendResult>,
    pub(super) progress: Progress,
}

/// How far the request is, and until when the next thing has to happen.
pub(super) enum Progress {
    /// The writer loop sends the request.
    Sending { until: Option<Instant> },
    /// The request was sent, or its body is not wanted. The response head is due.
    Sent { until: Option<Instant> },
    /// The request could not be sent. A response that the peer sent before it closed may still arrive.
    Failed(Grace),
}

impl Progress {
    pub(super) fn sending(options: &CallOptions) -> Self {
        Self::Sending { until: options.send.and_then(|limit| Instant::now().checked_add(limit)) }
    }

    pub(super) fn failed() -> Self {
        Self::Failed(Grace::new())
    }

    fn sent(options: &CallOptions) -> Self {
        let limit = options.response_head;
        Self::Sent { until: limit.and_then(|limit| Instant::now().checked_add(limit)) }
    }

    fn until(&self) -> Option<Instant> {
        match self {
            Self::Sending { until } | Self::Sent { until } => *until,
            Self::Failed(grace) => Some(grace.until()),
        }
    }
}

impl Wait<'_> {
    pub(super) fn run(&mut self) -> Result<ReceivedResponse, Failure> {
        loop {
            let timer = self.progress.until().map_or_else(never, at);
            select! {
                recv(self.replies) -> reply => return self.replied(reply.ok()),
                recv(self.sent) -> result => {
                    self.sent = never();
                    self.progress = match result {
                        Ok(Ok(())) => Progress::sent(self.options),
                        Ok(Err(SendError::Withheld)) => Progress::Sent { until: None },
                        Ok(Err(SendError::Failed { .. })) => Progress::failed(),
                        // No response can change that.
                        Ok(Err(SendError::Source(error))) => {
                            return Err(Failure::of_the_call(error));
                        }
                        // The writer loop ended with the connection.
                        Err(_) => continue,
                    };
                }
                recv(self.shared.closed) -> _ => {
                    // A response that was received just before wins. The reader loop sends it, or ends.
                    let reply = self.replies.recv_timeout(SEND_PATIENCE).ok();
                    return self.replied(reply);
                }
                recv(timer) -> _ => self.check_extended()?,
            }
        }
    }

    /// Ends the wait with the reader loop's reply; `None` if the loop has ended without one.
    fn replied(&self, reply: Option<Reply>) -> Result<ReceivedResponse, Failure> {
        let failed = match reply {
            Some(Ok(response)) => return Ok(response),
            Some(Err(failed)) => failed,
            None => {
                let cause = self.shared.cause().unwrap_or_else(|| Error::new(ErrorKind::Closed));
                ReplyError { error: cause, begun: false }
            }
        };
        // The end of the context closes the connection, and so causes other failures.
        let failure = || Failure::of_exchange(self.shared, self.id, failed);
        Err(self.context_ended().unwrap_or_else(failure))
    }

    /// Extends the wait after a failure to send. Otherwise the timer that has fired is a failure.
    fn check_extended(&mut self) -> Result<(), Failure> {
        let extended = match &mut self.progress {
            Progress::Failed(grace) => grace.extend(&self.shared.stream),
            Progress::Sending { .. } | Progress::Sent { .. } => false,
        };
        if extended { Ok(()) } else { Err(self.expired()) }
    }

    /// Returns the failure whose timer has fired.
    fn expired(&self) -> Failure {
        self.context_ended().unwrap_or_else(|| match &self.progress {
            Progress::Sending { .. } => Failure::of_the_call(Error::timeout(TimeLimit::Send)),
            Progress::Sent { .. } => Failure::of_the_call(Error::timeout(TimeLimit::ResponseHead)),
            Progress::Failed(_) => {
                let failed = ReplyError { error: Error::new(ErrorKind::Send), begun: false };
                Failure::of_exchange(self.shared, self.id, failed)
            }
        })
    }

    fn context_ended(&self) -> Option<Failure> {
        let context = self.options.context.as_ref()?;
        context.err().map(|ended| Failure::of_the_call(ended.into()))
    }
}
