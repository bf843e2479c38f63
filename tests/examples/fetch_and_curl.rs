//! The same command lines for `fetch` and for curl, against the same script.

use std::process::{Command, Stdio};

use crate::programs::{Folder, Ran, program, run_with};
use crate::scripted::Scripted;

/// Runs it in a folder with a file `part`, which holds `abc`; returns what is in the folder afterwards.
fn run_in(name: &str, mut command: Command, url: &str) -> (Ran, Vec<(String, Vec<u8>)>) {
    let folder = Folder::new(name);
    folder.write("part", "abc");
    let mut ran = run_with(
        {
            command.current_dir(folder.path(""));
            command
        },
        b"",
    );
    ran.out = ran.out.replace(url, "U");
    let mut files: Vec<_> = std::fs::read_dir(folder.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| (name.clone(), folder.read(&name)))
        .collect();
    files.sort();
    (ran, files)
}

fn curl(args: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-q"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
#[ignore = "needs curl"]
fn curl_does_the_same() {
    const WRITE_OUT: &str = "|%{http_code} %{num_redirects} %{size_download} %{url_effective} \
        %{redirect_url} %{content_type} %{method} %{exitcode}\\n\\t";
    let answer = |status: &str, fields: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n{body}", body.len())
    };
    let ok = answer("200 OK", "Content-Type: a/b\r\n", "ok");
    let found = answer("302 Found", "location: ../x?y=[1]\r\n", "gone");
    let answers = [
        ok.clone(),
        answer("200 My Own", "X-MiXed:a\r\nset-cookie:  b \r\n", "ok"),
        answer("404 Not Found", "", "none"),
        answer("206 P", "Content-Range: bytes 3-5/6\r\n", "def"),
        answer("206 P", "Content-Range: bytes 2-5/6\r\n", "cdef"),
        answer("416 No", "Content-Range: bytes */3\r\n", "never"),
        answer("302 Found", "Location: mailto:a@b\r\n", "gone"),
        answer("302 Found", "Location: \r\n", "gone"),
        answer("204 No Content", "", ""),
        answer("304 Not Modified", "", ""),
        found.clone(),
        format!("HTTP/1.1 103 Early\r\nLINK: a\r\n\r\n{ok}"),
        "HTTP/1.1 200 OK\r\nX: 1\r\nY".into(),
        "HTTP/1.1 20".into(),
        "HTTP/1.1 103 Early\r\n\r\n".into(),
        String::new(),
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok".into(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-End: 1\r\n\r\n"
            .into(),
        "HTTP/1.0 200\r\n\r\nto the end".into(),
    ];
    let lines: [&[&str]; 10] = [
        &[],
        &["-i"],
        &["-L"],
        &["-o", "new"],
        &["-C", "-", "-o", "part"],
        &["-i", "-C", "3", "-o", "part"],
        &["-f", "-o", "new"],
        &["-d", "x", "-L", "-i"],
        &["-X", "PUT", "-d", "x", "-L"],
        &["-L", "--max-redirs", "0", "-o", "new"],
    ];
    for first in &answers {
        for line in lines {
            let script = [first.as_str(), &ok];
            let run = |name: &str, start: &dyn Fn(&[&str]) -> Command| {
                let peer = Scripted::new(&script);
                let url = format!("{}/a/b", peer.url);
                let args = [&["-s", "-w", WRITE_OUT], line, &[url.as_str()]].concat();
                run_in(name, start(&args), &peer.url)
            };
            let (theirs, their_files) = run("curl", &curl);
            let (ours, our_files) = run("ours", &|args| program("fetch", args));
            assert_eq!((ours.code, ours.out), (theirs.code, theirs.out), "{line:?} {first:?}");
            assert_eq!(our_files, their_files, "{line:?} {first:?}");
        }
    }
}
