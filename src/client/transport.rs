//! One request, one answer: get a connection, exchange, decide on a retry.

#[cfg(all(test, hangup_shuttle))]
mod model;

use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;

use super::conn::{Answer, AnswerBody, Conn, ConnFacts, Failure, Home, Making, Patience, Turn};
use super::fields::{DefaultFields, Fields};
use super::outgoing::prepare;
use super::pool::{Checkout, Limits, Pool, Return};
use super::retry::{Attempt, may_retry};
use super::target::Key;
use super::want::{Granted, Want};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::h1::{self, CloseReason};
use crate::net::tls::Connector;
use crate::net::{DialError, DialOptions, Dialed, Phase, dial};
use crate::sync::channel::{never, select};
use crate::sync::{self, Mutex};

/// The dialling thread's stack, in bytes: it also makes the TLS handshake, and verifies certificates.
const DIAL_STACK: usize = 1024 * 1024;

/// What a client's connections are made and kept with.
pub(super) struct TransportOptions {
    pub(super) limits: Limits,
    pub(super) dial: DialOptions,
    pub(super) tls_timeout: Option<Duration>,
    pub(super) unix: Option<Arc<Path>>,
    pub(super) response_limits: h1::Limits,
    pub(super) expect_timeout: Duration,
}

/// A client's connections.
pub(super) struct Transport {
    inner: Arc<Inner>,
}

struct Inner {
    options: TransportOptions,
    pool: Mutex<Pool<Key, Conn>>,
    /// Ends with the transport, and with it every dial.
    context: Context,
    /// Itself, for the threads and connections it starts.
    this: Weak<Inner>,
}

/// A connection that was taken into use.
struct Taken {
    conn: Conn,
    turn: Turn,
    /// Whether it had waited in the pool.
    was_idle: bool,
}

/// An answer, and what is known of how it came.
pub(super) struct Exchanged {
    pub(super) answer: Answer,
    pub(super) facts: Arc<ConnFacts>,
    /// Whether the connection had been used before.
    pub(super) reused: bool,
    /// When the request was handed to the connection.
    pub(super) begun: Instant,
}

impl Transport {
    pub(super) fn new(options: TransportOptions) -> Self {
        let pool = Mutex::new(Pool::new(options.limits.clone()));
        let inner = Arc::new_cyclic(|this| Inner {
            options,
            pool,
            context: Context::new(),
            this: Weak::clone(this),
        });
        Self { inner }
    }

    /// Sends the request, with the `defaults` that it does not set itself, and sends it again where that
    /// is safe and the connection was at fault.
    pub(super) fn round_trip(
        &self,
        parts: &Parts,
        defaults: &DefaultFields,
        mut body: Body,
        patience: &Patience,
        connector: Option<&Connector>,
    ) -> Result<Exchanged> {
        let options = &self.inner.options;
        let key = Key::of(&parts.uri, connector, options.unix.as_ref())?;
        let fields = Fields::new(&parts.headers, defaults);
        loop {
            if let Some(ended) = patience.context.as_ref().and_then(Context::err) {
                return Err(ended.into());
            }
            let again = body.try_clone();
            let outgoing = prepare(parts, fields, body, options.expect_timeout)?;
            let Taken { conn, turn, was_idle } = self.inner.connection(&key, patience)?;
            let begun = Instant::now();
            let failure = match conn.round_trip(turn, outgoing, patience) {
                Ok(answer) => {
                    let (facts, reused) = (Arc::clone(conn.facts()), !turn.is_first());
                    return Ok(Exchanged { answer, facts, reused, begun });
                }
                Err(failure) => failure,
            };
            let Failure { error, nothing_written, answer_begun, connection_failed } = failure;
            let reused = was_idle || !turn.is_first();
            let attempt = Attempt { reused, nothing_written, answer_begun, connection_failed };
            match again.filter(|_| may_retry(attempt, &parts.method, fields)) {
                Some(again) => {
                    log::debug!("{key}: sent again on another connection: {error}");
                    body = again;
                }
                None => return Err(error),
            }
        }
    }

