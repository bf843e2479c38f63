//! `fetch`: options that need more than one request, a file, or a signal to show their meaning.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::programs::{Folder, Ran, Running, program, run, run_with};
use crate::scripted::Scripted;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn fetch(args: &[&str]) -> Ran {
    run("fetch", args)
}

#[test]
fn options_combine_and_are_reversed() {
    let server = Running::lifecycle(&[]);
    let folder = Folder::new("combined");
    let (url, out) = (server.url("/bytes/3"), folder.path("out"));
    let ran = fetch(&["-sSfo", &out, "-w%{http_code}", &url]);
    assert_eq!((ran.code, ran.out.as_str(), folder.read("out").len()), (Some(0), "200", 3));
    let ran = fetch(&["-si", "--no-include", &server.url("/")]);
    assert_eq!(ran.out, "ok\n");
    // A value may begin with a dash, and with an equals sign.
    let peer = Scripted::new(&[OK, OK]);
    assert_eq!(fetch(&["-s", "-d", "-x", &peer.url]).code, Some(0));
    assert!(peer.request().ends_with("\r\n\r\n-x"));
    assert_eq!(fetch(&["-s", "-d=x", &peer.url]).code, Some(0));
    assert!(peer.request().ends_with("\r\n\r\n=x"));
    assert_eq!(fetch(&["-s", "--", "-o"]).code, Some(6));
}

#[test]
fn next_begins_other_options() {
    let folder = Folder::new("next");
    let peer = Scripted::new(&[OK, OK]);
    let out = folder.path("out");
    let first = ["-s", "-d", "a=b", "-H", "X-A: 1", "-o", &out, &peer.url];
    let ran = fetch(&[&first[..], &["--next", "-w", "%{method}", &peer.url]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "okGET"), "{ran:?}");
    assert!(peer.request().contains("X-A: 1\r\n"));
    assert!(!peer.request().contains("X-A"));
    assert_eq!(folder.read("out"), b"ok");
}

#[test]
fn forms_are_multipart() {
    let folder = Folder::new("forms");
    let file = folder.write("page.html", "<p>");
    let field = format!("up=@{file};filename=other.bin;type=a/b");
    let peer = Scripted::new(&[OK, OK, OK]);
    let args = ["-s", "-F", "a=b c", "-F", &field, "-F", &format!("text=<{file}"), &peer.url];
    assert_eq!(fetch(&args).code, Some(0));
    let request = peer.request();
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    for part in [
        "Content-Type: multipart/form-data; boundary=",
        "form-data; name=\"a\"\r\n\r\nb c\r\n",
        "form-data; name=\"up\"; filename=\"other.bin\"\r\nContent-Type: a/b\r\n\r\n<p>\r\n",
        "form-data; name=\"text\"\r\n\r\n<p>\r\n",
    ] {
        assert!(request.contains(part), "{part}: {request}");
    }
    // The type of a file follows from its name.
    assert_eq!(fetch(&["-s", "-F", &format!("up=@{file}"), &peer.url]).code, Some(0));
    let request = peer.request();
    assert!(request.contains("filename=\"page.html\"\r\nContent-Type: text/html\r\n"), "{request}");
    let stdin = ["-s", "-F", "up=@-;filename=x", "-w", "%{size_upload}", &peer.url];
    let ran = run_with(program("fetch", &stdin), b"piped");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let request = peer.request();
    assert!(request.contains("filename=\"x\"\r\n") && request.contains("\r\n\r\npiped\r\n"));
    let length = request.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next());
    assert_eq!(ran.out, format!("ok{}", length.unwrap()));
    assert_eq!(fetch(&["-s", "-F", "up=@/nowhere", &peer.url]).code, Some(26));
}

