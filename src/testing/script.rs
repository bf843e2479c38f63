//! A scripted server, to test clients.
//!
//! | file | contents |
//! | --- | --- |
//! | `script.rs` | [`Script`]: where it listens, its connections, its end |
//! | `entrance.rs` `opening.rs` | accepting connections; their TLS handshake |
//! | `stage.rs` `journal.rs` | the threads of declared connections, their failures and requests |
//! | `peer.rs` `expecting.rs` `sending.rs` | [`Peer`] and its steps |
//! | `received.rs` `failure.rs` | requests, and texts of failures |

mod entrance;
mod expecting;
mod failure;
mod journal;
mod opening;
mod peer;
mod received;
mod sending;
mod stage;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::entrance::Entrance;
use self::failure::{Failure, report, shown};
use self::opening::{Opening, open};
use self::peer::{Role, StepOptions};
use self::stage::{Declared, Stage};
use crate::context::Context;
use crate::net::{Addr, Listener};
use crate::sync::JoinHandle;
use crate::sync::atomic::{AtomicUsize, Ordering};

pub use entrance::ScriptDialer;
pub use peer::Peer;
pub use received::Received;

/// The limit of a step by default. A step that goes as written takes no part of it.
const STEP_LIMIT: Duration = Duration::from_secs(10);

/// A server that follows a script, to test a client: also with all the faults that no good server has.
///
/// It listens on a free port of the loopback interface, on a Unix socket, or in memory. There are two
/// styles.
///
/// # Declared connections
///
/// Each [`connection`](Self::connection) has its script, a function that runs on another thread when the
/// client has connected. [`finish`](Self::finish) waits for the scripts to end, and panics if anything went
/// otherwise than written: a request, a connection that was not made, or one that no script expects.
///
/// ```
/// use hangup::{Client, ErrorKind, testing::Script};
///
/// let script = Script::new()
///     .connection(|peer| peer.expect("GET /a").respond(200, "ok").close())
///     .connection(|peer| {
///         peer.expect("GET /b").send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").close()
///     });
/// let client = Client::new();
/// let mut whole = client.get(script.url("/a")).send()?;
/// assert_eq!(whole.body_mut().read_text(100)?, "ok");
/// let mut half = client.get(script.url("/b")).send()?;
/// let error = hangup::Error::from(half.body_mut().read_text(100).unwrap_err());
/// assert_eq!(error.kind(), ErrorKind::IncompleteBody);
/// script.finish();
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Connections by hand
///
/// [`accept`](Self::accept) returns the next connection, and its steps run on the thread of the test. The
/// client's part needs another thread.
///
/// ```
/// use hangup::{Client, testing::Script};
/// use std::thread;
///
/// let script = Script::new();
/// let url = script.url("/a");
/// let call = thread::spawn(move || Client::new().get(url).send());
/// let mut peer = script.accept();
/// let request = peer.expect_request("GET /a");
/// assert_eq!(request.header("accept"), Some("*/*"));
/// peer.respond(200, "ok");
/// assert_eq!(call.join().unwrap()?.status(), 200);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Dropping it
///
/// Dropping a script that has declared connections finishes it. If the test has panicked already, the drop
/// ends all connections at once and prints the failures of the script to standard error, since they may be
/// the reason.
#[must_use = "dropping it ends the script"]
pub struct Script {
    entrance: Arc<Entrance>,
    opening: Opening,
    options: StepOptions,
    /// The number of connections that were accepted by hand.
    accepted: AtomicUsize,
    declared: Option<(Arc<Stage>, JoinHandle<()>)>,
}

impl Script {
    /// Listens on a free TCP port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If there is no free port.
    pub fn new() -> Self {
        Self::on("127.0.0.1:0".parse().expect("an address"))
    }

    /// Listens on a TCP address.
    ///
    /// # Panics
    ///
    /// If it cannot listen there.
    pub fn on(address: SocketAddr) -> Self {
        let listener = Listener::bind_tcp(address);
        let listener = listener.unwrap_or_else(|error| panic!("listen on {address}: {error}"));
        Self::with(Entrance::Socket(listener))
    }

    /// Listens on a Unix socket at `path`, which the script removes at its end.
    ///
    /// # Panics
    ///
    /// If it cannot listen there.
    #[cfg(unix)]
    pub fn on_unix_socket(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let listener = Listener::bind_unix(path);
        let listener =
            listener.unwrap_or_else(|error| panic!("listen on {}: {error}", path.display()));
        Self::with(Entrance::Socket(listener))
    }

    /// Creates a script whose connections are in memory. Clients reach it through its
    /// [`dialer`](Self::dialer).
    pub fn in_memory() -> Self {
        Self::with(Entrance::Memory(Arc::default()))
    }

