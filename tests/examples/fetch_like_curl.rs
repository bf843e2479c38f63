//! `fetch` where curl's ways are not obvious. What is expected here is what curl 7.88 does.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::programs::{Folder, Ran, program, run, run_with};
use crate::scripted::Scripted;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn fetch(args: &[&str]) -> Ran {
    run("fetch", args)
}

fn request_of(args: &[&str]) -> String {
    let peer = Scripted::new(&[OK]);
    let ran = fetch(&[args, &["-s", &peer.url]].concat());
    assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
    peer.request().to_ascii_lowercase()
}

#[test]
fn a_download_is_continued_only_by_the_part_that_is_missing() {
    let answer = |status: &str, range: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\n{range}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    for (status, range, body, code, saved) in [
        ("206 P", "Content-Range: bytes 3-5/6\r\n", "def", 0, "abcdef"),
        ("206 P", "content-range: Bytes 3-5/*\r\n", "def", 0, "abcdef"),
        ("206 P", "Content-Range: bytes 2-5/6\r\n", "cdef", 33, "abc"),
        ("206 P", "Content-Range: bytes 0-5/6\r\n", "abcdef", 33, "abc"),
        ("206 P", "Content-Range: bytes */6\r\n", "def", 33, "abc"),
        ("206 P", "Content-Range: nonsense\r\n", "def", 33, "abc"),
        ("206 P", "", "def", 33, "abc"),
        ("200 OK", "", "abcdef", 33, "abc"),
        ("404 Not Found", "", "none", 33, "abc"),
        ("302 Found", "Location: /there\r\n", "gone", 33, "abc"),
        // Complete already.
        ("416 No", "Content-Range: bytes */3\r\n", "never", 0, "abc"),
        ("416 No", "", "never", 0, "abc"),
        ("200 OK", "", "abc", 0, "abc"),
        ("200 OK", "", "", 0, "abc"),
        ("204 No Content", "", "", 0, "abc"),
    ] {
        let folder = Folder::new("continued");
        let file = folder.write("file", "abc");
        let peer = Scripted::new(&[&answer(status, range, body)]);
        let ran = fetch(&["-s", "-C", "-", "-o", &file, &peer.url]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{status} {range}: {ran:?}");
        assert_eq!(folder.read("file"), saved.as_bytes(), "{status} {range}");
        assert!(peer.request().contains("\r\nRange: bytes=3-\r\n"), "{status} {range}");
    }
    let folder = Folder::new("continued-at");
    let peer = Scripted::new(&[&answer("416 No", "", "never")]);
    let ran = fetch(&["-sf", "-C", "3", "-o", &folder.path("new"), &peer.url]);
    assert_eq!((ran.code, folder.read("new").len()), (Some(22), 0), "{ran:?}");
    let file = folder.write("file", "abc");
    assert_eq!(fetch(&["-s", "-C", "3", "-T", &file, "http://127.0.0.1:1/"]).code, Some(18));
    let peer = Scripted::new(&[OK]);
    assert_eq!(fetch(&["-s", "-H", "Expect:", "-C", "1", "-T", &file, &peer.url]).code, Some(0));
    let request = peer.request();
    assert!(request.contains("\r\nContent-Range: bytes 1-2/3\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nbc"), "{request}");
}

#[test]
fn a_range_has_a_dash() {
    for (typed, sent) in
        [("4", "4-"), ("0-4", "0-4"), ("-3", "-3"), ("4-5,7-8", "4-5,7-8"), ("4a", "4-")]
    {
        let request = request_of(&["-r", typed]);
        assert!(request.contains(&format!("\r\nrange: bytes={sent}\r\n")), "{request}");
    }
    let peer = Scripted::new(&[OK]);
    let ran = fetch(&["-r", "4", &peer.url]);
    assert!(ran.err.contains("-r 4: using 4-"), "{ran:?}");
}

#[test]
fn heads_are_shown_as_they_came() {
    let early = "HTTP/1.1 103 Early  hints\r\nLINK: </a>\r\nConnection: close\r\n\r\n";
    let last = "HTTP/1.0 200\r\nX-MiXed:  a \r\nset-COOKIE:b\r\n\r\n";
    let peer =
        Scripted::new(&[&format!("HTTP/1.1 103 Early  hints\r\nLINK: </a>\r\n\r\n{last}ok")]);
    let ran = fetch(&["-siv", &peer.url]);
    assert_eq!((ran.code, ran.out), (Some(0), format!("{early}{last}ok")));
    for line in ["HTTP/1.1 103 Early  hints", "LINK: </a>", "HTTP/1.0 200", "set-COOKIE:b"] {
        assert!(ran.err.contains(&format!("\n< {line}\n")), "{line}: {}", ran.err);
    }
    // As far as they came; curl takes an answer for whole that ends within its head.
    for (answer, code, out) in [
        ("HTTP/1.1 200 OK\r\nX: 1\r\nY", 0, "HTTP/1.1 200 OK\r\nX: 1\r\n|200"),
        ("HTTP/1.1 20", 52, "|000"),
        ("HTTP/1.1 302 F\r\nLocation: /a", 0, "HTTP/1.1 302 F\r\n|302"),
    ] {
        let peer = Scripted::new(&[answer]);
        let ran = fetch(&["-si", "-w", "|%{http_code}", &peer.url]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), out), "{answer}");
    }
    let trailers =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-End: 1\r\n\r\n";
    let ran = fetch(&["-si", &Scripted::new(&[trailers]).url]);
    assert!(ran.out.ends_with("\r\n\r\naX-End: 1\r\n"), "{ran:?}");
}

