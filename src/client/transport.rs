//! The transport step: sends one request and returns its response.
//!
//! It gets a connection from the pool, exchanges the request for the response, and decides whether a
//! request that failed is sent again on another connection.

mod held;
#[cfg(all(test, hangup_shuttle))]
mod model;
mod unsent;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use http::header::PROXY_AUTHORIZATION;
use http::{HeaderValue, Response};

use self::unsent::{repeat_without_expectation, unsent_body};
use super::conn::{Conn, ExchangeId, FailedAt, Owner, ReceivedResponse};
use super::connect::Connecting;
use super::hop::HopRequest;
use super::observe::{CallEvent, Trace, show};
use super::options::CallOptions;
use super::outgoing::prepare;
use super::pool::{Checkout, Limits, PendingDial, Pool, Return};
use super::proxy::ProxyPolicy;
use super::resend::may_resend;
use super::response::{self, Answered, Moments};
use super::route::{Route, Via};
use super::tunnel::TunnelOptions;
use super::waiter::{Delivery, NoConnection, Waiter};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, TimeLimit};
use crate::h1::{self, CloseReason};
use crate::logging as log;
use crate::net::tls::Connector;
use crate::net::{Dial, DialError, DialOptions};
use crate::sync::Mutex;
use crate::sync::channel::{after, never, select};

/// How long a proxy may take by default to open a tunnel. It has to resolve the origin's name and to connect
/// meanwhile, for which the client itself has as long.
const PROXY_TIMEOUT: Duration = Duration::from_secs(30);

/// How a client makes and keeps its connections.
pub(super) struct TransportOptions {
    pub(super) limits: Limits,
    pub(super) dial: DialOptions,
    /// Makes the connections in place of the crate's own dialer.
    pub(super) dialer: Option<Arc<dyn Dial>>,
    pub(super) tls_timeout: Option<Duration>,
    /// Encrypts the connections of calls that set no connector. `None` without TLS.
    pub(super) connector: Option<Connector>,
    /// The way of every connection: direct, or a Unix socket. A proxy takes the place of the first.
    pub(super) via: Via,
    pub(super) proxy: ProxyOptions,
    pub(super) response_limits: h1::Limits,
    pub(super) expect_timeout: Duration,
}

/// How a client uses proxies.
pub(super) struct ProxyOptions {
    /// The proxies of calls that set none. While a client is configured, `None` stands for the default,
    /// and afterwards for a policy by which no request takes a proxy.
    pub(super) policy: Option<ProxyPolicy>,
    /// The limit of opening a tunnel.
    pub(super) timeout: Option<Duration>,
    /// The `User-Agent` of requests for a tunnel.
    pub(super) user_agent: Option<HeaderValue>,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self { policy: None, timeout: Some(PROXY_TIMEOUT), user_agent: None }
    }
}

/// The connections of a client.
pub(super) struct Transport {
    inner: Arc<Inner>,
}

struct Inner {
    options: TransportOptions,
    pool: Mutex<Pool<Route, Conn>>,
    /// A handle on itself, for the threads and connections that it starts.
    this: Weak<Inner>,
}

/// A connection that was taken into use.
struct CheckedOut {
    conn: Conn,
    id: ExchangeId,
    /// It had waited in the pool.
    was_idle: bool,
}

/// The part of a request that differs between attempts.
struct Try {
    body: Body,
    /// How long the body waits for a 100, if the request asks for one. `None` once the peer has refused
    /// the expectation.
    expect_timeout: Option<Duration>,
}

/// The outcome of an attempt that did not fail for good.
enum Tried {
    Response(Response<Body>),
    Again(Try),
}

impl Transport {
    pub(super) fn new(options: TransportOptions) -> Self {
        let pool = Mutex::new(Pool::new(options.limits.clone()));
        let inner = Arc::new_cyclic(|this| Inner { options, pool, this: Weak::clone(this) });
        Self { inner }
    }

    /// Returns the connector for the `https` URLs of a call; `None` without TLS.
    pub(super) fn connector<'a>(&'a self, call: &'a CallOptions) -> Option<&'a Connector> {
        call.connector.as_ref().or(self.inner.options.connector.as_ref())
    }