    /// Closes the idle connections.
    pub(super) fn close_idle(&self) {
        let idle = self.inner.pool.lock().drain();
        close_all(idle);
    }

    pub(super) fn waiting(&self) -> usize {
        self.inner.pool.lock().waiting()
    }

    pub(super) fn idle(&self) -> usize {
        self.inner.pool.lock().idle()
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.inner.context.cancel_with("the client was dropped");
        let idle = self.inner.pool.lock().close();
        close_all(idle);
    }
}

fn close_all(idle: Vec<Conn>) {
    for conn in idle {
        conn.close(Error::new(ErrorKind::Closed), CloseReason::ShuttingDown);
    }
}

impl Inner {
    /// Gets a connection that is ready for an exchange.
    ///
    /// # Blocking
    ///
    /// Until one is idle or has been made; ended by the call's context and the dial's time limits.
    fn connection(&self, key: &Key, patience: &Patience) -> Result<Taken> {
        loop {
            let checkout = self.pool.lock().checkout(key);
            let (want, granted) = match checkout {
                Checkout::Idle(conn) => match conn.begin() {
                    Some(turn) => return Ok(Taken { conn, turn, was_idle: true }),
                    // It had gone stale in the pool: the next one.
                    None => continue,
                },
                Checkout::Queued { want, granted, dial } => {
                    if dial {
                        self.dial_for(key, &want);
                    }
                    (want, granted)
                }
                Checkout::Closed => return Err(Error::new(ErrorKind::Closed)),
            };
            let nothing = never();
            let done = patience.context.as_ref().map_or(&nothing, Context::done);
            let outcome = select! {
                recv(granted) -> outcome => outcome.ok(),
                recv(done) -> _ => None,
            };
            let Some(outcome) = outcome else {
                return Err(self.give_up(key, &want, &granted, patience));
            };
            let conn = outcome?;
            if let Some(turn) = conn.begin() {
                return Ok(Taken { conn, turn, was_idle: false });
            }
        }
    }

    /// The call has ended before it had a connection: what comes for it later is somebody else's.
    fn give_up(
        &self,
        key: &Key,
        want: &Arc<Want<Conn>>,
        granted: &Granted<Conn>,
        patience: &Patience,
    ) -> Error {
        want.give_up();
        self.pool.lock().forget(key, want);
        if let Ok(Ok(conn)) = granted.try_recv() {
            self.park(conn);
        }
        let ended = patience.context.as_ref().and_then(Context::err);
        ended.map_or_else(|| Error::new(ErrorKind::Cancelled), Error::from)
    }

    /// Has a connection made for `want`, whose place is counted.
    fn dial_for(&self, key: &Key, want: &Arc<Want<Conn>>) {
        if let Err(error) = self.start_dial(key, want) {
            self.dial_failed(key, want, dial_error(DialError::System(error)));
        }
    }

    /// Dials for `want` on a thread of its own. If the want is granted by somebody else meanwhile,
    /// the connection goes to whoever waits next, or to the pool.
    fn start_dial(&self, key: &Key, want: &Arc<Want<Conn>>) -> io::Result<()> {
        let context = self.context.child();
        want.is_dialled(&context);
        let this = self.this.clone();
        let (thread_key, thread_want) = (key.clone(), Arc::clone(want));
        let (options, tls_timeout) = (self.options.dial.clone(), self.options.tls_timeout);
        sync::spawn("hangup-dial", Some(DIAL_STACK), move || {
            let dialed = dial(&thread_key.dial_target(), &options, &context).map_err(dial_error);
            let dialed =
                dialed.and_then(|dialed| secure(dialed, &thread_key, tls_timeout, &context));
            // The transport is not kept alive by its dials.
            if let Some(inner) = this.upgrade() {
                inner.dialled(&thread_key, &thread_want, dialed);
            }
        })?;
        Ok(())
    }