#[test]
fn what_is_written_out_is_of_the_last_answer() {
    let found =
        |to: &str| format!("HTTP/1.1 302 F\r\nLocation: {to}\r\nContent-Length: 4\r\n\r\ngone");
    let format = "%{method} %{http_code} %{num_redirects} %{redirect_url} %{exitcode}";
    let check = |args: &[&str], answers: &[&str], expected: &str| {
        let peer = Scripted::new(answers);
        let url = format!("{}/a/b", peer.url);
        let ran = fetch(&[args, &["-s", "-o", "/dev/null", "-w", format, &url]].concat());
        assert_eq!(ran.out.replace(&peer.url, "U"), expected, "{args:?} {answers:?}");
    };
    let (one, two) = (found("c?x=[1]"), found("//other/"));
    check(&[], &[&one], "GET 302 0 U/a/c?x=[1] 0");
    check(&[], &[&two], "GET 302 0 http://other/ 0");
    check(&[], &[&found("mailto:a@b")], "GET 302 0 mailto:a@b 0");
    check(&[], &[&found("")], "GET 302 0  0");
    check(&["-L"], &[&found("")], "GET 302 0  0");
    check(&["-L", "--max-redirs", "1"], &[&one, &one], "GET 302 1 U/a/c?x=[1] 47");
    check(&["-L", "--max-redirs", "0"], &[&one], "GET 302 0 U/a/c?x=[1] 47");
    check(&["-L", "-d", "x"], &[&one, OK], "GET 200 1  0");
    check(&["-L", "-X", "PUT", "-d", "x"], &[&one, OK], "PUT 200 1  0");
    check(&["-L"], &[&one, ""], "GET 302 1  52");
    check(&["-L"], &[&found("mailto:a@b")], "GET 302 1  1");
    check(&["-L"], &[&found("http://127.0.0.1:1/")], "GET 302 1  7");
    check(&["-L"], &[&one, "HTTP/1.1 404 N\r\nContent-Length: 9\r\n\r\n"], "GET 404 1  18");
    check(&["-f"], &["HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n"], "GET 404 0  22");
    check(&["-T", "-", "--http1.0"], &[], "PUT 000 0  25");
    check(&["-I"], &["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"], "HEAD 200 0  0");
}

#[test]
fn redirects_keep_and_change_the_method_as_the_options_say() {
    let folder = Folder::new("methods");
    let file = folder.write("file", "abc");
    let put = ["-T", &file];
    for (status, args, expected) in [
        (302, &["-X", "PUT", "-d", "x"][..], "put /there http/1.1 ||"),
        (307, &["-X", "PUT", "-d", "x"], "put /there http/1.1 |1|x"),
        (301, &["-d", "x"], "get /there http/1.1 ||"),
        (303, &["-X", "purge"], "purge /there http/1.1 ||"),
        (308, &["-d", "x"], "post /there http/1.1 |1|x"),
        (300, &["-d", "x"], "post /there http/1.1 |1|x"),
        (302, &put, "put /there http/1.1 |3|abc"),
        (303, &put, "get /there http/1.1 ||"),
        (303, &["-I"], "head /there http/1.1 ||"),
    ] {
        let found = format!("HTTP/1.1 {status} F\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n");
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let peer = Scripted::new(&[&found, head]);
        let always = ["-s", "-L", "-H", "Expect:", "-o", "/dev/null", &peer.url];
        let ran = fetch(&[args, &always].concat());
        assert_eq!(ran.code, Some(0), "{status} {args:?}: {ran:?}");
        peer.request();
        let request = peer.request().to_ascii_lowercase();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let length = head.split("\r\ncontent-length: ").nth(1).unwrap_or_default();
        let length = length.lines().next().filter(|length| *length != "0").unwrap_or_default();
        let line = head.lines().next().unwrap();
        assert_eq!(format!("{line} |{length}|{body}"), expected, "{status} {args:?}");
        assert_eq!(head.contains("content-type"), args.contains(&"-d") && !body.is_empty());
    }
    // Input from a pipe cannot be sent again.
    let peer = Scripted::new(&["HTTP/1.1 307 T\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"]);
    let args = ["-s", "-L", "-H", "Expect:", "-T", "-", &peer.url];
    assert_eq!(run_with(program("fetch", &args), b"piped").code, Some(65));
}

