//! The example programs as children.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Returns the path of a program that cargo has built beside this test.
pub(crate) fn path(name: &str) -> PathBuf {
    // target/debug/deps/interop-0123456789 -> target/debug/examples/NAME
    let mut path = std::env::current_exe().expect("this test's own path");
    path.pop();
    path.pop();
    path.extend(["examples", name]);
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    path
}

/// Starts a program that listens. Returns it with its address, such as `http://127.0.0.1:8080`.
pub(crate) fn start(command: &mut Command) -> (Child, String) {
    // The tests' peers are here, and no proxy of the developer's leads to them.
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("a line with the address");
    let place = line.trim_end().strip_prefix("listening on ").expect("an address").to_owned();
    (child, place)
}

/// A program that listens on a free port, until it is dropped.
pub(crate) struct Example {
    child: Child,
    /// Such as `http://127.0.0.1:8080`.
    pub(crate) url: String,
}

impl Example {
    pub(crate) fn start(name: &str, args: &[&str]) -> Self {
        let mut command = Command::new(path(name));
        command.args(["--addr", "127.0.0.1:0"]).args(args).stdin(Stdio::null());
        let (child, url) = start(&mut command);
        Self { child, url }
    }

    /// Returns host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.split_once("://").expect("a URL").1
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
