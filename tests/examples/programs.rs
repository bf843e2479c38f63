//! Starting the programs, and what they print and return.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use hangup::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a test waits for what must happen before it fails. Never the time that it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The environment variable that names the folder of the programs for Windows. The tests then run those,
/// under Wine, which turns SIGINT into Ctrl-C.
const WINE: &str = "HANGUP_WINE_EXAMPLES";

/// Returns `true` if the programs are those for Windows.
pub(crate) fn runs_windows_programs() -> bool {
    std::env::var_os(WINE).is_some()
}

/// Returns `true` if the programs are those for Windows, which cannot do what a test is about. Says so.
#[allow(clippy::print_stderr)]
pub(crate) fn absent_on_windows(what: &str) -> bool {
    let is_windows = runs_windows_programs();
    if is_windows {
        // Past libtest, which shows what a test prints only if it fails.
        let thread = thread::current();
        let _ = writeln!(
            std::io::stderr(),
            "left out on Windows: {what}: {}",
            thread.name().unwrap_or_default()
        );
    }
    is_windows
}

/// A program that is built already, with its arguments.
pub(crate) fn program(name: &str, args: &[&str]) -> Command {
    let mut args = args.to_vec();
    let mut command = match std::env::var_os(WINE) {
        Some(folder) => {
            args.iter_mut().filter(|arg| **arg == "/dev/null").for_each(|arg| *arg = "NUL");
            let mut command = Command::new("wine");
            command.arg(built(PathBuf::from(folder).join(name).with_extension("exe")));
            command.env("WINEDEBUG", "-all");
            command
        }
        None => {
            // target/debug/deps/examples-0123456789 -> target/debug/examples/NAME
            let mut path = std::env::current_exe().expect("this test's own path");
            path.pop();
            path.pop();
            path.extend(["examples", name]);
            Command::new(built(path))
        }
    };
    command.args(args).env("RUST_LOG", "off").env("RUST_BACKTRACE", "0");
    // The programs' peers are here, and no proxy of the developer's leads to them.
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn built(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    path
}

/// A program's output and exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a program to its end.
pub(crate) fn run(name: &str, args: &[&str]) -> Ran {
    run_with(program(name, args), b"")
}

/// As `run`, with something to read on stdin.
pub(crate) fn run_with(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
    let pid = Pid::from_child(&child);
    let mut stdin = child.stdin.take().expect("piped");
    let (input, (done, ended)) = (input.to_owned(), channel());
    thread::spawn(move || stdin.write_all(&input));
    thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        let _ = kill_process(pid, Signal::KILL);
        panic!("{command:?} does not end");
    };
    let output = output.expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A program that listens, until it is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Receiver<String>,
    /// `http://127.0.0.1:PORT`, `https://127.0.0.1:PORT` or `unix:PATH`
    pub(crate) place: String,
}

impl Running {
    /// Starts `lifecycle` on a free port.
    pub(crate) fn lifecycle(options: &[&str]) -> Self {
        Self::listening("lifecycle", &[&["--addr", "127.0.0.1:0"], options].concat())
    }

    pub(crate) fn listening(name: &str, args: &[&str]) -> Self {
        Self::start(program(name, args))
    }

    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let (seen, stderr) = channel();
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| seen.send(line)));
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line on stdout");
        let place =
            line.trim_end().strip_prefix("listening on ").expect("the line that says where");
        Self { place: place.to_owned(), child, stdout, stderr }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.place)
    }

    /// The program's process id.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let signal = match std::env::var_os(WINE) {
            // Wine ends a program at SIGTERM. Ctrl-C is how a user stops one.
            Some(_) if signal == Signal::TERM => Signal::INT,
            _ => signal,
        };
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits until the program has said this on stderr.
    pub(crate) fn said(&self, what: &str) {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE).expect("a line on stderr");
            if line.contains(what) {
                return;
            }
        }
    }

    /// Waits until the program has ended; returns what else it printed.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("it ends"), rest)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream =
            TcpStream::connect(self.place.trim_start_matches("http://")).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        stream
    }

    /// Sends these bytes, and returns all that comes back until the server closes.
    pub(crate) fn exchange(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("the request is taken");
        read_all(stream)
    }

    /// The answer to a GET that closes, head and body, as it is on the wire.
    pub(crate) fn get(&self, target: &str) -> String {
        self.exchange(&format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let mut response = Client::new().get(self.url(path)).send().expect("an answer");
        let text = response.body_mut().read_text(1 << 20).expect("a text");
        assert_eq!(response.headers()["content-type"], "application/json");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Asks `/state` until it is as it should be.
    pub(crate) fn state(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        self.ask("/state", is_so)
    }

    fn ask(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.json(path);
            if is_so(&value) {
                return value;
            }
            assert!(Instant::now() < deadline, "still {value}");
            // There is nothing to wait on: the server tells when it is asked.
            thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Asks `/events` until there are so many: their names.
    pub(crate) fn events(&self, count: usize) -> Vec<String> {
        let events =
            self.ask("/events", |events| events.as_array().expect("an array").len() >= count);
        let events = events.as_array().expect("an array").iter();
        let name = |event: &Value| {
            assert!(event["ms"].is_u64(), "{event}");
            event["event"].as_str().expect("a name").to_owned()
        };
        events.map(name).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All that comes until the end, also if that end is a reset.
pub(crate) fn read_all(mut stream: TcpStream) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let _ = stream.shutdown(Shutdown::Both);
    String::from_utf8_lossy(&all).into_owned()
}

/// The body behind a head.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a whole head").1
}

/// A folder for one test's files.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hangup-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("room for a folder");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.join(name), content).expect("room for a file");
        self.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).expect("the file is there")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.join(name).exists()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
