//! The code around calls: the methods that add middlewares, retries and observers to a client or a call.

use std::sync::Arc;
use std::time::Duration;

use super::builder::ClientBuilder;
use super::middleware::Middleware;
use super::observe::Observe;
use super::request::RequestBuilder;
use super::retry::Retry;
use super::speed::MinSpeed;

impl ClientBuilder {
    /// Adds a [`Middleware`] that runs once for each call, around all of its redirects.
    ///
    /// The first one added is the outermost: it sees the request first and the response last. Those that
    /// [a call adds](RequestBuilder::wrap) run inside of the client's. A client without middlewares has
    /// none of their cost.
    ///
    /// ```no_run
    /// use hangup::client::Next;
    /// use hangup::{Client, Request};
    ///
    /// let client = Client::builder()
    ///     .wrap(|request: Request, next: Next<'_>| {
    ///         let line = format!("{} {}", request.method(), request.uri());
    ///         let response = next.run(request);
    ///         match &response {
    ///             Ok(response) => println!("{line}: {}", response.status()),
    ///             Err(error) => println!("{line}: {error}"),
    ///         }
    ///         response
    ///     })
    ///     .build();
    /// # let _ = client;
    /// ```
    pub fn wrap(mut self, middleware: impl Middleware + 'static) -> Self {
        self.layers.call.push(Box::new(middleware));
        self
    }

    /// Adds a [`Middleware`] that runs once for each hop of a call: for its first request, and for each
    /// that follows a redirect.
    ///
    /// The first one added is the outermost. All of them run inside of those that [`wrap`](Self::wrap)
    /// added. They see each request as it is sent, with the credentials of its URL. A request that
    /// is sent again because a connection was stale passes them once.
    pub fn wrap_hop(mut self, middleware: impl Middleware + 'static) -> Self {
        self.layers.hop.push(Box::new(middleware));
        self
    }

    /// Sets the [retries](Retry) of calls that set none themselves. `None`, the default, is no retry.
    pub fn retry(mut self, retry: impl Into<Option<Retry>>) -> Self {
        self.defaults.options.extras_mut().retry = retry.into();
        self
    }

    /// Sets how long a call waits at
    /// [`max_connections_per_host`](Self::max_connections_per_host) until a connection comes free or may be
    /// made. It then fails with [`TimeLimit::Queue`](crate::TimeLimit::Queue). No limit by default.
    pub fn queue_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.defaults.options.extras_mut().queue = limit.into();
        self
    }

    /// Sets the least speed of a transfer: at least `bytes_per_second` on average over each period `over`.
    /// Otherwise the call fails with [`TimeLimit::Speed`](crate::TimeLimit::Speed). No limit by default;
    /// 0 bytes per second is no limit.
    ///
    /// The bytes of both directions count, heads included, and the wait for the response's head. Connecting
    /// does not; [`connect_timeout`](Self::connect_timeout) limits that. Only the peer is measured: the time
    /// in which a body's source or the reader of the response produces or takes nothing does not count.
    /// Unlike [`idle_read_timeout`](Self::idle_read_timeout), it ends a transfer that trickles.
    ///
    /// ```no_run
    /// use hangup::Client;
    /// use std::time::Duration;
    ///
    /// // As curl's `--speed-limit 1000 --speed-time 30`.
    /// let client = Client::builder().min_speed(1000, Duration::from_secs(30)).build();
    /// # let _ = client;
    /// ```
    pub fn min_speed(mut self, bytes_per_second: u64, over: Duration) -> Self {
        self.defaults.options.extras_mut().min_speed = MinSpeed::new(bytes_per_second, over);
        self
    }

    /// Adds an [observer](Observe), which sees the steps of every call.
    pub fn observe(mut self, observer: impl Observe + 'static) -> Self {
        self.defaults.options.extras_mut().observers.push(Arc::new(observer));
        self
    }
}

impl RequestBuilder {
    /// Adds a [`Middleware`] that runs once for this call, around all of its redirects.
    ///
    /// It runs inside of the [client's](ClientBuilder::wrap), and around the steps that the call asks for:
    /// an error for the status, retries, decoding, redirects. The first one added is the outermost. The
    /// options of this builder can be set before or after.
    ///
    /// ```no_run
    /// use hangup::client::Next;
    /// use hangup::{Client, Request};
    /// use std::time::Instant;
    ///
    /// let client = Client::new();
    /// let request = client.get("http://example.com/").wrap(|request: Request, next: Next<'_>| {
    ///     let begun = Instant::now();
    ///     let response = next.run(request);
    ///     println!("took {:?}", begun.elapsed());
    ///     response
    /// });
    /// request.send()?;
    /// # Ok::<(), hangup::Error>(())
    /// ```
    pub fn wrap(mut self, middleware: impl Middleware + 'static) -> Self {
        self.layers_mut().call.push(Box::new(middleware));
        self
    }

    /// Adds a [`Middleware`] that runs once for each hop of this call: for its first request, and for
    /// each that follows a redirect.
    ///
    /// It runs inside of the [client's](ClientBuilder::wrap_hop), so it sees each request as it is sent.
    /// The first one added is the outermost.
    pub fn wrap_hop(mut self, middleware: impl Middleware + 'static) -> Self {
        self.layers_mut().hop.push(Box::new(middleware));
        self
    }

    /// Sets the [retries](Retry) of this call, overriding the client's. `None` is no retry.
    pub fn retry(mut self, retry: impl Into<Option<Retry>>) -> Self {
        self.options.extras_mut().retry = retry.into();
        self
    }

    /// Sets how long the call waits for a connection to come free, overriding the
    /// [client's](ClientBuilder::queue_timeout) limit.
    pub fn queue_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.extras_mut().queue = limit.into();
        self
    }

    /// Sets the least speed of the transfer, overriding the [client's](ClientBuilder::min_speed). 0 bytes
    /// per second is no limit.
    pub fn min_speed(mut self, bytes_per_second: u64, over: Duration) -> Self {
        self.options.extras_mut().min_speed = MinSpeed::new(bytes_per_second, over);
        self
    }

    /// Adds an [observer](Observe), which sees the steps of this call, after the client's observers.
    pub fn observe(mut self, observer: impl Observe + 'static) -> Self {
        self.options.extras_mut().observers.push(Arc::new(observer));
        self
    }
}
