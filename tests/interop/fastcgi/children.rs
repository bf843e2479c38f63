//! Programs with child processes. SIGTERM lets them end those first.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{PATIENCE, wait_for_listener};

/// A program that gets SIGTERM on drop, and SIGKILL if it does not end.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::with_input(command, Stdio::null())
    }

    pub(crate) fn with_input(command: &mut Command, input: Stdio) -> Self {
        let child = command.stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?} is needed: {error}")))
    }

    /// As `start`, for one that listens on `addr`: waits until it does.
    pub(crate) fn listening(command: &mut Command, addr: SocketAddr) -> Self {
        let running = Self::start(command);
        wait_for_listener(addr, command);
        running
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn end(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
            if !self.ends() {
                self.kill();
            }
        }
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    fn ends(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return true;
            }
            // Another program's end can only be looked for.
            thread::park_timeout(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
