//! One exchange, from the caller's side, by one of three ways. Neither the peer nor the caller can tell
//! them apart.
//!
//! | way | who writes | who reads | taken |
//! | --- | --- | --- | --- |
//! | short | the caller | the caller | the request is in memory and fits into the socket's buffer |
//! | beside | the writer loop | the caller | it is not, and neither a 100 nor a limit for sending is awaited |
//! | full | the writer loop | the reader loop | with `Expect: 100-continue`; with a limit for sending, if the caller cannot write it all; after a failed write, for a response that was sent before |
//!
//! * On the short way no thread is woken.
//! * On the way beside, one thread is woken, once. The caller is in a read and cannot select, so the
//!   writer loop reaches it through the connection: a failure to send closes it, and the end of sending
//!   sets the deadline for the response head.
//! * On the full way the caller [waits](super::wait) for the first of several events.
//!
//! On each way the end of the call's context closes the connection, which ends every wait for it.
//!
//! The way beside is worth its code. A POST of 1 KiB from a reader over loopback takes 97 µs by it in
//! the median, 78 µs of CPU time and 13 400 instructions. By the full way it takes 147 µs, 188 µs and
//! 37 200 instructions. With bodies of 1 MiB the difference is lost in the noise.

use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use super::failure::Failure;
use super::head::read_head;
use super::messages::{
    ExchangeId, Expectation, Expected, ReceivedResponse, ReplyError, ReportTo, Unwritten, WriteJob,
};
use super::outgoing::Outgoing;
use super::response::complete;
use super::send::{Unsent, send_now};
use super::shared::{Conn, Shared, close_reason};
use super::wait::{Progress, Wait};
use super::watch::{Sending, Watch};
use crate::client::options::CallOptions;
use crate::context::{Context, HookGuard};
use crate::error::{Error, ErrorKind};
use crate::h1::CloseReason;
use crate::sync::channel::bounded;

impl Conn {
    /// Sends a request and waits for the head of its response, in an exchange that was
    /// [begun](Conn::begin). Closes the connection if that fails.
    ///
    /// # Panics
    ///
    /// If a callback for response heads does, on the ways on which the caller reads.
    ///
    /// # Blocking
    ///
    /// Until the response head has been read, the connection fails, the context ends, or a time limit
    /// runs out.
    pub(in crate::client) fn round_trip(
        &self,
        id: ExchangeId,
        outgoing: Outgoing,
        options: &CallOptions,
    ) -> Result<ReceivedResponse, Failure> {
        let Outgoing { method, head, body, framing, closes, expect } = outgoing;
        let shared = &self.0;
        let unwinding = CloseOnUnwind { shared, id };
        let watch = watch(options);
        let sending = watch.as_ref().map(|watch| Sending::new(watch, &head, &body));
        let unsent = send_now(shared, head, body, framing, expect);
        if let (Some(sending), None) = (&sending, &unsent) {
            sending.sent_at_once();
        }
        let expected = Expected {
            id,
            method,
            closes,
            watch,
            proceed: None,
            hook: options.context.as_ref().map(|context| close_when_done(shared, id, context)),
            idle_read: options.idle_read,
        };
        let outcome = match unsent {
            None => short_way(shared, expected, options),
            Some(Unsent::Unwritten(unwritten, None)) if options.send.is_none() => {
                way_beside(shared, expected, options, unwritten, sending)
            }
            Some(unsent) => full_way(shared, expected, options, unsent, sending),
        };
        std::mem::forget(unwinding);
        if let Err(Failure { error, .. }) = &outcome {
            // Before a response that arrives at the same moment is dropped, so that its body does not
            // drain the connection.
            shared.close_in(id, error.clone(), close_reason(error));
        }
        outcome
    }
}

/// Closes the connection on behalf of the exchange when its call's context ends, which ends every wait
/// for the connection.
fn close_when_done(shared: &Arc<Shared>, id: ExchangeId, context: &Context) -> HookGuard {
    let shared = Arc::downgrade(shared);
    context.on_done(move |ended| {
        let Some(shared) = shared.upgrade() else { return };
        let error = Error::from(ended.clone());
        let reason = close_reason(&error);
        shared.close_in(id, error, reason);
    })
}

/// The caller has written the request, and reads the response.
fn short_way(
    shared: &Arc<Shared>,
    expected: Expected,
    options: &CallOptions,
) -> Result<ReceivedResponse, Failure> {
    if let Some(speed) = expected.speed() {
        speed.sent(&shared.stream);
    } else if let Some(limit) = options.response_head {
        shared.stream.set_read_deadline(Instant::now().checked_add(limit));
    }
    read_here(shared, expected, options, SentBy::Caller).map_err(Failure::of_reading)
}

