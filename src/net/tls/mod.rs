//! TLS on both ends, as a [`Stream`] over another one. The module `tls` of the crate exports it.
//!
//! ```text
//!   Connector ── connect ──▶ ┌────────────────────────────┐ ◀── accept ── Acceptor
//!     roots, identity        │ Stream                     │     identities, client certificates
//!                            │  TlsStream: waits          │
//!                            │   └ Session: one lock,     │
//!                            │     rustls, buffered bytes │
//!                            │  Stream: TCP, Unix, memory │
//!                            └────────────────────────────┘
//! ```
//!
//! The lock is held while records are decrypted or encrypted, and for reads and writes that do not block.
//! No thread waits under it. A thread that finds nothing to read, or no room, waits on the stream below,
//! where a deadline or a close ends the wait, and then tries again.
//!
//! A stream that is not in use holds no buffers beyond the few kilobytes of rustls.
//!
//! [`Stream`]: super::Stream

mod acceptor;
mod connector;
mod handshake;
mod identity;
mod roots;
mod session;
mod stream;

pub use acceptor::{Acceptor, AcceptorBuilder, ClientCertificates};
pub use connector::{Connector, ConnectorBuilder};
pub use identity::Identity;
pub use roots::Roots;
pub use rustls;

use handshake::{ALPN, config_error, versions};
pub(crate) use handshake::{handshake_error, unencrypted};
pub(super) use stream::TlsStream;

#[cfg(all(test, not(hangup_shuttle)))]
pub(super) mod tests;
