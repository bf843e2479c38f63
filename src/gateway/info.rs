//! The request information that a web server passes on.

use std::sync::Arc;

use super::request::RequestMeta;
use crate::context::Context;
use crate::handler::{CloseNotify, RequestInfo};
use crate::net::{Addr, TlsInfo};
use crate::serving::Signals;

/// The information on a request that came through a web server.
pub(crate) struct GatewayRequestInfo {
    pub(crate) signals: Arc<Signals>,
    pub(crate) meta: RequestMeta,
}

impl RequestInfo for GatewayRequestInfo {
    fn context(&self) -> Context {
        self.signals.context().0
    }

    fn close_notify(&self) -> CloseNotify {
        self.signals.close_notify().0
    }

    fn remote_addr(&self) -> Addr {
        self.meta.remote.clone()
    }

    fn local_addr(&self) -> Addr {
        self.meta.local.clone()
    }

    /// Returns `None`: a TLS connection of the client ends at the web server.
    fn tls(&self) -> Option<TlsInfo> {
        None
    }

    fn is_https(&self) -> bool {
        self.meta.https
    }

    fn is_client_gone(&self) -> bool {
        self.signals.is_disconnected()
    }
}