    fn with(entrance: Entrance) -> Self {
        Self {
            entrance: Arc::new(entrance),
            opening: Opening::Plain,
            options: StepOptions { limit: STEP_LIMIT, stop: Context::new() },
            accepted: AtomicUsize::new(0),
            declared: None,
        }
    }

    /// Sets how long a step may wait for the client: 10 s by default. Comes before the first
    /// [`connection`](Self::connection).
    ///
    /// # Panics
    ///
    /// If the script has a declared connection.
    #[track_caller]
    pub fn step_limit(mut self, limit: Duration) -> Self {
        self.check_undeclared("step_limit");
        self.options.limit = limit;
        self
    }

    /// Sets the size of the receive buffers of connections, in bytes. The system may choose more. With a
    /// small one, a client that sends a large body soon has to wait until the script reads it. Has no effect
    /// in memory.
    ///
    /// # Panics
    ///
    /// If the system refuses it.
    pub fn receive_buffer(self, bytes: usize) -> Self {
        if let Entrance::Socket(listener) = &*self.entrance {
            listener.set_receive_buffer(bytes).expect("set the receive buffer");
        }
        self
    }

    /// Adds the script of the next connection. `play` returns the peer, as most of its steps do.
    ///
    /// The scripts are used in the order in which the client connects, each on its own thread. When one has
    /// ended, its connection stays open until the client closes it or the test ends. A byte that the client
    /// sends meanwhile is a failure.
    ///
    /// # Panics
    ///
    /// If no thread can be started.
    pub fn connection<F>(self, play: F) -> Self
    where
        F: FnOnce(&mut Peer) -> &mut Peer + Send + 'static,
    {
        let opening = self.opening.clone();
        self.declare(opening, play)
    }

    /// Adds the script of the next connection as [`connection`](Self::connection) does. That connection has
    /// no TLS, even if the script has it: to be silent before the handshake, for example.
    ///
    /// # Panics
    ///
    /// If no thread can be started.
    pub fn plain_connection<F>(self, play: F) -> Self
    where
        F: FnOnce(&mut Peer) -> &mut Peer + Send + 'static,
    {
        self.declare(Opening::Plain, play)
    }

    /// Sets the script of every connection for which [`connection`](Self::connection) has added none. There
    /// may be any number of them, also none. A TLS handshake that fails is no failure of the script.
    ///
    /// # Panics
    ///
    /// If no thread can be started.
    pub fn connections<F>(mut self, play: F) -> Self
    where
        F: Fn(&mut Peer) -> &mut Peer + Send + Sync + 'static,
    {
        let play = Arc::new(move |peer: &mut Peer| {
            play(peer);
        });
        let opening = match self.opening.clone() {
            Opening::Tls(acceptor) => Opening::Tried(acceptor),
            opening => opening,
        };
        self.stage().declare_each(opening, play);
        self
    }

    fn declare<F>(mut self, opening: Opening, play: F) -> Self
    where
        F: FnOnce(&mut Peer) -> &mut Peer + Send + 'static,
    {
        let play = Box::new(move |peer: &mut Peer| {
            play(peer);
        });
        self.stage().declare(Declared { opening, play: Some(play) });
        self
    }

    /// Returns the stage, whose thread accepts connections from now on.
    fn stage(&mut self) -> &Stage {
        let Self { entrance, opening, options, declared, .. } = self;
        let (stage, _) = declared.get_or_insert_with(|| {
            let stage = Stage::new(opening.clone(), options.clone());
            let thread = stage.start(entrance).expect("start a thread");
            (stage, thread)
        });
        stage
    }

    #[track_caller]
    fn check_undeclared(&self, call: &str) {
        assert!(self.declared.is_none(), "`{call}` comes before the first declared connection");
    }

