//! A process with a time limit.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

/// The time limit of a test. It is far above the time of any test on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// `ERROR_INTERNAL_ERROR`. Wine fails with it now and then if many processes start at a time.
const INTERNAL_ERROR: i32 = 1359;

/// The output of a program.
#[derive(Default)]
pub(super) struct Output {
    /// To stdout and to stderr, in the order of its arrival. A line of one may be within a line of the other.
    pub(super) shown: Vec<u8>,
    pub(super) stdout: Vec<u8>,
}

/// A piece of the output.
enum Piece {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

/// Runs a program, and returns what it printed. Kills it at the time limit, and then returns no status.
pub(super) fn run(mut command: Command) -> (Output, Option<ExitStatus>) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start(&mut command);
    let (sender, pieces) = unbounded();
    collect(child.stdout.take().expect("a pipe"), Piece::Stdout, sender.clone());
    collect(child.stderr.take().expect("a pipe"), Piece::Stderr, sender);
    let mut output = Output::default();
    let ended = take(&pieces, &mut output, LIMIT);
    if !ended {
        let _ = child.kill();
        take(&pieces, &mut output, Duration::from_secs(1));
    }
    // Linux spins for milliseconds if it collects a process whose last thread is leaving at that moment.
    thread::park_timeout(Duration::from_millis(2));
    let status = child.wait().expect("a child process");
    (output, ended.then_some(status))
}

fn start(command: &mut Command) -> Child {
    let deadline = Instant::now() + LIMIT;
    loop {
        match command.spawn() {
            Err(error)
                if cfg!(windows)
                    && error.raw_os_error() == Some(INTERNAL_ERROR)
                    && Instant::now() < deadline =>
            {
                thread::park_timeout(Duration::from_millis(100));
            }
            started => return started.expect("the test binary starts"),
        }
    }
}

/// Reads to the end, on another thread.
fn collect(
    mut reader: impl Read + Send + 'static,
    piece: fn(Vec<u8>) -> Piece,
    sender: Sender<Piece>,
) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if sender.send(piece(buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
}

/// Appends the pieces that arrive within `limit`. Returns `true` if the last one has arrived.
fn take(pieces: &Receiver<Piece>, output: &mut Output, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        match pieces.recv_deadline(deadline) {
            Ok(Piece::Stdout(piece)) => {
                output.shown.extend(&piece);
                output.stdout.extend(piece);
            }
            Ok(Piece::Stderr(piece)) => output.shown.extend(piece),
            Err(error) => return error.is_disconnected(),
        }
    }
}
