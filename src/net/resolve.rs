//! Names to addresses, on threads that can be left behind.
//!
//! The system's resolver blocks and cannot be interrupted, so a look-up runs on a separate thread,
//! `hangup-resolve`. A dial that gives up leaves its look-up behind; the thread ends by itself when the
//! system answers. So that a resolver that answers nothing does not collect threads, dials that look for
//! the same host and port share one look-up, and there are at most [`MAX_LOOKUPS`] threads:
//!
//! ```text
//!              known already: join it
//!   resolve ──┤
//!              new ──▶ a thread is free: run ──▶ answer ──▶ all that wait for it
//!                  └─▶ none is:        queue ──▶ the next thread that is done takes it
//! ```

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use super::dial::{DialError, Phase};
use super::zone;
use crate::context::Context;
use crate::sync::channel::{Receiver, Sender, at, bounded, never, select};
use crate::sync::{self, Mutex};

/// How many look-ups of a resolver run at a time. Each holds a thread until the system answers; a host
/// has few name servers, which would not answer more questions any sooner.
pub(crate) const MAX_LOOKUPS: usize = 64;

/// How old a look-up may be for another dial to join it. The question of an older one is most likely
/// lost, so a new one is asked beside it.
const JOINABLE: Duration = Duration::from_secs(10);

/// How host names become addresses: the system's way by default, or a function's.
///
/// The order of the addresses is the order of preference; the family of the first is tried first.
///
/// Dials that need the same host and port at the same time share one look-up. At most 64 look-ups of a
/// resolver run at a time; further dials wait for one to end, within their own time limits.
///
/// ```
/// use hangup::net::Resolver;
///
/// let pinned = Resolver::new(|_host, port| Ok(vec![([127, 0, 0, 1], port).into()]));
/// # let _ = pinned;
/// ```
#[derive(Clone)]
pub struct Resolver(Arc<Shared>);

struct Shared {
    lookup: Box<LookUp>,
    table: Mutex<Table>,
}

type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// A host name and a port.
type Name = (String, u16);

/// The look-ups of a resolver.
#[derive(Default)]
struct Table {
    /// How many threads there are. Invariant: at most [`MAX_LOOKUPS`], and that many while any look-up
    /// is queued.
    threads: usize,
    /// Those that another dial may join, queued or running. A queued one is kept alive by the queue, a
    /// running one by its thread.
    known: HashMap<Name, Weak<Question>>,
    queue: VecDeque<Task>,
}

/// A look-up, as those see it that wait for its answer.
struct Question {
    name: Name,
    /// Set when there is a thread for it.
    begun: OnceLock<Instant>,
    /// Set before `done` disconnects, unless the look-up panicked.
    answer: OnceLock<io::Result<Vec<SocketAddr>>>,
    /// Nothing is ever sent: it disconnects when the look-up has ended.
    done: Receiver<Infallible>,
}

/// A look-up, as its thread has it.
struct Task {
    question: Arc<Question>,
    /// Dropped when the look-up has ended, however it did.
    _done: Sender<Infallible>,
}

