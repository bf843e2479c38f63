//! Where a request came from: a web server, which tells of its client.

use std::sync::Arc;

use super::request::Facts;
use crate::context::Context;
use crate::handler::{CloseNotify, Origin};
use crate::net::{Addr, TlsInfo};
use crate::serving::Signals;

/// A request's origin, as a web server describes it.
pub(crate) struct Described {
    pub(crate) signals: Arc<Signals>,
    pub(crate) facts: Facts,
}

impl Origin for Described {
    fn context(&self) -> Context {
        self.signals.context().0
    }

    fn close_notify(&self) -> CloseNotify {
        self.signals.close_notify().0
    }

    fn remote_addr(&self) -> Addr {
        self.facts.remote.clone()
    }

    fn local_addr(&self) -> Addr {
        self.facts.local.clone()
    }

    /// The client's TLS, if any, ends at the web server.
    fn tls(&self) -> Option<TlsInfo> {
        None
    }

    fn is_https(&self) -> bool {
        self.facts.https
    }
}
