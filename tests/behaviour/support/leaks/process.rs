//! A process with a time limit.

use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// The time limit of a test. It is far above the time of any test on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a program, and returns what it printed to stdout and stderr. Kills it at the time limit, and then
/// returns no status.
pub(super) fn run(mut command: Command) -> (String, Option<ExitStatus>) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the test binary starts");
    let (sender, pieces) = unbounded();
    collect(child.stdout.take().expect("a pipe"), sender.clone());
    collect(child.stderr.take().expect("a pipe"), sender);
    let mut output = Vec::new();
    let ended = take(&pieces, &mut output, LIMIT);
    if !ended {
        let _ = child.kill();
        take(&pieces, &mut output, Duration::from_secs(1));
    }
    // Linux spins for milliseconds if it collects a process whose last thread is leaving at that moment.
    thread::park_timeout(Duration::from_millis(2));
    let status = child.wait().expect("a child process");
    (String::from_utf8_lossy(&output).into_owned(), ended.then_some(status))
}

/// Reads to the end, on another thread.
fn collect(mut reader: impl Read + Send + 'static, sender: Sender<Vec<u8>>) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
}

/// Appends the pieces that arrive within `limit`. Returns `true` if the last one has arrived.
fn take(pieces: &Receiver<Vec<u8>>, output: &mut Vec<u8>, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        match pieces.recv_deadline(deadline) {
            Ok(piece) => output.extend(piece),
            Err(error) => return error.is_disconnected(),
        }
    }
}
