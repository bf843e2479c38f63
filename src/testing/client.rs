//! Clients of the servers for tests.

use super::script::Script;
#[cfg(feature = "server")]
use super::server::TestServer;
#[cfg(feature = "server")]
use super::target::target_of;
use super::tls::trust;
use crate::client::{Client, ClientBuilder, ProxyPolicy};
use crate::net::Dial;
#[cfg(feature = "server")]
use crate::{
    context::Context,
    net::{DialError, DialOptions, Dialed, Target},
};

/// Returns a builder of a client that connects by `dialer` alone.
fn builder(dialer: impl Dial + 'static) -> ClientBuilder {
    trust(Client::builder().dialer(dialer).proxy(ProxyPolicy::none()))
}

impl Script {
    /// Returns a client of this script: see [`client_builder`](Self::client_builder).
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder().build()
    }

    /// Returns the builder of a client whose connections all lead to this script, whatever the URL's host is.
    /// It trusts the certificate of `tls_acceptor` (feature `tls`), and ignores proxies in the environment.
    pub fn client_builder(&self) -> ClientBuilder {
        builder(self.dialer())
    }
}

#[cfg(feature = "server")]
impl TestServer {
    /// Returns a client of this server: see [`client_builder`](Self::client_builder).
    ///
    /// ```
    /// use hangup::{ResponseExt, testing::TestServer};
    /// use std::io::Write;
    ///
    /// let server = TestServer::new(|w, r| Ok(write!(w, "{:?}", r.headers()["host"])?));
    /// let mut response = server.client().get("http://example.com/").send()?;
    /// assert_eq!(response.text()?, "\"example.com\"");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn client(&self) -> Client {
        self.client_builder().build()
    }

    /// Returns the builder of a client whose connections all lead to this server, whatever the URL's host is.
    /// It trusts the certificate of `tls_acceptor` (feature `tls`), and ignores proxies in the environment.
    pub fn client_builder(&self) -> ClientBuilder {
        let target = target_of(self.local_addr());
        builder(move |_: &Target, context: &Context| -> Result<Dialed, DialError> {
            DialOptions::new().dial(&target, context)
        })
    }
}
