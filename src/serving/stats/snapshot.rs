//! The numbers of one moment.

use std::time::Duration;

/// The upper bounds of the buckets of a handler's time.
pub(super) const BOUNDS: [Duration; 17] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// The numbers of one or more servers at one moment: see [`Stats`](crate::server::Stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The connections.
    pub connections: Connections,
    /// The requests.
    pub requests: Requests,
    /// The bytes that were read from clients: heads, bodies and framing, without TLS.
    pub bytes_received: u64,
    /// The bytes that were written to clients: heads, bodies and framing, without TLS.
    pub bytes_sent: u64,
    /// How long handlers and their responses took. Empty without a [collector](crate::Server::stats).
    pub handler_time: Histogram,
    /// The time limits that ran out.
    pub timeouts: Timeouts,
}

/// The connections of a server: those that are open by their state, and all that were.
///
/// A connection of FastCGI is one from the web server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// Open connections that have not begun a request.
    pub new: u64,
    /// Open connections in a request.
    pub active: u64,
    /// Open connections that wait for their next request.
    pub idle: u64,
    /// Open connections that are being closed.
    pub closing: u64,
    /// All connections that were accepted.
    pub accepted: u64,
    /// All connections that a handler has taken over. They are not counted as open.
    pub hijacked: u64,
    /// All connections beyond [`max_connections`](crate::Server::max_connections), which got a 503 or
    /// were closed.
    pub rejected: u64,
}

impl Connections {
    /// Returns the number of open connections. Hijacked ones are not among them.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.new + self.active + self.idle + self.closing
    }
}

/// The requests of a server, by their outcome. Each is counted once, after its response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requests {
    /// Complete responses with a status of 200 to 299.
    pub success: u64,
    /// Complete responses with a status of 300 to 399.
    pub redirection: u64,
    /// Complete responses with a status of 400 to 499, including those of the server to requests that no
    /// handler saw.
    pub client_error: u64,
    /// Complete responses with a status of 500 or more.
    pub server_error: u64,
    /// Requests whose handler has taken over the connection.
    pub hijacked: u64,
    /// Requests whose client went away before the response was written.
    pub aborted: u64,
    /// Responses that were broken off: the handler panicked, failed after it had sent a part, or wrote less
    /// than it had declared.
    pub failed: u64,
    /// Requests that the server refused without a handler, since they were malformed or too large. Their
    /// responses are counted by status as well.
    pub refused: u64,
}

impl Requests {
    /// Returns the number of all requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        let whole = self.success + self.redirection + self.client_error + self.server_error;
        whole + self.hijacked + self.aborted + self.failed
    }
}

/// The time limits of a server that ran out, by the methods that set them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// [`tls_handshake_timeout`](crate::Server::tls_handshake_timeout).
    pub tls_handshake: u64,
    /// [`read_header_timeout`](crate::Server::read_header_timeout), also before the first byte of a new
    /// connection.
    pub read_header: u64,
    /// [`read_timeout`](crate::Server::read_timeout) or a handler's deadline, within a body.
    pub read: u64,
    /// [`body_idle_timeout`](crate::Server::body_idle_timeout).
    pub body_idle: u64,
    /// [`write_timeout`](crate::Server::write_timeout) or a handler's deadline.
    pub write: u64,
    /// [`write_idle_timeout`](crate::Server::write_idle_timeout).
    pub write_idle: u64,
    /// [`idle_timeout`](crate::Server::idle_timeout): the usual end of a connection.
    pub idle: u64,
}

/// How many events took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    sum: Duration,
}

impl Histogram {
    /// Creates a histogram with a count for each bucket.
    pub(super) fn new(counts: Vec<u64>, sum: Duration) -> Self {
        Self { counts, sum }
    }

    /// Returns the number of events.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the time that all events took together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the upper bound of each bucket and the number of events in it, from the shortest to the
    /// longest. The last bucket has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.iter().copied().map(Some).chain([None]);
        let counts = self.counts.iter().copied().chain(std::iter::repeat(0));
        bounds.zip(counts)
    }
}
