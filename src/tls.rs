//! TLS for clients and servers: trusted roots, certificates, handshakes.
//!
//! A [`Connector`] configures a client, an [`Acceptor`] a server. The handshake turns a
//! [`Stream`](crate::net::Stream) into another one that carries the application's bytes:
//!
//! ```
//! use hangup::tls::{Acceptor, Connector, Identity, Roots};
//! use hangup::{Context, testing};
//! use std::io::{Read, Write};
//! use std::time::Duration;
//! # let key = rcgen::KeyPair::generate()?;
//! # let cert = rcgen::CertificateParams::new(["localhost".to_owned()])?.self_signed(&key)?;
//! # let (cert_pem, key_pem) = (cert.pem(), key.serialize_pem());
//!
//! let acceptor = Acceptor::new(Identity::from_pem(&cert_pem, &key_pem)?)?;
//! let connector = Connector::builder().roots(Roots::only_pem(&cert_pem)?).build()?;
//!
//! let (near, far) = testing::stream_pair();
//! let limit = Duration::from_secs(10);
//! let server = std::thread::spawn(move || acceptor.accept(far, limit));
//! let mut client = connector.connect(near, "localhost", limit, &Context::new())?;
//! let mut server = server.join().unwrap()?;
//! client.write_all(b"hello")?;
//! let mut buf = [0; 5];
//! server.read_exact(&mut buf)?;
//! assert_eq!(&buf, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A TLS stream behaves as every other [`Stream`](crate::net::Stream): one thread may read while another
//! writes and a third waits for the peer to hang up. Deadlines and
//! [`close`](crate::net::Stream::close) end blocked calls, the handshake included. Three differences
//! remain:
//!
//! * The peer's end of stream is its `close_notify`. If the connection ends without one, reads fail with
//!   [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof), because an attacker could have cut it (RFC
//!   8446 section 6.1). A framed message that was complete by then is valid all the same.
//! * [`readiness`](crate::net::Stream::readiness) and
//!   [`wait_readable`](crate::net::Stream::wait_readable) decrypt records until there is data or an end:
//!   a readable socket may hold a session ticket or a key update only.
//! * A write returns when its encrypted bytes are sent. At its deadline some may be unsent, and the next
//!   read, write or flush sends them.
//!
//! # Stability
//!
//! The module re-exports [`rustls`], and the functions called `from_rustls` take its types. A new
//! incompatible version of rustls is an incompatible version of this crate.

pub use crate::net::tls::{
    Acceptor, AcceptorBuilder, ClientCertificates, Connector, ConnectorBuilder, Identity, Roots,
    rustls,
};
