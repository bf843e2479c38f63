//! A FastCGI client: forwards requests to an application such as PHP.
//!
//! ```text
//!   call.rs        the request's script, variables and body ──▶ records
//!      │
//!   pool.rs        an idle connection, or the right to dial, or a wait for one
//!      │
//!   exchange.rs    one request on a connection
//!      ├── sending.rs      the rest of the request, on a thread
//!      └── receiving.rs    the response within the time limits ──▶ decoder.rs
//!      │
//!   body.rs        the response's body; gives the connection back
//! ```

mod body;
mod call;
mod connection;
mod decoder;
mod exchange;
mod options;
mod pool;
mod receiving;
mod sending;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{ErrorHook, IsLocalRedirect, LocalRedirects};
use crate::handler::{Handler, Request, RequestExt, Response, ResponseWriter};
use crate::logging as log;
use crate::net::{Dial, Target};
use options::Options;
use pool::{IDLE_TIMEOUT, Limits, MAX_IDLE, Pool};

/// A FastCGI application that requests are forwarded to, such as php-fpm.
///
/// It is a [`Handler`]. Each method sets one option. Clones share their connections.
///
/// ```no_run
/// use hangup::{Server, fcgi};
///
/// let php = fcgi::Upstream::unix("/run/php/php-fpm.sock")
///     .root("/srv/www")
///     .index("index.php")
///     .split(".php");
/// Server::with_handler(php).listen("127.0.0.1:8080")?.serve()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Scripts
///
/// An application that runs scripts gets the file as `SCRIPT_FILENAME`. With [`split`](Self::split), the
/// first segment of the path that ends with `.php` is the script, and the rest is `PATH_INFO`:
///
/// | path | `SCRIPT_NAME` | `PATH_INFO` |
/// | --- | --- | --- |
/// | `/shop/cart.php/item/7` | `/shop/cart.php` | `/item/7` |
/// | `/shop/`, with [`index`](Self::index) | `/shop/index.php` | |
/// | `/items/7`, with [`front_controller`](Self::front_controller) | `/index.php` | |
/// | any, with none of the three | | the path |
///
/// A path for which no rule holds gets a 404 response, and one with `.` or `..` segments a 400. The path is
/// decoded before it is split.
///
/// A script must exist as a file, or the response is a 404. Without this check, PHP's default setting
/// `cgi.fix_pathinfo` runs `/avatar.jpg` as a script for the path `/avatar.jpg/x.php`, and an uploaded image
/// becomes code. [`check_scripts`](Self::check_scripts) turns it off for an application whose files this
/// process does not see. Set `cgi.fix_pathinfo=0` in PHP then.
///
/// # Variables
///
/// The application gets the variables of RFC 3875 section 4.1, and also `REQUEST_URI`, `DOCUMENT_ROOT`,
/// `DOCUMENT_URI`, `SCRIPT_FILENAME`, `REQUEST_SCHEME`, `HTTPS`, `REMOTE_PORT`, `SERVER_ADDR` and
/// `REDIRECT_STATUS`. Headers become `HTTP_` variables. Several lines of a header are joined. Headers with
/// an underscore in their name are omitted, since their variable would be that of another header. `Proxy`
/// is omitted, since programs take `HTTP_PROXY` for their own proxy.
///
/// # Bodies
///
/// A request's body is sent while it arrives, and the response while the application writes it. A body of
/// unknown length has no `CONTENT_LENGTH`. PHP takes such a body for an empty one:
/// [`buffer_unsized_bodies`](Self::buffer_unsized_bodies) reads it first.
///
/// # Connections
///
/// A connection is used for one request at a time, and is kept for the next. PHP serves each connection
/// with a process, and an idle connection occupies that process. [`max_connections`](Self::max_connections)
/// should therefore be at most PHP's `pm.max_children`. If a new connection gets no response within 50 ms,
/// an idle connection is closed for it. [`keep_connections`](Self::keep_connections) turns the reuse off, as
/// is best for applications that serve several web servers.
///
/// An idempotent request is repeated once on another connection if a reused connection fails before a byte
/// of the response has arrived, and if its body can be read again.
///
/// # Responses to failures
///
/// As a handler, it responds to failures of the application with these statuses, and logs them at `warn`:
///
/// | failure | status |
/// | --- | --- |
/// | no connection, a malformed or incomplete response | 502 |
/// | a time limit | 504 |
/// | the application is overloaded, as it says itself | 503 |
///
/// If the client goes away, the request is aborted within milliseconds: with an `ABORT_REQUEST` record, and
/// by closing the connection.
#[derive(Clone)]
#[must_use = "an upstream forwards only the requests that it is given"]
pub struct Upstream {
    options: Arc<Options>,
    pool: Arc<Pool>,
}

