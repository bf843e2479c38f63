//! Names to addresses, on a thread that can be left behind.
//!
//! The system's resolver blocks and cannot be interrupted. So it runs on a thread of its own,
//! `hangup-resolve`, which sends its answer over a channel of capacity 1: it never blocks on the
//! send, whether anybody still listens or not, and ends by itself when the system answers.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Instant;

use super::dial::{DialError, Phase};
use super::zone;
use crate::context::Context;
use crate::sync::channel::{Receiver, at, bounded, never, select};

/// How host names become addresses: the system's way by default, or a function's.
///
/// The order of the addresses is the order of preference; the family of the first is tried first.
///
/// ```
/// use hangup::net::Resolver;
///
/// let pinned = Resolver::new(|_host, port| Ok(vec![([127, 0, 0, 1], port).into()]));
/// # let _ = pinned;
/// ```
#[derive(Clone)]
pub struct Resolver(Arc<Lookup>);

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl Resolver {
    /// Resolves with `lookup`, which gets the host name and the port, and gives the addresses in
    /// the order of preference. It may block: it runs on a thread of its own, which a dial that is
    /// given up leaves behind. Literal IP addresses never come to it.
    #[must_use]
    pub fn new(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(lookup))
    }

    /// The system's resolver (`getaddrinfo`), which is also the default.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|host, port| (host, port).to_socket_addrs().map(Iterator::collect))
    }

    /// The addresses of `host`; at least one.
    ///
    /// # Blocking
    ///
    /// Until the resolver answers; `context` and `deadline` end it.
    pub(super) fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Option<Instant>,
        context: &Context,
    ) -> Result<Vec<SocketAddr>, DialError> {
        if let Some(address) = zone::address(host, port) {
            let failed = |source| DialError::Resolve { host: host.to_owned(), source };
            return address.map(|address| vec![address]).map_err(failed);
        }
        if let Some(ip) = literal(host) {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let failed = |source| DialError::Resolve { host: host.to_owned(), source };
        let answer = self.start(host, port).map_err(failed)?;
        let timeout = deadline.map_or_else(never, at);
        let addresses = select! {
            recv(answer) -> answer => answer
                .unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")))
                .map_err(failed)?,
            recv(context.done()) -> _ => return Err(DialError::Cancelled(context.wait())),
            recv(timeout) -> _ => return Err(DialError::TimedOut(Phase::Resolve)),
        };
        match addresses.is_empty() {
            true => Err(failed(io::Error::new(io::ErrorKind::NotFound, "it has no address"))),
            false => Ok(addresses),
        }
    }

    fn start(&self, host: &str, port: u16) -> io::Result<Receiver<io::Result<Vec<SocketAddr>>>> {
        let (sender, receiver) = bounded(1);
        let (lookup, host) = (Arc::clone(&self.0), host.to_owned());
        crate::sync::spawn("hangup-resolve", None, move || {
            // Nobody may be waiting any more.
            let _ = sender.send(lookup(&host, port));
        })?;
        Ok(receiver)
    }
}

/// The address that `host` is already, with or without the brackets a URI puts around IPv6.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
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
mod tests {
    use super::*;
    use crate::sync::channel;
    use std::thread;

    fn resolve(resolver: &Resolver, host: &str) -> Result<Vec<SocketAddr>, DialError> {
        resolver.resolve(host, 80, None, &Context::new())
    }

    #[test]
    fn literal_addresses_are_not_looked_up() {
        let resolver = Resolver::new(|_, _| panic!("looked up"));
        for (host, address) in
            [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80")]
        {
            assert_eq!(resolve(&resolver, host).unwrap(), [address.parse().unwrap()]);
        }
        assert!(literal("[127.0.0.1]").is_none());
    }

    #[test]
    fn the_system_knows_localhost() {
        let addresses = resolve(&Resolver::default(), "localhost").unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
    }

    #[test]
    fn failures_name_the_host() {
        let failing = Resolver::new(|_, _| Err(io::Error::other("no such name")));
        let text = |resolver| resolve(&resolver, "x.test").unwrap_err().to_string();
        assert_eq!(text(failing), "cannot resolve x.test: no such name");
        let empty = Resolver::new(|_, _| Ok(Vec::new()));
        assert_eq!(text(empty), "cannot resolve x.test: it has no address");
    }

    #[test]
    fn a_resolver_that_hangs_is_left_behind() {
        let (release, released) = channel::bounded::<()>(0);
        let (entering, entered) = channel::bounded(1);
        let resolver = Resolver::new(move |_, _| {
            entering.send(()).unwrap();
            let _ = released.recv();
            Ok(Vec::new())
        });
        let context = Context::new();
        thread::scope(|scope| {
            let asking = scope.spawn(|| resolver.resolve("x.test", 80, None, &context));
            entered.recv().unwrap();
            context.cancel();
            let error = asking.join().unwrap().unwrap_err();
            assert!(matches!(&error, DialError::Cancelled(why) if why.is_cancelled()), "{error}");
        });
        let error = resolver.resolve("x.test", 80, Some(Instant::now()), &Context::new());
        assert!(matches!(error, Err(DialError::TimedOut(Phase::Resolve))));
        drop(release);
    }
}
