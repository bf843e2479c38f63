//! Chromium without a window, as a client of our server.
//!
//! A page reports to its test by a request to the test's server, and the browser is ended with the test.
//! [`dom`] and [`screenshot`] show the page that the browser has loaded at one moment.
//! [`Browser::evaluate`] runs a script in an open page.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use hangup::net::Duplex;
use hangup::{Client, ResponseExt};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tungstenite::handshake::client::generate_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use crate::process::{Folder, PATIENCE};

/// The browser, with a page open until it is dropped.
pub(crate) struct Browser {
    child: Child,
    profile: Folder,
    /// The debugger of the page, once a script was run.
    debugger: Option<WebSocket<Duplex>>,
}

impl Browser {
    /// Opens a page, and leaves it open.
    pub(crate) fn open(url: &str) -> Self {
        Self::start(&["--remote-debugging-port=0", url], Stdio::null())
    }

    /// Waits until the expression in the page has this value.
    pub(crate) fn wait_for(&mut self, expression: &str, expected: &Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.evaluate(expression);
            if value == *expected {
                return;
            }
            assert!(Instant::now() < deadline, "{expression}: {value} instead of {expected}");
            // The page can only be asked.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Runs a script in the page. Returns its value, and null if it fails.
    pub(crate) fn evaluate(&mut self, script: &str) -> Value {
        let socket = match self.debugger.take() {
            Some(socket) => socket,
            None => self.attach(),
        };
        let socket = self.debugger.insert(socket);
        let params = json!({ "expression": script, "returnByValue": true });
        let call = json!({ "id": 1, "method": "Runtime.evaluate", "params": params });
        socket.send(Message::text(call.to_string())).expect("a debugger");
        let message = socket.read().expect("a message").into_text().expect("text");
        let mut reply: Value = serde_json::from_str(&message).expect("JSON");
        reply["result"]["result"]["value"].take()
    }

    /// Connects to the debugger of the page (the Chrome DevTools Protocol).
    fn attach(&self) -> WebSocket<Duplex> {
        let client = Client::new();
        let deadline = Instant::now() + 2 * PATIENCE;
        let mut url = None;
        while url.is_none() {
            assert!(Instant::now() < deadline, "chromium opens no page");
            // The browser writes its port to a file.
            std::thread::park_timeout(Duration::from_millis(10));
            let port = fs::read_to_string(self.profile.path().join("DevToolsActivePort"));
            let Ok(Some(port)) = port.map(|text| text.lines().next().map(str::to_owned)) else {
                continue;
            };
            let pages = client.get(format!("http://127.0.0.1:{port}/json/list")).send();
            let Ok(pages) = pages.and_then(|mut pages| pages.json::<Value>()) else { continue };
            url = pages.as_array().into_iter().flatten().find_map(|page| {
                let is_page = page["type"] == "page";
                is_page.then(|| page["webSocketDebuggerUrl"].as_str())?.map(str::to_owned)
            });
        }
        let url = url.expect("found").replacen("ws://", "http://", 1);
        let request = client.get(url).header("connection", "upgrade");
        let request = request.header("upgrade", "websocket").header("sec-websocket-version", "13");
        let request = request.header("sec-websocket-key", generate_key());
        let duplex = request.send().expect("a response").take_duplex().expect("a 101");
        duplex.stream().set_read_deadline(Some(deadline));
        WebSocket::from_raw_socket(duplex, Role::Client, None)
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
        Self { child, profile, debugger: None }
    }

    /// Waits until the browser has ended by itself.
    fn wait(mut self) -> Output {
        let deadline = Instant::now() + 2 * PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("a child process") {
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
