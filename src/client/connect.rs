//! Making a connection: everything that runs on a dialling thread, `hangup-dial`.
//!
//! ```text
//!   dial ──▶ TLS handshake ──▶ reader loop started ──▶ report(Result<Conn>)
//! ```
//!
//! Some of it may be the user's code: the resolver, the dialer, the verifier of certificates, the key log,
//! the session store. [`Report`] reports the outcome once, also if that code panics.

use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::conn::{Conn, ConnConfig, Owner};
use super::observe::CallEvent;
use super::pool::PendingDial;
use super::route::Route;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::h1::Limits;
use crate::net::{Dial, DialError, DialOptions, Dialed, Phase, Stream, dial};
use crate::sync;

/// The dialling thread's stack, in bytes. It also makes the TLS handshake and verifies certificates.
const DIAL_STACK: usize = 1024 * 1024;

/// Everything that a connection is made with.
pub(super) struct Connecting {
    pub(super) route: Route,
    pub(super) dial: DialOptions,
    /// Connects in place of the crate's own dialer.
    pub(super) dialer: Option<Arc<dyn Dial>>,
    pub(super) tls_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) response_limits: Limits,
    pub(super) owner: Weak<dyn Owner>,
    /// Ends the making, and shows its events.
    pub(super) pending: Arc<PendingDial>,
}

impl Connecting {
    /// Makes the connection on a separate thread, which calls `report` with the outcome.
    ///
    /// # Errors
    ///
    /// The operating system's, if no thread can be started. Then `report` is not called.
    pub(super) fn start(
        self,
        report: impl FnOnce(Result<Conn>) + Send + 'static,
    ) -> io::Result<()> {
        sync::spawn("hangup-dial", Some(DIAL_STACK), move || {
            sync::contain(|| {
                let mut report = Report { step: Step::Dial, send: Some(report) };
                let outcome = self.run(&mut report.step);
                report.send(outcome);
            });
        })?;
        Ok(())
    }

    fn run(self, step: &mut Step) -> Result<Conn> {
        let mut dialed = self.dial()?;
        *step = Step::Handshake;
        let begun = Instant::now();
        let mut secured_in = Duration::ZERO;
        if self.route.tls.is_some() {
            dialed.stream = self.secure(dialed.stream)?;
            secured_in = begun.elapsed();
        }
        *step = Step::Start;
        let Self { route, idle_timeout, response_limits, owner, .. } = self;
        let config = ConnConfig { route, secured_in, owner, idle_timeout, response_limits };
        Conn::start(dialed, config).map_err(|error| dial_error(DialError::System(error)))
    }

    fn dial(&self) -> Result<Dialed> {
        let target = self.route.dial_target();
        let Some(dialer) = &self.dialer else {
            let pending = Arc::clone(&self.pending);
            let watched = self.dial.clone().on_event(move |event| pending.watch.show_dial(event));
            return dial(&target, &watched, &self.pending.context).map_err(dial_error);
        };
        let whole = &self.pending.context;
        let context = match self.dial.connect_timeout {
            Some(limit) => whole.child_with_timeout(limit),
            None => whole.clone(),
        };
        let dialed = dialer.dial(&target, &context).map_err(|error| match context.is_done() {
            true if !whole.is_done() => Error::timeout(TimeLimit::Connect),
            _ => dial_error(error),
        })?;
        self.pending.watch.show(|| CallEvent::Connected { address: &dialed.remote });
        Ok(dialed)
    }

    /// Makes the TLS handshake, if the route is encrypted.
    fn secure(&self, stream: Stream) -> Result<Stream> {
        let Some(connector) = &self.route.tls else { return Ok(stream) };
        let (host, pending) = (&self.route.origin.host, &*self.pending);
        pending.watch.show(|| CallEvent::TlsBegun { host });
        let stream = connector.connect(stream, host, self.tls_timeout, &pending.context)?;
        if let Some(session) = stream.tls() {
            pending.watch.show(|| CallEvent::TlsDone { session: &session });
        }
        Ok(stream)
    }
}

/// The step that a dialling thread is at.
#[derive(Clone, Copy)]
enum Step {
    Dial,
    Handshake,
    Start,
}

/// Reports the outcome of making a connection. Dropped before that, as by a panic, it reports a failure.
struct Report<F: FnOnce(Result<Conn>)> {
    step: Step,
    /// Invariant: `Some` until the outcome is reported.
    send: Option<F>,
}

impl<F: FnOnce(Result<Conn>)> Report<F> {
    fn send(&mut self, outcome: Result<Conn>) {
        if let Some(send) = self.send.take() {
            send(outcome);
        }
    }
}

impl<F: FnOnce(Result<Conn>)> Drop for Report<F> {
    fn drop(&mut self) {
        let (kind, message) = match self.step {
            Step::Dial => (ErrorKind::Connect, "the dialer panicked"),
            Step::Start => (ErrorKind::Connect, "the dialling thread panicked"),
            Step::Handshake => {
                (ErrorKind::TlsHandshake, "a callback of the TLS configuration panicked")
            }
        };
        self.send(Err(Error::message(kind, message)));
    }
}

/// Returns the client's error for a failed dial.
pub(super) fn dial_error(error: DialError) -> Error {
    let kind = match &error {
        DialError::TimedOut(Phase::Resolve) | DialError::ResolverBusy { .. } => {
            ErrorKind::Timeout(TimeLimit::Resolve)
        }
        DialError::TimedOut(Phase::Connect) => ErrorKind::Timeout(TimeLimit::Connect),
        DialError::Resolve { .. } => ErrorKind::Resolve,
        DialError::Cancelled(ended) => return ended.clone().into(),
        _ => ErrorKind::Connect,
    };
    Error::with_source(kind, error)
}
