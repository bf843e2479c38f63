//! The proxy options of a client and of a call.

use std::time::Duration;

use super::ProxyPolicy;
use crate::client::{ClientBuilder, RequestBuilder};

impl ClientBuilder {
    /// Sets the proxies that requests take. By default they are those of the
    /// [environment](ProxyPolicy::from_env). [`RequestBuilder::proxy`] overrides
    /// them.
    ///
    /// Idle connections to a proxy are reused. One for forwarded requests serves any `http` URL, so
    /// [limits per host](Self::max_connections_per_host) count the proxy there. A tunnel serves one origin.
    ///
    /// ```
    /// use hangup::Client;
    /// use hangup::client::{Proxy, ProxyPolicy};
    ///
    /// let direct = Client::builder().proxy(ProxyPolicy::none()).build();
    /// let proxied = Client::builder().proxy(Proxy::new("http://proxy.example:3128")?).build();
    /// # let _ = (direct, proxied);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn proxy(mut self, policy: impl Into<ProxyPolicy>) -> Self {
        self.transport.proxy.policy = Some(policy.into());
        self
    }

    /// Sets the limit of opening a tunnel through a proxy, from the connection to the proxy until the
    /// proxy has connected to the origin. 30 s by default. Its error is
    /// [`TimeLimit::Proxy`](crate::TimeLimit::Proxy). For a SOCKS proxy that gets addresses, it limits
    /// each of at most four that are tried.
    ///
    /// [`connect_timeout`](Self::connect_timeout) limits the connection to the proxy, and
    /// [`tls_handshake_timeout`](Self::tls_handshake_timeout) each TLS handshake.
    pub fn proxy_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.transport.proxy.timeout = limit.into();
        self
    }
}

impl RequestBuilder {
    /// Sets the proxies that this call takes, overriding the
    /// [client's](ClientBuilder::proxy). [`ProxyPolicy::none`] sends it directly.
    pub fn proxy(mut self, policy: impl Into<ProxyPolicy>) -> Self {
        self.options.extras_mut().proxy = Some(policy.into());
        self
    }
}