#[test]
fn secrets_stay_with_the_first_host() {
    let first = Scripted::new(&["HTTP/1.1 302 F\r\nLocation: /again\r\n\r\n", OK]);
    let there = format!("HTTP/1.1 302 F\r\nLocation: {}/\r\n\r\n", first.url);
    let other = Scripted::new(&[&there]);
    let cookies = ["-H", "Cookie: c=d", "-b", "e=f"];
    let ran = fetch(&[&cookies, &["-sL", "-u", "a:b", "-H", "X-K: 1", &other.url][..]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ok"), "{ran:?}");
    assert!(other.request().contains("Authorization: Basic YTpi\r\n"));
    for _ in 0..2 {
        let request = first.request();
        assert!(!request.contains("Authorization") && !request.contains("Cookie"), "{request}");
        assert!(request.contains("\r\nX-K: 1\r\n"), "{request}");
    }
    // The URL's own credentials are those of its host.
    let peer = Scripted::new(&["HTTP/1.1 302 F\r\nLocation: http://b:2@{host}/\r\n\r\n", OK]);
    assert_eq!(fetch(&["-sL", &peer.url.replace("://", "://a:1@")]).out, "ok");
    assert!(peer.request().contains("Authorization: Basic YTox\r\n"));
    assert!(peer.request().contains("Authorization: Basic Yjoy\r\n"));
}

#[test]
fn header_lines_set_empty_and_remove() {
    for (line, sent) in [
        ("X-A;", Some("x-a:")),
        ("X-A ;", Some("x-a:")),
        ("X-A; ", None),
        ("X-A: ", None),
        ("X-A:", None),
        ("X-A;b", None),
        ("X-A:  b ", Some("x-a: b")),
        ("X-A: ;", Some("x-a: ;")),
        ("Accept;", Some("accept:")),
        ("Accept; ", None),
        ("Accept:", None),
    ] {
        let name = line[..line.find([':', ';', ' ']).unwrap()].to_ascii_lowercase();
        let request = request_of(&["-H", line]);
        let found = request.lines().find(|field| field.starts_with(&format!("{name}:")));
        assert_eq!(found.map(str::trim_end), sent, "{line:?}");
    }
    for line in ["", "nonsense", ":", ": x"] {
        assert!(request_of(&["-H", line]).contains("\r\naccept: */*\r\n"), "{line:?}");
    }
}

#[test]
fn compressed_bodies_are_decoded() {
    let gzip = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let answer = |coding: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let (zipped, cut) = (gzip("hello"), &gzip("hello")[..12]);
    for (coding, body, code, out) in [
        ("gzip", &zipped[..], 0, "hello"),
        ("X-GZIP", &zipped, 0, "hello"),
        ("identity", b"hello", 0, "hello"),
        ("gzip", b"", 0, ""),
        ("foo", b"", 0, ""),
        ("foo", b"hello", 61, ""),
        ("gzip, foo", b"hello", 61, ""),
        ("gzip", b"not gzip at all", 61, ""),
        ("gzip", cut, 61, "h"),
    ] {
        let peer = Scripted::of_bytes(vec![answer(coding, body)]);
        let ran = fetch(&["-s", "--compressed", "-w", "|%{http_code} %{size_download}", &peer.url]);
        let expected = format!("{out}|200 {}", body.len());
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), expected.as_str()), "{coding}");
        assert!(peer.request().contains("Accept-Encoding: gzip, deflate, br, zstd\r\n"));
    }
    let peer = Scripted::of_bytes(vec![answer("foo", b"hello")]);
    assert_eq!(fetch(&["-s", &peer.url]).out, "hello");
}