    /// Sends a request and returns the response once its head has come. Sends it again where that is safe
    /// and the connection was at fault.
    ///
    /// Takes the body of `hop`, and its URI unless the response may redirect. Leaves the rest for the hop
    /// that may follow.
    pub(super) fn round_trip(
        &self,
        hop: &mut HopRequest<'_>,
        call: &CallOptions,
    ) -> Result<Response<Body>> {
        let route = self.route(hop, call)?;
        let expect_timeout = Some(self.inner.options.expect_timeout);
        let mut next = Try { body: std::mem::take(&mut hop.body), expect_timeout };
        loop {
            match self.inner.attempt(hop, next, &route, call)? {
                Tried::Response(response) => return Ok(response),
                Tried::Again(again) => next = again,
            }
        }
    }

    /// Returns the route of a hop.
    #[inline]
    fn route(&self, hop: &HopRequest<'_>, call: &CallOptions) -> Result<Route> {
        let via = self.inner.via(hop, call)?;
        Route::new(&hop.url, via, self.connector(call))
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
    /// Returns the way that a hop takes.
    fn via(&self, hop: &HopRequest<'_>, call: &CallOptions) -> Result<Via> {
        let of_call = call.extras().and_then(|extras| extras.proxy.as_ref());
        match of_call.or(self.options.proxy.policy.as_ref()) {
            Some(policy) if self.options.via == Via::Direct => {
                let own = hop.fields().get(&PROXY_AUTHORIZATION);
                let proxy = policy.choose(&hop.url)?;
                Ok(proxy.map_or(Via::Direct, |proxy| Via::through(proxy, &hop.url, own)))
            }
            _ => Ok(self.options.via.clone()),
        }
    }

    /// Sends the request on one connection.
    fn attempt(
        &self,
        hop: &mut HopRequest<'_>,
        Try { body, expect_timeout }: Try,
        route: &Route,
        call: &CallOptions,
    ) -> Result<Tried> {
        if let Some(ended) = call.context.as_ref().and_then(Context::err) {
            return Err(ended.into());
        }
        let copy = body.try_clone();
        let (outgoing, withheld) = prepare(hop, &route.via, body, expect_timeout)?;
        let CheckedOut { conn, id, was_idle } = self.connection(route, call)?;
        let sent = Instant::now();
        let withheld = withheld.as_ref();
        match conn.round_trip(id, outgoing, call) {
            Ok(received) => {
                call.exchanges.add();
                if let Some(body) = repeat_without_expectation(&received, copy, withheld, call) {
                    log::debug!("{route}: 417, sent again without Expect: 100-continue");
                    return Ok(Tried::Again(Try { body, expect_timeout: None }));
                }
                Ok(Tried::Response(respond(hop, &conn, id, sent, received)))
            }
            Err(failure) => {
                if failure.at != FailedAt::NotWritten {
                    call.exchanges.add();
                }
                let reused = was_idle || !id.is_first();
                let may_resend = may_resend(&failure, reused, &hop.parts.method, hop.fields());
                let error = failure.error;
                if !may_resend {
                    return Err(error);
                }
                let body = unsent_body(copy, withheld, call).ok_or_else(|| error.clone())?;
                log::debug!("{route}: sent again on another connection: {error}");
                show(call.trace(), || CallEvent::Resent { error: &error });
                Ok(Tried::Again(Try { body, expect_timeout }))
            }
        }
    }

    /// Takes a connection into use.
    ///
    /// # Blocking
    ///
    /// Blocks until a connection is idle or has been made. The call's context ends it, and so do the time
    /// limits of the dial.
    fn connection(&self, route: &Route, call: &CallOptions) -> Result<CheckedOut> {
        let mut queue_limit = call.queue_limit().map_or_else(never, after);
        loop {
            let checkout = self.pool.lock().checkout(route, call.trace());
            let (waiter, delivery) = match checkout {
                Checkout::Idle(conn) => match begin(conn, true, call) {
                    Some(checked_out) => return Ok(checked_out),
                    // It had gone stale in the pool. The next one is tried.
                    None => continue,
                },
                Checkout::Queued { waiter, delivery, begins } => {
                    show(call.trace(), || CallEvent::Queued);
                    if let Some(dial) = begins {
                        self.dial(route, dial);
                    }
                    (waiter, delivery)
                }
                Checkout::Closed => return Err(NoConnection::Closed.into()),
            };
            let nothing = never();
            let done = call.context.as_ref().map_or(&nothing, Context::done);
            let outcome = loop {
                select! {
                    recv(delivery) -> outcome => break outcome.map_err(|_| None),
                    recv(done) -> _ => break Err(None),
                    recv(queue_limit) -> _ => match self.pool.lock().has_dial(route, &waiter) {
                        // It no longer waits for a place.
                        true => queue_limit = never(),
                        false => break Err(Some(TimeLimit::Queue)),
                    }
                }
            };
            let conn = match outcome {
                Ok(outcome) => outcome?,
                Err(limit) => {
                    self.cancel(route, &waiter, &delivery);
                    return Err(not_connected(call, limit));
                }
            };
            if let Some(checked_out) = begin(conn, false, call) {
                return Ok(checked_out);
            }
        }
    }

    /// Ends the waiting of a call that has ended before it had a connection. Its dial ends, and a
    /// connection that has just been delivered goes to another call.
    fn cancel(&self, route: &Route, waiter: &Arc<Waiter<Conn>>, delivery: &Delivery<Conn>) {
        waiter.cancel();
        let dial = self.pool.lock().forget(route, waiter);
        if let Some(dial) = dial {
            dial.context.cancel();
        }
        if let Ok(Ok(conn)) = delivery.try_recv() {
            self.park(conn);
        }
    }

    /// Makes a connection on a separate thread, by a dial whose place is counted. If no thread can be
    /// started, the dial has failed, and the next dial that may begin is tried.
    fn dial(&self, route: &Route, dial: Arc<PendingDial>) {
        let mut next = Some(dial);
        while let Some(dial) = next {
            next = match self.start_dial(route, &dial) {
                Ok(()) => return,
                Err(error) => {
                    let error = Error::from(DialError::System(error));
                    self.pool.lock().dial_failed(route, &dial, error)
                }
            }
        }
    }

    fn start_dial(&self, route: &Route, dial: &Arc<PendingDial>) -> std::io::Result<()> {
        let connecting = self.connecting(route, dial);
        let (this, route, dial) = (self.this.clone(), route.clone(), Arc::clone(dial));
        connecting.start(move |outcome| {
            // The transport is not kept alive by its dials.
            match (this.upgrade(), outcome) {
                (Some(inner), outcome) => inner.dialled(&route, &dial, outcome),
                (None, Ok(conn)) => close_all(vec![conn]),
                (None, Err(_)) => {}
            }
        })
    }

    fn connecting(&self, route: &Route, dial: &Arc<PendingDial>) -> Connecting {
        Connecting {
            route: route.clone(),
            dial: self.options.dial.clone(),
            dialer: self.options.dialer.clone(),
            tls_timeout: self.options.tls_timeout,
            tunnel: self.tunnel_options(),
            idle_timeout: self.options.limits.idle_timeout,
            response_limits: self.options.response_limits,
            owner: self.this.clone(),
            pending: Arc::clone(dial),
        }
    }

    fn tunnel_options(&self) -> TunnelOptions {
        let TransportOptions { proxy, connector, tls_timeout, dial, .. } = &self.options;
        TunnelOptions {
            timeout: proxy.timeout,
            connector: connector.clone(),
            tls_timeout: *tls_timeout,
            user_agent: proxy.user_agent.clone(),
            resolver: dial.resolver.clone(),
        }
    }

    /// Delivers the connection of a dial to the call that waits for the dial. If no call does, the
    /// connection goes to the first that waits for any, or is idle.
    fn dialled(&self, route: &Route, dial: &Arc<PendingDial>, outcome: Result<Conn>) {
        match outcome {
            Ok(conn) => {
                let delivered = self.pool.lock().dialled(route, dial, conn);
                if let Err(conn) = delivered {
                    conn.park();
                    let outcome = self.pool.lock().put_dialled(route, dial, conn.clone());
                    self.keep(&conn, outcome);
                }
            }
            Err(error) => {
                log::debug!("{route}: dial failed: {error}");
                let next = self.pool.lock().dial_failed(route, dial, error);
                if let Some(next) = next {
                    self.dial(route, next);
                }
            }
        }
    }

    /// Frees the place of a closed connection. A call that waits at the limit may dial in that place.
    fn release(&self, route: &Route) {
        let next = self.pool.lock().release(route);
        if let Some(dial) = next {
            self.dial(route, dial);
        }
    }

    /// Gives a connection that its caller does not take to the first waiting call, or keeps it.
    fn park(&self, conn: Conn) {
        conn.park();
        self.put(&conn);
    }

    /// Gives an idle connection to the first waiting call, or keeps it. Returns `false` if there is no
    /// place for it.
    fn put(&self, conn: &Conn) -> bool {
        let outcome = self.pool.lock().put(conn.route(), conn.clone());
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
            self.pool.lock().remove(conn.route(), conn);
        }
        kept
    }
}

