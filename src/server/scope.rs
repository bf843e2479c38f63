//! Where a request came from: a server connection.

use std::sync::Arc;

use super::reader::ConnReader;
use crate::context::Context;
use crate::handler::{CloseNotify, Origin};
use crate::net::{Addr, TlsInfo};
use crate::serving::Signals;

/// A request's origin: a server connection.
pub(super) struct RequestScope {
    pub(super) signals: Arc<Signals>,
    pub(super) reader: Arc<ConnReader>,
    pub(super) link: Arc<Link>,
    /// Which of the connection's requests this is: see [`ConnReader::watch`].
    pub(super) number: u64,
}

/// What is known of a connection.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) remote: Addr,
    /// Once there has been a handshake.
    pub(super) tls: Option<TlsInfo>,
}

impl RequestScope {
    /// Makes it the origin of another request, of the same connection, that has this number.
    #[inline]
    pub(super) fn renew(&mut self, number: u64) {
        self.number = number;
        // What a handler has kept of the signals is the request's before.
        match Arc::get_mut(&mut self.signals) {
            Some(signals) => *signals = Signals::default(),
            None => self.signals = Arc::default(),
        }
    }

    /// Starts the watch with the first signal that is asked for.
    fn watch(&self, first: bool) {
        if first {
            self.reader.watch(self.number, &self.signals);
        }
    }
}

impl Origin for RequestScope {
    fn context(&self) -> Context {
        let (context, first) = self.signals.context();
        self.watch(first);
        context
    }

    fn close_notify(&self) -> CloseNotify {
        let (receiver, first) = self.signals.close_notify();
        self.watch(first);
        receiver
    }

    fn remote_addr(&self) -> Addr {
        self.link.remote.clone()
    }

    fn local_addr(&self) -> Addr {
        self.reader.stream().local_addr().unwrap_or(Addr::Unknown)
    }

    fn tls(&self) -> Option<TlsInfo> {
        self.link.tls.clone()
    }

    fn is_https(&self) -> bool {
        self.link.tls.is_some()
    }
}
