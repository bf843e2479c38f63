//! What a test's connections are carried over: a parameter of the test, not a copy of it.
//!
//! ```ignore
//! over_each![t03_a_full_pool_takes_no_more]; // near the top of the file: its table of contents
//!
//! fn t03_a_full_pool_takes_no_more(over: Over) {
//!     alone!();
//!     let (peers, client) = (over.peers(), over.client());
//!     …
//! }
//! ```
//!
//! A test that is not about the connection (a table of redirects, say) is an ordinary one.

#[cfg(feature = "tls")]
mod tls;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use hangup::client::ClientBuilder;
use hangup::testing::{Stream, TestServer, stream_pair};
use hangup::{Client, Handler, Result, Server};

use super::RawClient;
use super::scripted_server::Peers;

/// Registers tests that take the carrier as their parameter, and run over each. After `each way:` they
/// are also run with a client that takes none of its short ways.
macro_rules! over_each {
    (@carriers $test:ident) => {
        #[test]
        fn over_tcp() {
            super::$test($crate::support::Over::Tcp);
        }

        #[cfg(feature = "tls")]
        #[test]
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
    ($($test:ident),+ $(,)?) => {
        $(
            mod $test {
                $crate::support::over_each!(@carriers $test);
            }
        )+
    };
}
pub(crate) use over_each;

/// What carries a test's connections. Everything that depends on it is got from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    /// TCP, and a client whose bodies go the full way from the caller through both loops.
    TcpTheFullWay,
    /// TLS, on TCP.
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

    /// A scripted server.
    pub(crate) fn peers(self) -> Peers {
        Peers::over(self)
    }

    /// As [`peers`](Self::peers); its connections take next to nothing that is not read.
    pub(crate) fn peers_with_small_buffers(self) -> Peers {
        self.peers().with_small_buffers()
    }

    /// A client that can talk to [`peers`](Self::peers) and to a [`server`](Self::server).
    pub(crate) fn client(self) -> Client {
        self.client_builder().build()
    }

    /// As [`client`](Self::client), with options of its own.
    pub(crate) fn client_builder(self) -> ClientBuilder {
        match self {
            Self::Tcp => Client::builder(),
            // A limit for sending has a caller wait for the writer loop; this one never comes.
            Self::TcpTheFullWay => Client::builder().send_timeout(Duration::MAX),
            #[cfg(feature = "tls")]
            Self::Tls => Client::builder().tls(tls::connector()),
        }
    }

    /// The URL of `path` on `host`, which may have a port.
    pub(crate) fn url(self, host: impl std::fmt::Display, path: &str) -> String {
        match self {
            Self::Tcp | Self::TcpTheFullWay => format!("http://{host}{path}"),
            #[cfg(feature = "tls")]
            Self::Tls => format!("https://{host}{path}"),
        }
    }

    /// A server that answers with `handler`.
    pub(crate) fn server(self, handler: impl Handler) -> TestServer {
        self.server_with(Server::with_handler(handler))
    }

    /// A server that has its options.
    pub(crate) fn server_with(self, server: Server) -> TestServer {
        match self {
            Self::Tcp | Self::TcpTheFullWay => TestServer::with(server),
            #[cfg(feature = "tls")]
            Self::Tls => TestServer::with(server.tls(tls::acceptor())),
        }
    }

    /// A connection to a [`server`](Self::server).
    pub(crate) fn connect(self, server: &TestServer) -> RawClient {
        self.client_over(tcp(server.addr()))
    }

    /// The client of a connection that has been made already.
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

    /// The server's end of what a client has connected to. Fails if they come to no agreement.
    pub(crate) fn accept(self, stream: Stream) -> Result<Stream> {
        stream.set_nodelay(true).expect("a connected socket");
        match self {
            Self::Tcp | Self::TcpTheFullWay => Ok(stream),
            #[cfg(feature = "tls")]
            Self::Tls => tls::accept(stream),
        }
    }

    /// Both ends of one connection: the client's, and the server's.
    pub(crate) fn pair(self) -> (Stream, Stream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let near = tcp(listener.local_addr().expect("a port"));
        let far = Stream::from(listener.accept().expect("a connection that was made").0);
        far.set_nodelay(true).expect("a connected socket");
        self.carry(near, far)
    }

    /// As [`pair`](Self::pair), in memory instead of on TCP.
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
