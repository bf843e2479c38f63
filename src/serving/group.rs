//! Several servers that are one service.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::handle::ServerHandle;
use super::listening::Listening;
use crate::context::Context;
use crate::net::Addr;
use crate::sync::{self, Mutex};

/// Several servers that are served and shut down together: HTTP and HTTPS, a Unix socket, FastCGI.
///
/// Each is a server with its options. A handler that all of them share is given to each as an
/// [`Arc`]. The same [collector](crate::Server::stats) adds up their numbers.
///
/// ```no_run
/// use hangup::server::Group;
/// use hangup::{Context, Request, ResponseWriter, Server, fcgi};
/// use std::io::Write;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let hello = Arc::new(|w: &mut ResponseWriter, _: &mut Request| Ok(w.write_all(b"hello")?));
/// let stop = Context::new(); // a signal handler's thread calls its `cancel`
/// Group::new()
///     .with(Server::with_handler(hello.clone()).listen("127.0.0.1:8080")?)
///     .with(Server::with_handler(hello.clone()).max_connections(10).listen("127.0.0.1:8081")?)
///     .with(fcgi::Server::with_handler(hello).listen("127.0.0.1:9000")?)
///     .serve_until(&stop, Duration::from_secs(10))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "the servers accept connections only while `serve` or `serve_until` runs"]
pub struct Group {
    servers: Vec<Listening>,
}

impl Group {
    /// Creates a group without servers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server, which listens already.
    pub fn with(mut self, server: Listening) -> Self {
        self.servers.push(server);
        self
    }

    /// Returns the address that each server listens on, in the order in which they were added.
    pub fn local_addrs(&self) -> impl Iterator<Item = &Addr> {
        self.servers.iter().map(Listening::local_addr)
    }

    /// Returns a handle with which any thread can shut the group down.
    #[must_use]
    pub fn handle(&self) -> GroupHandle {
        GroupHandle { handles: self.servers.iter().map(Listening::handle).collect() }
    }

    /// Serves all servers, each on a thread of its accept loop, until the group is shut down. See
    /// [`Listening::serve`].
    ///
    /// If a server stops to accept by an error, the others are closed.
    ///
    /// # Blocking
    ///
    /// Until the group is shut down and the shutdown is complete. Returns at once without servers.
    ///
    /// # Errors
    ///
    /// The first error of a server, or that of starting a thread.
    pub fn serve(self) -> io::Result<()> {
        self.run(|server| server.serve())
    }

    /// Serves until `context` ends, then shuts all servers down gracefully. `grace` is for all of them
    /// together. See [`Listening::serve_until`].
    ///
    /// # Blocking
    ///
    /// Until the context has ended and the shutdown is complete. The [handle](Self::handle) ends it as
    /// well.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_until(
        self,
        context: &Context,
        grace: impl Into<Option<Duration>>,
    ) -> io::Result<()> {
        let (context, grace) = (context.clone(), grace.into());
        self.run(move |server| server.serve_until(&context, grace))
    }

    fn run(
        self,
        serve: impl Fn(Listening) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<()> {
        let handle = self.handle();
        let (serve, failed) = (Arc::new(serve), Arc::new(FirstError::default()));
        let mut threads = Vec::new();
        for server in self.servers {
            let (serve, close) = (Arc::clone(&serve), handle.clone());
            let outcome = Arc::clone(&failed);
            let started = sync::spawn("hangup-accept", None, move || {
                if let Err(error) = serve(server) {
                    outcome.keep(error);
                    close.close();
                }
            });
            match started {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    failed.keep(error);
                    handle.close();
                }
            }
        }
        for thread in threads {
            // The thread runs no code of the user's that could panic.
            let _ = thread.join();
        }
        let error = failed.0.lock().take();
        error.map_or(Ok(()), Err)
    }
}

/// The first error of several threads.
#[derive(Default)]
struct FirstError(Mutex<Option<io::Error>>);

impl FirstError {
    fn keep(&self, error: io::Error) {
        self.0.lock().get_or_insert(error);
    }
}

/// A handle with which any thread can shut a [`Group`] down. Clones are handles to the same group.
#[derive(Clone)]
pub struct GroupHandle {
    handles: Vec<ServerHandle>,
}

impl GroupHandle {
    /// Shuts all servers down gracefully. See [`ServerHandle::shutdown`].
    ///
    /// Returns `true` if all connections ended within `grace`; `None` is no limit.
    ///
    /// # Blocking
    ///
    /// Until no connection is left or `grace` is over, and in any case until the ports are free.
    pub fn shutdown(&self, grace: impl Into<Option<Duration>>) -> bool {
        ServerHandle::shutdown_all(&self.handles, grace.into())
    }

    /// Shuts all servers down at once. See [`ServerHandle::close`].
    ///
    /// # Blocking
    ///
    /// Until the ports are free. Handlers may still be running when it returns.
    pub fn close(&self) {
        self.handles.iter().for_each(ServerHandle::close);
    }

    /// Returns the number of open connections of all servers. Hijacked and refused ones are not counted.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.handles.iter().map(ServerHandle::connections).sum()
    }
}

impl fmt::Debug for GroupHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupHandle").field("handles", &self.handles).finish()
    }
}
