//! The clients of a server that is restarted, and what they count.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hangup::Client;

use crate::process::PATIENCE;

/// The clients that open a connection for each request themselves.
const EACH: usize = 2;

/// The outcome of a client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Answered,
    /// The connection was refused.
    Refused,
    /// The connection ended before a byte of an answer.
    Unanswered,
    /// The answer was not whole.
    Cut,
    /// It was not 200.
    Other(u16),
}

/// By client.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<&'static str, BTreeMap<Outcome, usize>>);

/// Clients that send requests until `ends` is set.
pub(super) struct Load {
    ends: Arc<AtomicBool>,
    threads: Vec<(&'static str, JoinHandle<Vec<Outcome>>)>,
    wrk: Child,
}

impl Load {
    pub(super) fn start(server: SocketAddr, nginx: SocketAddr) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        let mut ask = |name, mut ask: Box<dyn FnMut() -> Outcome + Send>| {
            let ends = Arc::clone(&ends);
            let asks = move || {
                let mut outcomes = Vec::new();
                while !ends.load(Ordering::SeqCst) {
                    outcomes.push(ask());
                }
                outcomes
            };
            threads.push((name, thread::spawn(asks)));
        };
        for _ in 0..EACH {
            ask("a connection each", Box::new(move || once(server, "/")));
        }
        ask("nginx, upstream connections kept", Box::new(move || once(nginx, "/kept/")));
        ask("nginx, an upstream connection each", Box::new(move || once(nginx, "/each/")));
        let (client, url) = (Client::new(), format!("http://{server}/"));
        ask("our client", Box::new(move || kept(&client, &url)));
        // Ended by its signal, upon which it reports.
        let mut wrk = Command::new("wrk");
        let wrk = wrk.args(["-t1", "-c4", "-d600", &format!("http://{server}/")]);
        let wrk = wrk.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        Self { ends, threads, wrk: wrk.expect("wrk is needed for this test") }
    }

    pub(super) fn end(self) -> Counts {
        self.ends.store(true, Ordering::SeqCst);
        let mut counts = Counts::default();
        for (name, thread) in self.threads {
            for outcome in thread.join().expect("a client does not panic") {
                *counts.0.entry(name).or_default().entry(outcome).or_default() += 1;
            }
        }
        let wrk = rustix::process::Pid::from_child(&self.wrk);
        rustix::process::kill_process(wrk, rustix::process::Signal::INT).expect("it runs");
        let report = self.wrk.wait_with_output().expect("its report").stdout;
        counts.0.insert("wrk, connections kept", of_wrk(&String::from_utf8_lossy(&report)));
        counts
    }
}

/// Sends a request over a new connection.
fn once(addr: SocketAddr, path: &str) -> Outcome {
    let mut stream = match TcpStream::connect(addr) {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return pause(),
        Err(_) => return Outcome::Unanswered,
    };
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut answer = Vec::new();
    // An answer may have come although the request, or its end, met with an error.
    let sent = write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let read = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    match text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)) {
        None => Outcome::Unanswered,
        Some("200") if sent.is_ok() && read.is_ok() && text.ends_with("\r\n\r\nok\n") => {
            Outcome::Answered
        }
        Some("200") => Outcome::Cut,
        Some(status) => Outcome::Other(status.parse().unwrap_or_default()),
    }
}

/// A request over a connection that our client keeps.
fn kept(client: &Client, url: &str) -> Outcome {
    let text = client.get(url).send().and_then(|mut answer| answer.body_mut().read_text(100));
    match text {
        Ok(text) if text == "ok\n" => Outcome::Answered,
        Ok(_) => Outcome::Cut,
        Err(error) if error.kind() == hangup::ErrorKind::Connect => pause(),
        Err(error) if error.kind() == hangup::ErrorKind::IncompleteBody => Outcome::Cut,
        Err(_) => Outcome::Unanswered,
    }
}

/// Waits 1 ms before a refused client tries again.
fn pause() -> Outcome {
    thread::park_timeout(Duration::from_millis(1));
    Outcome::Refused
}

/// Parses the report of wrk: `Socket errors: connect 0, read 3, write 0, timeout 0`.
fn of_wrk(report: &str) -> BTreeMap<Outcome, usize> {
    let number = |behind: &str| {
        let rest = report.split_once(behind).map_or("", |(_, rest)| rest);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    let answered = report.split_once(" requests in").map_or("", |(before, _)| before);
    let answered = answered.split_whitespace().last().and_then(|number| number.parse().ok());
    let all = [
        (Outcome::Answered, answered.unwrap_or(0)),
        (Outcome::Refused, number("connect ")),
        (Outcome::Unanswered, number("read ") + number("write ") + number("timeout ")),
        (Outcome::Other(0), number("Non-2xx or 3xx responses: ")),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

impl Counts {
    #[track_caller]
    pub(super) fn assert_all_answered(&self) {
        for (name, outcomes) in &self.0 {
            let kinds: Vec<_> = outcomes.keys().collect();
            assert_eq!(kinds, [&Outcome::Answered], "{name}: {outcomes:?}");
        }
    }

    #[track_caller]
    pub(super) fn assert_none_cut(&self) {
        for (name, outcomes) in &self.0 {
            assert!(outcomes.contains_key(&Outcome::Answered), "{name}: {outcomes:?}");
            assert!(!outcomes.contains_key(&Outcome::Cut), "{name}: {outcomes:?}");
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, outcomes)| writeln!(f, "{name}: {outcomes:?}"))
    }
}
