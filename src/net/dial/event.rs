//! The events of a dial, for code that watches it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::net::addr::Addr;
use crate::sync;

/// A step of a dial. [`DialOptions::on_event`](super::DialOptions::on_event) shows them.
///
/// A literal IP address is not resolved, and a Unix socket has no address to resolve. Several addresses may
/// be tried at the same time (RFC 8305).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum DialEvent<'a> {
    /// The look-up of the host's addresses begins, or the dial joins one that another dial has begun.
    #[non_exhaustive]
    Resolving {
        /// The host name.
        host: &'a str,
        /// The port.
        port: u16,
    },
    /// The look-up has found these addresses, in the order of preference.
    #[non_exhaustive]
    Resolved {
        /// The host name.
        host: &'a str,
        /// The addresses.
        addresses: &'a [SocketAddr],
    },
    /// The connecting to an address begins.
    #[non_exhaustive]
    Connecting {
        /// The address.
        address: &'a Addr,
    },
    /// An address could not be connected to. Another one may be tried.
    #[non_exhaustive]
    ConnectFailed {
        /// The address.
        address: &'a Addr,
        /// The reason.
        error: &'a io::Error,
    },
    /// The connection is made.
    #[non_exhaustive]
    Connected {
        /// The address that it leads to.
        address: &'a Addr,
    },
}

/// The callback for the events of a dial, if there is one.
#[derive(Clone, Default)]
pub(super) struct Watcher(Option<Arc<Callback>>);

type Callback = dyn Fn(&DialEvent<'_>) + Send + Sync;

impl Watcher {
    pub(super) fn new(callback: impl Fn(&DialEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(callback)))
    }

    /// Calls the callback. Its panic ends with it.
    pub(super) fn show(&self, event: &DialEvent<'_>) {
        if let Some(callback) = &self.0 {
            sync::contain(|| callback(event));
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some(..)" } else { "None" })
    }
}
