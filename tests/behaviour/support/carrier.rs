//! What a test's connections are carried over: a parameter of the test, not a copy of it.
//!
//! ```ignore
//! over_each![t03_a_full_pool_takes_no_more]; // near the top of the file: its table of contents
//!
//! fn t03_a_full_pool_takes_no_more(over: Over) {
//!     let _alone = alone();
//!     let (peers, client) = (over.peers(), over.client());
//!     …
//! }
//! ```
//!
//! A test that is not about the connection (a table of redirects, say) is an ordinary one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use hangup::client::ClientBuilder;
use hangup::testing::{Stream, TestServer};
use hangup::{Client, Handler, Server};

use super::RawClient;
use super::scripted_server::Peers;

/// Registers tests that take the carrier as their parameter, and run over each.
macro_rules! over_each {
    ($($test:ident),+ $(,)?) => {
        $(
            mod $test {
                use crate::support::Over;

                #[test]
                fn over_tcp() {
                    super::$test(Over::Tcp);
                }
            }
        )+
    };
}
pub(crate) use over_each;

/// What carries a test's connections. Everything that depends on it is got from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
}

impl Over {
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
        }
    }

    /// The URL of `path` on `host`, which may have a port.
    pub(crate) fn url(self, host: impl std::fmt::Display, path: &str) -> String {
        match self {
            Self::Tcp => format!("http://{host}{path}"),
        }
    }

    /// A server that answers with `handler`.
    pub(crate) fn server(self, handler: impl Handler) -> TestServer {
        self.server_with(Server::new(handler))
    }

    /// A server that has its options.
    pub(crate) fn server_with(self, server: Server) -> TestServer {
        match self {
            Self::Tcp => TestServer::with(server),
        }
    }

    /// A connection to a [`server`](Self::server).
    pub(crate) fn connect(self, server: &TestServer) -> RawClient {
        RawClient::over(self.client_end(server.addr()))
    }

    /// Both ends of one connection: the client's, and the server's.
    pub(crate) fn pair(self) -> (Stream, Stream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let near = self.client_end(listener.local_addr().expect("a port"));
        let (far, _) = listener.accept().expect("a connection that was made");
        (near, self.server_end(far.into()))
    }

    fn client_end(self, server: SocketAddr) -> Stream {
        let stream = Stream::from(TcpStream::connect(server).expect("a server that listens"));
        stream.set_nodelay(true).expect("a connected socket");
        match self {
            Self::Tcp => stream,
        }
    }

    /// The server's end of a connection that has been accepted.
    pub(crate) fn server_end(self, stream: Stream) -> Stream {
        stream.set_nodelay(true).expect("a connected socket");
        match self {
            Self::Tcp => stream,
        }
    }
}
