//! The numbers of a server as OpenMetrics text, which Prometheus and others collect.
//!
//! ```
//! use hangup::{Handler, Request, ResponseWriter, Server, metrics::Metrics, server::Stats};
//! use std::io::Write;
//!
//! let stats = Stats::new();
//! let metrics = Metrics::new(&stats);
//! let server = Server::new(move |w: &mut ResponseWriter, r: &mut Request| match r.uri().path() {
//!     "/metrics" => metrics.handle(w, r),
//!     _ => Ok(w.write_all(b"hello\n")?),
//! })
//! .stats(&stats);
//! # drop(server);
//! ```
//!
//! | metric | type | labels |
//! | --- | --- | --- |
//! | `http_server_connections` | gauge | `state`: `new`, `active`, `idle`, `closing` |
//! | `http_server_connections_accepted` | counter | |
//! | `http_server_connections_hijacked` | counter | |
//! | `http_server_connections_rejected` | counter | |
//! | `http_server_requests` | counter | `outcome`: `success`, `redirection`, `client_error`, `server_error`, `hijacked`, `aborted`, `failed` |
//! | `http_server_requests_refused` | counter | |
//! | `http_server_received_bytes`, `http_server_sent_bytes` | counter | |
//! | `http_server_handler_seconds` | histogram | `le` |
//! | `http_server_timeouts` | counter | `limit`: `tls_handshake`, `read_header`, `read`, `body_idle`, `write`, `write_idle`, `idle` |
//!
//! [`Snapshot`] has the meaning of each.

use std::fmt::{self, Write};

use http::header::{CONTENT_TYPE, HeaderValue};

use crate::server::{Snapshot, Stats};
use crate::{Body, Handler, Request, Response, ResponseWriter, Result};

/// The media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A handler that responds with the numbers of the servers that count in a collector.
///
/// The response is the same for every method and path.
#[derive(Clone, Debug)]
pub struct Metrics {
    stats: Stats,
}

impl Metrics {
    /// Creates a handler that shows the numbers of `stats`.
    #[must_use]
    pub fn new(stats: &Stats) -> Self {
        Self { stats: stats.clone() }
    }
}

impl Handler for Metrics {
    fn handle(&self, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
        let mut response = Response::new(Body::from(render(&self.stats.snapshot())));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
        w.send(response)
    }
}

/// Returns the numbers as a complete OpenMetrics text.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = String::with_capacity(4096);
    // Writing to a string does not fail.
    let _ = write(&mut text, snapshot);
    text.push_str("# EOF\n");
    text
}

/// Writes the numbers as OpenMetrics text without the line that ends it. So a program can add its metrics,
/// and then `# EOF`.
///
/// # Errors
///
/// That of `out`.
pub fn write(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    connections(out, snapshot)?;
    requests(out, snapshot)?;
    handler_time(out, snapshot)?;
    timeouts(out, snapshot)
}

fn connections(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let connections = &snapshot.connections;
    let states = [
        ("new", connections.new),
        ("active", connections.active),
        ("idle", connections.idle),
        ("closing", connections.closing),
    ];
    let name = "http_server_connections";
    describe(out, name, "gauge", "Open connections by state.")?;
    for (state, count) in states {
        writeln!(out, "{name}{{state=\"{state}\"}} {count}")?;
    }
    let accepted = "Connections that were accepted.";
    counter(out, "http_server_connections_accepted", accepted, connections.accepted)?;
    let hijacked = "Connections that a handler has taken over.";
    counter(out, "http_server_connections_hijacked", hijacked, connections.hijacked)?;
    let rejected = "Connections beyond the maximum.";
    counter(out, "http_server_connections_rejected", rejected, connections.rejected)
}

fn requests(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let requests = &snapshot.requests;
    let outcomes = [
        ("success", requests.success),
        ("redirection", requests.redirection),
        ("client_error", requests.client_error),
        ("server_error", requests.server_error),
        ("hijacked", requests.hijacked),
        ("aborted", requests.aborted),
        ("failed", requests.failed),
    ];
    let help = "Requests by outcome.";
    labelled(out, "http_server_requests", help, "outcome", &outcomes)?;
    let refused = "Requests that the server refused without a handler.";
    counter(out, "http_server_requests_refused", refused, requests.refused)?;
    let received = "Bytes read from clients.";
    counter(out, "http_server_received_bytes", received, snapshot.bytes_received)?;
    let sent = "Bytes written to clients.";
    counter(out, "http_server_sent_bytes", sent, snapshot.bytes_sent)
}

fn handler_time(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let name = "http_server_handler_seconds";
    describe(out, name, "histogram", "How long handlers and their responses took.")?;
    let (mut sum, times) = (0, &snapshot.handler_time);
    for (bound, count) in times.buckets() {
        sum += count;
        match bound {
            Some(bound) => writeln!(out, "{name}_bucket{{le=\"{:?}\"}} {sum}", bound.as_secs_f64()),
            None => writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {sum}"),
        }?;
    }
    writeln!(out, "{name}_count {sum}")?;
    writeln!(out, "{name}_sum {}", times.sum().as_secs_f64())
}

fn timeouts(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let timeouts = &snapshot.timeouts;
    let limits = [
        ("tls_handshake", timeouts.tls_handshake),
        ("read_header", timeouts.read_header),
        ("read", timeouts.read),
        ("body_idle", timeouts.body_idle),
        ("write", timeouts.write),
        ("write_idle", timeouts.write_idle),
        ("idle", timeouts.idle),
    ];
    labelled(out, "http_server_timeouts", "Time limits that ran out.", "limit", &limits)
}

fn describe(out: &mut impl Write, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# TYPE {name} {kind}\n# HELP {name} {help}")
}

fn counter(out: &mut impl Write, name: &str, help: &str, count: u64) -> fmt::Result {
    describe(out, name, "counter", help)?;
    writeln!(out, "{name}_total {count}")
}

fn labelled(
    out: &mut impl Write,
    name: &str,
    help: &str,
    label: &str,
    counts: &[(&str, u64)],
) -> fmt::Result {
    describe(out, name, "counter", help)?;
    counts
        .iter()
        .try_for_each(|(value, count)| writeln!(out, "{name}_total{{{label}=\"{value}\"}} {count}"))
}
