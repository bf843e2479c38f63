//! Chromium without a window, as a client of our server.
//!
//! A page reports to its test by a request to the test's server, and the browser is ended with the test.
//! What the browser has loaded at one moment is seen by [`dom`] and [`screenshot`].

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::process::{Folder, PATIENCE};

/// The browser, with a page open until it is dropped.
pub(crate) struct Browser {
    child: Child,
    _profile: Folder,
}

impl Browser {
    /// Opens a page, and leaves it open.
    pub(crate) fn open(url: &str) -> Self {
        Self::start(&["--remote-debugging-port=0", url], Stdio::null())
    }

    fn start(args: &[&str], out: Stdio) -> Self {
        let profile = Folder::new();
        let mut command = Command::new("chromium");
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        // No requests but those of the page, and no proxy of the developer's.
        command.args(["--disable-background-networking", "--no-first-run", "--no-proxy-server"]);
        command.args(["--autoplay-policy=no-user-gesture-required", "--mute-audio"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        // Its processes form a group, which is ended together.
        command.args(args).process_group(0);
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::null());
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("chromium is needed: {error}"));
        Self { child, _profile: profile }
    }

    /// Waits until the browser has ended by itself.
    fn wait(mut self) -> Output {
        let deadline = Instant::now() + 2 * PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("a child of ours") {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "chromium does not end"),
            }
            std::thread::park_timeout(Duration::from_millis(10));
        };
        let mut stdout = Vec::new();
        if let Some(mut out) = self.child.stdout.take() {
            std::io::Read::read_to_end(&mut out, &mut stdout).expect("its output");
        }
        Output { status, stdout, stderr: Vec::new() }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Loads a page, and returns its document once everything that it loads has arrived. A document of more than
/// 64 KiB does not fit.
pub(crate) fn dom(url: &str) -> String {
    let browser = Browser::start(&["--dump-dom", url], Stdio::piped());
    let output = browser.wait();
    assert!(output.status.success(), "chromium --dump-dom {url}: {}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Loads a page, and writes a picture of it to a PNG file.
pub(crate) fn screenshot(url: &str, file: &Path) {
    let option = format!("--screenshot={}", file.display());
    let size = "--window-size=1000,700";
    let output = Browser::start(&[&option, size, url], Stdio::null()).wait();
    assert!(output.status.success() && file.exists(), "chromium --screenshot {url}");
}
