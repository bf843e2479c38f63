//! The facts of a transfer.
//!
//! `write_out.rs` expands the format of `-w`, `variables.rs` lists its variables.

mod variables;
mod write_out;

use std::path::PathBuf;
use std::time::Duration;

use hangup::http::{Method, StatusCode, Version};
use hangup::net::Addr;
use hangup::{Response, ResponseExt};

use crate::request::Plan;
use crate::trace::heads::Seen;
use crate::trace::watcher::Facts;

#[derive(Default)]
pub(crate) struct Report {
    /// The URL as it was typed.
    pub(crate) typed: String,
    /// The number of the URL on the command line, from 0.
    pub(crate) number: usize,
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) version: Option<Version>,
    pub(crate) status: Option<StatusCode>,
    /// The status of the proxy's response to CONNECT.
    pub(crate) connect_status: Option<StatusCode>,
    /// The fields of the last head.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) referer: Option<String>,
    /// The target of the last response's Location.
    pub(crate) redirect_url: Option<String>,
    /// The pause that the last response asks for.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) remote: Option<Addr>,
    pub(crate) local: Option<Addr>,
    pub(crate) connects: u32,
    pub(crate) redirects: u32,
    pub(crate) downloaded: u64,
    pub(crate) uploaded: u64,
    /// The size of all response heads, in bytes.
    pub(crate) heads: u64,
    /// The size of all request heads, in bytes.
    pub(crate) request_heads: u64,
    pub(crate) resolved_in: Duration,
    pub(crate) connected_in: Duration,
    /// The time from the start to the end of the TLS handshake, or zero without one.
    pub(crate) secured_in: Duration,
    pub(crate) answered_in: Duration,
    /// The time from the start to the start of the last request.
    pub(crate) redirected_in: Duration,
    pub(crate) took: Duration,
    pub(crate) file: Option<PathBuf>,
    pub(crate) exit_code: u8,
    pub(crate) error: Option<String>,
}

impl Report {
    pub(crate) fn new(url: &str, number: usize) -> Self {
        Self { typed: url.to_owned(), url: url.to_owned(), number, ..Self::default() }
    }

    /// Records a request before it is sent.
    pub(crate) fn asks(&mut self, plan: &Plan) {
        self.method = plan.method.clone();
        self.url = plan.address.to_string();
        self.uploaded = 0;
        self.downloaded = 0;
    }

    /// Records the steps of a request.
    pub(crate) fn watched(&mut self, facts: Facts) {
        self.request_heads += facts.request_heads;
        self.connect_status = facts.connect_status.or(self.connect_status);
    }

    /// Records the last head, if there was one.
    pub(crate) fn saw(&mut self, seen: &Seen) {
        self.heads += seen.size;
        if seen.status.is_some() {
            self.status = seen.status;
            self.fields.clone_from(&seen.fields);
        }
    }

    /// Records the connection of a response, final or redirect.
    pub(crate) fn answered(&mut self, response: &Response) {
        self.version = Some(response.version());
        self.remote = response.remote_addr().cloned();
        self.local = response.local_addr().cloned();
        self.connects += u32::from(!response.is_connection_reused());
        if let Some(timings) = response.timings() {
            self.resolved_in = timings.resolve;
            self.connected_in = timings.resolve + timings.connect;
            self.secured_in = match timings.secure {
                Duration::ZERO => Duration::ZERO,
                secure => self.connected_in + secure,
            };
        }
    }

    /// Returns the value of the first field of this name in the last head.
    fn field(&self, name: &str) -> Option<String> {
        let found = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}
