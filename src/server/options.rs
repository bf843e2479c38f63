//! The options of a server, and what its connections share.

use std::time::Duration;

use crate::h1::Limits;
use crate::net::tls::Acceptor;
use crate::net::{Addr, Network};
use crate::serving::Service;

/// How long a read of a request's body waits for the client by default, as in nginx. A client that is still
/// there has sent something by then.
const BODY_IDLE: Duration = Duration::from_secs(60);

/// How long a response waits for a client that reads nothing by default, as in nginx.
const WRITE_IDLE: Duration = Duration::from_secs(60);

/// The number of bytes added to the limit on a request's head. A client may count a little less than the
/// server.
const HEAD_SLOP: usize = 4096;

/// How many header fields a request may have by default.
const MAX_HEADERS: usize = 1000;

/// The data that all connections of a server share.
pub(super) struct Shared {
    pub(super) service: Service,
    pub(super) options: Options,
}

/// The options of a server, which the methods of [`Server`](super::Server) describe.
pub(super) struct Options {
    pub(super) read_header_timeout: Option<Duration>,
    pub(super) read_timeout: Option<Duration>,
    pub(super) body_idle_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) write_idle_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_header_bytes: usize,
    pub(super) max_headers: usize,
    pub(super) cancel_on_half_close: bool,
    pub(super) acceptor: Option<Acceptor>,
    pub(super) tls_handshake_timeout: Option<Duration>,
    /// The networks whose connections begin with a PROXY header.
    pub(super) proxies: Vec<Network>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_header_timeout: Some(Duration::from_secs(10)),
            read_timeout: None,
            body_idle_timeout: Some(BODY_IDLE),
            write_timeout: None,
            write_idle_timeout: Some(WRITE_IDLE),
            idle_timeout: Some(Duration::from_secs(120)),
            max_header_bytes: 1 << 20,
            max_headers: MAX_HEADERS,
            cancel_on_half_close: true,
            acceptor: None,
            tls_handshake_timeout: Some(Duration::from_secs(10)),
            proxies: Vec::new(),
        }
    }
}

impl Options {
    /// Returns `true` if a connection of this peer begins with a PROXY header.
    pub(super) fn is_proxy(&self, peer: &Addr) -> bool {
        let peer = peer.ip().map(|peer| peer.ip());
        peer.is_some_and(|peer| self.proxies.iter().any(|network| network.contains(peer)))
    }

    /// Returns the limits on a request's head.
    pub(super) fn head_limits(&self) -> Limits {
        Limits {
            max_bytes: self.max_header_bytes.saturating_add(HEAD_SLOP),
            max_fields: self.max_headers,
        }
    }
}
