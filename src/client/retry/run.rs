//! Sending a request as often as its retries say.

use std::time::{Duration, Instant, SystemTime};

use http::{Method, Response};

use super::Retry;
use super::attempt::Attempt;
use super::decide::Situation;
use super::retry_after::retry_after;
use crate::body::Body;
use crate::client::exchanges::Exchanges;
use crate::client::fields::Fields;
use crate::client::observe::{CallEvent, Trace, show};
use crate::client::resend;
use crate::client::response;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::logging as log;
use crate::random;
use crate::sync::channel::after;

impl Retry {
    /// Sends a request by `send`, again and again while its result is to be retried.
    pub(in crate::client) fn run(
        &self,
        call: &Retried<'_>,
        mut body: Body,
        mut send: impl FnMut(Body) -> Result<Response<Body>>,
    ) -> Result<Response<Body>> {
        let begun = Instant::now();
        for number in 1.. {
            let again = body.try_clone();
            let before = call.exchanges.count();
            let mut result = send(body);
            let sent = call.exchanges.count() != before;
            let wait = self.wait(call, number, begun, sent, &result);
            let (Some(again), Some(wait)) = (again, wait) else {
                if let (2.., Ok(response)) = (number, &mut result) {
                    response::note_attempts(response, number);
                }
                return result;
            };
            call.report(number, wait, &result);
            // A response is dropped here, which gives its connection back before the wait.
            drop(result);
            call.pause(wait)?;
            body = again;
        }
        unreachable!("the number of attempts is limited")
    }

    /// Returns the wait before the next attempt; `None` if the result is the last.
    fn wait(
        &self,
        call: &Retried<'_>,
        number: u32,
        begun: Instant,
        sent: bool,
        result: &Result<Response<Body>>,
    ) -> Option<Duration> {
        let now = Instant::now();
        let deadline = call.context.and_then(Context::deadline);
        let situation = Situation {
            elapsed: now - begun,
            left: deadline.map(|deadline| deadline.saturating_duration_since(now)),
            asked: asked(result),
            random: random::fraction(),
            repeatable: call.repeatable,
        };
        let statuses = &self.0.statuses;
        let attempt = Attempt { number, method: call.method, result, sent, statuses };
        self.0.wait(&attempt, &situation)
    }
}

/// Returns the wait that a response asks for, also one that an error keeps.
fn asked(result: &Result<Response<Body>>) -> Option<Duration> {
    let asked = |response: &Response<Body>| retry_after(response.headers(), SystemTime::now());
    match result {
        Ok(response) => asked(response),
        Err(error) => response::with_kept(error, asked).flatten(),
    }
}

/// Returns `true` if sending the request twice has the effect of sending it once (RFC 9110 section 9.2.2).
pub(in crate::client) fn is_repeatable(method: &Method, fields: Fields<'_>) -> bool {
    method.is_idempotent() || resend::has_idempotency_key(fields)
}

/// The call that is retried.
pub(in crate::client) struct Retried<'a> {
    pub(in crate::client) method: &'a Method,
    /// Sending the request twice has the effect of sending it once.
    pub(in crate::client) repeatable: bool,
    pub(in crate::client) context: Option<&'a Context>,
    pub(in crate::client) trace: Option<&'a Trace>,
    pub(in crate::client) exchanges: &'a Exchanges,
}

impl Retried<'_> {
    fn report(&self, attempt: u32, wait: Duration, result: &Result<Response<Body>>) {
        let failed = result.as_ref().map(Response::status);
        match failed {
            Ok(status) => log::debug!("attempt {attempt}: {status}, retried in {wait:?}"),
            Err(error) => log::debug!("attempt {attempt}: {error}, retried in {wait:?}"),
        }
        show(self.trace, || CallEvent::Retrying { attempt, wait, failed });
    }

    /// Waits. The end of the call's context ends it.
    fn pause(&self, wait: Duration) -> Result<()> {
        let ended = match self.context {
            Some(context) => context.wait_timeout(wait),
            None => {
                let _ = after(wait).recv();
                None
            }
        };
        ended.map_or(Ok(()), |ended| Err(Error::from(ended)))
    }
}