#[test]
fn cookies_are_kept_in_a_file() {
    const SETS: &str = "HTTP/1.1 302 F\r\nSet-Cookie: id=7; Max-Age=9999\r\nSet-Cookie: gone=1; Max-Age=0\r\n\
        Location: /next\r\nContent-Length: 0\r\n\r\n";
    let folder = Folder::new("cookies");
    let jar = folder.path("jar");
    let peer = Scripted::new(&[SETS, OK, OK, OK, OK]);
    let ran = fetch(&["-sL", "-b", "mine=1", "-c", &jar, &peer.url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ok"), "{ran:?}");
    assert!(peer.request().contains("Cookie: mine=1\r\n"));
    assert!(peer.request().contains("Cookie: id=7; mine=1\r\n"));
    let saved = String::from_utf8(folder.read("jar")).unwrap();
    assert!(
        saved.contains("127.0.0.1\tFALSE\t/\tFALSE\t") && saved.contains("\tid\t7\n"),
        "{saved}"
    );
    assert!(!saved.contains("gone"), "{saved}");
    assert_eq!(fetch(&["-s", "-b", &jar, &peer.url]).code, Some(0));
    assert!(peer.request().contains("Cookie: id=7\r\n"));
    // Without -b FILE or -c, cookies of responses are ignored.
    assert_eq!(fetch(&["-s", &peer.url]).code, Some(0));
    assert!(!peer.request().contains("Cookie"));
    // A file may also hold the heads of earlier responses.
    let heads = folder.write("heads", "HTTP/1.1 200 OK\r\nset-cookie: a=b; Path=/\r\n\r\n");
    assert_eq!(fetch(&["-s", "-b", &heads, &peer.url]).code, Some(0));
    assert!(peer.request().contains("Cookie: a=b\r\n"));
}

#[test]
fn passwords_come_from_a_netrc_file() {
    let folder = Folder::new("netrc");
    let file = folder.write("netrc", "machine 127.0.0.1\n  login me\n  password secret\n");
    let request = |args: &[&str]| {
        let peer = Scripted::new(&[OK]);
        assert_eq!(fetch(&[args, &["-s", &peer.url]].concat()).code, Some(0));
        peer.request()
    };
    let sent = "Authorization: Basic bWU6c2VjcmV0\r\n";
    assert!(request(&["--netrc-file", &file]).contains(sent));
    assert!(!request(&["--netrc-file", &file, "-u", "a:b"]).contains(sent));
    assert!(!request(&[]).contains("Authorization"));
}

#[test]
fn files_get_the_names_of_the_options_and_of_the_server() {
    let folder = Folder::new("names");
    let named = "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"../../up.txt\"\r\n\
        Content-Length: 2\r\n\r\nok";
    let in_folder = |args: &[&str]| {
        let mut command = program("fetch", args);
        command.current_dir(folder.path(""));
        run_with(command, b"")
    };
    let peer = Scripted::new(&[named, named, OK, OK]);
    let url = format!("{}/url-name", peer.url);
    assert_eq!(in_folder(&["-sOJ", "-w", "%{filename_effective}", &url]).out, "up.txt");
    assert_eq!(folder.read("up.txt"), b"ok");
    // A server must not choose a file that exists.
    assert_eq!(in_folder(&["-sOJ", &url]).code, Some(23));
    assert_eq!(in_folder(&["-s", "--create-dirs", "-o", "a/b/c", &url]).code, Some(0));
    assert_eq!(folder.read("a/b/c"), b"ok");
    assert_eq!(in_folder(&["-s", "--no-clobber", "-o", "up.txt", &url]).code, Some(0));
    assert_eq!(folder.read("up.txt.1"), b"ok");
    assert_eq!(in_folder(&["-s", "-o", "none/x", "http://127.0.0.1:1/"]).code, Some(7));
}

#[test]
fn failing_statuses_may_keep_their_body() {
    let missing = "HTTP/1.1 404 N\r\nContent-Length: 4\r\n\r\nnone";
    let ran = fetch(&["-s", "--fail-with-body", &Scripted::new(&[missing]).url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(22), "none"));
    let ran = fetch(&["-sf", &Scripted::new(&[missing]).url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(22), ""));
    let peer = Scripted::new(&[missing, OK]);
    let ran = fetch(&["-sf", "--fail-early", &peer.url, &peer.url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(22), ""));
}

#[test]
fn any_failure_is_retried_on_request() {
    let peer = Scripted::new(&["", OK]);
    let ran = fetch(&["-s", "--retry", "1", "--retry-all-errors", &peer.url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ok"), "{ran:?}");
    let refused = ["-s", "--retry", "1", "--retry-connrefused", "-w", "%{exitcode}"];
    let ran = fetch(&[&refused[..], &["http://127.0.0.1:1/"]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (Some(7), "7"), "{ran:?}");
    // An upload from a pipe cannot be sent twice.
    let busy = "HTTP/1.1 503 B\r\nContent-Length: 0\r\n\r\n";
    let peer = Scripted::new(&[busy, OK]);
    let piped = ["-s", "--retry", "1", "-H", "Expect:", "-T", "-", "-w", "%{http_code}"];
    let ran = run_with(program("fetch", &[&piped[..], &[&peer.url]].concat()), b"once");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "503"), "{ran:?}");
    // The pause would exceed the time for retries.
    let busy = "HTTP/1.1 503 B\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n";
    let limited = ["-s", "--retry", "3", "--retry-max-time", "2", "-w", "%{http_code}"];
    let ran = fetch(&[&limited[..], &[&Scripted::new(&[busy]).url]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "503"), "{ran:?}");
}

#[test]
fn a_slow_transfer_is_given_up() {
    let server = Running::lifecycle(&[]);
    let url = server.url("/stream/9?ms=30000");
    let ran = fetch(&["-s", "-Y", "100", "-y", "1", "-w", "%{exitcode}", &url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(28), "line 1\n28"), "{ran:?}");
    let ran = fetch(&["-s", "--max-filesize", "10", &server.url("/bytes/11")]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(63), ""), "{ran:?}");
}

#[test]
fn a_trace_has_heads_and_data() {
    let folder = Folder::new("trace");
    let peer = Scripted::new(&[OK]);
    let trace = folder.path("trace");
    let ran = fetch(&["-s", "--trace-ascii", &trace, "-d", "a=b", "-u", "me:secret", &peer.url]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let text = String::from_utf8(folder.read("trace")).unwrap();
    for part in [
        "=> Send header, ",
        "\n0000: POST / HTTP/1.1\n",
        "Authorization: (hidden)\n",
        "=> Send data, 3 bytes (0x3)\n0000: a=b\n",
        "<= Recv header, 17 bytes (0x11)\n0000: HTTP/1.1 200 OK\n",
        "<= Recv data, 2 bytes (0x2)\n0000: ok\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let ran = fetch(&["-sv", "--trace-time", &Scripted::new(&[OK]).url]);
    assert!(ran.err.lines().all(|line| line.as_bytes()[2] == b':' && line.as_bytes()[8] == b'.'));
}

#[test]
fn an_upload_that_the_server_cuts_is_a_send_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let folder = Folder::new("cut");
    let large = folder.write("large", vec![b'x'; 32 << 20]);
    let child = program("fetch", &["-s", "-H", "Expect:", "-T", &large, &url]).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0; 100_000]).unwrap();
    // Unread bytes make this a reset.
    drop(stream);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(55), "{output:?}");
}

