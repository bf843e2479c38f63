//! Connecting: resolve the host name, try its addresses, take the first connection that is made.
//!
//! ```text
//!   Target::Host ──> resolve ──> addresses ──> race ──> Stream
//!   Target::Unix ───────────────────────────> unix ───> Stream     the context or the deadline ends
//! ```                                                              any step

mod error;
mod event;
mod limit;
mod lookup;
mod options;
mod race;
mod resolve;
mod target;
#[cfg_attr(not(unix), path = "no_unix.rs")]
mod unix;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use error::{DialError, Phase};
pub use event::DialEvent;
pub use options::DialOptions;
pub use resolve::{Resolve, Resolver};
pub use target::Target;

use self::limit::Limit;
use super::addr::Addr;
use super::socket::{Family, Socket};
use super::stream::Stream;
use super::wake;
use crate::context::Context;

/// A way to connect to a [`Target`].
///
/// [`DialOptions`] is the crate's own dialer. Another dialer can wrap it, or return a [`Stream`] made
/// of a `TcpStream`, a `UnixStream`, a descriptor, one of the two ends in memory that
/// [`testing::stream_pair`](crate::testing::stream_pair) returns, or TLS over any of these. A closure
/// `Fn(&Target, &Context) -> Result<Dialed, DialError>` is a dialer if the types of its parameters are
/// written out.
///
/// `context` ends when the connection is no longer needed. `dial` should then return soon. A caller
/// that has given up does not wait for it, so a `dial` that blocks holds its thread but no caller. A
/// panic of `dial` becomes an error of the call that needed the connection.
///
/// ```
/// use hangup::Context;
/// use hangup::net::{Dial, DialError, DialOptions, Dialed, Stream, Target};
/// use std::net::{TcpListener, TcpStream};
///
/// // Redirects one host to an address, and dials every other host as usual.
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let address = listener.local_addr()?;
/// let usual = DialOptions::new();
/// let dialer = move |target: &Target, context: &Context| -> Result<Dialed, DialError> {
///     match target {
///         Target::Host { host, .. } if host == "example.test" => {
///             Ok(Dialed::new(Stream::from(TcpStream::connect(address)?)))
///         }
///         _ => usual.dial(target, context),
///     }
/// };
/// let dialed = dialer.dial(&Target::host("example.test", 80), &Context::new())?;
/// assert_eq!(dialed.remote.ip(), Some(address));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a dialer",
    note = "a dialer is a function `fn(&Target, &Context) -> Result<Dialed, DialError>`, or a type that implements `Dial`"
)]
pub trait Dial: Send + Sync {
    /// Connects to `target`.
    ///
    /// # Errors
    ///
    /// See [`DialError`], which also says how to create one.
    fn dial(&self, target: &Target, context: &Context) -> Result<Dialed, DialError>;
}

impl<F> Dial for F
where
    F: Fn(&Target, &Context) -> Result<Dialed, DialError> + Send + Sync,
{
    fn dial(&self, target: &Target, context: &Context) -> Result<Dialed, DialError> {
        self(target, context)
    }
}

impl<D: Dial + ?Sized> Dial for Arc<D> {
    fn dial(&self, target: &Target, context: &Context) -> Result<Dialed, DialError> {
        (**self).dial(target, context)
    }
}

/// Dials with these options: see [`dial`].
impl Dial for DialOptions {
    fn dial(&self, target: &Target, context: &Context) -> Result<Dialed, DialError> {
        super::dial(target, self, context)
    }
}

/// A new connection, and how it was made.
#[derive(Debug)]
#[non_exhaustive]
pub struct Dialed {
    /// The connection.
    pub stream: Stream,
    /// The address that the connection leads to.
    pub remote: Addr,
    /// How long it took to resolve the host name. Close to zero for a literal address.
    pub resolved_in: Duration,
    /// How long it took to connect after that.
    pub connected_in: Duration,
}

