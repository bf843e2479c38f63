//! The client as a load generator: one blocking thread for each connection, with one shared client.
//!
//! ```text
//! cargo run --release --example load -- -c 100 -d 10 http://127.0.0.1:8080/
//! ```
//!
//! It prints one line of JSON:
//!
//! ```text
//! {"requests":N,"errors":N,"seconds":S,"rps":R,"bytes":B,
//!  "latency_us":{"p50":T,"p90":T,"p99":T,"max":T},"cpu_us_per_request":T,
//!  "error_kinds":{"KIND":N}}
//! ```
//!
//! `requests` counts the responses that were read to their end, and `bytes` the bytes of their bodies.
//! `errors` counts failed calls and responses with a status of 400 or more. CPU time is this process's,
//! user and system.
//!
//! If there were errors, the exit code is 1. Stderr then has a line for each kind, with its count and
//! its first error.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod errors;
mod histogram;
#[path = "../support/mod.rs"]
mod support;

use std::io::Read;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hangup::client::RedirectPolicy;
use hangup::http::{Method, StatusCode, Uri};
use hangup::{Client, Context};

use errors::Errors;
use histogram::Histogram;
use support::{Arg, Args, Usage, trust_anybody};

const HELP: &str = "\
usage: load [-n REQUESTS | -d SECONDS] [-c CONNECTIONS] [-b BODY_BYTES] [-k] URL

  -n N   send N requests
  -d S   send requests for S seconds (5)
  -c N   use N connections (1)
  -b N   send POST requests with a body of N bytes, instead of GET
  -k     accept any certificate of an https URL

Prints one line of JSON. Latencies are in microseconds. If a request failed, the
exit code is 1, and stderr has the errors.";

/// The largest number of connections. Each is a thread.
const MOST_CONNECTIONS: usize = 20_000;

/// A number of requests that no run reaches.
const NO_MORE: u64 = u64::MAX / 2;

/// The pause of a connection after an error, so that a failing server is not flooded.
const AFTER_AN_ERROR: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    support::run("load", HELP, |args: Args| {
        let options = Options::read(args)?;
        let client = options.client()?;
        let outcome = drive(&options, &client)?;
        support::say!("{}", outcome.report());
        outcome.tally.errors.lines().for_each(|line| support::complain!("load: {line}"));
        Ok(ExitCode::from(u8::from(outcome.tally.errors.count() > 0)))
    })
}

struct Options {
    until: Until,
    connections: usize,
    body: Option<Bytes>,
    insecure: bool,
    url: Uri,
}

/// The end of a run.
#[derive(Clone, Copy)]
enum Until {
    Requests(u64),
    Time(Duration),
}

impl Options {
    fn read(mut args: Args) -> Result<Self, Usage> {
        let (mut requests, mut time, mut connections) = (None, None, 1);
        let (mut body, mut insecure, mut urls) = (None, false, Vec::new());
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Value(url) => urls.push(url.to_string_lossy().into_owned()),
                Arg::Option(option) => match option.as_str() {
                    "-n" => requests = Some(args.number()?),
                    "-d" => time = Some(args.seconds()?),
                    "-c" => connections = args.number::<usize>()?.max(1),
                    "-b" => body = Some(filled(args.number()?).map_err(|why| args.bad(&why))?),
                    "-k" => insecure = true,
                    _ => return Err(args.unknown()),
                },
            }
        }
        let until = match (requests, time) {
            (Some(_), Some(_)) => return Err(Usage::wrong("-n and -d exclude each other")),
            (Some(requests), None) => Until::Requests(requests),
            (None, time) => Until::Time(time.unwrap_or(Duration::from_secs(5))),
        };
        let [url] = &urls[..] else {
            return Err(Usage::wrong("exactly one URL is required (see --help)"));
        };
        let whole = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        let whole: Uri =
            whole.parse().map_err(|error| Usage::wrong(format!("{url:?}: {error}")))?;
        if !matches!(whole.scheme_str(), Some("http" | "https")) {
            return Err(Usage::wrong(format!("{url:?} is not an http or https URL")));
        }
        if connections > MOST_CONNECTIONS {
            let message = format!("-c: at most {MOST_CONNECTIONS} connections");
            return Err(Usage::wrong(message));
        }
        let url = whole;
        Ok(Self { until, connections, body, insecure, url })
    }

    /// Returns the client that all threads share.
    fn client(&self) -> Result<Client, Usage> {
        let client = Client::builder()
            .redirects(RedirectPolicy::none())
            .max_idle_connections(self.connections)
            .max_idle_connections_per_host(self.connections);
        Ok(if self.insecure { trust_anybody(client)? } else { client }.build())
    }
}

/// The results of one thread, or of all.
#[derive(Default)]
struct Tally {
    requests: u64,
    errors: Errors,
    bytes: u64,
    latencies: Histogram,
}

