//! TLS for tests.

use crate::net::tls::{Acceptor, Connector, Identity, Roots};

const CERTIFICATE: &str = include_str!("certificate/certificate.pem");

/// This key is public, so only tests may use it.
const KEY: &str = include_str!("certificate/key.pem");

/// Returns the TLS configuration of a server for tests, with a certificate that is a part of this crate.
///
/// The certificate is valid for `localhost`, `127.0.0.1`, `::1`, `example.com`, `example.org` and the names
/// directly below the last two. It is self-signed: only [`tls_connector`] trusts it. Its key is public.
///
/// ```
/// use hangup::testing::{TestServer, tls_acceptor};
/// use hangup::{ResponseExt, Server};
/// use std::io::Write;
///
/// let server = Server::new(|w, _| Ok(w.write_all(b"hello")?)).tls(tls_acceptor());
/// let server = TestServer::with(server);
/// assert!(server.url("/").starts_with("https://127.0.0.1:"));
/// assert_eq!(server.client().get(server.url("/")).send()?.text()?, "hello");
/// # Ok::<(), hangup::Error>(())
/// ```
#[must_use]
pub fn tls_acceptor() -> Acceptor {
    let identity = Identity::from_pem(CERTIFICATE, KEY).expect("the certificate of the tests");
    Acceptor::new(identity).expect("a configuration")
}

/// Returns the TLS configuration of a client that trusts the certificate of [`tls_acceptor`], and no other.
#[must_use]
pub fn tls_connector() -> Connector {
    let roots = Roots::only_pem(CERTIFICATE).expect("the certificate of the tests");
    Connector::builder().roots(roots).build().expect("a configuration")
}

#[cfg(feature = "client")]
pub(super) fn trust(client: crate::client::ClientBuilder) -> crate::client::ClientBuilder {
    client.tls(tls_connector())
}