    fn dialled(&self, key: &Key, want: &Arc<Want<Conn>>, dialed: Result<(Dialed, Duration)>) {
        let conn = dialed.and_then(|(dialed, secured_in)| {
            let making = Making {
                key: key.clone(),
                secured_in,
                home: self.this.clone(),
                idle_timeout: self.pool.lock().idle_timeout(),
                response_limits: self.options.response_limits,
            };
            Conn::start(dialed, making).map_err(|error| dial_error(DialError::System(error)))
        });
        match conn {
            // To the one that asked: the others who wait have dials, or a place in the queue, of
            // their own, and lose nothing by it.
            Ok(conn) => match want.grant(Ok(conn)) {
                Ok(()) => self.pool.lock().forget(key, want),
                Err(refused) => {
                    self.park(refused.expect("a connection was offered"));
                }
            },
            Err(error) => self.dial_failed(key, want, error),
        }
    }

    fn dial_failed(&self, key: &Key, want: &Want<Conn>, error: Error) {
        let _ = want.grant(Err(error));
        self.release(key);
    }

    /// A connection is gone: whoever waits at the limit may dial in its place.
    fn release(&self, key: &Key) {
        loop {
            let next = self.pool.lock().release(key);
            let Some(next) = next else { return };
            match self.start_dial(key, &next) {
                Ok(()) => return,
                Err(error) => {
                    let _ = next.grant(Err(dial_error(DialError::System(error))));
                }
            }
        }
    }

    /// Gives a connection that its asker does not take to whoever waits, or keeps it.
    fn park(&self, conn: Conn) {
        conn.park();
        self.keep(&conn);
    }

    /// Gives an idle connection to whoever waits, or keeps it; whether there was a place for it.
    fn keep(&self, conn: &Conn) -> bool {
        let outcome = self.pool.lock().put(conn.key(), conn.clone());
        let (kept, unwanted) = match outcome {
            Return::Kept => (true, None),
            Return::Evicted(oldest) => (true, Some(oldest)),
            Return::Refused(conn) => (false, Some(conn)),
        };
        if let Some(unwanted) = unwanted {
            unwanted.close(Error::new(ErrorKind::Closed), CloseReason::LimitReached);
        }
        if conn.is_closed() {
            // It was closed between the decision to keep it and now.
            self.pool.lock().remove(conn.key(), conn);
        }
        kept
    }
}

impl Home for Inner {
    fn give_back(&self, conn: &Conn) -> bool {
        self.keep(conn)
    }

    fn closed(&self, conn: &Conn) {
        self.pool.lock().remove(conn.key(), conn);
        self.release(conn.key());
    }
}

/// Makes the TLS handshake on a new connection, if its key wants one. Also how long that took.
fn secure(
    mut dialed: Dialed,
    key: &Key,
    limit: Option<Duration>,
    context: &Context,
) -> Result<(Dialed, Duration)> {
    let Some(connector) = &key.tls else { return Ok((dialed, Duration::ZERO)) };
    let begun = Instant::now();
    dialed.stream = connector.connect(dialed.stream, &key.host, limit, context)?;
    Ok((dialed, begun.elapsed()))
}

fn dial_error(error: DialError) -> Error {
    let kind = match &error {
        DialError::TimedOut(Phase::Resolve) => ErrorKind::Timeout(TimeLimit::Resolve),
        DialError::TimedOut(Phase::Connect) => ErrorKind::Timeout(TimeLimit::Connect),
        DialError::Resolve { .. } => ErrorKind::Resolve,
        DialError::Cancelled(ended) => return ended.clone().into(),
        _ => ErrorKind::Connect,
    };
    Error::with_source(kind, error)
}

/// What the caller gets as the response's body.
pub(super) fn split(answer: Answer) -> (h1::ResponseHead, Body, Option<crate::net::Duplex>) {
    match answer.body {
        AnswerBody::Body(body) => (answer.head, body, None),
        AnswerBody::Duplex(duplex) => (answer.head, Body::from(Bytes::new()), Some(duplex)),
    }
}
