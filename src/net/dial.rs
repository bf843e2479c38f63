//! Getting connected: resolve the name, try its addresses, take the first that answers.
//!
//! ```text
//!   Target::Host ──> resolve ──> addresses ──> race ──> Stream     both ended by the context,
//!   Target::Unix ───────────────────────────> connect ──> Stream   and by one deadline for all
//! ```

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addr::Addr;
use super::race;
use super::resolve::Resolver;
use super::socket::{Family, Socket};
use super::stream::Stream;
use super::wake::{self, Waker};
use crate::context::{Context, ContextError};

/// Where to connect to.
///
/// Displayed as `example.org:80`, `[::1]:80`, `unix:/run/app.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// TCP.
    Host {
        /// A name or a literal IP address; IPv6 with or without brackets, and with a zone if the
        /// address needs one: `fe80::1%eth0`.
        host: String,
        /// The port.
        port: u16,
    },
    /// A Unix socket, on systems that have them.
    Unix(PathBuf),
}

/// How to connect.
#[derive(Clone, Debug)]
pub struct DialOptions {
    /// How long the whole dial may take, resolving included. Default: 30 seconds.
    pub connect_timeout: Option<Duration>,
    /// How long the first address family is tried alone before the other joins in (RFC 8305,
    /// section 5). Default: 300 ms.
    pub fallback_delay: Duration,
    /// After how long a silent TCP peer is probed, and how often from then on. Default: 30
    /// seconds.
    pub keepalive: Option<Duration>,
    /// Whether small writes are sent at once. Default: yes.
    pub nodelay: bool,
    /// How names become addresses. Default: the system's resolver.
    pub resolver: Resolver,
    /// The address to connect from; targets of the other family fail. Default: the system's
    /// choice.
    pub local_addr: Option<IpAddr>,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Some(Duration::from_secs(30)),
            fallback_delay: Duration::from_millis(300),
            keepalive: Some(super::listen::KEEPALIVE),
            nodelay: true,
            resolver: Resolver::default(),
            local_addr: None,
        }
    }
}

/// A connection, and how it came about.
#[derive(Debug)]
pub struct Dialed {
    /// The connection.
    pub stream: Stream,
    /// The address that answered.
    pub remote: Addr,
    /// How long resolving the name took; next to nothing for a literal address.
    pub resolved_in: Duration,
    /// How long connecting took after that.
    pub connected_in: Duration,
}

/// The part of a dial that a time limit can cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Resolving the name.
    Resolve,
    /// Connecting to its addresses.
    Connect,
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// The name has no address, or it could not be found out.
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No address answered; each with its own error, in the order in which they failed.
    Connect {
        /// Whom the dial was for.
        target: Target,
        /// The addresses that were tried.
        tried: Vec<(Addr, io::Error)>,
    },
    /// [`DialOptions::connect_timeout`] ran out.
    TimedOut(Phase),
    /// [`DialOptions::connect_timeout`] ran out before the look-up of the name could begin: the resolver
    /// makes as many as it may, and none has ended.
    ResolverBusy {
        /// The name.
        host: String,
        /// How many look-ups are running.
        lookups: usize,
    },
    /// The context ended: cancelled, or its deadline came.
    Cancelled(ContextError),
    /// The system has no room for what the dial itself needs, such as another descriptor.
    System(io::Error),
}

/// Connects to `target`: resolves its name and tries the addresses, both families at once if the
/// first is slow (RFC 8305). The first that answers wins, the other attempts are closed.
///
/// ```
/// use hangup::Context;
/// use hangup::net::{self, DialOptions, Listener, Target};
///
/// let listener = Listener::bind_tcp("127.0.0.1:0")?;
/// let port = listener.local_addr()?.ip().unwrap().port();
/// let target = Target::Host { host: "localhost".to_owned(), port };
/// let dialed = net::dial(&target, &DialOptions::default(), &Context::new())?;
/// assert_eq!(dialed.remote.ip().unwrap().port(), port);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// See [`DialError`]. None of them leaves a descriptor behind.
///
/// # Blocking
///
/// At most for [`DialOptions::connect_timeout`]. When `context` ends it returns within
/// milliseconds, whatever it is waiting for. A look-up that hangs is left behind on its thread,
/// `hangup-resolve`, which ends when the system answers.
pub fn dial(
    target: &Target,
    options: &DialOptions,
    context: &Context,
) -> Result<Dialed, DialError> {
    let start = Instant::now();
    let deadline = options.connect_timeout.and_then(|timeout| start.checked_add(timeout));
    if let Some(error) = context.err() {
        return Err(DialError::Cancelled(error));
    }
    let addresses = match target {
        Target::Host { host, port } => options.resolver.resolve(host, *port, deadline, context)?,
        Target::Unix(_) => Vec::new(),
    };
    let resolved = Instant::now();
    let limit = Limit::new(deadline, context)?;
    let (socket, remote) = match target {
        Target::Host { .. } => tcp(target, &addresses, options, &limit)?,
        Target::Unix(path) => unix(target, path, &limit)?,
    };
    Ok(Dialed {
        stream: Stream::from_socket(socket),
        remote,
        resolved_in: resolved - start,
        connected_in: resolved.elapsed(),
    })
}

