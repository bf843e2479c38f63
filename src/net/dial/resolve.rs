//! Host names to addresses, on threads that a dial can leave behind.
//!
//! The system's resolver blocks and cannot be interrupted, so a look-up runs on a separate thread,
//! `hangup-resolve`. A dial that gives up leaves its look-up behind, and the thread ends when the
//! resolver returns. A resolver that never returns must not collect threads. Therefore dials that need
//! the same host and port share one look-up, and a resolver has at most [`MAX_LOOKUPS`] threads:
//!
//! ```text
//!              known: join it
//!   look_up ──┤
//!              new ──▶ fewer than 64 threads: start one ──▶ result ──▶ every dial that waits
//!                  └─▶ else: queue ──▶ the next thread that is done takes it
//! ```

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::error::{DialError, Phase};
use super::lookup::{Lookup, MAX_LOOKUPS, Table, Task, Waiting};
use crate::context::Context;
use crate::net::zone;
use crate::sync::channel::{at, never, select};
use crate::sync::{self, Mutex};

/// A way to find the addresses of a host.
///
/// A closure `Fn(&str, u16, &Context) -> io::Result<Vec<SocketAddr>>` is a resolver if the types of its
/// parameters are written out. [`Resolver::new`] takes either, for use in
/// [`DialOptions`](super::DialOptions). A resolver can also wrap another one, such as
/// [`Resolver::system`]:
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use hangup::Context;
/// use hangup::net::{Resolve, Resolver};
///
/// struct Hosts {
///     fallback: Resolver,
/// }
///
/// impl Resolve for Hosts {
///     fn resolve(&self, host: &str, port: u16, context: &Context) -> io::Result<Vec<SocketAddr>> {
///         match host {
///             "example.test" => Ok(vec![([127, 0, 0, 1], port).into()]),
///             _ => self.fallback.resolve(host, port, context),
///         }
///     }
/// }
///
/// let resolver = Resolver::new(Hosts { fallback: Resolver::system() });
/// let addresses = resolver.resolve("example.test", 80, &Context::new())?;
/// assert_eq!(addresses, [([127, 0, 0, 1], 80).into()]);
/// # Ok::<(), io::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resolver",
    note = "a resolver is a function `fn(&str, u16, &Context) -> io::Result<Vec<SocketAddr>>`, or a type that implements `Resolve`"
)]
pub trait Resolve: Send + Sync {
    /// Returns the addresses of `host`, in the order of preference. The family of the first address is
    /// tried first.
    ///
    /// A dial calls it on a separate thread, `hangup-resolve`, and never with a literal IP address. It
    /// may block: a dial that is cancelled or runs out of time returns at once and leaves the call
    /// behind. `context` ends when no dial waits for the addresses any more.
    ///
    /// # Errors
    ///
    /// Any, when there is no answer. The dial fails with [`DialError::Resolve`]. So it does if `resolve`
    /// panics or returns no address.
    fn resolve(&self, host: &str, port: u16, context: &Context) -> io::Result<Vec<SocketAddr>>;
}

impl<F> Resolve for F
where
    F: Fn(&str, u16, &Context) -> io::Result<Vec<SocketAddr>> + Send + Sync,
{
    fn resolve(&self, host: &str, port: u16, context: &Context) -> io::Result<Vec<SocketAddr>> {
        self(host, port, context)
    }
}

impl<R: Resolve + ?Sized> Resolve for Arc<R> {
    fn resolve(&self, host: &str, port: u16, context: &Context) -> io::Result<Vec<SocketAddr>> {
        (**self).resolve(host, port, context)
    }
}

/// A [`Resolve`] with the threads on which it runs. The default is the system's resolver.
///
/// Cloning is cheap. Dials that use the same resolver, or clones of it, and need the same host and port
/// share one look-up. At most 64 look-ups of a resolver run at a time. Further dials wait for one to
/// end, within their own time limits.
///
/// ```
/// use hangup::Context;
/// use hangup::net::Resolver;
///
/// let pinned = Resolver::new(|_host: &str, port: u16, _: &Context| {
///     Ok(vec![([127, 0, 0, 1], port).into()])
/// });
/// # let _ = pinned;
/// ```
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    table: Mutex<Table>,
    resolve: Box<dyn Resolve>,
}

impl Resolver {
    /// Creates a resolver that asks `resolve` for addresses.
    #[must_use]
    pub fn new(resolve: impl Resolve + 'static) -> Self {
        Self(Arc::new(Inner { table: Mutex::default(), resolve: Box::new(resolve) }))
    }

