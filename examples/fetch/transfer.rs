//! One URL, from the first request to the last byte of the response.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::Arc;
use std::time::Instant;

use hangup::http::header::TRANSFER_ENCODING;
use hangup::http::{HeaderMap, StatusCode};
use hangup::{Client, Context, Error, Response, h1};
use parking_lot::Mutex;

use crate::INTERRUPTED;
use crate::address::Address;
use crate::body::copy;
use crate::command::{Command, Job};
use crate::failure::{
    BODY_CUT_SHORT, EMPTY_REPLY, Failure, NO_RANGES, NO_REWIND, STATUS, TOO_MANY_REDIRECTS,
    is_cut_off,
};
use crate::heads::{Heads, Seen};
use crate::output::Output;
use crate::progress::Progress;
use crate::range::{Fit, fit};
use crate::redirect::ends_connection;
use crate::report::Report;
use crate::request::{Kind, Plan, Template};
use crate::retry::{Retries, retry_after};

/// The shared state of a transfer's attempts.
pub(crate) struct Transfer<'a> {
    pub(crate) command: &'a Command,
    pub(crate) template: &'a Template<'a>,
    pub(crate) client: &'a Client,
    pub(crate) context: &'a Context,
}

/// One attempt of a transfer.
struct Attempt<'a> {
    command: &'a Command,
    client: &'a Client,
    output: &'a Arc<Mutex<Output>>,
    report: &'a mut Report,
    begun: Instant,
    call: Context,
}

/// The outcome of one request.
struct Answer {
    /// `None` if the connection ended within the head. curl treats that as a response without a body.
    response: Option<Response>,
    seen: Seen,
    sent: Arc<Progress>,
}

impl Transfer<'_> {
    /// Makes the transfer, reports it, and returns the exit code.
    pub(crate) fn run(&self, job: &Job) -> u8 {
        if self.context.is_done() {
            return INTERRUPTED;
        }
        let mut report = Report::new(&job.url);
        let outcome = self.persistently(job, &mut report);
        if let Err(failure) = &outcome {
            report.exit_code = failure.code;
            failure.tell(self.command);
        }
        if let Some(format) = &self.template.write_out {
            // After a write error the report may fail as well.
            let _ = stdout().write_all(report.fill(format).as_bytes());
        }
        report.exit_code
    }

    /// Makes as many attempts as `--retry` allows.
    fn persistently(&self, job: &Job, report: &mut Report) -> Result<(), Failure> {
        let mut retries = Retries::new(self.command.retries);
        let output = Arc::new(Mutex::new(Output::new(job, self.command.resume)?));
        loop {
            *report = Report::new(&job.url);
            let begun = Instant::now();
            let outcome = self.attempt(job, &output, report, begun);
            report.took = begun.elapsed();
            let Some(retry) = retries.next(&outcome, report) else { return outcome };
            if !self.command.silent {
                let (why, pause, left) = (retry.why, retry.pause.as_secs(), retry.left);
                eprintln!("fetch: {why}; retrying in {pause} s, {left} left");
            }
            output.lock().restart()?;
            if let Some(ended) = self.context.wait_timeout(retry.pause) {
                return Err(Error::from(ended).into());
            }
        }
    }

    fn attempt(
        &self,
        job: &Job,
        output: &Arc<Mutex<Output>>,
        report: &mut Report,
        begun: Instant,
    ) -> Result<(), Failure> {
        let call = match self.command.max_time {
            Some(limit) => self.context.child_with_timeout(limit),
            None => self.context.child(),
        };
        let plan = self.template.plan(job, output.lock().offset(), report)?;
        let (command, client) = (self.command, self.client);
        Attempt { command, client, output, report, begun, call }.make(plan)
    }
}

