//! The shared part of the clients: the command line, the threads, and the line that they print.
//!
//! ```text
//! CLIENT [-d SECONDS | -n REQUESTS] [-c THREADS] [--send BYTES] [--chunked] [--fresh] URL
//! {"requests":N,"errors":N,"seconds":S,"rps":R,"bytes":B,
//!  "latency_us":{"p50":T,"p90":T,"p99":T,"max":T},"cpu_us":T,"peak_kib":N}
//! ```
//!
//! Each request is a GET. With `--send` it is a POST of that many bytes from a reader. Their length is
//! known, except with `--chunked`. `-n` counts the requests of a thread. `--fresh` makes the floor
//! connect for each request. The other clients use one client for all threads with its usual behaviour.
//!
//! `requests` counts the responses that were read to their end, `bytes` the bytes of both bodies. CPU
//! time is this process's, user and system. `peak_kib` is its peak of resident memory.

#[path = "../../../examples/load/histogram.rs"]
mod histogram;

use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::process;
use histogram::Histogram;

/// The pause of a thread after an error, so that a failing server is not flooded.
const AFTER_AN_ERROR: Duration = Duration::from_millis(10);

const USAGE: &str = "\
usage: [-d SECONDS | -n REQUESTS] [-c THREADS] [--send BYTES] [--chunked] [--fresh] URL";

/// The command line.
pub struct Options {
    until: Until,
    pub threads: usize,
    pub send: Option<u64>,
    pub chunked: bool,
    pub fresh: bool,
    pub url: String,
}

/// The end of a thread's run.
#[derive(Clone, Copy)]
enum Until {
    Requests(u64),
    Time(Duration),
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let (mut until, mut threads) = (Until::Time(Duration::from_secs(5)), 1);
        let (mut send, mut chunked, mut fresh, mut url) = (None, false, false, None);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "-d" => until = Until::Time(Duration::from_secs_f64(number(&value()?)?)),
                "-n" => until = Until::Requests(number(&value()?)?),
                "-c" => threads = number(&value()?)?,
                "--send" => send = Some(number(&value()?)?),
                "--chunked" => chunked = true,
                "--fresh" => fresh = true,
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}"));
                }
                _ => url = Some(arg),
            }
        }
        Ok(Options { until, threads, send, chunked, fresh, url: url.ok_or(USAGE)? })
    }

    /// Returns the body of a request, if it has one.
    pub fn body(&self) -> Option<impl Read + Send + use<>> {
        self.send.map(payload)
    }
}

fn number<N: std::str::FromStr<Err: std::fmt::Display>>(digits: &str) -> Result<N, String> {
    digits.parse().map_err(|error| format!("{digits:?}: {error}"))
}

/// Returns a reader of N bytes.
pub fn payload(length: u64) -> impl Read + Send + use<> {
    io::repeat(b'x').take(length)
}

/// Runs the command line. `connect` gives each thread a function that sends one request and returns the
/// length of the response's body.
pub fn run<C, E>(connect: C) -> ExitCode
where
    C: Fn(&Options) -> io::Result<E> + Sync,
    E: FnMut() -> io::Result<u64>,
{
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) => {
            println!("{}", drive(&options, connect));
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn drive<C, E>(options: &Options, connect: C) -> serde_json::Value
where
    C: Fn(&Options) -> io::Result<E> + Sync,
    E: FnMut() -> io::Result<u64>,
{
    let start = Barrier::new(options.threads + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads)
            .map(|_| scope.spawn(|| exchange_until_the_end(options, &connect, &start)))
            .collect();
        start.wait();
        let (began, cpu_before) = (Instant::now(), cpu_time());
        let mut all = Tally::default();
        for thread in threads {
            all.add(&thread.join().expect("no exchange panics"));
        }
        report(&all, began.elapsed(), cpu_time() - cpu_before)
    })
}

/// Runs one thread. It connects before the start, and again after each error.
fn exchange_until_the_end<C, E>(options: &Options, connect: &C, start: &Barrier) -> Tally
where
    C: Fn(&Options) -> io::Result<E>,
    E: FnMut() -> io::Result<u64>,
{
    let mut tally = Tally::default();
    let mut connection = connect(options);
    start.wait();
    let began = Instant::now();
    let mut now = began;
    while match options.until {
        Until::Requests(most) => tally.requests + tally.errors < most,
        Until::Time(time) => now - began < time,
    } {
        let outcome = match &mut connection {
            Ok(exchange) => exchange(),
            Err(error) => Err(io::Error::from(error.kind())),
        };
        let end = Instant::now();
        match outcome {
            Ok(bytes) => {
                tally.requests += 1;
                tally.bytes += bytes + options.send.unwrap_or(0);
                tally.latencies.add(end - now);
                now = end;
            }
            Err(error) => {
                tally.error(&error);
                thread::sleep(AFTER_AN_ERROR);
                connection = connect(options);
                now = Instant::now();
            }
        }
    }
    tally
}

#[derive(Default)]
struct Tally {
    requests: u64,
    errors: u64,
    bytes: u64,
    latencies: Histogram,
}

impl Tally {
    /// The first error is shown. The others are usually the same.
    fn error(&mut self, error: &io::Error) {
        if self.errors == 0 {
            eprintln!("{error}");
        }
        self.errors += 1;
    }

    fn add(&mut self, other: &Tally) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.bytes += other.bytes;
        self.latencies.merge(&other.latencies);
    }
}

/// Formats the line that is printed.
fn report(tally: &Tally, took: Duration, cpu: Duration) -> serde_json::Value {
    let seconds = took.as_secs_f64();
    let at = |part| micros(tally.latencies.quantile(part));
    json!({
        "requests": tally.requests,
        "errors": tally.errors,
        "seconds": seconds,
        "rps": tally.requests as f64 / seconds,
        "bytes": tally.bytes,
        "latency_us": { "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0) },
        "cpu_us": micros(cpu),
        "peak_kib": process::memory("self", "VmHWM"),
    })
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Returns the CPU time of this process so far, on all cores.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_rates_and_latencies() {
        let mut tally = Tally { requests: 101, errors: 2, bytes: 303, ..Tally::default() };
        (1..=101).for_each(|micros| tally.latencies.add(Duration::from_micros(micros)));
        let report = report(&tally, Duration::from_secs(2), Duration::from_micros(202));
        assert_eq!(report["rps"], 50.5);
        assert_eq!(report["cpu_us"], 202.0);
        assert_eq!(report["latency_us"]["max"], 101.0);
        let median = report["latency_us"]["p50"].as_f64().unwrap();
        assert!((50.0..53.0).contains(&median), "{median}");
    }

    #[test]
    fn nothing_answered_is_a_line_as_well() {
        let report = report(&Tally::default(), Duration::from_secs(1), Duration::ZERO);
        assert_eq!(report["requests"], 0);
    }
}
