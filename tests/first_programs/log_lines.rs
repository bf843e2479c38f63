//! A peer's bytes cannot forge a line of the log.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Once, PoisonError};

use hangup::testing::TestServer;
use log::{LevelFilter, Log, Metadata, Record};

#[allow(clippy::disallowed_types)] // The logger is a static.
static LINES: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

struct Lines;

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("hangup")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            LINES.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }

    fn flush(&self) {}
}

/// The lines so far that have `mark`.
fn lines(mark: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| line.contains(mark)).cloned().collect()
}

fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Lines).expect("no other logger");
        log::set_max_level(LevelFilter::Debug);
    });
}

/// Sends bytes and reads until the server hangs up.
fn exchange(server: &TestServer, request: &str) {
    let mut stream = TcpStream::connect(server.addr()).expect("a connection");
    stream.write_all(request.as_bytes()).expect("a request");
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn s13_foreign_text_stays_in_its_line_of_the_log() {
    collect();
    let forged = "mark-1\r\nERROR hangup: forged \x1b[31m\u{202e}\u{2028}";
    let fails = TestServer::new(move |_, _| Err(forged.into()));
    exchange(&fails, "GET /mark-2%0Aa HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let chained = TestServer::new(move |_, _| {
        let inner = std::io::Error::other(forged.replace("mark-1", "mark-3"));
        Err(hangup::Error::other(inner))
    });
    exchange(&chained, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let panics = TestServer::new(move |_, _| panic!("{}", forged.replace("mark-1", "mark-4")));
    exchange(&panics, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let malformed = TestServer::new(|_, _| Ok(()));
    exchange(&malformed, "GET / HTTP/1.1\r\nHost: a\r\nmark-5\x1b[31m\u{7}: b\r\n\r\n");
    exchange(&malformed, "GET /mark-6\x1b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    drop((fails, chained, panics, malformed));

    let is_unsafe = |c: char| c.is_control() || ['\u{202e}', '\u{2028}'].contains(&c);
    for mark in ["mark-1", "mark-3", "mark-4"] {
        let found = lines(mark);
        assert!(!found.is_empty(), "nothing about {mark}");
        for line in found {
            // A panic's backtrace, where there is one, has lines behind that of the message.
            let first = line.lines().next().unwrap_or_default();
            assert!(!first.contains(is_unsafe), "{first:?}");
            assert!(first.contains("\\r\\nERROR hangup: forged \\u{1b}"), "{first:?}");
        }
    }
    for line in lines("") {
        let first = line.lines().next().unwrap_or_default();
        assert!(!first.contains(is_unsafe), "{first:?}");
        assert!(line.contains("panicked") || line.lines().count() <= 1, "{line:?}");
    }
}
