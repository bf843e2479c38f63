//! A program's process on Unix: a process group, three pipes, and a latch that ends all waits.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::gateway::ErrorLines;
use crate::sync::Mutex;

/// The size of a read of error output, in bytes.
const ERROR_PIECE: usize = 2048;

/// Returns the bytes of a text of the environment.
pub(super) fn os_bytes(text: OsString) -> Vec<u8> {
    text.into_vec()
}

/// Returns a text for the environment.
pub(super) fn os_text(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

/// A program that runs, with its output.
pub(super) struct Process {
    child: Child,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    killer: Killer,
}

/// The standard input of a program.
pub(super) struct ProcessInput {
    stdin: ChildStdin,
    killer: Killer,
}

/// Ends a program and the waits for it, from any thread.
#[derive(Clone)]
pub(super) struct Killer(Arc<Shared>);

struct Shared {
    /// The end of a pipe that has a byte once the latch is set. The byte is never read.
    latch: OwnedFd,
    /// The other end. Closing it would not do: a process that another thread forks has a copy for a moment.
    set: OwnedFd,
    /// The process group, until its leader was reaped. After that, the number may name another group.
    group: Mutex<Option<Pid>>,
}

/// Returns the ends of a pipe that no program inherits and that never block.
#[cfg(not(target_vendor = "apple"))]
fn latch_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pipe::{PipeFlags, pipe_with};
    Ok(pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?)
}

/// Returns the ends of a pipe that never block. A program that another thread starts at the same moment may
/// inherit them, since the system has no call that does it all at once. That does no harm: neither end waits
/// for the other to close.
#[cfg(target_vendor = "apple")]
fn latch_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::io::{FdFlags, fcntl_setfd};
    let (reader, writer) = rustix::pipe::pipe()?;
    for end in [&reader, &writer] {
        fcntl_setfd(end, FdFlags::CLOEXEC)?;
        fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
    }
    Ok((reader, writer))
}

impl Process {
    /// Starts a program in a process group. `has_input`: its standard input is a pipe, otherwise empty.
    pub(super) fn start(
        command: &mut Command,
        has_input: bool,
    ) -> io::Result<(Self, Option<ProcessInput>)> {
        let (latch, set) = latch_pipe()?;
        let stdin = if has_input { Stdio::piped() } else { Stdio::null() };
        command.process_group(0).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let killer = Killer(Arc::new(Shared { latch, set, group: Mutex::new(group) }));
        let input = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let process = Self { child, stdout, stderr, killer: killer.clone() };
        let input = input.map(|stdin| {
            // A write must not block, so that the latch can end it.
            fcntl_setfl(&stdin, fcntl_getfl(&stdin)? | OFlags::NONBLOCK)?;
            Ok::<_, io::Error>(ProcessInput { stdin, killer })
        });
        Ok((process, input.transpose()?))
    }

    pub(super) fn killer(&self) -> &Killer {
        &self.killer
    }

