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
use super::route::Route;
use crate::context::Context;
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
    /// Ends the making.
    pub(super) context: Context,
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
            return dial(&target, &self.dial, &self.context).map_err(dial_error);
        };
        let context = match self.dial.connect_timeout {
            Some(limit) => self.context.child_with_timeout(limit),
            None => self.context.clone(),
        };
        dialer.dial(&target, &context).map_err(|error| match context.is_done() {
            true if !self.context.is_done() => Error::timeout(TimeLimit::Connect),
            _ => dial_error(error),
        })
    }

    /// Makes the TLS handshake, if the route is encrypted.
    fn secure(&self, stream: Stream) -> Result<Stream> {
        let Some(connector) = &self.route.tls else { return Ok(stream) };
        connector.connect(stream, &self.route.origin.host, self.tls_timeout, &self.context)
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
