//! What `floor-load` and `ureq-load` share: the command line, the threads, and the line they print.
//!
//! ```text
//! {"requests":N,"errors":N,"seconds":S,"rps":R,"bytes":B,
//!  "latency_us":{"p50":T,"p90":T,"p99":T,"max":T},"cpu_us_per_request":T}
//! ```
//!
//! Requests are those answered, bytes those of their bodies; CPU time is this process's, user and
//! system.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long a connection waits after an error, so that a server that refuses is not hammered.
const AFTER_AN_ERROR: Duration = Duration::from_millis(10);

/// The command line.
pub struct Options {
    pub duration: Duration,
    pub connections: usize,
    pub url: String,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
        let (mut seconds, mut connections, mut url) = (5.0, 1, None);
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "-d" => seconds = value()?.parse().map_err(|e| format!("{arg}: {e}"))?,
                "-c" => connections = value()?.parse().map_err(|e| format!("{arg}: {e}"))?,
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}"));
                }
                _ => url = Some(arg),
            }
        }
        let duration = Duration::try_from_secs_f64(seconds).map_err(|e| format!("-d: {e}"))?;
        let url = url.ok_or("usage: [-d SECONDS] [-c CONNECTIONS] URL")?;
        Ok(Options { duration, connections, url })
    }
}

/// Runs the command line over `connect`, which makes one connection's exchange: a function that
/// sends one request and returns the length of its answer's body.
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

fn drive<C, E>(options: &Options, connect: C) -> Report
where
    C: Fn(&Options) -> io::Result<E> + Sync,
    E: FnMut() -> io::Result<u64>,
{
    let start = Barrier::new(options.connections + 1);
    thread::scope(|scope| {
        let connections: Vec<_> = (0..options.connections)
            .map(|_| scope.spawn(|| exchange_until_the_end(options, &connect, &start)))
            .collect();
        start.wait();
        let (began, cpu_before) = (Instant::now(), cpu_time());
        let mut all = Tally::default();
        for connection in connections {
            all.add(connection.join().expect("no exchange panics"));
        }
        let (elapsed, cpu) = (began.elapsed(), cpu_time() - cpu_before);
        Report::new(all, elapsed, cpu)
    })
}

/// One connection: connected before the start, exchanges until the time is over, connected again
/// after each error.
fn exchange_until_the_end<C, E>(options: &Options, connect: &C, start: &Barrier) -> Tally
where
    C: Fn(&Options) -> io::Result<E>,
    E: FnMut() -> io::Result<u64>,
{
    let mut tally = Tally::default();
    let mut connection = connect(options);
    start.wait();
    let mut now = Instant::now();
    let deadline = now + options.duration;
    while now < deadline {
        let outcome = match &mut connection {
            Ok(exchange) => exchange(),
            Err(error) => Err(io::Error::from(error.kind())),
        };
        let end = Instant::now();
        match outcome {
            Ok(bytes) => {
                tally.bytes += bytes;
                tally.latencies.push(end - now);
                now = end;
            }
            Err(_) => {
                tally.errors += 1;
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
    latencies: Vec<Duration>,
    errors: u64,
    bytes: u64,
}

impl Tally {
    fn add(&mut self, mut other: Tally) {
        self.latencies.append(&mut other.latencies);
        self.errors += other.errors;
        self.bytes += other.bytes;
    }
}

/// The line that is printed.
struct Report {
    /// Sorted.
    latencies: Vec<Duration>,
    errors: u64,
    bytes: u64,
    seconds: f64,
    cpu: Duration,
}

impl Report {
    fn new(tally: Tally, elapsed: Duration, cpu: Duration) -> Report {
        let Tally { mut latencies, errors, bytes } = tally;
        latencies.sort_unstable();
        Report { latencies, errors, bytes, seconds: elapsed.as_secs_f64(), cpu }
    }

    /// The latency that `percent` of the requests did not exceed, in microseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = self.latencies.get(last * percent / 100);
        at.map_or(0.0, |latency| micros(*latency))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.latencies.len();
        let (errors, bytes, seconds) = (self.errors, self.bytes, self.seconds);
        let rps = requests as f64 / seconds;
        let cpu = micros(self.cpu) / requests.max(1) as f64;
        write!(f, r#"{{"requests":{requests},"errors":{errors},"seconds":{seconds:.3},"#)?;
        write!(f, r#""rps":{rps:.1},"bytes":{bytes},"latency_us":{{"#)?;
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|percent| self.percentile(percent));
        write!(f, r#""p50":{p50:.1},"p90":{p90:.1},"p99":{p99:.1},"max":{max:.1}}},"#)?;
        write!(f, r#""cpu_us_per_request":{cpu:.2}}}"#)
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// What this process has used so far, of all cores together.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_json() {
        let latencies = (1..=101).rev().map(Duration::from_micros).collect();
        let tally = Tally { latencies, errors: 2, bytes: 303 };
        let report = Report::new(tally, Duration::from_secs(2), Duration::from_micros(202));
        let line: serde_json::Value = serde_json::from_str(&report.to_string()).unwrap();
        let expected = serde_json::json!({
            "requests": 101, "errors": 2, "seconds": 2.0, "rps": 50.5, "bytes": 303,
            "latency_us": { "p50": 51.0, "p90": 91.0, "p99": 100.0, "max": 101.0 },
            "cpu_us_per_request": 2.0
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn nothing_answered_is_a_line_as_well() {
        let report = Report::new(Tally::default(), Duration::from_secs(1), Duration::ZERO);
        let line: serde_json::Value = serde_json::from_str(&report.to_string()).unwrap();
        assert_eq!(line["requests"], 0);
    }
}
