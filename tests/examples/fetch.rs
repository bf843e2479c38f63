use std::io::{BufRead, BufReader, Read};

use rustix::process::{Pid, Signal, kill_process};

use crate::programs::{Folder, Ran, Running, absent_on_windows, program, run, run_with};
use crate::scripted::Scripted;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const FOUND: &str = "HTTP/1.1 302 Found\r\nLocation: /there?a=b\r\nContent-Length: 4\r\n\r\ngone";

fn fetch(args: &[&str]) -> Ran {
    run("fetch", args)
}

/// Runs it silently against a script that says `ok`: the request that came.
fn request_of(args: &[&str]) -> String {
    let peer = Scripted::new(&[OK]);
    let ran = fetch(&[args, &["-s", &peer.url]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ok"), "{args:?}: {ran:?}");
    peer.request()
}

#[track_caller]
fn check_line(request: &str, line: &str) {
    assert!(request.lines().any(|found| found.eq_ignore_ascii_case(line)), "{line}: {request}");
}

#[test]
fn a_get_says_who_asks() {
    let request = request_of(&[]);
    assert!(request.starts_with("GET / HTTP/1.1\r\nHost: 127.0.0.1:"), "{request}");
    check_line(&request, "Accept: */*");
    assert!(request.contains("User-Agent: hangup-fetch/"), "{request}");
}

#[test]
fn headers_are_added_replaced_removed_and_emptied() {
    let folder = Folder::new("headers");
    let file = format!("@{}", folder.write("lines", "X-File: 1\r\n\r\nX-File: 2\n"));
    let request = request_of(&[
        "-H",
        "X-A: 1",
        "-HX-A: 2",
        "--header",
        "Accept:",
        "--header",
        "X-Empty;",
        "-H",
        &file,
        "-H",
        "User-Agent: mine",
        "-e",
        "http://from/",
        "-u",
        "me:secret",
        "-r",
        "0-4",
    ]);
    for line in [
        "X-A: 1",
        "X-A: 2",
        "X-Empty: ",
        "X-File: 1",
        "X-File: 2",
        "User-Agent: mine",
        "Referer: http://from/",
        "Authorization: Basic bWU6c2VjcmV0",
        "Range: bytes=0-4",
    ] {
        check_line(&request, line);
    }
    assert!(!request.to_lowercase().contains("accept:"), "{request}");
    assert!(!request_of(&["-A", ""]).to_lowercase().contains("user-agent"));
    check_line(&request_of(&["-A", "me/1"]), "User-Agent: me/1");
    check_line(&request_of(&["-X", "PURGE", "-H", "Host: other"]), "PURGE / HTTP/1.1");
    check_line(&request_of(&["-H", "Host: other"]), "Host: other");
    check_line(&request_of(&["--http1.0"]), "GET / HTTP/1.0");
}

#[test]
fn data_is_joined_and_typed() {
    let folder = Folder::new("data");
    let file = format!("@{}", folder.write("lines", "c\r\nd\n"));
    let request = request_of(&["-d", "a=1", "-d", &file]);
    assert!(request.starts_with("POST / ") && request.ends_with("\r\n\r\na=1&cd"), "{request}");
    check_line(&request, "Content-Type: application/x-www-form-urlencoded");
    assert!(request_of(&["--data-binary", &file]).ends_with("\r\n\r\nc\r\nd\n"));
    let raw = request_of(&["--data-raw", "@x", "-H", "Content-Type: a/b"]);
    assert!(raw.ends_with("\r\n\r\n@x"), "{raw}");
    check_line(&raw, "Content-Type: a/b");
    let json = request_of(&["--json", "{\"a\":", "--json", "1}"]);
    assert!(json.ends_with("\r\n\r\n{\"a\":1}"), "{json}");
    check_line(&json, "Content-Type: application/json");
    check_line(&json, "Accept: application/json");
    check_line(&request_of(&["-G", "-d", "a=1", "-d", "b=2"]), "GET /?a=1&b=2 HTTP/1.1");
    let chunked = request_of(&["-d", "abc", "-H", "Transfer-Encoding: chunked"]);
    assert!(chunked.ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{chunked}");
    for coding in ["gzip", "gzip, chunked"] {
        let coding = format!("Transfer-Encoding: {coding}");
        let ran = run("fetch", &["-s", "-d", "abc", "-H", &coding, "http://127.0.0.1:1/"]);
        assert_eq!(ran.code, Some(43), "{ran:?}");
    }
    let peer = Scripted::new(&[OK]);
    let ran = run_with(program("fetch", &["-s", "-d", "@-", &peer.url]), b"in\nput");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(peer.request().ends_with("\r\n\r\ninput"));
}

#[test]
fn files_are_uploaded() {
    let server = Running::lifecycle(&[]);
    let folder = Folder::new("upload");
    let file = folder.write("a file", "hello");
    let peer = Scripted::new(&[OK]);
    let url = format!("{}/to/", peer.url);
    let format = " %{method} %{size_upload} %{url_effective}";
    let ran = fetch(&["-s", "-H", "Expect:", "-T", &file, "-w", format, &url]);
    assert_eq!(ran.out, format!("ok PUT 5 {url}a%20file"));
    let request = peer.request();
    assert!(request.starts_with("PUT /to/a%20file HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nhello"), "{request}");
    check_line(&request, "Content-Length: 5");

    let ran = run_with(program("fetch", &["-sv", "-T", "-", &server.url("/echo")]), b"piped");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "piped"), "{ran:?}");
    assert!(ran.err.contains("> Transfer-Encoding: chunked\n"), "{ran:?}");
    assert!(ran.err.contains("< HTTP/1.1 100 Continue\n"), "{ran:?}");

    let large = folder.write("large", vec![b'x'; 3 << 20]);
    let early = server.url("/early");
    let ran =
        fetch(&["-sv", "-X", "POST", "-T", &large, "-w", "%{http_code} %{size_upload}", &early]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "no\n403 0"), "{ran:?}");
    assert!(ran.err.contains("> Expect: 100-continue\n"), "{ran:?}");
    let upload = server.url("/upload");
    let ran = fetch(&["-s", "-X", "POST", "-H", "Expect:", "-T", &large, &upload]);
    assert!(ran.out.starts_with("{\"bytes\":3145728,"), "{ran:?}");
}

