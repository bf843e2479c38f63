//! A server whose endpoints show the life of a connection.
//!
//! ```text
//! cargo run --release --example lifecycle
//! curl -i http://127.0.0.1:8080/stream/5?ms=300
//! curl http://127.0.0.1:8080/state
//! cargo run --release --example lifecycle -- --tls-cert cert.pem --tls-key key.pem
//! curl --cacert cert.pem https://localhost:8080/
//! ```
//!
//! Run `curl 'http://127.0.0.1:8080/wait'`, end it with Ctrl-C, and fetch `/events`. It shows when the
//! handler noticed. [`route`] has all endpoints.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod bodies;
mod failing;
mod records;
#[path = "../support/mod.rs"]
mod support;
mod watching;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hangup::http::header::{ALLOW, CONTENT_TYPE};
use hangup::http::{Method, StatusCode};
use hangup::{Error, Request, ResponseWriter, Result, Server};

use records::Records;
use support::{Args, Serving, Usage};

const USAGE: &str = "usage: lifecycle [OPTIONS]

A server whose endpoints show the life of a connection.
";

fn main() -> ExitCode {
    support::run("lifecycle", &[USAGE, support::SERVING_HELP].concat(), lifecycle)
}

fn lifecycle(mut args: Args) -> Result<ExitCode, Usage> {
    let mut serving = Serving::default();
    while let Some(arg) = args.next()? {
        if !serving.take(&arg.option()?, &mut args)? {
            return Err(args.unknown());
        }
    }
    let records = Arc::new(Records::default());
    let of_states = Arc::clone(&records);
    let server = Server::new(move |w: &mut ResponseWriter, r: &mut Request| answer(&records, w, r))
        .on_connection_state(move |connection, state| of_states.entered(connection.id(), state));
    serving.serve(server)
}

/// A handler of one endpoint.
type Endpoint = fn(&Records, &mut ResponseWriter, &mut Request) -> Result<()>;

const GET: &[Method] = &[Method::GET, Method::HEAD];
const POST: &[Method] = &[Method::POST];
const GET_OR_POST: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
const GET_OR_DELETE: &[Method] = &[Method::GET, Method::HEAD, Method::DELETE];
const ANY: &[Method] = &[];

/// Returns the endpoint of a path and its methods.
fn route(path: &str) -> Option<(&'static [Method], Endpoint)> {
    let segments: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    Some(match segments[..] {
        [""] => (GET, bodies::ok),
        ["echo"] => (ANY, bodies::echo),
        ["upload"] => (POST, bodies::upload),
        ["early"] => (POST, bodies::early),
        ["bytes", _] => (GET, bodies::bytes),
        ["stream", _] => (GET, bodies::stream),
        ["trailers"] => (GET, bodies::trailers),
        ["early-hints"] => (GET, bodies::early_hints),
        ["status", _] => (GET, bodies::status),
        ["sniff", _] => (GET, bodies::sniff),
        ["header-smuggle"] => (GET, bodies::header_smuggle),
        ["addr"] => (GET, watching::addr),
        ["sleep"] => (GET, watching::sleep),
        ["wait"] => (GET_OR_POST, watching::wait),
        ["close-notify"] => (GET, watching::close_notify),
        ["close-notify-discard"] => (GET, watching::close_notify_discard),
        ["close-notify-hijack"] => (GET, watching::close_notify_hijack),
        ["hijack"] => (GET, watching::hijack),
        ["panic"] => (GET, failing::panic),
        ["panic-late"] => (GET, failing::panic_late),
        ["error"] => (GET, failing::error),
        ["short"] => (GET, failing::short),
        ["overlong"] => (GET, failing::overlong),
        ["events"] => (GET_OR_DELETE, records::events),
        ["state"] => (GET, records::state),
        _ => return None,
    })
}

fn answer(records: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let Some((methods, endpoint)) = route(r.uri().path()) else {
        return text(w, StatusCode::NOT_FOUND, "not found");
    };
    if !methods.is_empty() && !methods.contains(r.method()) {
        let allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
        w.set_header(ALLOW, allowed.join(", "))?;
        return text(w, StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    }
    match endpoint(records, w, r) {
        Err(error) => match error.cause().and_then(|source| source.downcast_ref::<NotANumber>()) {
            Some(wrong) => text(w, StatusCode::BAD_REQUEST, &wrong.to_string()),
            None => Err(error),
        },
        done => done,
    }
}

/// Responds with a line of text.
fn text(w: &mut ResponseWriter, status: StatusCode, line: &str) -> Result<()> {
    w.set_status(status).set_header(CONTENT_TYPE, "text/plain; charset=utf-8")?;
    Ok(writeln!(w, "{line}")?)
}

/// Responds with JSON text.
fn json(w: &mut ResponseWriter, json: &str) -> Result<()> {
    w.set_header(CONTENT_TYPE, "application/json")?;
    Ok(writeln!(w, "{json}")?)
}

/// Returns the number at the end of the path, as in `/bytes/N`.
fn argument<T: FromStr>(r: &Request) -> Result<T> {
    number(r.uri().path().rsplit('/').next().unwrap_or_default())
}

/// Returns the milliseconds of `?ms=M`, if they are given.
fn millis(r: &Request) -> Result<Option<Duration>> {
    query(r, "ms").map(|digits| number(digits).map(Duration::from_millis)).transpose()
}

/// Returns the raw value of `name` in the query.
fn query<'r>(r: &'r Request, name: &str) -> Option<&'r str> {
    let mut pairs = r.uri().query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn number<T: FromStr>(digits: &str) -> Result<T> {
    digits.parse().map_err(|_| Error::other(NotANumber(digits.to_owned())))
}

/// A text that should have been a number. It is the client's fault, so the response is a 400.
#[derive(Debug)]
struct NotANumber(String);

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a number in range", self.0)
    }
}

impl std::error::Error for NotANumber {}
