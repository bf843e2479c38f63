//! The options of a server, and the state that its connections share.

use std::time::{Duration, Instant};

use super::record_writer::WriteLimits;
use super::workers::Workers;
use crate::serving::{Service, after};

/// The value that a web server receives for an option without a limit. It is more than any web server uses.
const NO_LIMIT: usize = 1_000_000;

/// How long writing a record outside a response's body may take, if no limit is shorter. It bounds the time
/// for which a web server that reads nothing holds a thread.
const RECORD_LIMIT: Duration = Duration::from_secs(60);

/// The state that the connections of one server share.
pub(super) struct Shared {
    pub(super) service: Service,
    pub(super) options: Options,
    pub(super) workers: Workers,
}

pub(super) struct Options {
    pub(super) read_header_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) body_idle_timeout: Option<Duration>,
    pub(super) write_idle_timeout: Option<Duration>,
    pub(super) body_patience: Option<Duration>,
    pub(super) max_params_bytes: usize,
    pub(super) max_held_back: usize,
    pub(super) max_requests: Option<usize>,
    pub(super) max_connections: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_header_timeout: Some(Duration::from_secs(10)),
            write_timeout: None,
            idle_timeout: None,
            body_idle_timeout: Some(Duration::from_secs(60)),
            write_idle_timeout: Some(Duration::from_secs(60)),
            body_patience: Some(Duration::from_secs(5)),
            max_params_bytes: 1 << 20,
            max_held_back: 1 << 20,
            max_requests: Some(100),
            max_connections: None,
        }
    }
}

impl Options {
    /// Returns the value of `FCGI_MAX_CONNS`.
    pub(super) fn advertised_connections(&self) -> usize {
        self.max_connections.unwrap_or(NO_LIMIT)
    }

    /// Returns the value of `FCGI_MAX_REQS`: the number of requests on all connections together.
    pub(super) fn advertised_requests(&self) -> usize {
        let each = self.max_requests.unwrap_or(NO_LIMIT);
        self.max_connections.map_or(NO_LIMIT, |most| most.saturating_mul(each).min(NO_LIMIT))
    }

    /// Returns `true` if a connection may have several requests in progress at once.
    pub(super) fn may_multiplex(&self) -> bool {
        self.max_requests.is_none_or(|most| most > 1)
    }

    pub(super) fn write_limits(&self) -> WriteLimits {
        let given = self.write_timeout.into_iter().chain(self.write_idle_timeout).min();
        let queue = given.map_or(RECORD_LIMIT, |given| given.min(RECORD_LIMIT));
        WriteLimits { idle: self.write_idle_timeout, queue }
    }

    /// Returns the deadline for writing a small record, given the response's deadline. There always is one.
    pub(super) fn record_deadline(&self, response: Option<Instant>) -> Option<Instant> {
        match (response, self.write_idle_timeout) {
            (None, None) => after(Some(RECORD_LIMIT)),
            _ => response,
        }
    }
}
