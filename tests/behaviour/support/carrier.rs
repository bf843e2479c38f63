//! The transport of a test's connections, as a parameter of the test.
//!
//! ```ignore
//! over_each![t03_a_full_pool_closes_further_idle_connections]; // near the top of the file: its table of contents
//!
//! fn t03_a_full_pool_closes_further_idle_connections(over: Over) {
//!     alone!();
//!     let (peers, client) = (over.peers(), over.client());
//!     …
//! }
//! ```
//!
//! A test that does not concern the connection, such as a table of redirects, is an ordinary `#[test]`.

#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
pub(super) use tls::acceptor;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use hangup::client::ClientBuilder;
use hangup::testing::{Peer, Script, Stream, TestServer, stream_pair};
use hangup::{Client, Handler, Result, Server};

use super::RawClient;
use super::scripted_server::Peers;

/// Registers tests that take the transport as their parameter, and runs them over TCP and over TLS. After
/// `each way:` they also run over TCP with a client that sends every body through its writer loop. An attribute in
/// front of a name is that of the tests.
macro_rules! over_each {
    (@carriers $test:ident $($attribute:meta)*) => {
        #[test]
        $(#[$attribute])*
        fn over_tcp() {
            super::$test($crate::support::Over::Tcp);
        }

        #[cfg(feature = "tls")]
        #[test]
        $(#[$attribute])*
        fn over_tls() {
            super::$test($crate::support::Over::Tls);
        }
    };
    (each way: $($test:ident),+ $(,)?) => {
        $(
            mod $test {
                $crate::support::over_each!(@carriers $test);

                #[test]
                fn the_full_way() {
                    super::$test($crate::support::Over::TcpTheFullWay);
                }
            }
        )+
    };
    ($($(#[$attribute:meta])* $test:ident),+ $(,)?) => {
        $(
            mod $test {
                $crate::support::over_each!(@carriers $test $($attribute)*);
            }
        )+
    };
}
pub(crate) use over_each;

/// The transport of a test's connections. Its methods create everything that depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    /// TCP, with a client that sends every body through the writer loop.
    TcpTheFullWay,
    /// TLS over TCP.
    #[cfg(feature = "tls")]
    Tls,
}

impl Over {
    pub(crate) fn is_encrypted(self) -> bool {
        match self {
            Self::Tcp | Self::TcpTheFullWay => false,
            #[cfg(feature = "tls")]
            Self::Tls => true,
        }
    }

    /// Starts a script whose connections [`client`](Self::client) makes.
    pub(crate) fn script(self) -> Script {
        match self {
            Self::Tcp | Self::TcpTheFullWay => Script::new(),
            #[cfg(feature = "tls")]
            Self::Tls => Script::new().tls(tls::acceptor()),
        }
    }

    /// Does the handshake within a connection, if there is one.
    #[track_caller]
    #[cfg_attr(not(feature = "tls"), allow(unused_variables, reason = "no carrier encrypts"))]
    pub(crate) fn secure(self, peer: &mut Peer) {
        match self {
            Self::Tcp | Self::TcpTheFullWay => {}
            #[cfg(feature = "tls")]
            Self::Tls => _ = peer.start_tls(&tls::acceptor()),
        }
    }

    /// Starts a scripted server.
    pub(crate) fn peers(self) -> Peers {
        Peers::over(self)
    }

    /// Starts a scripted server whose sockets buffer about [4 KiB](Peers::with_small_buffers).
    pub(crate) fn peers_with_small_buffers(self) -> Peers {
        self.peers().with_small_buffers()
    }

    /// Creates a client for [`peers`](Self::peers) and for a [`server`](Self::server).
    pub(crate) fn client(self) -> Client {
        self.client_builder().build()
    }

    /// Returns a builder for such a client.
    pub(crate) fn client_builder(self) -> ClientBuilder {
        match self {
            Self::Tcp => Client::builder(),
            // With a limit for sending, the caller leaves the body to the writer loop. This limit never
            // expires.
            Self::TcpTheFullWay => Client::builder().send_timeout(Duration::MAX),
            #[cfg(feature = "tls")]
            Self::Tls => Client::builder().tls(tls::connector()),
        }
    }

    /// Returns the URL of `path` on `host`, which may include a port.
    pub(crate) fn url(self, host: impl std::fmt::Display, path: &str) -> String {
        match self {
            Self::Tcp | Self::TcpTheFullWay => format!("http://{host}{path}"),
            #[cfg(feature = "tls")]
            Self::Tls => format!("https://{host}{path}"),
        }
    }

    /// Starts a server that runs `handler`.
    pub(crate) fn server(self, handler: impl Handler) -> TestServer {
        self.server_with(Server::with_handler(handler))
    }

    /// Starts a configured server.
    pub(crate) fn server_with(self, server: Server) -> TestServer {
        match self {
            Self::Tcp | Self::TcpTheFullWay => TestServer::with(server),
            #[cfg(feature = "tls")]
            Self::Tls => TestServer::with(server.tls(tls::acceptor())),
        }
    }

    /// Connects to a [`server`](Self::server).
    pub(crate) fn connect(self, server: &TestServer) -> RawClient {
        self.client_over(tcp(server.addr()))
    }

    /// Makes a client of a connected socket.
    pub(crate) fn carried_by(self, stream: TcpStream) -> RawClient {
        self.client_over(stream.into())
    }

    fn client_over(self, stream: Stream) -> RawClient {
        RawClient::over(match self {
            Self::Tcp | Self::TcpTheFullWay => stream,
            #[cfg(feature = "tls")]
            Self::Tls => tls::connect(stream),
        })
    }

    /// Returns the server's end of an accepted connection, or an error if the handshake fails.
    pub(crate) fn accept(self, stream: Stream) -> Result<Stream> {
        stream.set_nodelay(true).expect("a connected socket");
        match self {
            Self::Tcp | Self::TcpTheFullWay => Ok(stream),
            #[cfg(feature = "tls")]
            Self::Tls => tls::accept(stream),
        }
    }

    /// Returns both ends of one TCP connection: the client's and the server's.
    pub(crate) fn pair(self) -> (Stream, Stream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let near = tcp(listener.local_addr().expect("a port"));
        let far = Stream::from(listener.accept().expect("a connection that was made").0);
        far.set_nodelay(true).expect("a connected socket");
        self.carry(near, far)
    }

    /// Returns both ends of one connection in memory: the client's and the server's.
    pub(crate) fn pair_in_memory(self) -> (Stream, Stream) {
        let (near, far) = stream_pair();
        self.carry(near, far)
    }

    fn carry(self, near: Stream, far: Stream) -> (Stream, Stream) {
        match self {
            Self::Tcp | Self::TcpTheFullWay => (near, far),
            #[cfg(feature = "tls")]
            Self::Tls => tls::shake_hands(near, far),
        }
    }
}

fn tcp(server: SocketAddr) -> Stream {
    let stream = Stream::from(TcpStream::connect(server).expect("a server that listens"));
    stream.set_nodelay(true).expect("a connected socket");
    stream
}
