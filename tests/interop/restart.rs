//! Rolling restarts under load: the next process starts, then the old one gets SIGTERM.
//!
//! `HANGUP_RESTARTS` says how often (3 by default). `--nocapture` shows the counts.

mod clients;

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Folder, PATIENCE, Server, free_addr};
use crate::{example, nginx};
use clients::{Counts, Load};

/// How long the clients have between two restarts.
const PAUSE: Duration = Duration::from_millis(200);

/// One process of the server.
struct Generation(Child);

impl Generation {
    /// Starts `lifecycle`, and waits until it accepts.
    fn start(args: &[&str], stdin: Stdio) -> Self {
        let mut command = Command::new(example::path("lifecycle"));
        let (child, place) = example::start(command.args(args).stdin(stdin));
        assert!(place.starts_with("http://"), "{place:?}");
        Self(child)
    }

    /// On a socket that outlives it.
    fn inheriting(listener: &TcpListener) -> Self {
        let socket = OwnedFd::from(listener.try_clone().expect("a descriptor"));
        Self::start(&["--listen-fd", "0"], socket.into())
    }

    /// Has it shut down gracefully, which must take no longer than it may.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("it runs");
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.0.try_wait().expect("a child of ours") {
                Some(status) => break status,
                None => assert!(Instant::now() < deadline, "it does not end"),
            }
            thread::park_timeout(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}");
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn restarts() -> usize {
    let given = std::env::var("HANGUP_RESTARTS").ok();
    given.map_or(3, |number| number.parse().expect("HANGUP_RESTARTS is a number"))
}

/// nginx in front of the server at `upstream`: with kept connections at `/kept/`, and with one for each
/// request at `/each/`.
fn proxy(folder: &Folder, upstream: SocketAddr) -> Server {
    let addr = free_addr();
    let mut http = String::new();
    write!(
        http,
        "upstream kept {{ server {upstream}; keepalive 8; }}
         server {{
           listen {addr};
           keepalive_requests 100000;
           location /kept/ {{
             proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_pass http://kept/;
           }}
           location /each/ {{ proxy_pass http://{upstream}/; }}
         }}"
    )
    .expect("a String");
    nginx::start(folder, addr, &http)
}

/// Runs every kind of client while `restart` is called again and again.
#[allow(clippy::print_stderr, reason = "the counts are what the test is run by hand for")]
fn under_load(addr: SocketAddr, mut restart: impl FnMut()) -> Counts {
    let folder = Folder::new();
    let nginx = proxy(&folder, addr);
    let load = Load::start(addr, nginx.addr);
    for _ in 0..restarts() {
        thread::park_timeout(PAUSE);
        restart();
    }
    thread::park_timeout(PAUSE);
    let counts = load.end();
    eprintln!("{} restarts\n{counts}", restarts());
    counts
}

/// No request of any client fails, with or without keep-alive.
#[test]
#[ignore = "needs nginx and wrk"]
fn h15_a_rolling_restart_over_an_inherited_socket_fails_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("its address");
    let mut current = Some(Generation::inheriting(&listener));
    let counts = under_load(addr, || {
        let next = Generation::inheriting(&listener);
        current.replace(next).expect("there is always one").end();
    });
    counts.assert_all_answered();
}

/// Between the two processes, connections are refused. Only connections that the system has established and
/// no process has accepted may be lost, before the first byte of a response.
#[test]
#[ignore = "needs nginx and wrk"]
fn h15_a_restart_with_a_new_listener_cuts_no_response() {
    let addr = free_addr();
    let place = addr.to_string();
    let start = || Generation::start(&["--addr", &place], Stdio::null());
    let mut current = Some(start());
    let counts = under_load(addr, || {
        current.take().expect("there is always one").end();
        current = Some(start());
    });
    counts.assert_none_cut();
}