impl Attempt<'_> {
    /// Sends the request, follows its redirects, and saves the last response.
    fn make(mut self, mut plan: Plan) -> Result<(), Failure> {
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
            if !self.command.location {
                self.save(&plan, answer)?;
                self.report.redirect_url = Some(redirect_url);
                return Ok(());
            }
            self.skip(&plan, answer)?;
            if self.report.redirects >= self.command.max_redirects {
                self.report.redirect_url = Some(redirect_url);
                let why = format!("more than {} redirects", self.command.max_redirects);
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
        let gone = plan.payload.is_read_once() && self.report.uploaded > 0;
        let next = plan.redirected(status, to?, self.command.refers)?;
        if gone && next.payload.is_read_once() {
            let why = "the redirect needs the upload again, which cannot be read twice";
            return Err(Failure::new(NO_REWIND, why));
        }
        Ok(next)
    }

    /// Sends one request and shows its heads.
    fn exchange(&mut self, plan: &Plan) -> Result<Answer, Failure> {
        self.report.asks(plan);
        self.command.show_request(plan);
        let visible = self.shows_bar() && plan.kind == Kind::Put;
        let sent = Arc::new(Progress::new(visible, plan.payload.len()));
        // The library frames the body. A chunked body has no length.
        let mut headers = plan.headers();
        headers.remove(TRANSFER_ENCODING);
        let heads = Arc::new(Heads::new(self.command, self.output));
        let watching = Arc::clone(&heads);
        let answered = self
            .client
            .request(plan.method.clone(), plan.uri.clone())
            .headers(headers)
            .version(plan.version)
            .body(plan.payload.body(plan.is_chunked(), &sent)?)
            .context(&self.call)
            .on_raw_head(move |head| watching.see(head))
            .send();
        sent.finish();
        self.report.answered_in = self.begun.elapsed();
        self.report.uploaded = plan.payload.sent(&sent, answered.is_ok());
        let seen = heads.finish(answered.as_ref().ok())?;
        self.report.saw(&seen);
        let response = match answered {
            Ok(response) => Some(response),
            Err(error) if !is_cut_off(&error) => return Err(error.into()),
            Err(_) if seen.is_final() => None,
            Err(error) => return Err(Failure::new(EMPTY_REPLY, error)),
        };
        if let Some(response) = &response {
            self.report.answered(response);
            self.report.retry_after = retry_after(response.headers());
        }
        Ok(Answer { response, seen, sent })
    }

    /// Reads the body of a redirect, unless the connection ends with it.
    fn skip(&mut self, plan: &Plan, answer: Answer) -> Result<(), Failure> {
        let Some(mut response) = answer.response.filter(|response| !ends_connection(response))
        else {
            return Ok(());
        };
        let received = Progress::new(false, None);
        let outcome = copy(&mut response, &received, false, |_| Ok(()));
        self.report.downloaded = received.done();
        self.report.uploaded = plan.payload.sent(&answer.sent, true);
        // A body that is discarded may be incomplete.
        outcome.or_else(|failure| match failure.code {
            BODY_CUT_SHORT => Ok(()),
            _ => Err(failure),
        })
    }

    /// Writes the response to its destination while it arrives.
    fn save(&mut self, plan: &Plan, answer: Answer) -> Result<(), Failure> {
        let Some(mut response) = answer.response else { return self.output.lock().finish() };
        let status = response.status();
        if self.command.fail && status.as_u16() >= 400 {
            return Err(Failure::new(STATUS, format!("the server responded with {status}")));
        }
        if plan.kind == Kind::Head {
            return self.output.lock().finish();
        }
        let offset = self.output.lock().offset();
        let fit = match plan.kind {
            Kind::Get if offset > 0 => fit(offset, &response),
            _ => Fit::Continues,
        };
        if fit == Fit::Complete {
            return Ok(());
        }
        let saved = self.receive(&mut response, &fit, plan.kind);
        // An early response may have been read during the upload.
        self.report.uploaded = plan.payload.sent(&answer.sent, true);
        saved?;
        if let Some(trailers) = response.body_mut().take_trailers()
            && self.command.include
        {
            self.write_trailers(&trailers)?;
        }
        if status == StatusCode::NOT_MODIFIED {
            // A 304 must not leave an empty file.
            return Ok(());
        }
        self.output.lock().finish()
    }

    /// Reads the body, and writes it if it fits the existing part.
    fn receive(&mut self, response: &mut Response, fit: &Fit, kind: Kind) -> Result<(), Failure> {
        let bar = self.shows_bar() && kind != Kind::Put;
        let received = Progress::new(bar, response.body().len());
        let saved = copy(response, &received, self.command.compressed, |piece| match fit {
            Fit::Differs => Err(Failure::new(NO_RANGES, "the server does not send the rest")),
            Fit::NothingLeft | Fit::Complete => Ok(()),
            Fit::Continues => self.output.lock().write(piece),
        });
        received.finish();
        self.report.downloaded = if *fit == Fit::Differs { 0 } else { received.done() };
        saved
    }

    fn write_trailers(&self, trailers: &HeaderMap) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for (name, value) in trailers {
            h1::write_field(&mut lines, name, value.as_bytes());
        }
        self.output.lock().write(&lines)
    }

    /// Shows a bar only if the body itself does not go to the terminal.
    fn shows_bar(&self) -> bool {
        let seen = self.output.lock().is_stdout() && stdout().is_terminal();
        let by_itself = stderr().is_terminal() && !seen && self.command.parallel.is_none();
        self.command.progress_bar || (by_itself && !self.command.silent)
    }
}
