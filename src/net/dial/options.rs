//! The options of a dial.

use std::net::IpAddr;
use std::time::Duration;

use super::event::{DialEvent, Watcher};
use super::resolve::Resolver;
use crate::net::listen::KEEPALIVE;

/// The default of [`DialOptions::connect_timeout`]. A host that does not answer three SYNs within it is
/// most likely down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The default of [`DialOptions::fallback_delay`]. RFC 8305 section 8 recommends 250 ms and allows
/// up to 2 s.
const FALLBACK_DELAY: Duration = Duration::from_millis(300);

/// The options of [`dial`](super::dial()).
///
/// As a [`Dial`](super::Dial), a value of this type dials with these options.
///
/// ```
/// use std::time::Duration;
///
/// use hangup::Context;
/// use hangup::net::{Dial, DialOptions, Listener, Resolver, Target};
///
/// let listener = Listener::bind_tcp("127.0.0.1:0")?;
/// let port = listener.local_addr()?.ip().unwrap().port();
///
/// let localhost = |_host: &str, port: u16, _: &Context| Ok(vec![([127, 0, 0, 1], port).into()]);
/// let options = DialOptions::new()
///     .connect_timeout(Duration::from_secs(5))
///     .resolver(Resolver::new(localhost));
/// let dialed = options.dial(&Target::host("example.test", port), &Context::new())?;
/// assert_eq!(dialed.remote.ip(), Some(([127, 0, 0, 1], port).into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options have no effect before a dial"]
pub struct DialOptions {
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) fallback_delay: Duration,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) nodelay: bool,
    pub(crate) resolver: Resolver,
    pub(crate) local_addr: Option<IpAddr>,
    pub(super) watcher: Watcher,
}

impl DialOptions {
    /// Creates the default options.
    pub fn new() -> Self {
        Self {
            connect_timeout: Some(CONNECT_TIMEOUT),
            fallback_delay: FALLBACK_DELAY,
            keepalive: Some(KEEPALIVE),
            nodelay: true,
            resolver: Resolver::system(),
            local_addr: None,
            watcher: Watcher::default(),
        }
    }

    /// Sets how long the whole dial may take, resolving included. `None` is no limit. The default is
    /// 30 s.
    pub fn connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connect_timeout = limit.into();
        self
    }

    /// Sets how long the first address family is tried alone before the other family is tried as well
    /// (RFC 8305 section 5). The default is 300 ms.
    pub fn fallback_delay(mut self, delay: Duration) -> Self {
        self.fallback_delay = delay;
        self
    }

    /// Sets how long a TCP connection may be silent before the peer's host is probed, and the time
    /// between two probes. `None` turns the probes off. The default is 30 s.
    pub fn keepalive(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.keepalive = period.into();
        self
    }

    /// Sets `TCP_NODELAY`: if `true`, small writes are sent at once. The default is `true`.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Sets the resolver of host names. The default is [`Resolver::system`].
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// Sets the local address to connect from. Remote addresses of the other family then fail. `None`,
    /// the default, leaves the choice to the system.
    pub fn local_addr(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.local_addr = address.into();
        self
    }

    /// Calls `callback` with each [event](DialEvent) of a dial, on the thread that dials. It delays the
    /// dial, so it should be quick. A panic of it is contained.
    ///
    /// ```
    /// use hangup::Context;
    /// use hangup::net::{Dial, DialEvent, DialOptions, Listener, Target};
    ///
    /// let listener = Listener::bind_tcp("127.0.0.1:0")?;
    /// let port = listener.local_addr()?.ip().unwrap().port();
    /// let options = DialOptions::new().on_event(|event: &DialEvent<'_>| match event {
    ///     DialEvent::Connecting { address, .. } => println!("trying {address}"),
    ///     DialEvent::Connected { address, .. } => println!("connected to {address}"),
    ///     _ => {}
    /// });
    /// options.dial(&Target::host("127.0.0.1", port), &Context::new())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_event(mut self, callback: impl Fn(&DialEvent<'_>) + Send + Sync + 'static) -> Self {
        self.watcher = Watcher::new(callback);
        self
    }
}

impl Default for DialOptions {
    fn default() -> Self {
        Self::new()
    }
}
