//! What a response knows of how it came.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;

use super::conn::ConnFacts;
use super::transport::Exchanged;
use crate::body::Body;
use crate::net::{Addr, Duplex, TlsInfo};
use crate::sync::Mutex;

/// What a response of a [`Client`](super::Client) carries beyond its head and body. Of a response
/// that was put together by hand, each answer is `None`.
pub trait ResponseExt {
    /// The reason phrase of the status line, if it is not the usual one of the status.
    fn reason(&self) -> Option<&str>;

    /// The URL that answered, after all redirects.
    fn url(&self) -> Option<&Uri>;

    /// How many redirects were followed.
    fn redirects(&self) -> u32;

    /// The peer's address.
    fn remote_addr(&self) -> Option<&Addr>;

    /// Our own address on the connection.
    fn local_addr(&self) -> Option<&Addr>;

    /// Whether the connection had been used for an earlier request.
    fn is_connection_reused(&self) -> bool;

    /// What was agreed on in the TLS handshake; `None` without TLS.
    fn tls(&self) -> Option<&TlsInfo>;

    /// How long the steps took.
    fn timings(&self) -> Option<&Timings>;

    /// Takes the connection over after a 101 (Switching Protocols), or a successful answer to
    /// CONNECT: `None` for any other response, and the second time.
    fn take_duplex(&mut self) -> Option<Duplex>;
}

/// How long the steps of a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Resolving the host's name: zero on a connection that was reused.
    pub resolve: Duration,
    /// Connecting: zero on a connection that was reused.
    pub connect: Duration,
    /// The TLS handshake: zero without TLS, and on a connection that was reused.
    pub secure: Duration,
    /// From the last request being handed to its connection to its answer's head.
    pub wait: Duration,
    /// From `send` to the answer's head, with all redirects.
    pub total: Duration,
}

/// What stands in the response's extensions.
#[derive(Clone)]
pub(super) struct Facts {
    reason: Option<Box<str>>,
    url: Uri,
    redirects: u32,
    connection: Arc<ConnFacts>,
    reused: bool,
    timings: Timings,
}

impl Facts {
    /// What is known of an answer whose head has just come, to a call that had `begun` then.
    pub(super) fn new(exchanged: &Exchanged, url: Uri, redirects: u32, begun: Instant) -> Self {
        let (connection, reused, now) = (&exchanged.facts, exchanged.reused, Instant::now());
        let made = |span| if reused { Duration::ZERO } else { span };
        Self {
            reason: exchanged.answer.head.reason.clone(),
            url,
            redirects,
            connection: Arc::clone(connection),
            reused,
            timings: Timings {
                resolve: made(connection.resolved_in),
                connect: made(connection.connected_in),
                secure: made(connection.secured_in),
                wait: now - exchanged.begun,
                total: now - begun,
            },
        }
    }
}

/// A connection that waits in the response's extensions to be taken.
#[derive(Clone)]
pub(super) struct HandedOver(Arc<Mutex<Option<Duplex>>>);

impl HandedOver {
    pub(super) fn new(duplex: Duplex) -> Self {
        Self(Arc::new(Mutex::new(Some(duplex))))
    }
}

fn facts(response: &http::Response<Body>) -> Option<&Facts> {
    response.extensions().get()
}

impl ResponseExt for http::Response<Body> {
    fn reason(&self) -> Option<&str> {
        facts(self).and_then(|facts| facts.reason.as_deref())
    }

    fn url(&self) -> Option<&Uri> {
        facts(self).map(|facts| &facts.url)
    }

    fn redirects(&self) -> u32 {
        facts(self).map_or(0, |facts| facts.redirects)
    }

    fn remote_addr(&self) -> Option<&Addr> {
        facts(self).map(|facts| &facts.connection.remote)
    }

    fn local_addr(&self) -> Option<&Addr> {
        facts(self).map(|facts| &facts.connection.local)
    }

    fn is_connection_reused(&self) -> bool {
        facts(self).is_some_and(|facts| facts.reused)
    }

    fn tls(&self) -> Option<&TlsInfo> {
        facts(self).and_then(|facts| facts.connection.tls.as_ref())
    }

    fn timings(&self) -> Option<&Timings> {
        facts(self).map(|facts| &facts.timings)
    }

    fn take_duplex(&mut self) -> Option<Duplex> {
        self.extensions_mut().remove::<HandedOver>()?.0.lock().take()
    }
}
