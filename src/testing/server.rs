//! A server for tests.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::error::Result;
use crate::handler::{Handler, Request, ResponseWriter};
use crate::logging as log;
use crate::net::Addr;
use crate::server::{Listening, Server, ServerHandle};
use crate::sync::{self, JoinHandle};

/// A server on a free port of the loopback interface. It is shut down when it is dropped.
///
/// ```
/// use hangup::{Client, testing::TestServer};
/// use std::io::Write;
///
/// let server = TestServer::new(|w, _| Ok(w.write_all(b"hello")?));
/// let mut response = Client::new().get(server.url("/")).send()?;
/// assert_eq!(response.body_mut().read_text(100)?, "hello");
/// # Ok::<(), hangup::Error>(())
/// ```
#[must_use = "dropping it shuts the server down"]
pub struct TestServer {
    handle: ServerHandle,
    addr: Addr,
    scheme: &'static str,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server with a handler that is a function or closure. The compiler infers a closure's
    /// parameter types.
    ///
    /// # Panics
    ///
    /// If there is no free port or no thread can be started.
    pub fn new<F>(handler: F) -> Self
    where
        F: Fn(&mut ResponseWriter, &mut Request) -> Result<()> + Send + Sync + 'static,
    {
        Self::with_handler(handler)
    }

    /// Starts a server with any [`Handler`].
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn with_handler(handler: impl Handler) -> Self {
        Self::with(Server::with_handler(handler))
    }

    /// Starts a configured server.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn with(server: Server) -> Self {
        Self::listening(server.listen("127.0.0.1:0").expect("listen on the loopback interface"))
    }

    /// Starts a server that is already listening, on a Unix socket for example.
    ///
    /// # Panics
    ///
    /// If no thread can be started.
    pub fn listening(listening: Listening) -> Self {
        let (handle, addr) = (listening.handle(), listening.local_addr().clone());
        let scheme = listening.scheme();
        let thread = sync::spawn("hangup-accept", None, move || {
            if let Err(error) = listening.serve() {
                log::error!("test server failed: {error}");
            }
        });
        Self { handle, addr, scheme, thread: Some(thread.expect("start a thread")) }
    }

    /// Returns the URL of `path` on this server: `/a` and `a` give the same URL.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = self.scheme;
        let path = path.strip_prefix('/').unwrap_or(path);
        match self.addr.ip() {
            Some(addr) => format!("{scheme}://{addr}/{path}"),
            None => format!("{scheme}://localhost/{path}"),
        }
    }

    /// Returns the address that the server listens on, of any kind.
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        &self.addr
    }

    /// Returns the TCP address that the server listens on.
    ///
    /// # Panics
    ///
    /// If the server does not listen on TCP.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr.ip().expect("the server listens on TCP")
    }

    /// Returns a handle to shut the server down before it is dropped.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Closes all connections, with or without a request in progress.
    pub fn close_client_connections(&self) {
        self.handle.close_connections();
    }
}

impl Drop for TestServer {
    /// Closes all connections, and waits at most 5 s for their threads to end.
    fn drop(&mut self) {
        self.handle.close();
        self.handle.shutdown(Duration::from_secs(5));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("addr", &self.addr).finish_non_exhaustive()
    }
}
