//! A program that a test talks with, by its standard input and what it prints.

use std::io::{PipeReader, Read, Write, pipe};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use crossbeam_channel::{Receiver, unbounded};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::process::PATIENCE;

/// A child that is killed when it is dropped. Its standard output and errors are one stream, in the
/// order in which it wrote them.
pub(super) struct Dialogue {
    child: Child,
    input: Option<ChildStdin>,
    printed: Receiver<Vec<u8>>,
    /// All that it has printed, and how far [`until`](Self::until) has got in it.
    text: String,
    seen: usize,
}

impl Dialogue {
    pub(super) fn start(program: &str, args: &[&str]) -> Self {
        let (output, theirs) = pipe().expect("a pipe");
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped());
        command.stdout(theirs.try_clone().expect("its other end")).stderr(theirs);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
        let input = child.stdin.take();
        Self { child, input, printed: read(output), text: String::new(), seen: 0 }
    }

    pub(super) fn say(&mut self, text: &str) {
        let input = self.input.as_mut().expect("an input that has not ended");
        input.write_all(text.as_bytes()).expect("a program that listens");
    }

    pub(super) fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits until it has printed `wanted`, after what was waited for before. What it printed from
    /// there to the end of `wanted`.
    pub(super) fn until(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(place) = self.text[self.seen..].find(wanted) {
                let begin = self.seen;
                self.seen += place + wanted.len();
                return self.text[begin..self.seen].to_owned();
            }
            match self.printed.recv_deadline(deadline) {
                Ok(more) => self.text += &String::from_utf8_lossy(&more),
                Err(error) => panic!("no {wanted:?} ({error}) in:\n{}", self.text),
            }
        }
    }

    /// One line more, without its end.
    pub(super) fn line(&mut self) -> String {
        self.until("\n").trim_end().to_owned()
    }

    /// Waits for its end. All that it has printed.
    pub(super) fn finish(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.printed.recv_deadline(deadline) {
                Ok(more) => self.text += &String::from_utf8_lossy(&more),
                Err(error) if error.is_timeout() => panic!("it does not end:\n{}", self.text),
                // Its output has ended, and with it the program.
                Err(_) => break,
            }
        }
        let status = self.child.wait().expect("a child");
        (status, std::mem::take(&mut self.text))
    }

    /// Has it stand still from now on: what is sent to it stays unread.
    pub(super) fn freeze(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).expect("a child that runs");
        let stopped = waitpid(Some(pid), WaitOptions::UNTRACED).expect("a child");
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "{stopped:?}");
    }

    pub(super) fn kill(mut self) {
        self.child.kill().expect("a child that runs");
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, on a separate thread.
fn read(mut output: PipeReader) -> Receiver<Vec<u8>> {
    let (sender, receiver) = unbounded();
    thread::spawn(move || {
        let mut room = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut room) {
            if sender.send(room[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}
