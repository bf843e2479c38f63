//! The state that the threads of one server share.

use std::io;
use std::sync::Arc;

use super::conn_guard::ConnGuard;
use super::conn_state::OnState;
use super::entry::Wake;
use super::registry::{AdmitError, Registry};
use super::stats::Stats;
use super::thread_cache::ThreadCache;
use crate::net::{Addr, Stream};
use crate::sync::{self, Condvar};

/// The protocol on the connections of one server.
pub(crate) trait Protocol: Send + Sync {
    /// Returns the name of the threads that serve connections.
    fn thread_name(&self) -> &'static str;

    /// Returns the scheme of the server's URLs.
    fn scheme(&self) -> &'static str;

    /// Prepares an accepted connection. Returns `None` if it must not be served. Runs on the accepting
    /// thread, so it must not block.
    fn prepare(&self, stream: Stream, remote: &Addr) -> Option<Stream>;

    /// Serves a connection on its thread, or [refuses it](ConnGuard::is_refused). The guard must be
    /// released in any case.
    fn serve(&self, stream: Stream, remote: Addr, guard: Arc<ConnGuard>);

    /// Returns the function that makes the thread of an idle connection look for changes, where the thread
    /// does not wait in [`ConnGuard::await_request`].
    fn wake(&self) -> Wake;

    /// Tells a client that the server is overloaded. Runs on the accepting thread, so it must not block.
    fn reject(&self, stream: &Stream);
}

/// The options that every server has.
#[derive(Default)]
pub(crate) struct CoreOptions {
    pub(crate) max_connections: Option<usize>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_state: Option<OnState>,
    /// `None` for numbers of this server alone.
    pub(crate) stats: Option<Stats>,
}

/// The state that the threads of one server share.
pub(crate) struct ServerCore {
    pub(super) protocol: Arc<dyn Protocol>,
    stack_size: Option<usize>,
    pub(super) registry: Arc<Registry>,
    threads: ThreadCache<Accepted>,
    pub(super) stats: Stats,
}

/// A connection that was accepted and admitted, and has no thread yet.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) remote: Addr,
    pub(super) guard: Arc<ConnGuard>,
}

impl ServerCore {
    pub(crate) fn new(protocol: Arc<dyn Protocol>, options: CoreOptions) -> Arc<Self> {
        let CoreOptions { max_connections, stack_size, on_state, stats } = options;
        let stats = stats.unwrap_or_else(Stats::untimed);
        let counters = Arc::clone(stats.counters());
        let registry = Registry::new(max_connections, on_state, counters, protocol.wake());
        stats.add(&registry);
        Arc::new(Self { protocol, stack_size, registry, threads: ThreadCache::default(), stats })
    }

    /// Adds a connection, which is served or [refused](ConnGuard::is_refused).
    ///
    /// # Errors
    ///
    /// The reason why the connection gets no thread.
    pub(crate) fn admit(
        &self,
        stream: &Stream,
        remote: &Addr,
    ) -> Result<Arc<ConnGuard>, AdmitError> {
        self.registry.admit(stream, remote)
    }

    /// Runs an accept loop to its end, unless the server is shutting down.
    pub(super) fn run_accept_loop<T>(&self, accept: impl FnOnce() -> T) -> Option<T> {
        if !self.registry.begin_accepting() {
            return None;
        }
        let _end = AcceptLoop(self);
        Some(accept())
    }

    /// Dispatches a connection to an idle thread, or to a new one.
    ///
    /// # Errors
    ///
    /// The operating system's, when it cannot start another thread. The connection is dropped.
    pub(super) fn dispatch(self: &Arc<Self>, accepted: Accepted) -> io::Result<()> {
        let Err(accepted) = self.threads.hand_over(accepted) else { return Ok(()) };
        let core = Arc::clone(self);
        let name = self.protocol.thread_name();
        sync::spawn(name, self.stack_size, move || core.serve_all(accepted)).map(drop)
    }

    /// Runs on a connection's thread: serves one connection after the other. The thread ends if serving
    /// panics, which neither handlers nor callbacks can cause.
    fn serve_all(&self, first: Accepted) {
        let thread = Arc::new(Condvar::new());
        let mut next = Some(first);
        while let Some(Accepted { stream, remote, guard }) = next {
            self.protocol.serve(stream, remote, guard);
            next = self.threads.next(&thread, || self.registry.is_accepting());
        }
    }

    /// Ends the accept loop and all connections. Does not block.
    pub(super) fn close(&self) {
        self.registry.refuse_all();
        self.registry.stop(None);
        self.registry.close_all();
    }

    /// Blocks until no connection is left, or the grace is over.
    pub(super) fn await_end(&self) {
        if !self.registry.wait_for_grace() {
            self.registry.discard_input();
        }
    }
}

/// An accept loop that runs.
struct AcceptLoop<'a>(&'a ServerCore);

impl Drop for AcceptLoop<'_> {
    fn drop(&mut self) {
        // In this order: a thread that is woken must find that the loop has ended.
        self.0.registry.end_accepting();
        self.0.threads.end_idle();
    }
}