    /// Reads output. Returns 0 at its end. Passes error output on meanwhile.
    ///
    /// # Errors
    ///
    /// `ConnectionAborted` after [`Killer::kill`], or that of the pipe.
    pub(super) fn read(&mut self, buf: &mut [u8], errors: &mut ErrorLines) -> io::Result<usize> {
        loop {
            let Some(stdout) = &self.stdout else { return Ok(0) };
            let ready = wait(Some(stdout.as_fd()), self.stderr.as_ref(), &self.killer, None)?;
            if ready.latch {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if ready.errors {
                self.read_errors(errors);
            }
            if let Some(stdout) = self.stdout.as_ref().filter(|_| ready.first) {
                match rustix::io::read(stdout, &mut *buf) {
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    Ok(0) => self.stdout = None,
                    outcome => return Ok(outcome?),
                }
            }
        }
    }

    /// Returns `true` if a read of output would not wait.
    pub(super) fn is_ready(&self) -> bool {
        let Some(stdout) = &self.stdout else { return true };
        let ready = wait(Some(stdout.as_fd()), None, &self.killer, Some(Duration::ZERO));
        ready.map_or(true, |ready| ready.first || ready.latch)
    }

    /// Returns the exit status, if the program has ended. Waits at most for `limit`, and discards its output.
    pub(super) fn wait_exit(
        &mut self,
        limit: Duration,
        errors: &mut ErrorLines,
    ) -> Option<ExitStatus> {
        let (mut waited, mut pause) = (Duration::ZERO, Duration::from_millis(1));
        let mut scratch = [0; ERROR_PIECE];
        loop {
            if let Some(status) = self.try_reap() {
                self.read_errors_left(errors);
                return Some(status);
            }
            if waited >= limit {
                return None;
            }
            let stdout = self.stdout.as_ref().map(AsFd::as_fd);
            let ready = wait(stdout, self.stderr.as_ref(), &self.killer, Some(pause)).ok()?;
            match ready {
                Ready { latch: true, .. } => return None,
                Ready { first: false, errors: false, .. } => {
                    waited += pause;
                    pause = (2 * pause).min(Duration::from_millis(50));
                }
                _ => {}
            }
            if ready.errors {
                self.read_errors(errors);
            }
            let Some(stdout) = self.stdout.as_ref().filter(|_| ready.first) else { continue };
            if !matches!(rustix::io::read(stdout, &mut scratch), Ok(1..) | Err(Errno::INTR)) {
                self.stdout = None;
            }
        }
    }

    /// Kills the program and returns its exit status.
    pub(super) fn end(&mut self) -> Option<ExitStatus> {
        self.killer.kill();
        // A process that was killed ends without delay.
        let status = self.child.wait().ok();
        *self.killer.0.group.lock() = None;
        status
    }

    fn try_reap(&mut self) -> Option<ExitStatus> {
        // Under the lock: the group must not be killed once its number is free.
        let mut group = self.killer.0.group.lock();
        let status = self.child.try_wait().ok().flatten()?;
        *group = None;
        Some(status)
    }

    fn read_errors(&mut self, errors: &mut ErrorLines) {
        let Some(stderr) = &self.stderr else { return };
        let mut piece = [0; ERROR_PIECE];
        match rustix::io::read(stderr, &mut piece) {
            Ok(count @ 1..) => errors.push(&piece[..count]),
            Err(Errno::INTR) => {}
            Ok(0) | Err(_) => self.stderr = None,
        }
    }

    /// Reads the error output that a program has left.
    fn read_errors_left(&mut self, errors: &mut ErrorLines) {
        while let Some(stderr) = &self.stderr {
            match wait(None, Some(stderr), &self.killer, Some(Duration::ZERO)) {
                Ok(Ready { errors: true, .. }) => self.read_errors(errors),
                _ => return,
            }
        }
    }
}

impl Drop for Process {
    /// Leaves no zombie.
    fn drop(&mut self) {
        self.end();
    }
}

impl ProcessInput {
    /// Writes as much as there is room for. Fails with `WouldBlock` if there is none.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.stdin, bytes)?)
    }

    /// Writes some bytes, and waits for room.
    ///
    /// # Errors
    ///
    /// `ConnectionAborted` after [`Killer::kill`] or [`Killer::release`], `BrokenPipe` if the program has
    /// closed its input.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
            let stdin = (self.stdin.as_fd(), PollFlags::OUT);
            if wait_for(&[stdin, (self.killer.0.latch.as_fd(), PollFlags::IN)], None)?[1] {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}

impl Killer {
    /// Kills the process group, and ends all waits.
    pub(super) fn kill(&self) {
        // First: a thread that sees the end of the output must see why.
        self.release();
        let group = self.0.group.lock();
        if let Some(group) = *group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Ends all waits.
    pub(super) fn release(&self) {
        // If the pipe is full, the latch is set.
        let _ = rustix::io::write(&self.0.set, b"x");
    }
}

/// The number of the signal that has ended a program.
pub(super) fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// The descriptors that are ready.
#[derive(Clone, Copy)]
struct Ready {
    first: bool,
    errors: bool,
    latch: bool,
}

/// Waits for input on `first` or `stderr`, or for the latch.
fn wait(
    first: Option<BorrowedFd<'_>>,
    stderr: Option<&ChildStderr>,
    killer: &Killer,
    limit: Option<Duration>,
) -> io::Result<Ready> {
    let latch = killer.0.latch.as_fd();
    // The latch takes the place of a descriptor that is not there.
    let stdout = first.unwrap_or(latch);
    let errors = stderr.map_or(latch, AsFd::as_fd);
    let [stdout, errors, latch] =
        wait_for(&[stdout, errors, latch].map(|fd| (fd, PollFlags::IN)), limit)?;
    Ok(Ready { first: stdout && first.is_some(), errors: errors && stderr.is_some(), latch })
}

fn wait_for<const N: usize>(
    descriptors: &[(BorrowedFd<'_>, PollFlags); N],
    limit: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut polled =
        descriptors.each_ref().map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags));
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match poll(&mut polled, limit.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(polled.map(|fd| !fd.revents().is_empty())),
        Err(error) => Err(error.into()),
    }
}
