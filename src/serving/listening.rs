//! A server that listens.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::accept;
use super::core::ServerCore;
use super::handle::ServerHandle;
use super::linger::after;
use crate::context::Context;
use crate::logging as log;
use crate::net::{Addr, Listener};
use crate::text::counted;

/// A server that listens and does not accept connections yet. [`serve`](Self::serve) accepts them.
///
/// Clients can connect from the moment it is created. The system queues their connections.
#[derive(Debug)]
#[must_use = "a server accepts connections only while `serve` or `serve_until` runs"]
pub struct Listening {
    handle: ServerHandle,
    listener: Arc<Listener>,
    local: Addr,
}

impl Listening {
    /// Creates a server that serves the connections of `listener`.
    pub(crate) fn new(core: Arc<ServerCore>, listener: Listener) -> Self {
        let local = listener.local_addr().unwrap_or(Addr::Unknown);
        let listener = Arc::new(listener);
        core.registry.listen_on(Arc::clone(&listener));
        Self { handle: ServerHandle::new(core), listener, local }
    }

    /// Returns the address that the server listens on. If it was bound to port 0, this is the port that the
    /// system has chosen.
    #[must_use]
    pub fn local_addr(&self) -> &Addr {
        &self.local
    }

    /// Returns the scheme of the server's URLs: `https` with TLS, `http` without, `fcgi` for FastCGI.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.handle.core().protocol.scheme()
    }

    /// Returns a handle with which any thread can shut the server down.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Accepts connections and serves each on its thread, until the server is shut down.
    ///
    /// It returns when the shutdown is complete, so that the program can end:
    ///
    /// * after [`shutdown`](ServerHandle::shutdown), when the running requests have ended or the grace
    ///   period is over;
    /// * after [`close`](ServerHandle::close), when the connections have ended, at most 500 ms later.
    ///
    /// Connections that are left then continue until the process ends.
    ///
    /// # Blocking
    ///
    /// Until [`ServerHandle::shutdown`] or [`ServerHandle::close`] is called and the shutdown is complete.
    ///
    /// # Errors
    ///
    /// An error of the listening socket after which no connection can be accepted. Connections that were
    /// accepted before continue. Errors of single connections are logged. During a shortage of descriptors
    /// or memory, accepting is retried.
    pub fn serve(self) -> io::Result<()> {
        let Self { handle, listener, .. } = self;
        let core = handle.core();
        let accepted = core.run_accept_loop(|| {
            // Closed before the loop counts as ended.
            let listener = CloseOnDrop(listener);
            accept::run(core, &listener.0)
        });
        accepted.transpose()?;
        core.await_end();
        Ok(())
    }

    /// Serves until `context` ends, then shuts down gracefully.
    ///
    /// Running requests have `grace` to end; `None` is no limit. After it the connections that are left are
    /// closed, which takes at most 500 ms.
    ///
    /// ```no_run
    /// # use hangup::{Context, Request, ResponseWriter, Server};
    /// # use std::time::Duration;
    /// let stop = Context::new();
    /// let on_signal = stop.clone(); // a signal handler's thread calls its `cancel`
    /// Server::new(|_: &mut ResponseWriter, _: &mut Request| Ok(()))
    ///     .listen("127.0.0.1:8080")?
    ///     .serve_until(&stop, Duration::from_secs(10))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Blocking
    ///
    /// Until the context has ended and the shutdown is complete. [`ServerHandle::shutdown`] and
    /// [`ServerHandle::close`] end it as well.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    pub fn serve_until(
        self,
        context: &Context,
        grace: impl Into<Option<Duration>>,
    ) -> io::Result<()> {
        let core = Arc::clone(self.handle.core());
        let grace = grace.into();
        let _hook = {
            let core = Arc::clone(&core);
            context.on_done(move |_| core.registry.stop(after(grace)))
        };
        self.serve()?;
        match core.registry.count() {
            0 => {}
            left => {
                let left = counted(left, "connection");
                log::warn!("shutdown grace period is over, closing {left}");
                core.close();
                core.await_end();
            }
        }
        Ok(())
    }
}

/// A listener that is closed when its accept loop ends.
struct CloseOnDrop(Arc<Listener>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
