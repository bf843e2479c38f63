//! A program's process where there are no process groups: only the program itself is killed.
//!
//! A thread reads its error output. Killing the program ends reads of its output, since that closes the
//! pipes, unless another process has inherited them.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::ErrorLines;
use crate::sync::channel::{Receiver, bounded};
use crate::sync::{self, Mutex};

/// The size of a read of error output, in bytes.
const ERROR_PIECE: usize = 2048;

/// Returns a text of the environment in UTF-8.
pub(super) fn os_bytes(text: OsString) -> Vec<u8> {
    text.to_string_lossy().into_owned().into_bytes()
}

/// Returns a text for the environment, in which bytes that are not UTF-8 are replaced.
pub(super) fn os_text(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// A program that runs, with its output.
pub(super) struct Process {
    stdout: Option<ChildStdout>,
    /// The pieces of error output. Sender: the thread that reads them. Receiver: the reader of the output.
    /// Capacity 16, so that a program that writes without end has to wait.
    errors: Receiver<Vec<u8>>,
    killer: Killer,
}

/// The standard input of a program.
pub(super) struct ProcessInput {
    stdin: ChildStdin,
}

/// Ends a program, from any thread.
#[derive(Clone)]
pub(super) struct Killer(Arc<Mutex<State>>);

struct State {
    child: Child,
    killed: bool,
}

impl Process {
    /// Starts a program. `has_input`: its standard input is a pipe, otherwise empty.
    pub(super) fn start(
        command: &mut Command,
        has_input: bool,
    ) -> io::Result<(Self, Option<ProcessInput>)> {
        let stdin = if has_input { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let input = child.stdin.take().map(|stdin| ProcessInput { stdin });
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (sender, errors) = bounded(16);
        let killer = Killer(Arc::new(Mutex::new(State { child, killed: false })));
        let started = sync::spawn("hangup-cgi-stderr", None, move || {
            let Some(mut stderr) = stderr else { return };
            let mut piece = [0; ERROR_PIECE];
            while let Ok(count @ 1..) = stderr.read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        if let Err(error) = started {
            killer.kill();
            return Err(error);
        }
        Ok((Self { stdout, errors, killer }, input))
    }

    pub(super) fn killer(&self) -> &Killer {
        &self.killer
    }

    /// Reads output. Returns 0 at its end.
    ///
    /// # Errors
    ///
    /// `ConnectionAborted` after [`Killer::kill`], or that of the pipe.
    pub(super) fn read(&mut self, buf: &mut [u8], errors: &mut ErrorLines) -> io::Result<usize> {
        let Some(stdout) = &mut self.stdout else { return Ok(0) };
        let read = stdout.read(buf);
        self.errors.try_iter().for_each(|piece| errors.push(&piece));
        match read {
            Ok(0) if self.killer.0.lock().killed => Err(io::ErrorKind::ConnectionAborted.into()),
            Ok(0) => {
                self.stdout = None;
                Ok(0)
            }
            outcome => outcome,
        }
    }

    /// Returns `true` if a read of output would not wait, as far as that is known.
    pub(super) fn is_ready(&self) -> bool {
        self.stdout.is_none()
    }

    /// Returns the exit status, if the program has ended. Waits at most for `limit`.
    pub(super) fn wait_exit(
        &mut self,
        limit: Duration,
        errors: &mut ErrorLines,
    ) -> Option<ExitStatus> {
        // The program must not wait for a reader of its output.
        self.stdout = None;
        let (mut waited, pause) = (Duration::ZERO, Duration::from_millis(5));
        loop {
            let status = self.killer.0.lock().child.try_wait().ok().flatten();
            if status.is_some() || waited >= limit {
                self.errors.try_iter().for_each(|piece| errors.push(&piece));
                return status;
            }
            if let Ok(piece) = self.errors.recv_timeout(pause) {
                errors.push(&piece);
            }
            waited += pause;
        }
    }

    /// Kills the program and returns its exit status.
    pub(super) fn end(&mut self) -> Option<ExitStatus> {
        self.killer.kill();
        self.killer.0.lock().child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl ProcessInput {
    /// Fails with `WouldBlock`: no write is known not to block.
    pub(super) fn try_write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Writes some bytes, and waits for room.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if the program has closed its input, or was killed.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdin.write(bytes)
    }
}

impl Killer {
    /// Kills the program.
    pub(super) fn kill(&self) {
        let mut state = self.0.lock();
        state.killed = true;
        let _ = state.child.kill();
    }

    /// Has no effect: a write ends with the program.
    pub(super) fn release(&self) {}
}

/// Returns `None`: programs are not ended by signals.
pub(super) fn signal(_status: ExitStatus) -> Option<i32> {
    None
}
