//! One request, one answer: get a connection, exchange, decide on a retry.

#[cfg(all(test, hangup_shuttle))]
mod model;

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use super::conn::{Answer, AnswerBody, Conn, ConnConfig, ConnFacts, ExchangeId, Owner, Patience};
use super::connect::{Connected, Connecting, dial_error};
use super::fields::{DefaultFields, Fields};
use super::outgoing::prepare;
use super::pool::{Checkout, Dial, Limits, Pool, Return};
use super::retry::may_retry;
use super::target::Key;
use super::url::Url;
use super::want::{Granted, Want};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::h1::{self, CloseReason};
use crate::logging as log;
use crate::net::tls::Connector;
use crate::net::{DialError, DialOptions};
use crate::sync::Mutex;
use crate::sync::channel::{never, select};

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
    /// Itself, for the threads and connections it starts.
    this: Weak<Inner>,
}

/// A connection that was taken into use.
struct Taken {
    conn: Conn,
    id: ExchangeId,
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
        let inner = Arc::new_cyclic(|this| Inner { options, pool, this: Weak::clone(this) });
        Self { inner }
    }

    /// Sends the request, with the `defaults` that it does not set itself, and sends it again where that
    /// is safe and the connection was at fault.
    pub(super) fn round_trip(
        &self,
        parts: &Parts,
        url: &Url,
        defaults: &DefaultFields,
        mut body: Body,
        patience: &Patience,
        connector: Option<&Connector>,
    ) -> Result<Exchanged> {
        let options = &self.inner.options;
        let key = Key::of(url, connector, options.unix.as_ref())?;
        let fields = Fields::new(&parts.headers, defaults);
        let mut expectation = Some(options.expect_timeout);
        loop {
            if let Some(ended) = patience.context.as_ref().and_then(Context::err) {
                return Err(ended.into());
            }
            let again = body.try_clone();
            let (outgoing, withheld) = prepare(parts, url, fields, body, expectation)?;
            let Taken { conn, id, was_idle } = self.inner.connection(&key, patience)?;
            let begun = Instant::now();
            let context = patience.context.as_ref();
            let sendable =
                || again.or_else(|| withheld.as_ref().and_then(|body| body.take_back(context)));
            let failure = match conn.round_trip(id, outgoing, patience) {
                Ok(answer) => {
                    // The peer does not know the expectation: without it, once (RFC 9110 section
                    // 15.5.18).
                    if withheld.is_some()
                        && answer.head.status == StatusCode::EXPECTATION_FAILED
                        && let Some(sendable) = sendable()
                    {
                        log::debug!("{key}: 417, sent again without Expect: 100-continue");
                        (body, expectation) = (sendable, None);
                        continue;
                    }
                    let (facts, reused) = (Arc::clone(conn.facts()), !id.is_first());
                    return Ok(Exchanged { answer, facts, reused, begun });
                }
                Err(failure) => failure,
            };
            let reused = was_idle || !id.is_first();
            let again = may_retry(&failure, reused, &parts.method, fields);
            let error = failure.error;
            if !again {
                return Err(error);
            }
            body = sendable().ok_or_else(|| error.clone())?;
            log::debug!("{key}: sent again on another connection: {error}");
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
        let (idle, dials) = self.inner.pool.lock().close();
        for dial in dials {
            dial.context.cancel_with("the client was dropped");
        }
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
                    Some(id) => return Ok(Taken { conn, id, was_idle: true }),
                    // It had gone stale in the pool: the next one.
                    None => continue,
                },
                Checkout::Queued { want, granted, begins } => {
                    if let Some(dial) = begins {
                        self.dial(key, dial);
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
            if let Some(id) = conn.begin() {
                return Ok(Taken { conn, id, was_idle: false });
            }
        }
    }

    /// The call has ended before it had a connection: its dial ends, and a connection that has just been
    /// granted goes to another call.
    fn give_up(
        &self,
        key: &Key,
        want: &Arc<Want<Conn>>,
        granted: &Granted<Conn>,
        patience: &Patience,
    ) -> Error {
        want.give_up();
        let dial = self.pool.lock().forget(key, want);
        if let Some(dial) = dial {
            dial.context.cancel();
        }
        if let Ok(Ok(conn)) = granted.try_recv() {
            self.park(conn);
        }
        let ended = patience.context.as_ref().and_then(Context::err);
        ended.map_or_else(|| Error::new(ErrorKind::Cancelled), Error::from)
    }

    /// Makes a connection on a separate thread, by a dial whose place is counted. If no thread can be
    /// started the dial has failed, and the next that may begin is tried.
    fn dial(&self, key: &Key, dial: Arc<Dial>) {
        let mut next = Some(dial);
        while let Some(dial) = next {
            next = match self.start_dial(key, &dial) {
                Ok(()) => return,
                Err(error) => {
                    let error = dial_error(DialError::System(error));
                    self.pool.lock().dial_failed(key, &dial, error)
                }
            }
        }
    }

    fn start_dial(&self, key: &Key, dial: &Arc<Dial>) -> std::io::Result<()> {
        let connecting = Connecting {
            key: key.clone(),
            options: self.options.dial.clone(),
            tls_timeout: self.options.tls_timeout,
            context: dial.context.clone(),
        };
        let (this, key, dial) = (self.this.clone(), key.clone(), Arc::clone(dial));
        connecting.start(move |outcome| {
            // The transport is not kept alive by its dials.
            if let Some(inner) = this.upgrade() {
                inner.dialled(&key, &dial, outcome);
            }
        })
    }

    /// A dial has ended: its connection is the call's that waits for it. If none does, it goes to the
    /// first that waits for any, or is idle.
    fn dialled(&self, key: &Key, dial: &Arc<Dial>, outcome: Result<Connected>) {
        match outcome.and_then(|connected| self.begin_http(key, connected)) {
            Ok(conn) => {
                let taken = self.pool.lock().dialled(key, dial, conn);
                if let Err(conn) = taken {
                    conn.park();
                    let outcome = self.pool.lock().put_dialled(key, dial, conn.clone());
                    self.keep(&conn, outcome);
                }
            }
            Err(error) => {
                log::debug!("{key}: dial failed: {error}");
                let next = self.pool.lock().dial_failed(key, dial, error);
                if let Some(next) = next {
                    self.dial(key, next);
                }
            }
        }
    }

    fn begin_http(&self, key: &Key, connected: Connected) -> Result<Conn> {
        let config = ConnConfig {
            key: key.clone(),
            secured_in: connected.secured_in,
            owner: self.this.clone(),
            idle_timeout: self.options.limits.idle_timeout,
            response_limits: self.options.response_limits,
        };
        let conn = Conn::start(connected.dialed, config);
        conn.map_err(|error| dial_error(DialError::System(error)))
    }

    /// A connection is gone: a call that waits at the limit may dial in its place.
    fn release(&self, key: &Key) {
        let next = self.pool.lock().release(key);
        if let Some(dial) = next {
            self.dial(key, dial);
        }
    }

    /// Gives a connection that its caller does not take to the first that waits, or keeps it.
    fn park(&self, conn: Conn) {
        conn.park();
        self.put(&conn);
    }

    /// Gives an idle connection to the first call that waits, or keeps it; returns whether there was a
    /// place for it.
    fn put(&self, conn: &Conn) -> bool {
        let outcome = self.pool.lock().put(conn.key(), conn.clone());
        self.keep(conn, outcome)
    }

    fn keep(&self, conn: &Conn, outcome: Return<Conn>) -> bool {
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

impl Owner for Inner {
    fn put_back(&self, conn: &Conn) -> bool {
        self.put(conn)
    }

    fn closed(&self, conn: &Conn) {
        self.pool.lock().remove(conn.key(), conn);
        self.release(conn.key());
    }
}

/// What the caller gets as the response's body.
pub(super) fn split(answer: Answer) -> (h1::ResponseHead, Body, Option<crate::net::Duplex>) {
    match answer.body {
        AnswerBody::Body(body) => (answer.head, body, None),
        AnswerBody::Duplex(duplex) => (answer.head, Body::from(Bytes::new()), Some(duplex)),
    }
}
