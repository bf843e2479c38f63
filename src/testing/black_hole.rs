//! An address that does not respond.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// How long a connection is tried before the queue counts as full. Loopback connects within microseconds.
const PROBE: Duration = Duration::from_millis(100);

/// The most connections that fill the queue. One or two do on Linux.
const MOST_QUEUED: usize = 4096;

/// A TCP address at which connecting neither succeeds nor fails: to test time limits of connecting.
///
/// The queue of its listener is full, so that the system drops every further SYN, as a firewall does. That
/// holds on Linux. Other systems may refuse the connection instead.
///
/// ```
/// use hangup::{Client, ErrorKind, TimeLimit, testing::BlackHole};
/// use std::time::Duration;
///
/// let hole = BlackHole::new();
/// let client = Client::builder().connect_timeout(Duration::from_millis(20)).build();
/// let error = client.get(hole.url("/")).send().unwrap_err();
/// # if cfg!(target_os = "linux") {
/// assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Connect));
/// # }
/// ```
pub struct BlackHole {
    addr: SocketAddr,
    _listener: Socket,
    _queued: Vec<Socket>,
}

impl BlackHole {
    /// Takes a free port of 127.0.0.1. This takes about 100 ms.
    ///
    /// # Panics
    ///
    /// If there is no free port, or its queue cannot be filled.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Ipv4Addr::LOCALHOST.into())
    }

    /// Takes a free port of an address of this machine.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[must_use]
    pub fn on(ip: IpAddr) -> Self {
        let any = SocketAddr::new(ip, 0);
        let socket = || Socket::new(Domain::for_address(any), Type::STREAM, None);
        let listener = socket().expect("a socket");
        listener.bind(&any.into()).expect("a free port");
        listener.listen(0).expect("listen");
        let addr = listener.local_addr().ok().and_then(|addr| addr.as_socket()).expect("a port");
        let mut queued = Vec::new();
        while queued.len() < MOST_QUEUED {
            let socket = socket().expect("a socket");
            if socket.connect_timeout(&addr.into(), PROBE).is_err() {
                return Self { addr, _listener: listener, _queued: queued };
            }
            queued.push(socket);
        }
        panic!("the queue of {addr} takes {MOST_QUEUED} connections")
    }

    /// Returns the address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the URL of `path` at this address.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{}", self.addr, path.strip_prefix('/').unwrap_or(path))
    }
}

impl Default for BlackHole {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BlackHole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlackHole").field("addr", &self.addr).finish_non_exhaustive()
    }
}
