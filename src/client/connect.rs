//! Making a connection: everything that runs on a dialling thread, `hangup-dial`.
//!
//! ```text
//!   dial ──▶ [TLS to the proxy] ──▶ [tunnel] ──▶ [TLS to the origin] ──▶ reader loop ──▶ report
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
use super::proxy::{Host, Proxy, ProxyError};
use super::route::Route;
use super::tunnel::TunnelOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::h1::Limits;
use crate::logging as log;
use crate::net::tls::Connector;
use crate::net::{Buffer, Dial, DialError, DialOptions, Dialed, Phase, Stream, dial};
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
    pub(super) tunnel: TunnelOptions,
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
        let Reached { mut dialed, received, tunnelled_in } = match self.route.proxy() {
            Some(proxy) => self.reach_through(proxy, step)?,
            None => self.dial()?.into(),
        };
        *step = Step::Handshake;
        let mut secured_in = Duration::ZERO;
        if let Some(connector) = &self.route.tls {
            let begun = Instant::now();
            dialed.stream = self.secure(connector, dialed.stream, received)?;
            secured_in = begun.elapsed();
        }
        *step = Step::Start;
        let Self { route, idle_timeout, response_limits, owner, .. } = self;
        let config =
            ConnConfig { route, tunnelled_in, secured_in, owner, idle_timeout, response_limits };
        Conn::start(dialed, config).map_err(|error| Error::from(DialError::System(error)))
    }

    /// Makes a connection through a proxy. If a SOCKS proxy cannot connect to an address of the origin,
    /// another one is tried.
    fn reach_through(&self, proxy: &Proxy, step: &mut Step) -> Result<Reached> {
        let mut hosts = self.tunnel.hosts(&self.route, &self.pending.context)?.into_iter();
        loop {
            let host = hosts.next();
            match self.open_tunnel(proxy, host, step) {
                Err(error) if hosts.len() > 0 && ProxyError::is_of_address(&error) => {
                    log::debug!("{}: another address is tried: {error}", self.route);
                }
                reached => return reached,
            }
        }
    }

    fn open_tunnel(&self, proxy: &Proxy, host: Option<Host>, step: &mut Step) -> Result<Reached> {
        *step = Step::Dial;
        let mut dialed = self.dial()?;
        *step = Step::Proxy;
        let begun = Instant::now();
        dialed.stream = self.tunnel.secure(dialed.stream, proxy, &self.pending)?;
        let received = self.tunnel.open(&dialed.stream, &self.route, host, &self.pending)?;
        Ok(Reached { dialed, received, tunnelled_in: begun.elapsed() })
    }

    /// Makes the TLS handshake with the origin. `received` has come behind the proxy's last message.
    fn secure(&self, connector: &Connector, stream: Stream, received: Buffer) -> Result<Stream> {
        let (host, limit, pending) = (&self.route.origin.host, self.tls_timeout, &self.pending);
        pending.watch.show(|| CallEvent::TlsBegun { host });
        let stream = connector.connect_behind(stream, received, host, limit, &pending.context)?;
        if let Some(session) = stream.tls() {
            pending.watch.show(|| CallEvent::TlsDone { session: &session });
        }
        Ok(stream)
    }

    fn dial(&self) -> Result<Dialed> {
        let target = self.route.dial_target();
        let Some(dialer) = &self.dialer else {
            let pending = Arc::clone(&self.pending);
            let watched = self.dial.clone().on_event(move |event| pending.watch.show_dial(event));
            let dialed = dial(&target, &watched, &self.pending.context);
            return dialed.map_err(|error| self.dial_error(error));
        };
        let whole = &self.pending.context;
        let context = match self.dial.connect_timeout {
            Some(limit) => whole.child_with_timeout(limit),
            None => whole.clone(),
        };
        let dialed = dialer.dial(&target, &context).map_err(|error| match context.is_done() {
            true if !whole.is_done() => self.dial_error(DialError::TimedOut(Phase::Connect)),
            _ => self.dial_error(error),
        })?;
        self.pending.watch.show(|| CallEvent::Connected { address: &dialed.remote });
        Ok(dialed)
    }

    /// Returns the client's error for a failed dial, which names the proxy if it led to one.
    fn dial_error(&self, error: DialError) -> Error {
        match (self.route.proxy(), error.kind()) {
            (Some(proxy), Some(kind)) => ProxyError::dial(proxy.address(), kind, error),
            _ => error.into(),
        }
    }
}

/// A connection that leads to the origin, or to a proxy that forwards its requests.
struct Reached {
    dialed: Dialed,
    /// The bytes behind the proxy's last message. Empty without TLS to the origin.
    received: Buffer,
    tunnelled_in: Duration,
}

impl From<Dialed> for Reached {
    fn from(dialed: Dialed) -> Self {
        Self { dialed, received: Buffer::default(), tunnelled_in: Duration::ZERO }
    }
}

/// The step that a dialling thread is at.
#[derive(Clone, Copy)]
enum Step {
    Dial,
    Proxy,
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
            Step::Proxy => (ErrorKind::Proxy, "a callback of the TLS configuration panicked"),
            Step::Start => (ErrorKind::Connect, "the dialling thread panicked"),
            Step::Handshake => {
                (ErrorKind::TlsHandshake, "a callback of the TLS configuration panicked")
            }
        };
        self.send(Err(Error::message(kind, message)));
    }
}