impl Resolver {
    /// Creates a resolver that calls `lookup` with the host name and the port, and gets the addresses
    /// in the order of preference.
    ///
    /// `lookup` may block: it runs on a separate thread, which a dial that is given up leaves behind.
    /// A panic of it is reported as an error. It is never called with a literal IP address.
    #[must_use]
    pub fn new(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared { lookup: Box::new(lookup), table: Mutex::new(Table::default()) }))
    }

    /// Returns the system's resolver (`getaddrinfo`), which is also the default. All handles on it share
    /// their look-ups.
    #[must_use]
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Resolver> = OnceLock::new();
        let make = || Self::new(|host, port| (host, port).to_socket_addrs().map(Iterator::collect));
        SYSTEM.get_or_init(make).clone()
    }

    /// Returns the addresses of `host`; at least one.
    ///
    /// # Blocking
    ///
    /// Until the resolver answers; `context` and `deadline` end it. Waiting for a thread counts.
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
        let question = self.ask(host, port).map_err(failed)?;
        let timeout = deadline.map_or_else(never, at);
        select! {
            recv(question.done) -> _ => {}
            recv(context.done()) -> _ => return Err(DialError::Cancelled(context.wait())),
            recv(timeout) -> _ => return Err(question.unanswered()),
        }
        let addresses = question.answer().map_err(failed)?;
        match addresses.is_empty() {
            true => Err(failed(io::Error::new(io::ErrorKind::NotFound, "it has no address"))),
            false => Ok(addresses),
        }
    }

    /// Joins the look-up of this name that runs or waits, or begins one.
    fn ask(&self, host: &str, port: u16) -> io::Result<Arc<Question>> {
        let name = (host.to_owned(), port);
        let mut table = self.0.table.lock();
        if let Some(known) = table.known.get(&name).and_then(Weak::upgrade)
            && (known.is_young() || table.threads >= MAX_LOOKUPS)
        {
            return Ok(known);
        }
        let (done, line) = bounded(0);
        let (begun, answer) = (OnceLock::new(), OnceLock::new());
        let question = Arc::new(Question { name, begun, answer, done: line });
        let task = Task { question: Arc::clone(&question), _done: done };
        if table.threads < MAX_LOOKUPS {
            let _ = question.begun.set(Instant::now());
            self.start(task)?;
            table.threads += 1;
        } else {
            table.forget_unwanted();
            table.queue.push_back(task);
        }
        table.known.insert(question.name.clone(), Arc::downgrade(&question));
        Ok(question)
    }

    fn start(&self, task: Task) -> io::Result<()> {
        let shared = Arc::clone(&self.0);
        sync::spawn("hangup-resolve", None, move || shared.answer(task))?;
        Ok(())
    }
}

impl Shared {
    /// Makes look-ups until none is queued.
    fn answer(&self, first: Task) {
        let mut next = Some(first);
        while let Some(task) = next {
            let question = &task.question;
            let (host, port) = &question.name;
            // A look-up that panics has no answer, and says so by that.
            if let Some(answer) = sync::contain(|| (self.lookup)(host, *port)) {
                let _ = question.answer.set(answer);
            }
            next = self.table.lock().next(&task);
        }
    }
}

impl Table {
    /// A look-up has ended: returns the one that its thread takes up next. `None` if the thread ends.
    fn next(&mut self, ended: &Task) -> Option<Task> {
        let name = &ended.question.name;
        let known = self.known.get(name);
        if known.is_some_and(|known| Weak::as_ptr(known) == Arc::as_ptr(&ended.question)) {
            self.known.remove(name);
        }
        self.forget_unwanted();
        let next = self.queue.pop_front();
        match &next {
            Some(task) => drop(task.question.begun.set(Instant::now())),
            None => self.threads -= 1,
        }
        next
    }

    /// Takes out of the queue what no dial waits for any more.
    fn forget_unwanted(&mut self) {
        let Self { known, queue, .. } = self;
        queue.retain(|task| {
            let is_wanted = task.is_wanted();
            if !is_wanted {
                known.remove(&task.question.name);
            }
            is_wanted
        });
    }
}

impl Task {
    /// Whether a dial waits for it, beside the queue. Another joins it only under the table's lock.
    fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.question) > 1
    }
}

impl Question {
    /// Whether its answer may still be expected.
    fn is_young(&self) -> bool {
        self.begun.get().is_none_or(|begun| begun.elapsed() < JOINABLE)
    }

    /// The error of a dial whose time is up.
    fn unanswered(&self) -> DialError {
        match self.begun.get() {
            Some(_) => DialError::TimedOut(Phase::Resolve),
            None => DialError::ResolverBusy { host: self.name.0.clone(), lookups: MAX_LOOKUPS },
        }
    }

    /// The answer, when the look-up has ended.
    fn answer(&self) -> io::Result<Vec<SocketAddr>> {
        match self.answer.get() {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            // Every dial that waits gets it.
            Some(Err(error)) => Err(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            }),
            None => Err(io::Error::other("the resolver panicked")),
        }
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
mod tests;
