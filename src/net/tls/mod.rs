//! TLS on both ends: what a [`Stream`] carries, encrypted, over another one.
//!
//! ```text
//!   Connector ── connect ──▶ ┌───────────────────────────┐ ◀── accept ── Acceptor
//!     roots, identity        │ Stream                    │     identities, client certificates
//!                            │  TlsStream: who waits     │
//!                            │   └ Session: one lock,    │
//!                            │     rustls, bytes in wait │
//!                            │  Stream: TCP, Unix, memory│
//!                            └───────────────────────────┘
//! ```
//!
//! A TLS [`Stream`] keeps the promises of every other: a thread may read while another writes and a
//! third waits for the peer to hang up; deadlines, [`close`](super::Stream::close) and
//! [`wake_hangup`](super::Stream::wake_hangup) end what blocks, the handshake included.
//!
//! The lock is held for taking records apart, for putting them together, and for reads and writes that
//! do not block. Nobody waits under it: who finds nothing to read, or no room, waits on the stream
//! below, at the place where a deadline or a close reaches it, and looks again.
//!
//! * A peer's end of stream is its close_notify. If the connection ends without one, reads fail with
//!   [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof): anybody could have cut it (RFC 8446 section
//!   6.1). A framed message that had arrived by then is whole all the same.
//! * That the socket is readable says nothing: a session ticket or a key update may have come. So
//!   [`readiness`](super::Stream::readiness) and [`wait_readable`](super::Stream::wait_readable) take records apart
//!   until there is data, or an end.
//! * A write returns when its bytes are sent, encrypted; at its deadline it may have left some behind,
//!   which the next read, write or flush sends on.
//! * A stream that is not in use holds no buffers beyond the few kilobytes of rustls.
//!
//! ```
//! use hangup::tls::{Acceptor, Connector, Identity, Roots};
//! use hangup::{Context, net::memory};
//! use std::io::{Read, Write};
//! use std::time::Duration;
//! # let key = rcgen::KeyPair::generate()?;
//! # let cert = rcgen::CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?;
//! # let (cert_pem, key_pem) = (cert.pem(), key.serialize_pem());
//!
//! let acceptor = Acceptor::new(Identity::from_pem(&cert_pem, &key_pem)?)?;
//! let connector = Connector::builder().roots(Roots::only_pem(&cert_pem)?).build()?;
//!
//! let (near, far) = memory::pair();
//! let server = std::thread::spawn(move || acceptor.accept(far, Duration::from_secs(10)));
//! let limit = Duration::from_secs(10);
//! let mut client = connector.connect(near, "localhost", limit, &Context::new())?;
//! let mut server = server.join().unwrap()?;
//! client.write_all(b"hello")?;
//! let mut buf = [0; 5];
//! server.read_exact(&mut buf)?;
//! assert_eq!(&buf, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Stream`]: super::Stream
//! [`close`]: super::Stream::close

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

pub use super::tls_info::{TlsInfo, TlsVersion};

use handshake::{ALPN, config_error, versions};
pub(crate) use handshake::{handshake_error, unencrypted};
pub(super) use stream::TlsStream;

#[cfg(all(test, not(hangup_shuttle)))]
pub(super) mod tests;