#[test]
fn a_server_that_knows_no_expectation_is_not_asked_again() {
    const REFUSED: &str = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n";
    let peer = Scripted::new(&[REFUSED, OK]);
    let folder = Folder::new("expect");
    let large = folder.write("large", vec![b'x'; 2 << 20]);
    let ran = fetch(&["-s", "--expect100-timeout", "5", "-T", &large, &peer.url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ok"), "{ran:?}");
}

#[test]
fn heads_are_shown_on_request() {
    let server = Running::lifecycle(&[]);
    let ran = fetch(&["-i", &server.url("/")]);
    assert!(
        ran.out.starts_with("HTTP/1.1 200 OK\r\n") && ran.out.ends_with("\r\n\r\nok\n"),
        "{ran:?}"
    );
    let ran = fetch(&["-I", &server.url("/bytes/9")]);
    assert!(ran.out.contains("Content-Length: 9\r\n") && ran.out.ends_with("\r\n\r\n"), "{ran:?}");
    let ran = fetch(&["-v", "-u", "me:secret", &server.url("/")]);
    assert!(ran.err.contains("> GET / HTTP/1.1\n> Host: 127.0.0.1"), "{ran:?}");
    assert!(ran.err.contains("> Authorization: (hidden)\n"), "{ran:?}");
    assert!(ran.err.contains("< HTTP/1.1 200 OK\n"), "{ran:?}");
}

#[test]
fn the_reason_is_the_servers_own() {
    let peer = Scripted::new(&["HTTP/1.1 200 Fine By Me\r\nContent-Length: 0\r\n\r\n"]);
    let ran = fetch(&["-siv", &peer.url]);
    assert!(ran.out.starts_with("HTTP/1.1 200 Fine By Me\r\n"), "{ran:?}");
    assert!(ran.err.contains("< HTTP/1.1 200 Fine By Me\n"), "{ran:?}");
}

#[test]
fn outputs_go_to_their_files_over_one_connection() {
    let server = Running::lifecycle(&[]);
    let folder = Folder::new("outputs");
    let (one, two) = (server.url("/bytes/10"), server.url("/bytes/20?x"));
    let mut command = program("fetch", &["-so", "one", "-O", &one, &two, &server.url("/")]);
    command.args(["-w", "%{num_connects}|%{size_download}\\n"]).current_dir(folder.path(""));
    let ran = run_with(command, b"");
    assert_eq!(ran.out, "1|10\n0|20\nok\n0|3\n", "{ran:?}");
    assert_eq!((folder.read("one").len(), folder.read("20").len()), (10, 20));
    fetch(&["-s", "-o", &folder.path("empty"), &server.url("/status/204")]);
    assert!(folder.has("empty"));
    fetch(&["-s", "-o", &folder.path("none"), "http://127.0.0.1:1/"]);
    assert!(!folder.has("none"));
}

#[test]
fn redirects_are_followed_when_asked() {
    let url = |peer: &Scripted| format!("{}/here", peer.url);
    let peer = Scripted::new(&[FOUND]);
    let ran = fetch(&["-s", "-w", " %{http_code} %{redirect_url}", &url(&peer)]);
    assert_eq!(ran.out, format!("gone 302 {}/there?a=b", peer.url));

    let peer = Scripted::new(&[FOUND, OK]);
    let format = " %{num_redirects} %{num_connects} %{url_effective}";
    let ran = fetch(&["-siL", "-d", "x", "-w", format, &url(&peer)]);
    assert!(ran.out.starts_with("HTTP/1.1 302 Found\r\nLocation: /there?a=b\r\n"), "{ran:?}");
    assert!(ran.out.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"), "{ran:?}");
    assert!(ran.out.ends_with(&format!("\r\n\r\nok 1 2 {}/there?a=b", peer.url)), "{ran:?}");
    assert!(peer.request().starts_with("POST /here "));
    assert!(peer.request().starts_with("GET /there?a=b "));

    let peer = Scripted::new(&[FOUND, OK]);
    assert_eq!(fetch(&["-sL", "-X", "POST", "-d", "x", &url(&peer)]).out, "ok");
    peer.request();
    let second = peer.request();
    assert!(second.starts_with("POST /there?a=b ") && second.ends_with("\r\n\r\n"), "{second}");

    let peer = Scripted::new(&[FOUND, FOUND, OK]);
    let ran = fetch(&["-sSL", "--max-redirs", "1", &url(&peer)]);
    assert_eq!(ran.code, Some(47), "{ran:?}");
    assert!(ran.err.starts_with("fetch: (47) "), "{ran:?}");
}

#[test]
fn a_download_goes_on_where_it_ended() {
    const REST: &str = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-5/6\r\n\
        Content-Length: 3\r\n\r\ndef";
    let folder = Folder::new("resume");
    let file = folder.write("file", "abc");
    let peer = Scripted::new(&[REST]);
    assert_eq!(fetch(&["-s", "-C", "-", "-o", &file, &peer.url]).code, Some(0));
    check_line(&peer.request(), "Range: bytes=3-");
    assert_eq!(folder.read("file"), b"abcdef");
    let peer = Scripted::new(&["HTTP/1.1 416 No\r\nContent-Length: 5\r\n\r\nnever"]);
    assert_eq!(fetch(&["-s", "-C", "-", "-o", &file, &peer.url]).code, Some(0));
    let peer = Scripted::new(&[OK]);
    assert_eq!(fetch(&["-s", "-C", "6", "-o", &file, &peer.url]).code, Some(33));
    assert_eq!(folder.read("file"), b"abcdef");
    let peer = Scripted::new(&[OK]);
    fetch(&["-s", "-C", "-", "-o", &folder.path("new"), &peer.url]);
    assert!(!peer.request().contains("Range"));
}

/// A response that is worth another attempt.
const BUSY: &str = "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy";

#[test]
fn transient_failures_are_tried_again() {
    // Output on stdout stays there.
    let peer = Scripted::new(&[BUSY, OK]);
    let ran = fetch(&["--retry", "1", "-w", " %{http_code}", &peer.url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "busyok 200"), "{ran:?}");
    assert!(ran.err.contains("retrying in 1 s, 0 left"), "{ran:?}");
}

#[test]
fn the_last_attempt_sets_the_exit_code() {
    let ran = fetch(&["-sf", "--retry", "1", &Scripted::new(&[BUSY, BUSY]).url]);
    assert_eq!(ran.code, Some(22), "{ran:?}");
}

#[test]
fn an_attempt_begins_its_file_anew() {
    let folder = Folder::new("retry");
    let file = folder.path("file");
    let peer = Scripted::new(&[BUSY, OK]);
    let ran = fetch(&["-sf", "--retry", "1", "-i", "-o", &file, &peer.url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{ran:?}");
    let saved = String::from_utf8(folder.read("file")).unwrap();
    assert!(saved.starts_with("HTTP/1.1 200 OK\r\n") && saved.ends_with("\r\n\r\nok"), "{saved}");
}

#[test]
fn the_last_failed_attempt_is_saved() {
    let folder = Folder::new("retry-saved");
    let file = folder.path("file");
    let peer = Scripted::new(&[BUSY, BUSY]);
    let ran = fetch(&["-s", "--retry", "1", "-o", &file, "-w", " %{http_code}", &peer.url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), " 503"), "{ran:?}");
    assert_eq!(folder.read("file"), b"busy");
}

#[test]
fn other_failures_are_not_tried_again() {
    const CUT: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nbusy";
    const UNKNOWN: &str = "HTTP/1.1 501 No\r\nContent-Length: 0\r\n\r\n";
    for (code, answer) in [(18, CUT), (52, ""), (0, UNKNOWN)] {
        let peer = Scripted::new(&[answer, OK]);
        assert_eq!(fetch(&["-s", "--retry", "1", &peer.url]).code, Some(code), "{answer}");
        peer.request();
        assert!(peer.is_silent(), "{answer}");
    }
}

#[test]
fn exit_codes_are_curls() {
    let server = Running::lifecycle(&[]);
    let scripted = |answer: &str| Scripted::new(&[answer]).url;
    let endless = "x".repeat(2 << 20);
    for (expected, args) in [
        (0, vec![server.url("/status/404")]),
        (1, vec!["ftp://127.0.0.1/".into()]),
        (3, vec!["http://a b/".into()]),
        (3, vec!["http://".into()]),
        (3, vec!["http://127.0.0.1:99999/".into()]),
        (6, vec!["http://name.invalid/".into()]),
        (7, vec!["http://127.0.0.1:1/".into()]),
        (7, vec!["--unix-socket".into(), "/nowhere".into(), "http://x/".into()]),
        (8, vec![scripted("what is this?\r\n\r\n")]),
        (8, vec![scripted("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")]),
        (52, vec![scripted("HTTP/1.1 20")]),
        (52, vec![scripted("HTTP/1.1 103 Early Hints\r\n\r\n")]),
        (61, vec![scripted("HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\nx")]),
        (56, vec![scripted(&format!("HTTP/1.1 200 OK\r\nX: {endless}"))]),
        (18, vec![server.url("/short")]),
        (18, vec![server.url("/panic-late")]),
        (22, vec!["-f".into(), server.url("/status/404")]),
        (23, vec!["-o".into(), "/nowhere/x".into(), server.url("/")]),
        (23, vec!["-O".into(), server.url("/")]),
        (25, vec!["--http1.0".into(), "-T-".into(), server.url("/echo")]),
        (26, vec!["-d".into(), "@/nowhere/x".into(), server.url("/")]),
        (26, vec!["-T".into(), "/nowhere/x".into(), server.url("/")]),
        (28, vec!["-m0.05".into(), server.url("/wait")]),
        (28, vec!["-m".into(), "0.05".into(), server.url("/stream/9?ms=30000")]),
        (52, vec![server.url("/panic")]),
        (56, vec![scripted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")]),
    ] {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let ran = fetch(&args);
        assert_eq!(ran.code, Some(expected), "{args:?}: {ran:?}");
        let line = format!("fetch: ({expected}) ");
        assert!(expected == 0 || ran.err.starts_with(&line), "{args:?}: {ran:?}");
        let silent = fetch(&[&["-s"], &args[..]].concat());
        assert_eq!(silent.err, "", "{args:?}");
    }
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    for args in [
        &[][..],
        &["--nonsense", "http://x/"],
        &["-o"],
        &["-m", "soon", "http://x/"],
        &["-Id", "x", "http://x/"],
        &["-T", "x", "-d", "x", "http://x/"],
        &["--resolve", "x:80", "http://x/"],
        &["-X", "a b", "http://x/"],
        &["-F", "a", "http://x/"],
        &["-F", "a=b", "-d", "x", "http://x/"],
        &["-f", "--fail-with-body", "http://x/"],
        &["-J", "-i", "http://x/"],
        &["-JC-", "http://x/"],
        &["-s="],
        &["--header=X: 1", "http://x/"],
        &["--no-http1.0", "http://x/"],
        &["--no-data", "http://x/"],
        &["http://x/", "--next"],
        &["--limit-rate", "fast", "http://x/"],
        &["--retry", "-1", "http://x/"],
        &["--max-redirs", "-2", "http://x/"],
        &["-r", "99999999999999999999", "http://x/"],
        &["-o", "", "http://x/"],
        &["--key", "x", "http://x/"],
        &["-E", "x:password", "http://x/"],
        &["--noproxy"],
    ] {
        let ran = fetch(args);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{args:?}: {ran:?}");
    }
}

#[test]
fn write_out_knows_its_variables() {
    let server = Running::lifecycle(&[]);
    let format = "%{http_code}|%{num_redirects}|%{content_type}|%{remote_ip}|%{method}|%{exitcode}|%%|\\t|%{time_total}|%{time_connect}|%{time_starttransfer}|%{local_port}|%{scheme}|%{time_appconnect}|%{ssl_verify_result}";
    let ran = fetch(&["-s", "-o", "/dev/null", "-w", format, &server.url("/")]);
    let fields: Vec<_> = ran.out.split('|').collect();
    assert_eq!(
        fields[..8],
        ["200", "0", "text/plain; charset=utf-8", "127.0.0.1", "GET", "0", "%", "\t"]
    );
    let times: Vec<f64> = fields[8..11].iter().map(|field| field.parse().unwrap()).collect();
    assert!(times[0] >= times[2] && times[2] >= times[1] && times[1] > 0.0, "{ran:?}");
    assert_ne!(fields[11].parse::<u16>().unwrap(), 0);
    assert_eq!(fields[12..], ["http", "0.000000", "0"]);
    let ran = fetch(&["-s", "-w", "%{http_code} %{exitcode} %{nonsense}.", "http://127.0.0.1:1/"]);
    assert_eq!(ran.out, "000 7 .");
}

#[test]
fn names_and_sockets_are_pinned() {
    if absent_on_windows("Unix sockets") {
        return;
    }
    let server = Running::lifecycle(&[]);
    let port = server.place.rsplit(':').next().unwrap();
    let pin = format!("some.test:{port}:127.0.0.1");
    let ran = fetch(&["-s", "--resolve", &pin, &format!("some.test:{port}/")]);
    assert_eq!(ran.out, "ok\n", "{ran:?}");
    let folder = Folder::new("socket");
    let path = folder.path("socket");
    let _server = Running::listening("lifecycle", &["--unix", &path]);
    assert_eq!(fetch(&["-s", "--unix-socket", &path, "http://x/"]).out, "ok\n");
}

#[test]
fn parallel_transfers_run_at_the_same_time() {
    let server = Running::lifecycle(&[]);
    let wait = server.url("/wait");
    let child = program("fetch", &["-sZ", &wait, &wait, &wait]).spawn().unwrap();
    interrupt(child, || {
        // The three, and the one that asks.
        server.state(|state| state["active"]["now"] == 4);
    });
    let (one, bad) = (server.url("/"), server.url("/panic"));
    let ran = fetch(&["-sZ", "--parallel-max", "2", &one, &bad, &one, &one]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(52), "ok\nok\nok\n"), "{ran:?}");
    // In turn, it is the last that counts.
    assert_eq!(fetch(&["-s", &bad, &one]).code, Some(0));
}

#[test]
fn a_bar_is_drawn_on_request() {
    let server = Running::lifecycle(&[]);
    let url = server.url("/bytes/100000");
    let ran = fetch(&["-#", "-o", "/dev/null", &url]);
    assert!(ran.err.contains("100%") && ran.err.ends_with('\n'), "{ran:?}");
    assert_eq!(fetch(&["-s#", "-o", "/dev/null", &url]).err, "");
    assert_eq!(fetch(&["-o", "/dev/null", &url]).err, "");
}

#[test]
fn dots_and_unicode_in_a_path_are_sent_as_meant() {
    let peer = Scripted::new(&[OK]);
    let url = format!("{}/a/../b/./ü?x=/../#fragment", peer.url.trim_start_matches("http://"));
    assert_eq!(fetch(&["-s", &url]).code, Some(0));
    check_line(&peer.request(), "GET /b/%C3%BC?x=/../ HTTP/1.1");
}

#[test]
fn a_closed_stdout_is_a_write_error() {
    let server = Running::lifecycle(&[]);
    let mut child = program("fetch", &["-s", &server.url("/bytes/100000000")]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(23));
}

#[test]
fn an_interrupt_ends_it_wherever_it_is() {
    let server = Running::lifecycle(&[]);
    // Waiting for an answer: the client is there once the server has a handler at work.
    let child = program("fetch", &[&server.url("/wait")]).spawn().unwrap();
    interrupt(child, || {
        server.state(|state| state["active"]["now"].as_u64() >= Some(2));
    });
    assert_eq!(server.events(1), ["wait cancelled"]);
    // In the middle of a body.
    let mut child = program("fetch", &[&server.url("/stream/9?ms=30000")]).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    interrupt(child, || {
        stdout.read_line(&mut String::new()).unwrap();
    });
    // It writes to a pipe that is not read.
    let mut child = program("fetch", &[&server.url("/bytes/100000000")]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    interrupt(child, || stdout.read_exact(&mut [0; 1]).unwrap());
}

fn interrupt(mut child: std::process::Child, under_way: impl FnOnce()) {
    under_way();
    let sent = std::time::Instant::now();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(sent.elapsed().as_secs() < 5);
}

/// curl sends these characters unchanged. `fetch` encodes them, since the library rejects them.
#[test]
fn characters_that_no_target_holds_are_encoded() {
    let location = "HTTP/1.1 302 Found\r\nLocation: /<b>`\r\nContent-Length: 0\r\n\r\n";
    let peer = Scripted::new(&[location, OK]);
    let url = format!("{}/<a>`?<`>", peer.url.trim_end_matches('/'));
    let ran = run("fetch", &["-s", "-L", &url]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    check_line(&peer.request(), "GET /%3Ca%3E%60?%3C%60%3E HTTP/1.1");
    check_line(&peer.request(), "GET /%3Cb%3E%60 HTTP/1.1");
}
