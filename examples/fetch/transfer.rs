//! One URL, from the request to the last byte of its answer.

use std::io::{IsTerminal, Read, Write, stderr, stdout};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hangup::h1;
use hangup::http::header::{EXPECT, RETRY_AFTER};
use hangup::http::{HeaderMap, StatusCode};
use hangup::{Client, Context, Error, Response, ResponseExt};

use crate::INTERRUPTED;
use crate::command::{Command, Job};
use crate::failure::{Failure, NO_RANGES, NOT_RESOLVED, STATUS, TIMED_OUT};
use crate::output::Output;
use crate::progress::Progress;
use crate::report::Report;
use crate::request::{Plan, Template};
use crate::verbose::show_head;

/// How much of a body is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The pause before the first retry. Each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// What a transfer is made with.
pub(crate) struct Transfer<'a> {
    pub(crate) command: &'a Command,
    pub(crate) template: &'a Template<'a>,
    pub(crate) client: &'a Client,
    pub(crate) context: &'a Context,
}

/// Why an attempt has not come to its end.
enum Setback {
    Failed(Failure),
    /// Another attempt may do better, not before this time has passed if the server says so.
    Transient(String, Option<Duration>),
}

impl<E: Into<Failure>> From<E> for Setback {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Transfer<'_> {
    /// Makes the transfer and tells how it went; returns the exit code.
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
            // After a write error there may be nobody to tell.
            let _ = stdout().write_all(report.fill(format).as_bytes());
        }
        report.exit_code
    }

    /// As many attempts as `--retry` allows.
    fn persistently(&self, job: &Job, report: &mut Report) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        for left in (0..=self.command.retries).rev() {
            *report = Report::new(&job.url);
            let begun = Instant::now();
            let outcome = self.attempt(job, report, begun, left > 0);
            report.took = begun.elapsed();
            let (why, after) = match outcome {
                Ok(()) => return Ok(()),
                Err(Setback::Failed(failure)) => match failure.code {
                    TIMED_OUT | NOT_RESOLVED if left > 0 => (failure.message, None),
                    _ => return Err(failure),
                },
                Err(Setback::Transient(why, after)) => (why, after),
            };
            let after = after.unwrap_or(pause);
            if !self.command.silent {
                eprintln!("fetch: {why}; trying again in {} s, {left} left", after.as_secs());
            }
            if let Some(ended) = self.context.wait_timeout(after) {
                return Err(Error::from(ended).into());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("the last attempt returns")
    }

    fn attempt(
        &self,
        job: &Job,
        report: &mut Report,
        begun: Instant,
        may_retry: bool,
    ) -> Result<(), Setback> {
        let mut output = Output::new(job, self.command.resume)?;
        let mut plan = self.template.plan(job, output.offset())?;
        report.method = plan.method.clone();
        report.url = plan.uri.to_string();
        let call = match self.command.max_time {
            Some(limit) => self.context.child_with_timeout(limit),
            None => self.context.child(),
        };
        let sent = Arc::new(Progress::new(
            self.shows_bar(&output) && job.upload.is_some(),
            plan.payload.len(),
        ));
        let mut answered = self.send(&plan, &call, &sent, report, &mut output);
        if plan.expects && status(&answered) == Some(StatusCode::EXPECTATION_FAILED) {
            // A server from before 1999: then without being asked.
            plan.headers.remove(EXPECT);
            answered = self.send(&plan, &call, &sent, report, &mut output);
        }
        sent.finish();
        report.uploaded = plan.payload.sent(&sent, answered.is_ok());
        report.answered_in = begun.elapsed();
        let mut response = answered?;
        if may_retry && is_transient(response.status()) {
            let why = format!("the server answers {}", response.status());
            return Err(Setback::Transient(why, retry_after(response.headers())));
        }
        let bar = self.shows_bar(&output) && job.upload.is_none();
        let saved = self.save(&mut response, &mut output, report, bar);
        // An early answer may have been read while the upload went on.
        report.uploaded = plan.payload.sent(&sent, true);
        saved?;
        Ok(output.finish()?)
    }

    /// Sends the request and follows redirects, showing what passes by.
    fn send(
        &self,
        plan: &Plan,
        call: &Context,
        sent: &Arc<Progress>,
        report: &mut Report,
        output: &mut Output,
    ) -> Result<Response, Failure> {
        self.command.show_request(plan);
        let mut written = Ok(());
        let verbose = self.command.verbose;
        let request = self
            .client
            .request(plan.method.clone(), plan.uri.clone())
            .headers(plan.headers.clone())
            .version(plan.version)
            .body(plan.payload.body(plan.is_chunked(), sent)?)
            .context(call)
            .on_informational(move |status, headers| {
                if verbose {
                    show_head('<', &format!("HTTP/1.1 {status}"), headers);
                }
            })
            .on_redirect(|response, next| {
                report.answered(response);
                report.redirects += 1;
                self.command.show_response(response);
                if written.is_ok() {
                    written = self.write_head(response, output);
                }
                plan.insist(next);
                self.command.show_next(next);
            });
        let response = request.send()?;
        written?;
        report.answered(&response);
        self.command.show_response(&response);
        Ok(response)
    }

    /// Writes the answer to where it belongs, as it comes.
    fn save(
        &self,
        response: &mut Response,
        output: &mut Output,
        report: &mut Report,
        bar: bool,
    ) -> Result<(), Failure> {
        self.write_head(response, output)?;
        let status = response.status();
        if output.offset() > 0 {
            match status {
                // There is nothing behind what we have.
                StatusCode::RANGE_NOT_SATISFIABLE => return Ok(()),
                StatusCode::OK => {
                    let why =
                        "the server sends the whole, and cannot go on where it was broken off";
                    return Err(Failure::new(NO_RANGES, why));
                }
                _ => {}
            }
        }
        if self.command.fail && status.as_u16() >= 400 {
            return Err(Failure::new(STATUS, format!("the server answers {status}")));
        }
        let received = Progress::new(bar, response.body().len());
        let copied = copy(response, output, &received);
        received.finish();
        report.downloaded = received.done();
        copied
    }

    fn write_head(&self, response: &Response, output: &mut Output) -> Result<(), Failure> {
        if !self.command.include && !self.command.head {
            return Ok(());
        }
        let mut head = Vec::new();
        let (version, status) = (response.version(), response.status());
        let reason = response.reason();
        h1::write_response_head(&mut head, version, status, reason, response.headers())
            .map_err(Failure::not_written)?;
        output.write(&head)
    }

    /// A bar is for people who do not see the body itself.
    fn shows_bar(&self, output: &Output) -> bool {
        let seen = output.is_stdout() && stdout().is_terminal();
        let by_itself = stderr().is_terminal() && !seen && self.command.parallel.is_none();
        self.command.progress_bar || (by_itself && !self.command.silent)
    }
}

fn copy(response: &mut Response, output: &mut Output, received: &Progress) -> Result<(), Failure> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = response.body_mut().read(&mut piece);
        match read.map_err(|error| Failure::in_body(error.into()))? {
            0 => return Ok(()),
            count => {
                output.write(&piece[..count])?;
                received.add(count);
            }
        }
    }
}

fn status(answered: &Result<Response, Failure>) -> Option<StatusCode> {
    answered.as_ref().ok().map(Response::status)
}

fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long the server wants to be left alone: seconds, or a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            Some(date.duration_since(SystemTime::now()).unwrap_or_default())
        }
    }
}