/// The file that an interrupted download leaves is completed by `-C -`.
#[test]
fn an_interrupted_download_can_be_continued() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let folder = Folder::new("interrupted");
    let file = folder.path("file");
    let child = program("fetch", &["-s", "-o", &file, &url]).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc").unwrap();
    while folder.has("file") && folder.read("file") != b"abc" || !folder.has("file") {
        thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    stream.read_to_end(&mut Vec::new()).ok();
    let rest = "HTTP/1.1 206 P\r\nContent-Range: bytes 3-5/6\r\nContent-Length: 3\r\n\r\ndef";
    let peer = Scripted::new(&[rest]);
    assert_eq!(fetch(&["-s", "-C", "-", "-o", &file, &peer.url]).code, Some(0));
    assert!(peer.request().contains("Range: bytes=3-\r\n"));
    assert_eq!(folder.read("file"), b"abcdef");
}

#[test]
fn the_rate_is_limited() {
    let server = Running::lifecycle(&[]);
    let begun = std::time::Instant::now();
    let args = ["-s", "--limit-rate", "20k", "-o", "/dev/null", &server.url("/bytes/10240")];
    assert_eq!(fetch(&args).code, Some(0));
    assert!(begun.elapsed().as_millis() >= 450, "{:?}", begun.elapsed());
    // A cancelled transfer does not wait for its rate.
    let slow = ["-s", "--limit-rate", "1", "-m", "0.3", "-o", "/dev/null"];
    let ran = fetch(&[&slow[..], &[&server.url("/bytes/100000")]].concat());
    assert_eq!(ran.code, Some(28), "{ran:?}");
}

#[test]
fn help_and_version_are_on_stdout() {
    let ran = fetch(&["--help"]);
    assert!(ran.code == Some(0) && ran.out.starts_with("usage: fetch "), "{ran:?}");
    assert!(ran.out.lines().all(|line| line.len() <= 100), "{}", ran.out);
    assert!(fetch(&["-V"]).out.starts_with("hangup-fetch "));
}
