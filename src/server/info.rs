//! The information on a request that came on a server connection.

use std::sync::Arc;

use super::reader::ConnReader;
use crate::context::Context;
use crate::handler::{CloseNotify, RequestInfo};
use crate::net::{Addr, TlsInfo};
use crate::serving::Signals;

/// The information on one request of a server connection.
pub(super) struct ConnRequestInfo {
    pub(super) signals: Arc<Signals>,
    pub(super) reader: Arc<ConnReader>,
    pub(super) conn: Arc<ConnInfo>,
    /// The number of the request on its connection: see [`ConnReader::watch`].
    pub(super) number: u64,
}

/// The information on a connection, the same for all of its requests.
#[derive(Clone)]
pub(super) struct ConnInfo {
    pub(super) remote: Addr,
    /// Set by a PROXY header.
    pub(super) local: Option<Addr>,
    /// A PROXY header says that the client spoke TLS with the proxy.
    pub(super) behind_tls: bool,
    /// Set by the TLS handshake.
    pub(super) tls: Option<TlsInfo>,
}

impl ConnRequestInfo {
    /// Changes this to the information on another request of the same connection.
    #[inline]
    pub(super) fn renew(&mut self, number: u64) {
        self.number = number;
        // A handler may have kept the signals of its request.
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

impl RequestInfo for ConnRequestInfo {
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
        self.conn.remote.clone()
    }

    fn local_addr(&self) -> Addr {
        let proxied = self.conn.local.clone();
        proxied.unwrap_or_else(|| self.reader.stream().local_addr().unwrap_or(Addr::Unknown))
    }

    fn tls(&self) -> Option<TlsInfo> {
        self.conn.tls.clone()
    }

    fn is_https(&self) -> bool {
        self.conn.tls.is_some() || self.conn.behind_tls
    }

    fn is_client_gone(&self) -> bool {
        self.signals.is_disconnected()
    }
}