fn tcp(
    target: &Target,
    addresses: &[SocketAddr],
    options: &DialOptions,
    limit: &Limit<'_>,
) -> Result<(Socket, Addr), DialError> {
    let refused = |tried: Vec<(SocketAddr, io::Error)>| DialError::Connect {
        target: target.clone(),
        tried: tried.into_iter().map(|(address, error)| (address.into(), error)).collect(),
    };
    let (socket, address) = match race::connect(addresses, options, limit)? {
        Ok(connected) => connected,
        Err(tried) => return Err(refused(tried)),
    };
    let settle = || {
        socket.set_nonblocking(false)?;
        socket.set_tcp_nodelay(options.nodelay)?;
        wake::set_keepalive(&socket, options.keepalive)
    };
    settle().map_err(|error| refused(vec![(address, error)]))?;
    Ok((Socket::fresh(socket, Family::Tcp), address.into()))
}

#[cfg(unix)]
fn unix(
    target: &Target,
    path: &std::path::Path,
    limit: &Limit<'_>,
) -> Result<(Socket, Addr), DialError> {
    use socket2::{Domain, SockAddr, Type};

    let address = Addr::Unix(Some(path.to_owned()));
    let refused = |error| DialError::Connect {
        target: target.clone(),
        tried: vec![(address.clone(), error)],
    };
    let there = SockAddr::unix(path).map_err(refused)?;
    let socket =
        socket2::Socket::new(Domain::UNIX, Type::STREAM, None).map_err(DialError::System)?;
    socket.set_nonblocking(true).map_err(DialError::System)?;
    let mut pause = FIRST_PAUSE;
    loop {
        match wake::start_connect(&socket, &there) {
            // A Unix socket connects at once or not at all.
            Ok(_) => break,
            // The listener's queue is full, and no system tells when that changes.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                limit.pause(pause)?;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(refused(error)),
        }
    }
    socket.set_nonblocking(false).map_err(refused)?;
    Ok((Socket::fresh(socket, Family::Unix), address))
}

#[cfg(not(unix))]
fn unix(
    target: &Target,
    path: &std::path::Path,
    _limit: &Limit<'_>,
) -> Result<(Socket, Addr), DialError> {
    let address = Addr::Unix(Some(path.to_owned()));
    let tried = vec![(address, io::ErrorKind::Unsupported.into())];
    Err(DialError::Connect { target: target.clone(), tried })
}

/// How soon a Unix listener whose queue was full is tried again at first, and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What ends the connecting before it is done.
pub(super) struct Limit<'a> {
    deadline: Option<Instant>,
    context: &'a Context,
    /// Signalled when the context ends. Not the thread's own: that may happen late.
    waker: Arc<Waker>,
    _hook: crate::context::HookGuard,
}

impl<'a> Limit<'a> {
    pub(super) fn new(deadline: Option<Instant>, context: &'a Context) -> Result<Self, DialError> {
        let waker = Arc::new(Waker::new().map_err(DialError::System)?);
        let hooked = Arc::clone(&waker);
        let hook = context.on_done(move |_| hooked.signal());
        Ok(Self { deadline, context, waker, _hook: hook })
    }

    /// The moment at which the dial runs out of time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Is the connection still wanted?
    pub(super) fn check(&self, now: Instant) -> Result<(), DialError> {
        if let Some(error) = self.context.err() {
            return Err(DialError::Cancelled(error));
        }
        match self.deadline.is_some_and(|deadline| deadline <= now) {
            true => Err(DialError::TimedOut(Phase::Connect)),
            false => Ok(()),
        }
    }

    /// Waits for `duration`, less if the limit comes first.
    #[cfg(unix)]
    fn pause(&self, duration: Duration) -> Result<(), DialError> {
        let now = Instant::now();
        self.check(now)?;
        let until = self.deadline.into_iter().chain(now.checked_add(duration)).min();
        wake::wait(&mut [self.waker.poll_fd()], until).map_err(DialError::System)?;
        self.check(Instant::now())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { host, port } if host.contains(':') && !host.starts_with('[') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Host { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving the name",
            Self::Connect => "connecting",
        })
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, source } => write!(f, "cannot resolve {host}: {source}"),
            Self::Connect { target, tried } => {
                write!(f, "cannot connect to {target}")?;
                for (number, (address, error)) in tried.iter().enumerate() {
                    let separator = if number == 0 { ": " } else { "; " };
                    // A target that is its own address need not be named twice.
                    match address.to_string() {
                        address if address == target.to_string() => {
                            write!(f, "{separator}{error}")?;
                        }
                        address => write!(f, "{separator}{address}: {error}")?,
                    }
                }
                Ok(())
            }
            Self::TimedOut(phase) => write!(f, "timed out while {phase}"),
            Self::ResolverBusy { host, lookups } => {
                write!(f, "timed out waiting to resolve {host}: {lookups} look-ups are running")
            }
            Self::Cancelled(error) => error.fmt(f),
            Self::System(error) => write!(f, "cannot connect: {error}"),
        }
    }
}

impl std::error::Error for DialError {
    /// Returns the source's own source: the text of this error includes those of its sources.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } | Self::System(source) => source.source(),
            Self::Cancelled(ended) => ended.source(),
            // The text ends with the last address that failed.
            Self::Connect { tried, .. } => tried.last().and_then(|(_, error)| error.source()),
            Self::TimedOut(_) | Self::ResolverBusy { .. } => None,
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