impl Owner for Inner {
    fn put_back(&self, conn: &Conn) -> bool {
        self.put(conn)
    }

    fn closed(&self, conn: &Conn) {
        self.pool.lock().remove(conn.route(), conn);
        self.release(conn.route());
    }
}

/// Returns the error of a call that waits for a connection no longer: its context has ended, or `limit` has
/// run out.
fn not_connected(call: &CallOptions, limit: Option<TimeLimit>) -> Error {
    match (call.context.as_ref().and_then(Context::err), limit) {
        (Some(ended), _) => ended.into(),
        (None, Some(limit)) => Error::timeout(limit),
        (None, None) => Error::new(ErrorKind::Cancelled),
    }
}

/// Makes the response to a hop out of what its connection has received. The request was `sent` then.
///
/// Inlined, so that the response is not moved once more.
#[inline(always)]
fn respond(
    hop: &mut HopRequest<'_>,
    conn: &Conn,
    id: ExchangeId,
    sent: Instant,
    received: ReceivedResponse,
) -> Response<Body> {
    let moments = Moments { begun: hop.begun, sent };
    let url = match received.head.status.is_redirection() {
        true => hop.url.uri().clone(),
        false => hop.url.take_uri(),
    };
    let answered = Answered {
        method: hop.parts.method.clone(),
        url,
        offered_codings: hop.offer.is_some(),
        reused: !id.is_first(),
    };
    response::build(received, answered, conn.facts(), moments)
}