/// The writer loop sends the rest of the request while the caller reads the response.
fn way_beside(
    shared: &Arc<Shared>,
    expected: Expected,
    options: &CallOptions,
    unwritten: Unwritten,
    sending: Option<Sending>,
) -> Result<ReceivedResponse, Failure> {
    let id = expected.id;
    {
        let mut lifecycle = shared.lifecycle.lock();
        lifecycle.begin_sending();
        lifecycle.await_head(true);
    }
    let report_to = ReportTo::Reading { id, response_head: options.response_head };
    let idle = options.idle_write;
    let started = shared.write_later(WriteJob { unwritten, sending, idle, report_to });
    started
        .map_err(|error| ReplyError { error, begun: false })
        .and_then(|()| read_here(shared, expected, options, SentBy::WriterLoop))
        .map_err(|failed| Failure::of_exchange(shared, id, failed))
}

/// The party that sends the request while the caller reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SentBy {
    Caller,
    WriterLoop,
}

/// Reads the response on the caller's thread.
fn read_here(
    shared: &Arc<Shared>,
    expected: Expected,
    options: &CallOptions,
    sent_by: SentBy,
) -> Result<ReceivedResponse, ReplyError> {
    let (stream, id) = (&shared.stream, expected.id);
    let speed = expected.speed().cloned();
    let limited = options.response_head.is_some() || speed.is_some();
    let read = |buf: &mut [u8]| match (&speed, limited) {
        // Takes one system call less.
        (None, false) => stream.read_for(buf, None),
        (None, true) => (&mut &*stream).read(buf),
        (Some(speed), _) => {
            let due = |sent: Option<Instant>| sent?.checked_add(options.response_head?);
            speed.read(stream, due, || (&mut &*stream).read(buf))
        }
    };
    let (head, buffer) = read_head(shared, &expected, shared.take_buffer(), read)?;
    if limited || sent_by == SentBy::WriterLoop {
        // Under the lock, so that the writer loop sets no deadline after this.
        let mut lifecycle = shared.lifecycle.lock();
        lifecycle.await_head(false);
        stream.set_read_deadline(None);
    }
    let (response, next) = complete(shared, expected, head, buffer)?;
    next.take(shared, id);
    Ok(response)
}

/// The writer loop sends the rest of the request, the reader loop reads the response, and the caller
/// waits for both.
fn full_way(
    shared: &Arc<Shared>,
    mut expected: Expected,
    options: &CallOptions,
    unsent: Unsent,
    sending: Option<Sending>,
) -> Result<ReceivedResponse, Failure> {
    let id = expected.id;
    let (reply, replies) = bounded(1);
    let (report, sent) = bounded(1);
    // The lifecycle has to say that the request is not sent before the reader loop reads.
    let job = match unsent {
        Unsent::Unwritten(unwritten, release) => {
            shared.lifecycle.lock().begin_sending();
            expected.proceed = release;
            let idle = options.idle_write;
            Some(WriteJob { unwritten, sending, idle, report_to: ReportTo::Caller(report) })
        }
        Unsent::Failed(error) => {
            shared.end_sending(Err(error));
            None
        }
    };
    // A reader loop that has ended has closed the connection, which ends the wait.
    let _ = shared.expectations.send(Expectation { expected, reply });
    let progress = match job.map(|job| shared.write_later(job)) {
        Some(Ok(())) => Progress::sending(options),
        Some(Err(_)) | None => Progress::failed(),
    };
    Wait { shared, id, options, replies, sent, progress }.run()
}

/// Closes the connection of a caller whose thread unwinds out of its exchange. A callback for response
/// heads may panic, and so may code that TLS calls. Forgotten when the exchange has ended.
struct CloseOnUnwind<'a> {
    shared: &'a Arc<Shared>,
    id: ExchangeId,
}

impl Drop for CloseOnUnwind<'_> {
    fn drop(&mut self) {
        let error = Error::message(ErrorKind::Other, "the calling thread panicked");
        self.shared.close_in(self.id, error, CloseReason::Cancelled);
    }
}

/// Returns the parties that watch an exchange with these options, if there are any.
#[inline]
fn watch(options: &CallOptions) -> Option<Box<Watch>> {
    let CallOptions { on_informational, on_raw_head, .. } = options;
    match options.extras().is_some() || on_informational.is_some() || on_raw_head.is_some() {
        true => watch_rare(options),
        false => None,
    }
}

/// Not inlined, since few calls come here.
#[inline(never)]
fn watch_rare(options: &CallOptions) -> Option<Box<Watch>> {
    let watch = Watch {
        on_informational: options.on_informational.clone(),
        on_raw_head: options.on_raw_head.clone(),
        trace: options.trace().cloned(),
        speed: options.speed(),
    };
    let Watch { on_informational, on_raw_head, trace, speed } = &watch;
    let shows = on_informational.is_some() || on_raw_head.is_some() || trace.is_some();
    (shows || speed.is_some()).then(|| Box::new(watch))
}