/// Returns a body of this length.
fn filled(length: usize) -> Result<Bytes, String> {
    let mut body = Vec::new();
    body.try_reserve_exact(length).map_err(|error| error.to_string())?;
    body.resize(length, b'x');
    Ok(body.into())
}

/// The result of a run.
struct Outcome {
    tally: Tally,
    took: Duration,
    cpu: Option<Duration>,
}

/// Starts all threads at once, and ends them when the time is over.
fn drive(options: &Options, client: &Client) -> Result<Outcome, Usage> {
    let (start, run, begun) = (Context::new(), Context::new(), AtomicU64::new(0));
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..options.connections {
            let spawned = thread::Builder::new().spawn_scoped(scope, || {
                start.wait();
                requests(options, client, &run.child(), &begun)
            });
            match spawned {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    // Threads that wait stop now.
                    begun.store(NO_MORE, Ordering::Relaxed);
                    run.cancel();
                    start.cancel();
                    let message =
                        format!("-c: cannot start a thread for connection {}: {error}", number + 1);
                    return Err(Usage::wrong(message));
                }
            }
        }
        let (began, cpu_before) = (Instant::now(), cpu_time());
        start.cancel();
        if let Until::Time(time) = options.until {
            run.wait_timeout(time);
            run.cancel();
        }
        let tallies = threads.into_iter().filter_map(|thread| thread.join().ok());
        let tally = tallies.fold(Tally::default(), Tally::with);
        let cpu = cpu_time().zip(cpu_before).map(|(now, before)| now.saturating_sub(before));
        Ok(Outcome { tally, took: began.elapsed(), cpu })
    })
}

/// Sends requests one after the other. The end of the run cancels the last one, which is not counted.
fn requests(options: &Options, client: &Client, run: &Context, begun: &AtomicU64) -> Tally {
    let mut tally = Tally::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let enough = match options.until {
            Until::Requests(most) => begun.fetch_add(1, Ordering::Relaxed) >= most,
            Until::Time(_) => run.is_done(),
        };
        if enough {
            return tally;
        }
        let sent = Instant::now();
        match exchange(options, client, run, &mut piece) {
            Ok((status, bytes)) => {
                tally.latencies.add(sent.elapsed());
                tally.requests += 1;
                tally.bytes += bytes;
                if is_error(status) {
                    tally.errors.add_status(status);
                }
            }
            Err(_) if run.is_done() => return tally,
            Err(error) => {
                log::warn!("{error:#}");
                tally.errors.add(&error);
                run.wait_timeout(AFTER_AN_ERROR);
            }
        }
    }
}

fn is_error(status: StatusCode) -> bool {
    status.as_u16() >= 400
}

/// Sends one request, reads its response, and returns the status and the length of the body.
fn exchange(
    options: &Options,
    client: &Client,
    run: &Context,
    piece: &mut [u8],
) -> hangup::Result<(StatusCode, u64)> {
    let (method, body) = match &options.body {
        Some(body) => (Method::POST, body.clone()),
        None => (Method::GET, Bytes::new()),
    };
    let request = client.request(method, options.url.clone()).body(body).context(run);
    let mut response = request.send()?;
    let mut bytes = 0;
    loop {
        match response.body_mut().read(piece)? {
            0 => return Ok((response.status(), bytes)),
            count => bytes += count as u64,
        }
    }
}

impl Tally {
    fn with(mut self, other: Self) -> Self {
        self.requests += other.requests;
        self.errors.merge(other.errors);
        self.bytes += other.bytes;
        self.latencies.merge(&other.latencies);
        self
    }
}

impl Outcome {
    /// Returns the line of JSON.
    fn report(&self) -> String {
        let Tally { requests, errors, bytes, latencies } = &self.tally;
        let at = |part| latencies.quantile(part).as_secs_f64() * 1e6;
        let (p50, p90, p99, max) = (at(0.5), at(0.9), at(0.99), at(1.0));
        let seconds = self.took.as_secs_f64();
        let rps = *requests as f64 / seconds;
        let cpu = self.cpu.map_or_else(
            || "null".to_owned(),
            |cpu| format!("{:.2}", cpu.as_secs_f64() * 1e6 / (*requests).max(1) as f64),
        );
        let (errors, kinds) = (errors.count(), errors.json());
        let latency = format!(r#"{{"p50":{p50:.1},"p90":{p90:.1},"p99":{p99:.1},"max":{max:.1}}}"#);
        format!(
            r#"{{"requests":{requests},"errors":{errors},"seconds":{seconds:.3},"rps":{rps:.1},"bytes":{bytes},"latency_us":{latency},"cpu_us_per_request":{cpu},"error_kinds":{kinds}}}"#
        )
    }
}

/// Returns the CPU time of this process so far.
#[cfg(all(unix, not(target_os = "netbsd")))]
fn cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).ok()
}

/// Returns `None`. The crates that this example uses cannot read the CPU time on Windows and NetBSD.
#[cfg(any(windows, target_os = "netbsd"))]
fn cpu_time() -> Option<Duration> {
    None
}