    /// Returns the URL of `path` on this server: `/a` and `a` give the same URL.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.opening {
            Opening::Plain => "http",
            Opening::Tls(_) | Opening::Refused(_) | Opening::Tried(_) => "https",
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        match self.entrance.addr().ip() {
            Some(addr) => format!("{scheme}://{addr}/{path}"),
            None => format!("{scheme}://localhost/{path}"),
        }
    }

    /// Returns the TCP address.
    ///
    /// # Panics
    ///
    /// If the script does not listen on TCP.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.local_addr().ip().expect("the script listens on TCP")
    }

    /// Returns the address of any kind.
    #[must_use]
    pub fn local_addr(&self) -> Addr {
        self.entrance.addr()
    }

    /// Returns a dialer that leads every connection of a client to this script, whatever the URL's host is.
    ///
    /// ```
    /// use hangup::{Client, testing::Script};
    ///
    /// let script = Script::in_memory()
    ///     .connection(|peer| peer.expect("GET /").with_header("host", "example.com").respond(204, ""));
    /// let client = Client::builder().dialer(script.dialer()).build();
    /// assert_eq!(client.get("http://example.com/").send()?.status(), 204);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    #[must_use]
    pub fn dialer(&self) -> ScriptDialer {
        self.entrance.dialer()
    }

    /// Accepts the next connection, with its TLS handshake if the script has TLS. Waits at most for the
    /// [limit of a step](Self::step_limit).
    ///
    /// # Panics
    ///
    /// If the client does not connect, the handshake fails, or the script has declared connections.
    #[track_caller]
    pub fn accept(&self) -> Peer {
        self.accept_by(&self.opening)
    }

    /// Accepts the next connection without TLS, even if the script has it.
    ///
    /// # Panics
    ///
    /// If the client does not connect, or the script has declared connections.
    #[track_caller]
    pub fn accept_plain(&self) -> Peer {
        self.accept_by(&Opening::Plain)
    }

    #[track_caller]
    fn accept_by(&self, opening: &Opening) -> Peer {
        self.check_undeclared("accept");
        let limit = self.options.limit;
        let number = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        let stream = match self.entrance.accept(Instant::now().checked_add(limit)) {
            Ok(Some(stream)) => stream,
            Ok(None) => panic!("connection {number}: the script is closed"),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                panic!("connection {number}: the client did not connect within {limit:?}")
            }
            Err(error) => panic!("connection {number}: accepting failed: {error}"),
        };
        match open(stream, opening, limit) {
            Ok(Some(stream)) => Peer::new(stream, number, Role::Test, &self.options),
            Ok(None) => panic!("connection {number}: the TLS handshake was to fail"),
            Err(text) => panic!("connection {number}: {text}"),
        }
    }

    /// Checks that no connection waits to be accepted. Does not wait for one.
    ///
    /// # Panics
    ///
    /// If one does, or the script has declared connections.
    #[track_caller]
    pub fn expect_no_connection(&self) {
        self.check_undeclared("expect_no_connection");
        let Ok(Some(stream)) = self.entrance.accept(Some(Instant::now())) else { return };
        let mut first = [0; 1024];
        let count = stream.try_read(&mut first).unwrap_or(0);
        panic!("expected no further connection; one sent {}", shown(&first[..count]));
    }

    /// Stops listening: a client that connects is refused. Connections that were accepted stay open.
    pub fn refuse_connections(&self) {
        self.entrance.close();
    }

    /// Returns the number of connections accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        match &self.declared {
            Some((stage, _)) => stage.accepted(),
            None => self.accepted.load(Ordering::Relaxed),
        }
    }

    /// Returns the requests that declared connections have received so far, each with its body, in the order
    /// in which they were complete.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.declared.as_ref().map_or_else(Vec::new, |(stage, _)| stage.requests())
    }

    /// Waits until all declared connections were made and their scripts have ended. Returns the requests
    /// that they have received. Closes all connections.
    ///
    /// # Panics
    ///
    /// If anything did not go as written. The message lists all failures.
    ///
    /// # Blocking
    ///
    /// Until the scripts have ended. Each of their steps has a [limit](Self::step_limit), and so has the
    /// time for the client to connect.
    #[track_caller]
    pub fn finish(mut self) -> Vec<Received> {
        if self.declared.is_none() {
            self.expect_no_connection();
        }
        let (requests, failures) = self.end();
        assert!(failures.is_empty(), "{}", report(&failures));
        requests
    }

    /// Waits for the scripts, and ends the threads. Returns the requests and the failures.
    fn end(&mut self) -> (Vec<Received>, Vec<Failure>) {
        let Some((stage, accepting)) = self.declared.take() else { return Default::default() };
        let limit = self.options.limit;
        stage.wait_until_played(limit);
        // Connections that are queued are still accepted: no script expects them.
        self.entrance.stop();
        let _ = accepting.join();
        stage.end();
        if !stage.wait_until_closed(limit) {
            stage.give_up();
        }
        (stage.requests(), stage.take_failures())
    }

    /// Ends everything at once, and returns the failures so far.
    fn give_up(&mut self) -> Vec<Failure> {
        let Some((stage, accepting)) = self.declared.take() else { return Vec::new() };
        self.entrance.close();
        let failures = stage.take_failures();
        stage.give_up();
        let _ = accepting.join();
        stage.wait_until_closed(self.options.limit);
        failures
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let (_, failures) = self.end();
            assert!(failures.is_empty(), "{}", report(&failures));
            return;
        }
        let failures = self.give_up();
        if !failures.is_empty() {
            tell(&report(&failures));
        }
    }
}

/// Prints the failures of a test that has panicked. The test harness captures this output.
#[allow(clippy::print_stderr, reason = "the test's own panic must not hide its reason")]
fn tell(report: &str) {
    eprintln!("{report}");
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("addr", &self.local_addr())
            .field("accepted", &self.accepted())
            .finish_non_exhaustive()
    }
}
