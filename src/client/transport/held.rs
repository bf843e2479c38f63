//! Connections that a caller manages by hand. They do not count in the pool until they are given back.

use std::sync::Arc;
use std::time::Instant;

use http::Response;

use super::{CheckedOut, Transport, begin, close_all, not_connected, respond};
use crate::body::Body;
use crate::client::conn::{Conn, Holder};
use crate::client::hop::HopRequest;
use crate::client::observe::WeakTrace;
use crate::client::options::CallOptions;
use crate::client::outgoing::prepare;
use crate::client::pool::PendingDial;
use crate::client::waiter::Waiter;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::net::DialError;
use crate::sync::channel::{never, select};

impl Transport {
    /// Makes a new connection for the URL of `hop`, which the caller holds.
    ///
    /// # Blocking
    ///
    /// Until the connection is made. The call's context ends it, and so do the time limits of the dial.
    pub(in crate::client) fn connect(
        &self,
        hop: &HopRequest<'_>,
        call: &CallOptions,
    ) -> Result<Conn> {
        if let Some(ended) = call.context.as_ref().and_then(Context::err) {
            return Err(ended.into());
        }
        let route = self.route(hop, call)?;
        let dial = PendingDial::new();
        dial.watch.set(WeakTrace::new(call.trace()));
        let (waiter, delivery) = Waiter::new();
        let reported = Arc::clone(&waiter);
        let connecting = self.inner.connecting(&route, &dial);
        let report = move |outcome: Result<Conn>| {
            let outcome = outcome.inspect(|conn| _ = conn.pass_to(Holder::Caller));
            if let Err(Ok(conn)) = reported.deliver(outcome.map_err(Into::into)) {
                close_all(vec![conn]);
            }
        };
        connecting.start(report).map_err(|error| Error::from(DialError::System(error)))?;
        let nothing = never();
        let done = call.context.as_ref().map_or(&nothing, Context::done);
        let outcome = select! {
            recv(delivery) -> outcome => outcome.ok(),
            recv(done) -> _ => None,
        };
        let Some(outcome) = outcome else {
            waiter.cancel();
            dial.context.cancel();
            if let Ok(Ok(conn)) = delivery.try_recv() {
                close_all(vec![conn]);
            }
            return Err(not_connected(call, None));
        };
        let conn = outcome?;
        // From now on the reader loop notices when the peer closes it.
        conn.park();
        Ok(conn)
    }

    /// Sends a request over a connection that the caller holds, and returns the response once its head
    /// has come.
    pub(in crate::client) fn send_over(
        &self,
        conn: &Conn,
        hop: &mut HopRequest<'_>,
        call: &CallOptions,
    ) -> Result<Response<Body>> {
        if let Some(ended) = call.context.as_ref().and_then(Context::err) {
            return Err(ended.into());
        }
        let body = std::mem::take(&mut hop.body);
        let expect_timeout = Some(self.inner.options.expect_timeout);
        let (outgoing, _withheld) = prepare(hop, &conn.route().via, body, expect_timeout)?;
        let begun = begin(conn.clone(), true, call);
        let CheckedOut { conn, id, .. } = begun.ok_or_else(|| not_ready(conn))?;
        let sent = Instant::now();
        let received = conn.round_trip(id, outgoing, call).map_err(|failure| failure.error)?;
        Ok(respond(hop, &conn, id, sent, received))
    }

    /// Gives a connection that the caller holds to the pool. Leaves it to the caller at the limit of its
    /// host.
    pub(in crate::client) fn give_back(&self, conn: &Conn) {
        let adopted = self.inner.pool.lock().adopt(conn.route());
        if !adopted {
            return;
        }
        match conn.pass_to(Holder::Pool) {
            // One that is in an exchange goes to the pool when the response has been read.
            Some(false) => {}
            Some(true) => self.inner.park(conn.clone()),
            None => self.inner.release(conn.route()),
        }
    }
}

/// Returns the error of a request on a connection on which no exchange can begin.
fn not_ready(conn: &Conn) -> Error {
    match conn.cause() {
        Some(cause) => Error::explained(ErrorKind::Send, "the connection is closed", cause),
        None if conn.is_open() => {
            let message = "the response to the earlier request is not read to its end";
            Error::message(ErrorKind::Misuse, message)
        }
        None => Error::message(ErrorKind::Misuse, "the connection has left HTTP"),
    }
}
