//! lighttpd with a FastCGI program that runs already, with one that lighttpd starts, and with a CGI program.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use hangup::Body;
use hangup::http::StatusCode;

use super::children::Running;
use super::streaming::{expect_pieces, expect_upload, go_away, piecewise, reporting, writing};
use super::{App, LARGE, answer, client, converse, deploy};
use crate::process::{Folder, PATIENCE, free_addr, pattern};

/// How many small bodies are echoed.
const ECHOES: usize = 300;

/// lighttpd, with what it has logged in a folder that outlives it.
struct Lighttpd {
    _running: Running,
    folder: Folder,
    base: String,
}

/// Starts lighttpd with a documented file, beside what Debian's main file would have.
fn start(folder: Folder, documented: &str) -> Lighttpd {
    let (root, addr) = (folder.path().display(), free_addr());
    let config = format!(
        "server.bind = \"{}\"\n\
         server.port = {}\n\
         server.document-root = \"{root}\"\n\
         server.errorlog = \"{root}/error.log\"\n\
         server.upload-dirs = ( \"{root}\" )\n\
         {documented}",
        addr.ip(),
        addr.port()
    );
    let file = folder.file("lighttpd.conf", config.as_bytes());
    let running = Running::listening(Command::new("lighttpd").args(["-D", "-f", &file]), addr);
    Lighttpd { _running: running, folder, base: format!("http://{addr}") }
}

impl Lighttpd {
    /// Returns the file `name` that it or the program has written.
    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect(name)
    }
}

/// Before a FastCGI server in this process.
fn before(app: &App) -> Lighttpd {
    with(app, &[])
}

/// The same, with more of the documented file replaced.
fn with(app: &App, pairs: &[(&str, &str)]) -> Lighttpd {
    let always = [("/run/app/app.sock", app.place.as_str())];
    start(Folder::new(), &deploy::filled("lighttpd-fastcgi.conf", &[&always, pairs].concat()))
}

#[test]
#[ignore = "needs lighttpd"]
fn a_program_of_its_own_process() {
    let folder = Folder::new();
    let app = App::unix(&folder, answer::route);
    let lighttpd = before(&app);
    converse(&lighttpd.base, ECHOES);
    let log = lighttpd.log("error.log");
    assert!(log.contains("gateway: a line for the log"), "{log}");
}

#[test]
#[ignore = "needs lighttpd"]
fn a_response_arrives_as_it_is_written() {
    let ((handler, tell), folder) = (piecewise(), Folder::new());
    let app = App::unix(&folder, handler);
    expect_pieces(&before(&app).base, &tell);
}

/// As documented, uploads without a length work; as they are sent, only those with one do.
#[test]
#[ignore = "needs lighttpd"]
fn uploads_are_gathered_or_have_a_length() {
    let (folder, url) = (Folder::new(), |lighttpd: &Lighttpd| format!("{}/echo", lighttpd.base));
    let in_chunks = || Body::from_reader(io::Cursor::new(pattern(LARGE)));
    let app = App::unix(&folder, answer::route);
    let lighttpd = before(&app);
    let mut response = client().post(url(&lighttpd)).body(in_chunks()).send().unwrap();
    assert!(response.body_mut().read_bytes(LARGE as u64).unwrap() == pattern(LARGE));

    let ((handler, seen), folder) = (reporting(), Folder::new());
    let app = App::unix(&folder, handler);
    let streamed = [("server.stream-request-body = 0", "server.stream-request-body = 1")];
    let lighttpd = with(&app, &streamed);
    expect_upload(&lighttpd.base, &seen, true);
    let response = client().post(url(&lighttpd)).body(in_chunks()).send().unwrap();
    assert_eq!(response.status(), StatusCode::LENGTH_REQUIRED);
}

/// Only then: lighttpd takes the end of a client's stream for a half-closed connection.
#[test]
#[ignore = "needs lighttpd and curl"]
fn a_client_that_goes_away_is_noticed_when_it_is_written_to() {
    let ((handler, heard), folder) = (writing(), Folder::new());
    let app = App::unix(&folder, handler);
    go_away(&before(&app).base, &heard);
}

#[test]
#[ignore = "needs lighttpd"]
fn a_program_that_lighttpd_starts() {
    let folder = Folder::new();
    let socket = folder.path().join("spawned.sock");
    let pairs = [
        ("/usr/local/bin/app", deploy::gateway()),
        ("/run/lighttpd/app.sock", socket.display().to_string()),
    ];
    let pairs = pairs.each_ref().map(|(documented, here)| (*documented, here.as_str()));
    let lighttpd = start(folder, &deploy::filled("lighttpd-spawn.conf", &pairs));
    converse(&lighttpd.base, ECHOES);
    let log = lighttpd.log("error.log");
    assert!(log.contains("gateway: a line for the log"), "{log}");
    // The program ends with lighttpd.
    let socket = PathBuf::from(format!("{}-0", socket.display()));
    assert!(UnixStream::connect(&socket).is_ok());
    let Lighttpd { _running: running, folder: _folder, .. } = lighttpd;
    drop(running);
    let deadline = Instant::now() + PATIENCE;
    while UnixStream::connect(&socket).is_ok() {
        assert!(Instant::now() < deadline, "the program does not end");
        // Another program's end can only be looked for.
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
#[ignore = "needs lighttpd"]
fn a_cgi_program() {
    let folder = Folder::new();
    let script = format!("#!/bin/sh\nexec {} --cgi\n", deploy::gateway());
    let program = folder.program("app.cgi", &script);
    let log = folder.path().join("breakage.log").display().to_string();
    let pairs = [
        ("/usr/local/lib/app/app.cgi", program.as_str()),
        ("/var/log/lighttpd/breakage.log", log.as_str()),
    ];
    let lighttpd = start(folder, &deploy::filled("lighttpd-cgi.conf", &pairs));
    converse(&format!("{}/app", lighttpd.base), 20);
    let log = lighttpd.log("breakage.log");
    assert!(log.contains("gateway: a line for the log"), "{log}");
    assert!(log.contains("panicked"), "{log}");
}