/// Takes a connection into use for a call. Returns `None` if it cannot be used.
#[inline]
fn begin(conn: Conn, was_idle: bool, call: &CallOptions) -> Option<CheckedOut> {
    match call.trace() {
        None => conn.begin().map(|id| CheckedOut { conn, id, was_idle }),
        Some(trace) => begin_observed(conn, was_idle, trace),
    }
}

#[cold]
fn begin_observed(conn: Conn, was_idle: bool, trace: &Trace) -> Option<CheckedOut> {
    let idle = conn.idle_for();
    let id = conn.begin()?;
    conn.watch(id, trace);
    let (reused, facts) = (!id.is_first(), conn.facts());
    let idle = idle.filter(|_| reused || was_idle);
    let (remote, local) = (&facts.remote, &facts.local);
    trace.show(&CallEvent::GotConnection { reused, idle, remote, local });
    Some(CheckedOut { conn, id, was_idle })
}

impl From<Error> for NoConnection {
    fn from(error: Error) -> Self {
        Self::DialFailed(error)
    }
}

impl From<NoConnection> for Error {
    fn from(reason: NoConnection) -> Self {
        match reason {
            NoConnection::DialFailed(error) => error,
            NoConnection::Closed => Self::new(ErrorKind::Closed),
        }
    }
}