impl Upstream {
    /// Creates an application on a TCP address: a host name or an IP address, and a port, as in
    /// `127.0.0.1:9000` or `[::1]:9000`.
    ///
    /// # Panics
    ///
    /// If `address` has no port. [`to`](Self::to) takes an address in its parts.
    #[track_caller]
    pub fn tcp(address: impl AsRef<str>) -> Self {
        let address = address.as_ref();
        let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let target = parts.and_then(|(host, port)| Some(Target::host(host, port.parse().ok()?)));
        Self::to(target.unwrap_or_else(|| panic!("FastCGI address without a port: {address:?}")))
    }

    /// Creates an application on a Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::to(Target::unix(path))
    }

    /// Creates an application on any target.
    pub fn to(target: Target) -> Self {
        let limits =
            Limits { max_idle: MAX_IDLE, idle_timeout: Some(IDLE_TIMEOUT), max_connections: None };
        Self { options: Arc::new(Options::new(target)), pool: Pool::new(limits) }
    }

    fn with(mut self, set: impl FnOnce(&mut Options)) -> Self {
        set(Arc::make_mut(&mut self.options));
        self
    }

    fn with_limits(mut self, set: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = self.pool.limits;
        set(&mut limits);
        self.pool = Pool::new(limits);
        self
    }

    /// Sets the directory of the scripts, as the application sees it: the start of `SCRIPT_FILENAME`, and
    /// `DOCUMENT_ROOT`.
    pub fn root(self, directory: impl Into<PathBuf>) -> Self {
        self.with(|options| options.rules.root = Some(directory.into()))
    }

    /// Sets the script of a path that ends in a slash, such as `index.php`.
    pub fn index(self, script: impl Into<String>) -> Self {
        self.with(|options| options.rules.index = Some(script.into()))
    }

    /// Sets the end of a script's name, such as `.php`. See [the type](Self#scripts).
    pub fn split(self, suffix: impl Into<String>) -> Self {
        self.with(|options| options.rules.split = Some(suffix.into()))
    }

    /// Sets the script that gets every path that leads to no other script. Its `PATH_INFO` is empty, and
    /// `REQUEST_URI` has the path.
    pub fn front_controller(self, script: impl Into<String>) -> Self {
        self.with(|options| options.rules.front_controller = Some(script.into()))
    }

    /// Sets `SCRIPT_NAME` for an application without scripts. The path behind it is `PATH_INFO`. The default
    /// is empty.
    pub fn script_name(self, name: impl Into<String>) -> Self {
        self.with(|options| options.rules.script_name = name.into())
    }

    /// Sets whether a script must exist as a file below [`root`](Self::root). The default is `true`. See
    /// [the type](Self#scripts).
    pub fn check_scripts(self, check: bool) -> Self {
        self.with(|options| options.check_scripts = check)
    }

    /// Adds a variable to every request. It replaces a variable of the request with this name.
    pub fn param(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|options| {
            let name = name.into();
            options.fixed.retain(|(other, _)| *other != name);
            options.fixed.push((name, value.into()));
        })
    }

    /// Sets a function that returns further variables of a request. They replace others of the same name.
    ///
    /// ```
    /// use hangup::{RequestExt, fcgi};
    ///
    /// let upstream = fcgi::Upstream::tcp("127.0.0.1:9000").params_fn(|r| {
    ///     let protocol = r.tls().map(|tls| format!("{:?}", tls.version())).unwrap_or_default();
    ///     vec![("SSL_PROTOCOL".into(), protocol)]
    /// });
    /// # drop(upstream);
    /// ```
    pub fn params_fn(
        self,
        variables: impl Fn(&Request) -> Vec<(String, String)> + Send + Sync + 'static,
    ) -> Self {
        self.with(|options| options.variables = Some(Arc::new(variables)))
    }

    /// Sets a function that gets each line of the application's error output, in place of the log. Control
    /// characters are not escaped. At most 64 KiB of a request's error output are used.
    pub fn on_stderr(self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.with(|options| options.errors = Some(ErrorHook::new(hook)))
    }

    /// Sets the handler of local redirects: responses with a path in `Location` and without `Status` (RFC
    /// 3875 section 6.2.2). It gets the request with that path, as a GET without a body. By default, such a
    /// response becomes a 302, which the client follows.
    ///
    /// Only the upstream as a handler follows local redirects, at most 10 for a request.
    pub fn local_redirects(self, handler: impl Handler) -> Self {
        self.with(|options| options.local_redirects = Some(LocalRedirects::new(handler)))
    }

    /// Sets how connections are made, in place of [`net::dial`](crate::net::dial). The dialer has its own
    /// time limit.
    pub fn dialer(self, dialer: impl Dial + 'static) -> Self {
        self.with(|options| options.dialer = Some(Arc::new(dialer)))
    }

    /// Sets how long making a connection may take. The default is 10 s; `None` is no limit.
    pub fn connect_timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        self.with(|options| options.dial = options.dial.clone().connect_timeout(limit))
    }

    /// Sets how long the application may be silent, and how long it may take no byte of a request. The
    /// default is 60 s; `None` is no limit. The limit on its silence counts from the last byte of the
    /// request, and every byte of the response restarts it.
    pub fn read_timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        self.with(|options| options.read_timeout = limit.into())
    }

    /// Sets the largest head of a response, in bytes. The default is 256 KiB.
    pub fn max_head_bytes(self, bytes: usize) -> Self {
        self.with(|options| options.max_head_bytes = bytes)
    }

    /// Sets how many bytes of a body of unknown length are read into memory before the request is sent, so
    /// that it has a `CONTENT_LENGTH`. A longer body gets a 413 response. By default, such bodies are sent
    /// as they arrive.
    pub fn buffer_unsized_bodies(self, most: impl Into<Option<u64>>) -> Self {
        self.with(|options| options.buffer_unsized = most.into())
    }

    /// Sets whether connections are used for several requests. The default is `true`.
    pub fn keep_connections(self, keep: bool) -> Self {
        self.with(|options| options.keep_connections = keep)
    }

    /// Sets how many idle connections are kept. The default is 16.
    pub fn max_idle(self, connections: usize) -> Self {
        self.with_limits(|limits| limits.max_idle = connections)
    }

    /// Sets how long a connection may be idle before it is closed. The default is 10 s; `None` is no limit.
    /// It is closed after at most twice this time.
    pub fn idle_timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        self.with_limits(|limits| limits.idle_timeout = limit.into())
    }

    /// Sets how many connections may exist at once. Further requests wait for one, in the order in which
    /// they came. The default is no limit.
    pub fn max_connections(self, most: impl Into<Option<usize>>) -> Self {
        self.with_limits(|limits| limits.max_connections = most.into())
    }

    /// Sets how long a request may wait for a connection once there are as many as
    /// [`max_connections`](Self::max_connections) allows. The default is no limit.
    pub fn queue_timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        self.with(|options| options.queue_timeout = limit.into())
    }

    /// Sends a request, and returns the response once its head has arrived.
    ///
    /// The variables are those of the request: a request that no server received has no client address. The
    /// end of `context` aborts the request, also while the response's body is read. Dropping an unread body
    /// aborts it as well, unless the rest arrives within 50 ms.
    ///
    /// ```no_run
    /// use hangup::{Context, Request, fcgi};
    ///
    /// let status = fcgi::Upstream::unix("/run/php/php-fpm.sock").script_name("/status");
    /// let request = Request::get("/status").body("".into())?;
    /// let mut response = status.send(request, &Context::new())?;
    /// println!("{}", response.body_mut().read_text(1 << 20)?);
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// * [`Status`](ErrorKind::Status): a 400 or 404, since the path leads to no script, or a 503, since the
    ///   application is overloaded.
    /// * [`Connect`](ErrorKind::Connect) or [`Resolve`](ErrorKind::Resolve): no connection.
    /// * [`Timeout`](ErrorKind::Timeout), [`Cancelled`](ErrorKind::Cancelled): a time limit, or the context.
    /// * [`MalformedMessage`](ErrorKind::MalformedMessage), [`TooLarge`](ErrorKind::TooLarge): the response
    ///   violates the protocol, or its head is too large.
    /// * [`EmptyReply`](ErrorKind::EmptyReply), [`Receive`](ErrorKind::Receive),
    ///   [`Send`](ErrorKind::Send): the connection failed.
    /// * The error of the request's body.
    ///
    /// # Blocking
    ///
    /// Until the head has arrived, within the time limits. The end of `context` ends it.
    pub fn send(&self, mut request: Request, context: &Context) -> Result<Response> {
        call::call(&self.options, &self.pool, &mut request, context)
    }

    /// Returns the handler of local redirects, if `answer` is one.
    fn redirects(&self, answer: &Response) -> Option<&LocalRedirects> {
        answer.extensions().get::<IsLocalRedirect>().and(self.options.local_redirects.as_ref())
    }

    /// Returns the error with which the handler responds, and logs the failure.
    fn failed(&self, error: Error, context: &Context) -> Error {
        let status = match error.kind() {
            // The client has gone, or its body decides.
            _ if context.is_done() => return error,
            ErrorKind::Status | ErrorKind::BodySource => return error,
            ErrorKind::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        log::warn!("{}: {error}", self.options.name);
        status.into()
    }
}

impl Handler for Upstream {
    fn handle(&self, response: &mut ResponseWriter, request: &mut Request) -> Result<()> {
        let context = request.context();
        let sent = match call::call(&self.options, &self.pool, request, &context) {
            Ok(answer) => match self.redirects(&answer) {
                Some(redirects) => return redirects.follow(answer, response, request),
                None => response.send(answer),
            },
            Err(error) => Err(error),
        };
        match sent {
            Err(error) if !response.is_head_sent() => Err(self.failed(error, &context)),
            outcome => outcome,
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("target", &self.options.target).finish_non_exhaustive()
    }
}
