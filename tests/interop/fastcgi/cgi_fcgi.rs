//! `cgi-fcgi`, libfcgi's own bridge: a CGI program that passes its request on.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{App, LARGE, answer};
use crate::process::{Folder, pattern};

/// Returns its output when it is started with `variables` and `input`, as a web server would start it.
fn ask(app: &App, variables: &[(&str, &str)], input: &[u8]) -> (Vec<u8>, String) {
    let mut command = Command::new("cgi-fcgi");
    command.args(["-bind", "-connect", &app.place]).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cgi-fcgi is needed: {error}"));
    let mut stdin = child.stdin.take().expect("piped");
    let output = std::thread::scope(|scope| {
        // It may stop reading once it has its answer.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect("its output")
    });
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn converse(app: &App) {
    let get = [("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", "/app"), ("PATH_INFO", "/x")];
    let (answer, _) = ask(app, &get, b"");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("Status: 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello /app/x\n"), "{answer}");

    for length in [0, 1, 5000, LARGE] {
        let text = length.to_string();
        let post =
            [("REQUEST_METHOD", "POST"), ("PATH_INFO", "/echo"), ("CONTENT_LENGTH", text.as_str())];
        let (answer, _) = ask(app, &post, &pattern(length));
        assert!(answer.starts_with(b"Status: 200 OK\r\n"), "{length}");
        assert!(answer.ends_with(&[b"\r\n\r\n", &pattern(length)[..]].concat()), "{length}");
    }

    let (_, errors) = ask(app, &[("REQUEST_METHOD", "GET"), ("PATH_INFO", "/log")], b"");
    assert_eq!(errors, "gateway: a line for the log\n");
    let (answer, _) = ask(app, &[("REQUEST_METHOD", "GET"), ("PATH_INFO", "/panic")], b"");
    assert!(answer.starts_with(b"Status: 500 "));
}

#[test]
#[ignore = "needs libfcgi-bin"]
fn over_a_unix_socket() {
    let folder = Folder::new();
    converse(&App::unix(&folder, answer::route));
}

#[test]
#[ignore = "needs libfcgi-bin"]
fn over_tcp() {
    converse(&App::tcp(answer::route));
}