    /// Returns the system's resolver (`getaddrinfo`). All handles on it share their look-ups.
    ///
    /// The system offers no way to end a look-up. One that hangs keeps its thread.
    #[must_use]
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Resolver> = OnceLock::new();
        let create = || {
            Self::new(|host: &str, port: u16, _: &Context| {
                (host, port).to_socket_addrs().map(Iterator::collect)
            })
        };
        SYSTEM.get_or_init(create).clone()
    }

    /// Returns the addresses of `host`, at least one.
    ///
    /// # Blocking
    ///
    /// Until the resolver returns, and until a thread is free before that. `context` and `deadline` end
    /// it.
    pub(super) fn look_up(
        &self,
        host: &str,
        port: u16,
        deadline: Option<Instant>,
        context: &Context,
    ) -> Result<Vec<SocketAddr>, DialError> {
        let failed = |source| DialError::resolve(host, source);
        if let Some(address) = literal(host, port) {
            return address.map(|address| vec![address]).map_err(failed);
        }
        loop {
            let lookup = self.join_or_begin(host, port).map_err(failed)?;
            let timeout = deadline.map_or_else(never, at);
            select! {
                recv(lookup.done) -> _ => {}
                recv(context.done()) -> _ => return Err(DialError::Cancelled(context.wait())),
                recv(timeout) -> _ => return Err(timed_out(&lookup)),
            }
            match lookup.result() {
                Ok(addresses) if addresses.is_empty() => {
                    return Err(failed(io::Error::new(io::ErrorKind::NotFound, "no addresses")));
                }
                Ok(addresses) => return Ok(addresses),
                // This dial joined a look-up whose context had ended, so the resolver may just have
                // given up. The next round begins or joins a later look-up.
                Err(_) if lookup.context.err().is_some() => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn join_or_begin(&self, host: &str, port: u16) -> io::Result<Waiting> {
        let name = (host.to_owned(), port);
        let mut table = self.0.table.lock();
        if let Some(joined) = table.join(&name) {
            return Ok(joined);
        }
        let task = Task::new(name);
        let lookup = Arc::clone(&task.lookup);
        if table.threads < MAX_LOOKUPS {
            lookup.begin();
            self.start(task)?;
            table.threads += 1;
        } else {
            table.remove_abandoned();
            table.queue.push_back(task);
        }
        table.known.insert(lookup.name.clone(), Arc::downgrade(&lookup));
        Ok(Waiting::new(lookup))
    }

    fn start(&self, task: Task) -> io::Result<()> {
        let inner = Arc::clone(&self.0);
        sync::spawn("hangup-resolve", None, move || inner.run(task))?;
        Ok(())
    }
}

impl Inner {
    /// Runs `first`, and then look-ups from the queue until it is empty.
    fn run(&self, first: Task) {
        let mut next = Some(first);
        while let Some(task) = next {
            let lookup = &task.lookup;
            let (host, port) = &lookup.name;
            // After a panic the result stays unset, which the waiting dials report.
            if let Some(result) =
                sync::contain(|| self.resolve.resolve(host, *port, &lookup.context))
            {
                let _ = lookup.result.set(result);
            }
            next = self.table.lock().next(&task);
        }
    }
}

impl Resolve for Resolver {
    /// Looks up a host as a dial does. A literal IP address is returned without a look-up.
    ///
    /// # Blocking
    ///
    /// Until the resolver returns. The end of `context` ends it.
    fn resolve(&self, host: &str, port: u16, context: &Context) -> io::Result<Vec<SocketAddr>> {
        self.look_up(host, port, None, context).map_err(|error| match error {
            DialError::Resolve { source, .. } => source,
            DialError::Cancelled(ended) => crate::Error::from(ended).into(),
            error => io::Error::other(error),
        })
    }
}

/// Returns the error of a dial whose deadline has passed before the look-up ended.
fn timed_out(lookup: &Lookup) -> DialError {
    match lookup.begun.get() {
        Some(_) => DialError::TimedOut(Phase::Resolve),
        None => DialError::ResolverBusy { host: lookup.name.0.clone(), lookups: MAX_LOOKUPS },
    }
}

/// Returns the address if `host` is a literal IP address: with or without the brackets that a URI puts
/// around IPv6, with or without a zone.
///
/// # Errors
///
/// There is no interface for the zone.
pub(super) fn literal(host: &str, port: u16) -> Option<io::Result<SocketAddr>> {
    if let Some(address) = zone::address(host, port) {
        return Some(address);
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let ip: Option<IpAddr> = match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    };
    ip.map(|ip| Ok(SocketAddr::new(ip, port)))
}

impl Default for Resolver {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
