//! Making a connection: all that runs on a dialling thread, `hangup-dial`.
//!
//! Some of it may be the user's code: the verifier of certificates, the key log, the session store.
//! Whatever happens there, the outcome is reported once: see [`InFlight`].

use std::io;
use std::time::{Duration, Instant};

use super::target::Key;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::net::{DialError, DialOptions, Dialed, Phase, dial};
use crate::sync;

/// The dialling thread's stack, in bytes: it also makes the TLS handshake, and verifies certificates.
const DIAL_STACK: usize = 1024 * 1024;

/// A connection that is ready for HTTP.
pub(super) struct Connected {
    pub(super) dialed: Dialed,
    /// How long the TLS handshake took; zero without TLS.
    pub(super) secured_in: Duration,
}

/// How a connection is made, and what ends the making.
pub(super) struct Connecting {
    pub(super) key: Key,
    pub(super) options: DialOptions,
    pub(super) tls_timeout: Option<Duration>,
    pub(super) context: Context,
}

impl Connecting {
    /// Makes the connection on a separate thread, which calls `report` with the outcome.
    ///
    /// # Errors
    ///
    /// The operating system's, if there is no room for a thread. Then `report` is not called.
    pub(super) fn start(
        self,
        report: impl FnOnce(Result<Connected>) + Send + 'static,
    ) -> io::Result<()> {
        sync::spawn("hangup-dial", Some(DIAL_STACK), move || {
            sync::contain(|| {
                let mut in_flight = InFlight { step: Step::Dial, report: Some(report) };
                let outcome = self.run(&mut in_flight.step);
                in_flight.land(outcome);
            });
        })?;
        Ok(())
    }

    fn run(&self, step: &mut Step) -> Result<Connected> {
        let Self { key, options, tls_timeout, context } = self;
        let mut dialed = dial(&key.dial_target(), options, context).map_err(dial_error)?;
        let Some(connector) = &key.tls else {
            return Ok(Connected { dialed, secured_in: Duration::ZERO });
        };
        *step = Step::Handshake;
        let begun = Instant::now();
        dialed.stream = connector.connect(dialed.stream, &key.host, *tls_timeout, context)?;
        *step = Step::Dial;
        Ok(Connected { dialed, secured_in: begun.elapsed() })
    }
}

/// How far a dial is.
enum Step {
    Dial,
    Handshake,
}

/// A dial whose outcome is still to be reported. Dropped before that, as by a panic, it reports a
/// failure.
struct InFlight<F: FnOnce(Result<Connected>)> {
    step: Step,
    /// Invariant: there until the outcome is reported.
    report: Option<F>,
}

impl<F: FnOnce(Result<Connected>)> InFlight<F> {
    fn land(&mut self, outcome: Result<Connected>) {
        if let Some(report) = self.report.take() {
            report(outcome);
        }
    }
}

impl<F: FnOnce(Result<Connected>)> Drop for InFlight<F> {
    fn drop(&mut self) {
        let error = match self.step {
            Step::Dial => Error::message(ErrorKind::Connect, "the dialling thread panicked"),
            Step::Handshake => {
                let message = "a callback of the TLS configuration panicked";
                Error::message(ErrorKind::TlsHandshake, message)
            }
        };
        self.land(Err(error));
    }
}

/// The client's error for a failed dial.
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
