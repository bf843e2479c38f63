//! One attempt of a transfer: its requests and redirects.

use std::sync::Arc;
use std::time::Instant;

use hangup::client::{CallEvent, CallId, Observe, RequestBuilder};
use hangup::http::StatusCode;
use hangup::http::header::{REFERER, TRANSFER_ENCODING};
use hangup::{Context, Error, ErrorKind, Response};
use parking_lot::Mutex;

use crate::failure::{
    EMPTY_REPLY, Failure, NO_REWIND, SEND_FAILED, TOO_MANY_REDIRECTS, is_cut_off,
};
use crate::output::Output;
use crate::output::progress::Progress;
use crate::report::Report;
use crate::request::metered::{Meter, Pace};
use crate::request::payload::Payload;
use crate::request::{Address, Kind, Plan};
use crate::trace::heads::{Heads, Places, Seen};
use crate::trace::watcher::Watcher;
use crate::transfer::Transfer;
use crate::transfer::operation::Shared;
use crate::transfer::retry::retry_after;

pub(super) struct Attempt<'a> {
    pub(super) transfer: &'a Transfer<'a>,
    pub(super) shared: &'a Shared<'a>,
    pub(super) output: &'a Arc<Mutex<Output>>,
    pub(super) report: &'a mut Report,
    begun: Instant,
    pub(super) call: Context,
    pub(super) heads: Places,
}

/// The outcome of one request.
pub(super) struct Answer {
    /// `None` if the connection ended within the head. curl treats that as a response without a body.
    pub(super) response: Option<Response>,
    pub(super) seen: Seen,
    pub(super) sent: Arc<Progress>,
    pub(super) received: Arc<Progress>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        transfer: &'a Transfer<'a>,
        output: &'a Arc<Mutex<Output>>,
        report: &'a mut Report,
        begun: Instant,
        call: Context,
    ) -> Self {
        let shared = transfer.shared;
        let options = shared.options;
        let included = options.saving.include || options.request.head;
        let heads =
            Places { output: included.then(|| Arc::clone(output)), dump: shared.dump.clone() };
        Self { transfer, shared, output, report, begun, call, heads }
    }

    /// Sends the request, follows its redirects, and saves the last response.
    pub(super) fn make(mut self, mut plan: Plan) -> Result<(), Failure> {
        let request = &self.shared.options.request;
        loop {
            let answer = self.exchange(&plan)?;
            let status = answer.seen.status.unwrap_or_default();
            let Some(location) = answer.seen.redirect() else {
                return self.save(&plan, answer);
            };
            let to = plan.address.join(location);
            let redirect_url = match &to {
                Ok(to) => to.to_string(),
                Err(_) => String::from_utf8_lossy(location).into_owned(),
            };
            if !request.location {
                self.save(&plan, answer)?;
                self.report.redirect_url = Some(redirect_url);
                return Ok(());
            }
            self.skip(&plan, answer)?;
            if self.report.redirects >= request.max_redirects {
                self.report.redirect_url = Some(redirect_url);
                let why = format!("more than {} redirects", request.max_redirects);
                return Err(Failure::new(TOO_MANY_REDIRECTS, why));
            }
            plan = self.follow(plan, status, to)?;
        }
    }

    /// Returns the next request, if there can be one.
    fn follow(
        &mut self,
        plan: Plan,
        status: StatusCode,
        to: Result<Address, Failure>,
    ) -> Result<Plan, Failure> {
        self.report.redirects += 1;
        self.report.redirected_in = self.begun.elapsed();
        let gone = plan.payload.is_read_once() && self.report.uploaded > 0;
        let next = plan.redirected(status, to?, &self.shared.options.request)?;
        self.shared
            .tracer
            .info(format_args!("Issue another request to this URL: '{}'", next.address));
        if gone && next.payload.is_read_once() {
            let why = "the redirect needs the upload again, which cannot be read twice";
            return Err(Failure::new(NO_REWIND, why));
        }
        Ok(next)
    }

    /// Sends one request and records its response.
    fn exchange(&mut self, plan: &Plan) -> Result<Answer, Failure> {
        self.report.asks(plan);
        let sent = Arc::new(self.progress(plan.payload.len(), plan.kind == Kind::Put));
        let received = Arc::new(self.progress(None, plan.kind != Kind::Put));
        let heads = Arc::new(Heads::new(&self.heads, &self.shared.tracer));
        let shown = !self.shared.options.saving.suppress_connect_headers;
        let of_proxy = shown.then(|| Arc::clone(&heads));
        let watcher = Watcher::new(&self.shared.tracer, of_proxy);
        let answered = self
            .request(plan, &sent)?
            .on_download_progress({
                let received = Arc::clone(&received);
                move |progress| received.set(progress.bytes)
            })
            .on_raw_head({
                let heads = Arc::clone(&heads);
                move |head| heads.see(head)
            })
            .observe({
                let watcher = Arc::clone(&watcher);
                move |call: CallId, event: &CallEvent<'_>| watcher.event(call, event)
            })
            .send();
        self.report.watched(watcher.facts());
        self.report.answered_in = self.begun.elapsed();
        self.report.uploaded = plan.payload.sent(&sent, answered.is_ok());
        let seen = heads.finish()?;
        self.report.saw(&seen);
        let response = self.judge(answered, &seen, is_partial(&plan.payload, &sent))?;
        Ok(Answer { response, seen, sent, received })
    }

    fn request(&mut self, plan: &Plan, sent: &Arc<Progress>) -> Result<RequestBuilder, Failure> {
        let mut headers = plan.headers(self.shared.options.request.trusted);
        let referer = headers.get(REFERER).and_then(|value| value.to_str().ok());
        self.report.referer = referer.map(str::to_owned);
        // The library frames the body. A chunked body has no length.
        headers.remove(TRANSFER_ENCODING);
        let client = self.shared.client.as_ref().map_err(Clone::clone)?;
        Ok(client
            .request(plan.method.clone(), plan.uri.clone())
            .headers(headers)
            .version(plan.version)
            .body(plan.payload.body(plan.is_chunked(), &self.meter(sent))?)
            .context(&self.call))
    }

    /// Returns the response, or `None` for one whose connection ended within its head.
    fn judge(
        &mut self,
        answered: hangup::Result<Response>,
        seen: &Seen,
        is_partial: bool,
    ) -> Result<Option<Response>, Failure> {
        match answered {
            Ok(response) => {
                self.report.answered(&response);
                self.report.retry_after = retry_after(response.headers());
                Ok(Some(response))
            }
            Err(error) if is_partial && is_lost(&error) => Err(Failure::new(SEND_FAILED, error)),
            Err(error) if !is_cut_off(&error) => Err(error.into()),
            Err(_) if seen.is_final() => Ok(None),
            Err(error) => Err(Failure::new(EMPTY_REPLY, error)),
        }
    }

    fn meter(&self, sent: &Arc<Progress>) -> Meter {
        let rate = self.shared.options.timing.rate;
        Meter {
            progress: Arc::clone(sent),
            tracer: Arc::clone(&self.shared.tracer),
            pace: rate.map(|rate| Pace::new(rate, &self.call)),
        }
    }
}

/// Returns `true` if the upload has begun and is not complete.
fn is_partial(payload: &Payload, sent: &Progress) -> bool {
    let sent = payload.sent(sent, false);
    sent > 0 && payload.len().is_none_or(|length| sent < length)
}

/// Returns `true` if the connection was lost. The reader may notice that before the writer does, but the
/// upload has failed.
fn is_lost(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::EmptyReply | ErrorKind::Receive)
}
