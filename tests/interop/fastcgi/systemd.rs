//! systemd's sockets, as far as they can be tried without systemd as the first process: the units are
//! what it understands, and its stand-in for tests starts the program.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use hangup::http::StatusCode;

use super::children::Running;
use super::{client, deploy, get, nginx};
use crate::process::{Folder, PATIENCE, run};

#[test]
#[ignore = "needs systemd"]
fn the_units_are_understood() {
    let folder = Folder::new();
    let program = deploy::gateway();
    let service = deploy::filled("app.service", &[("/usr/local/bin/app", &program)]);
    let service = folder.file("app.service", service.as_bytes());
    let socket = folder.file("app.socket", deploy::filled("app.socket", &[]).as_bytes());
    let output = run("systemd-analyze", &["verify", "--man=no", &socket, &service]);
    let said = String::from_utf8_lossy(&output.stderr);
    let about_ours: Vec<_> = said.lines().filter(|line| line.contains("app.s")).collect();
    assert!(about_ours.is_empty() && output.status.success(), "{said}");
}

/// The first connection starts the program.
#[test]
#[ignore = "needs systemd and nginx"]
fn a_program_on_a_socket_that_was_there_before_it() {
    let folder = Folder::new();
    let socket = folder.path().join("app.sock").to_str().expect("UTF-8").to_owned();
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--inetd", "--listen", &socket, &deploy::gateway(), "--fcgi"]);
    let _program = Running::start(&mut command);
    wait_for(&socket);
    let nginx = nginx::before(&socket);
    super::converse(&nginx.url(""), 100);
    let who = get(&client(), &nginx.url("/who"), StatusCode::OK);
    assert!(who.contains("nginx/"), "{who}");
}

/// Restarts a program as systemd does: it ends the old program, then starts the new one on the same socket.
/// Requests wait in the socket.
#[test]
#[ignore = "needs nginx"]
fn requests_wait_while_a_program_is_replaced() {
    let folder = Folder::new();
    let path = folder.path().join("app.sock");
    let socket = OwnedFd::from(UnixListener::bind(&path).expect("a Unix socket"));
    let start = || {
        let mut command = Command::new(deploy::gateway());
        let input = socket.try_clone().expect("another descriptor").into();
        Running::with_input(command.arg("--fcgi"), input)
    };
    let nginx = nginx::before(path.to_str().expect("UTF-8"));
    let mut program = start();
    for _ in 0..20 {
        get(&client(), &nginx.url("/"), StatusCode::OK);
        program.end();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| get(&client(), &nginx.url("/"), StatusCode::OK));
            }
            program = start();
        });
    }
}

/// Waits until a program listens on the socket, without connecting to it.
fn wait_for(socket: &str) {
    let listens = |sockets: &str| {
        // Of those that accept connections, the kernel says so in the flags.
        sockets.lines().any(|line| line.ends_with(socket) && line.contains(" 00010000 "))
    };
    let deadline = Instant::now() + PATIENCE;
    while !listens(&fs::read_to_string("/proc/net/unix").expect("Linux")) {
        assert!(Instant::now() < deadline, "nobody listens");
        // Another program's start can only be looked for.
        thread::park_timeout(Duration::from_millis(10));
    }
}
