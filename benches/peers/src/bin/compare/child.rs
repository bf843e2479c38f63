//! Child processes. Each ends when its guard is dropped.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use peers::process;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::Result;

/// The longest time until a server prints its address.
const START: Duration = Duration::from_secs(10);
/// The interval at which a child is checked for its end. It is long enough not to disturb the
/// measurement.
const LOOK: Duration = Duration::from_millis(10);

/// Set by the signals that end this program, so that the guards are dropped first.
pub(crate) struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    pub(crate) fn on_signals() -> Result<Interrupted> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Interrupted(flag))
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err("interrupted".into()) } else { Ok(()) }
    }
}

/// A child process. Dropping it kills the process and waits for its end.
struct Running {
    child: Child,
    /// The lines of its standard output. Sender: `reader`. Unbounded, so that the process never blocks
    /// on this program.
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    fn start(mut command: Command) -> Result<Running> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        let reader = thread::spawn(move || {
            for line in stdout.lines().map_while(std::io::Result::ok) {
                drop(sender.send(line));
            }
        });
        Ok(Running { child, lines, reader: Some(reader) })
    }

    /// Waits for the end of the process.
    fn finish(&mut self, limit: Duration, interrupted: &Interrupted) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.join_reader();
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(format!("not done after {limit:?}").into());
            }
            interrupted.check()?;
            thread::sleep(LOOK);
        }
    }

    fn join_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading lines does not panic");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that the process has already ended.
        drop(self.child.kill());
        drop(self.child.wait());
        self.join_reader();
    }
}

/// A server that listens on a free port of the loopback interface.
pub(crate) struct Server {
    url: String,
    running: Running,
}

impl Server {
    /// Starts a server and waits for its line `listening on http://HOST:PORT`.
    pub(crate) fn start(command: Command, interrupted: &Interrupted) -> Result<Server> {
        let name = command.get_program().display().to_string();
        let running = Running::start(command)?;
        let line = running.lines.recv_timeout(START);
        interrupted.check()?;
        let line = line.map_err(|error| format!("{name} does not listen: {error}"))?;
        let url = line.strip_prefix("listening on ").ok_or(format!("{name} printed: {line}"))?;
        // Some servers print the path to ask for.
        let path = if url.matches('/').count() == 2 { "/" } else { "" };
        Ok(Server { url: format!("{url}{path}"), running })
    }

    /// Starts a server that prints nothing, and waits until `address` accepts a connection.
    pub(crate) fn start_silent(
        command: Command,
        address: String,
        interrupted: &Interrupted,
    ) -> Result<Server> {
        let name = command.get_program().display().to_string();
        let running = Running::start(command)?;
        let deadline = Instant::now() + START;
        while let Err(error) = TcpStream::connect(&address) {
            if Instant::now() > deadline {
                return Err(format!("{name} does not listen: {error}").into());
            }
            interrupted.check()?;
            thread::sleep(LOOK);
        }
        Ok(Server { url: format!("http://{address}/"), running })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns `HOST:PORT`.
    pub(crate) fn authority(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// Returns its CPU time, where the platform reports it.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        process::cpu_time(&self.running.child.id().to_string())
    }

    /// Returns its resident memory in KiB.
    pub(crate) fn resident(&self) -> Option<u64> {
        process::memory(&self.running.child.id().to_string(), "VmRSS")
    }

    /// Returns its peak of resident memory in KiB.
    pub(crate) fn peak(&self) -> Option<f64> {
        process::memory(&self.running.child.id().to_string(), "VmHWM").map(|kib| kib as f64)
    }
}

/// Runs `command` to its end and returns its output.
pub(crate) fn output(
    command: Command,
    limit: Duration,
    interrupted: &Interrupted,
) -> Result<String> {
    let program = command.get_program().display().to_string();
    let mut running = Running::start(command)?;
    let status =
        running.finish(limit, interrupted).map_err(|error| format!("{program}: {error}"))?;
    let printed: Vec<String> = running.lines.try_iter().collect();
    let printed = printed.join("\n");
    if status.success() {
        Ok(printed)
    } else {
        Err(format!("{program}: {status}\n{printed}").into())
    }
}

/// Returns `true` if a folder of `PATH` has a file called `program`.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
