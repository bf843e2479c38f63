//! Upstreams that speak HTTP.

use std::time::Duration;

use super::target::Base;
use super::upstream::{Call, Upstream};
use crate::client::{Client, ProxyPolicy, RedirectPolicy};
use crate::{Request, Response, Result};

/// How many idle connections a proxy keeps to all upstreams.
const IDLE_CONNECTIONS: usize = 512;

/// How many idle connections a proxy keeps to each upstream. As many requests at the same time need no new
/// connections.
const IDLE_CONNECTIONS_EACH: usize = 128;

/// The client of a proxy.
pub(super) enum ProxyClient {
    /// It adds nothing to requests, and changes no response.
    Own(Client),
    /// The user's, whose defaults may be those of a browser.
    Given(Client),
}

impl ProxyClient {
    /// Creates the client of a proxy that is given none.
    pub(super) fn new(connect_timeout: Option<Duration>) -> Self {
        let client = Client::builder()
            .no_default_headers()
            .redirects(RedirectPolicy::none())
            .proxy(ProxyPolicy::none())
            .connect_timeout(connect_timeout)
            .max_idle_connections(IDLE_CONNECTIONS)
            .max_idle_connections_per_host(IDLE_CONNECTIONS_EACH);
        Self::Own(client.build())
    }

    /// Sends a request to the server at `base`.
    fn send(&self, base: &Base, mut request: Request, call: &Call<'_>) -> Result<Response> {
        *request.uri_mut() = base.join(request.uri())?;
        let (Self::Own(client) | Self::Given(client)) = self;
        let mut prepared = client
            .prepare(request)
            .context(call.context())
            .response_head_timeout(call.head_timeout())
            .idle_read_timeout(call.idle_timeout())
            .idle_write_timeout(call.idle_timeout());
        if call.passes_interim() {
            prepared = prepared.on_informational(call.on_informational());
        }
        if let Self::Given(_) = self {
            prepared = prepared
                .redirects(RedirectPolicy::none())
                .decode(false)
                .status_as_error(false)
                .retry(None);
        }
        prepared.send()
    }
}

/// An upstream of a proxy.
pub(super) enum Destination {
    Url(Base),
    Other(Box<dyn Upstream>),
}

impl Destination {
    /// Sends a request. `client` reaches those that are URLs.
    pub(super) fn send(
        &self,
        client: &ProxyClient,
        request: Request,
        call: &Call<'_>,
    ) -> Result<Response> {
        match self {
            Self::Url(base) => client.send(base, request, call),
            Self::Other(upstream) => upstream.send(request, call),
        }
    }

    /// Returns the name for log lines: host and port of a URL.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Url(base) => base.authority(),
            Self::Other(_) => "of another kind",
        }
    }
}
