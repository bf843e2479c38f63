//! The response's body and its destination.

use std::io::{IsTerminal, stderr, stdout};

use hangup::http::header::CONTENT_ENCODING;
use hangup::http::{HeaderMap, StatusCode};
use hangup::{Response, ResponseExt, h1};

use crate::failure::{BODY_CUT_SHORT, Failure, NO_RANGES, STATUS, TOO_LARGE_FILE, UNKNOWN_CODING};
use crate::options::FailOn;
use crate::output::progress::Progress;
use crate::request::metered::Pace;
use crate::request::range::{Fit, fit};
use crate::request::redirect::ends_connection;
use crate::request::{Kind, Plan};
use crate::transfer::attempt::{Answer, Attempt};
use crate::transfer::body::copy;

impl Attempt<'_> {
    /// Reads the body of a redirect, unless the connection ends with it.
    pub(super) fn skip(&mut self, plan: &Plan, answer: Answer) -> Result<(), Failure> {
        let Some(mut response) = answer.response.filter(|response| !ends_connection(response))
        else {
            return Ok(());
        };
        let outcome = copy(&mut response, &answer.received, |_| Ok(()));
        self.report.downloaded = answer.received.done();
        self.report.uploaded = plan.payload.sent(&answer.sent, true);
        // A body that is discarded may be incomplete.
        outcome.or_else(|failure| match failure.code {
            BODY_CUT_SHORT => Ok(()),
            _ => Err(failure),
        })
    }

    /// Writes the response to its destination while it arrives.
    pub(super) fn save(&mut self, plan: &Plan, mut answer: Answer) -> Result<(), Failure> {
        let Some(mut response) = answer.response.take() else {
            return self.output.lock().finish();
        };
        let status = response.status();
        let saving = &self.shared.options.saving;
        let failed = status.as_u16() >= 400;
        let failure = || Failure::new(STATUS, format!("the server responded with {status}"));
        if failed && saving.fail == FailOn::Status {
            return Err(failure());
        }
        if saving.remote_header_name {
            self.output.lock().name_by(response.headers());
        }
        if plan.kind == Kind::Head {
            self.output.lock().finish()?;
        } else {
            let saved = self.save_body(plan, &mut response, &answer);
            // An error page that does not continue the file is an error page first.
            let is_page = |failure: &Failure| failure.code == NO_RANGES && failed;
            match saved {
                Err(failed) if is_page(&failed) && saving.fail == FailOn::StatusWithBody => {}
                saved => saved?,
            }
        }
        match failed && saving.fail == FailOn::StatusWithBody {
            true => Err(failure()),
            false => Ok(()),
        }
    }

    fn save_body(
        &mut self,
        plan: &Plan,
        response: &mut Response,
        answer: &Answer,
    ) -> Result<(), Failure> {
        let offset = self.output.lock().offset();
        let fit = match plan.kind {
            Kind::Get if offset > 0 => fit(offset, response),
            _ => Fit::Continues,
        };
        if fit == Fit::Complete {
            return Ok(());
        }
        let saved = self.receive(response, &fit, &answer.received);
        // An early response may have been read during the upload.
        self.report.uploaded = plan.payload.sent(&answer.sent, true);
        saved?;
        if let Some(trailers) = response.body_mut().take_trailers() {
            self.write_trailers(&trailers)?;
        }
        if response.status() == StatusCode::NOT_MODIFIED {
            // A 304 must not leave an empty file.
            return Ok(());
        }
        self.output.lock().finish()
    }

    /// Reads the body, and writes it if it fits the existing part.
    fn receive(
        &mut self,
        response: &mut Response,
        fit: &Fit,
        received: &Progress,
    ) -> Result<(), Failure> {
        let options = self.shared.options;
        let length = match response.encoded() {
            Some(encoded) => encoded.content_length(),
            None => response.body().len(),
        };
        let unknown = options.request.compressed && has_unknown_coding(response);
        let most = options.saving.max_file_size.unwrap_or(u64::MAX);
        let too_large = || Failure::new(TOO_LARGE_FILE, "the body exceeds --max-filesize");
        if length.is_some_and(|length| length > most) {
            return Err(too_large());
        }
        received.expect(length);
        let mut pace = options.timing.rate.map(|rate| Pace::new(rate, &self.call));
        let saved = copy(response, received, |piece| {
            if unknown {
                return Err(Failure::new(UNKNOWN_CODING, "unknown content coding"));
            }
            if let Some(pace) = &mut pace {
                pace.spend(piece.len())?;
            }
            self.shared.tracer.data_in(piece);
            match fit {
                _ if received.done() > most => Err(too_large()),
                Fit::Differs => Err(Failure::new(NO_RANGES, "the server does not send the rest")),
                Fit::NothingLeft | Fit::Complete => Ok(()),
                Fit::Continues => self.output.lock().write(piece),
            }
        });
        self.report.downloaded = if *fit == Fit::Differs { 0 } else { received.done() };
        saved
    }

    fn write_trailers(&self, trailers: &HeaderMap) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for (name, value) in trailers {
            h1::write_field(&mut lines, name, value.as_bytes());
        }
        self.heads.write(&lines)
    }

    /// Returns a counter. It shows a bar if this is the `main` direction of the transfer and the body
    /// itself does not go to the terminal.
    pub(super) fn progress(&self, total: Option<u64>, main: bool) -> Progress {
        let general = self.transfer.general;
        let seen = self.output.lock().path().is_none() && stdout().is_terminal();
        let by_itself = stderr().is_terminal() && !seen && !general.no_meter;
        match self.transfer.bar {
            _ if !main => Progress::hidden(),
            Some(bar) => {
                let progress = Progress::shown(bar);
                progress.expect(total);
                progress
            }
            None if general.silent || general.parallel => Progress::hidden(),
            None if general.progress_bar || by_itself => Progress::alone(total),
            None => Progress::hidden(),
        }
    }
}

/// Returns `true` if the client has not decoded the body because it does not know its coding.
fn has_unknown_coding(response: &Response) -> bool {
    let values = response.headers().get_all(CONTENT_ENCODING).into_iter();
    let mut words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.any(|word| {
        let word = word.trim_ascii();
        !word.is_empty() && !word.eq_ignore_ascii_case(b"identity")
    })
}