impl Dialed {
    /// Wraps a connection. `remote` is the stream's peer address, or [`Addr::Unknown`]; the times are
    /// zero. A dialer may set the fields afterwards.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        let remote = stream.peer_addr().unwrap_or(Addr::Unknown);
        Self { stream, remote, resolved_in: Duration::ZERO, connected_in: Duration::ZERO }
    }
}

/// Connects to `target`. A host name is resolved and its addresses are tried in turn. If the first
/// address family is slow, both are tried at the same time (RFC 8305). The first connection wins, and
/// the other attempts are closed.
///
/// ```
/// use hangup::Context;
/// use hangup::net::{self, DialOptions, Listener, Target};
///
/// let listener = Listener::bind_tcp("127.0.0.1:0")?;
/// let port = listener.local_addr()?.ip().unwrap().port();
/// let target = Target::host("localhost", port);
/// let dialed = net::dial(&target, &DialOptions::new(), &Context::new())?;
/// assert_eq!(dialed.remote.ip().unwrap().port(), port);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// See [`DialError`]. No error leaves a descriptor open.
///
/// # Blocking
///
/// Until the connection is made, at most for [`DialOptions::connect_timeout`]. The end of `context`
/// ends it within milliseconds. A look-up that hangs stays behind on its thread, `hangup-resolve`,
/// which ends when the resolver returns.
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
        Target::Host { host, port } => look_up(host, *port, options, deadline, context)?,
        Target::Unix(_) => Vec::new(),
    };
    let resolved = Instant::now();
    let limit = Limit::new(deadline, context)?;
    let (socket, remote) = match target {
        Target::Host { .. } => tcp(target, &addresses, options, &limit)?,
        Target::Unix(path) => unix(target, path, options, &limit)?,
    };
    options.watcher.show(&DialEvent::Connected { address: &remote });
    Ok(Dialed {
        stream: Stream::from_socket(socket),
        remote,
        resolved_in: resolved - start,
        connected_in: resolved.elapsed(),
    })
}

/// Returns the addresses of `host`. Shows the events of a look-up, if there is one.
fn look_up(
    host: &str,
    port: u16,
    options: &DialOptions,
    deadline: Option<Instant>,
    context: &Context,
) -> Result<Vec<SocketAddr>, DialError> {
    let look_up = || options.resolver.look_up(host, port, deadline, context);
    if resolve::literal(host, port).is_some() {
        return look_up();
    }
    options.watcher.show(&DialEvent::Resolving { host, port });
    let addresses = look_up()?;
    options.watcher.show(&DialEvent::Resolved { host, addresses: &addresses });
    Ok(addresses)
}

fn unix(
    target: &Target,
    path: &Path,
    options: &DialOptions,
    limit: &Limit<'_>,
) -> Result<(Socket, Addr), DialError> {
    let address = Addr::Unix(Some(path.to_path_buf()));
    options.watcher.show(&DialEvent::Connecting { address: &address });
    let connected = unix::connect(target, path, limit);
    if let Err(DialError::Connect { tried, .. }) = &connected {
        for (_, error) in tried {
            options.watcher.show(&DialEvent::ConnectFailed { address: &address, error });
        }
    }
    connected
}

fn tcp(
    target: &Target,
    addresses: &[SocketAddr],
    options: &DialOptions,
    limit: &Limit<'_>,
) -> Result<(Socket, Addr), DialError> {
    let refused = |tried: Vec<(SocketAddr, io::Error)>| {
        let tried = tried.into_iter().map(|(address, error)| (address.into(), error)).collect();
        DialError::connect(target.clone(), tried)
    };
    let (socket, address) = match race::connect(addresses, options, limit)? {
        Ok(connected) => connected,
        Err(tried) => return Err(refused(tried)),
    };
    let configure = || {
        wake::adopt(&socket)?;
        socket.set_tcp_nodelay(options.nodelay)?;
        wake::set_keepalive(&socket, options.keepalive)
    };
    configure().map_err(|error| refused(vec![(address, error)]))?;
    Ok((Socket::fresh(socket, Family::Tcp), address.into()))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
