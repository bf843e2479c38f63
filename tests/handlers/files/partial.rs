//! Ranges of files.

use hangup::{Files, Response};

use super::{Folder, call, field, text};

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|place| b'a' + (place % 26) as u8).collect()
}

/// Splits a multipart body into pairs of Content-Range and bytes, and checks its form.
fn parts(response: Response) -> Vec<(String, String)> {
    let kind = field(response.headers(), "content-type").unwrap().to_owned();
    let boundary =
        kind.strip_prefix("multipart/byteranges; boundary=").expect("a boundary").to_owned();
    let length: usize = field(response.headers(), "content-length").unwrap().parse().unwrap();
    let body = text(response);
    assert_eq!(body.len(), length);
    let body = body.strip_prefix(&format!("--{boundary}\r\n")).expect("a first part");
    let body = body.strip_suffix(&format!("\r\n--{boundary}--\r\n")).expect("an end");
    body.split(&format!("\r\n--{boundary}\r\n"))
        .map(|part| {
            let (head, bytes) = part.split_once("\r\n\r\n").expect("a head");
            let head =
                head.strip_prefix("Content-Type: text/plain; charset=utf-8\r\n").expect(head);
            (head.strip_prefix("Content-Range: ").expect(head).to_owned(), bytes.to_owned())
        })
        .collect()
}

#[test]
fn h08_one_range_is_a_206_with_its_bytes() {
    let folder = Folder::new().with("a.txt", content(100_000));
    let whole = String::from_utf8(content(100_000)).unwrap();
    let files = Files::new(folder.path());
    for (range, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=99999-", 99_999, 100_000),
        ("bytes=-26", 99_974, 100_000),
        ("bytes=10-1000000", 10, 100_000),
        ("bytes=0-9,5-19", 0, 20),
        ("bytes=0-", 0, 100_000),
    ] {
        let response = call(&files, "GET", "/a.txt", &[("range", range)]);
        assert_eq!(response.status(), 206, "{range}");
        let headers = response.headers().clone();
        let expected = format!("bytes {start}-{}/100000", end - 1);
        assert_eq!(field(&headers, "content-range"), Some(&*expected));
        assert_eq!(field(&headers, "content-length"), Some(&*(end - start).to_string()));
        assert_eq!(field(&headers, "content-type"), Some("text/plain; charset=utf-8"));
        assert!(field(&headers, "etag").is_some() && field(&headers, "last-modified").is_some());
        assert_eq!(field(&headers, "accept-ranges"), Some("bytes"));
        assert!(text(response) == whole[start..end], "{range}");
    }
}

#[test]
fn h08_several_ranges_are_parts_in_the_order_asked_for() {
    let folder = Folder::new().with("a.txt", content(10_000));
    let files = Files::new(folder.path());
    let range = [("range", "bytes=5000-5004,0-2,-1")];
    let response = call(&files, "GET", "/a.txt", &range);
    assert_eq!(response.status(), 206);
    assert_eq!(field(response.headers(), "content-range"), None);
    let expected = [
        ("bytes 5000-5004/10000", "ijklm"),
        ("bytes 0-2/10000", "abc"),
        ("bytes 9999-9999/10000", "p"),
    ];
    let parts = parts(response);
    assert_eq!(parts, expected.map(|(range, bytes)| (range.to_owned(), bytes.to_owned())));
}

#[test]
fn h08_a_response_never_has_more_bytes_than_the_file() {
    for length in [1, 100, 300, 600, 1000, 5000, 20_000] {
        let folder = Folder::new().with("a.txt", content(length));
        let files = Files::new(folder.path());
        for step in [1, 100, 258, 300, 700, 5000] {
            let specs: Vec<_> = (0..16).map(|n| format!("{}-{}", n * step, n * step)).collect();
            let range = format!("bytes={}", specs.join(","));
            let response = call(&files, "GET", "/a.txt", &[("range", &range)]);
            assert!(text(response).len() <= length, "{range} of {length}");
        }
    }
}

#[test]
fn h08_ranges_that_cannot_be_satisfied_and_those_that_are_ignored() {
    let folder = Folder::new().with("a.txt", content(100)).with("empty", "");
    let files = Files::new(folder.path());
    let response = call(&files, "GET", "/a.txt", &[("range", "bytes=100-")]);
    assert_eq!(response.status(), 416);
    assert_eq!(field(response.headers(), "content-range"), Some("bytes */100"));
    for range in ["bytes=5-4", "items=0-0", "bytes=", "x"] {
        let response = call(&files, "GET", "/a.txt", &[("range", range)]);
        assert_eq!((response.status().as_u16(), text(response).len()), (200, 100), "{range}");
    }
    let twice = [("range", "bytes=0-0"), ("range", "bytes=1-1")];
    assert_eq!(call(&files, "GET", "/a.txt", &twice).status(), 200);
    let empty = call(&files, "GET", "/empty", &[("range", "bytes=0-")]);
    assert_eq!(
        (empty.status().as_u16(), field(empty.headers(), "content-length")),
        (200, Some("0"))
    );
    let post = call(&files, "POST", "/a.txt", &[("range", "bytes=0-0")]);
    assert_eq!(post.status(), 405);
}

#[test]
fn h08_if_range_and_preconditions_come_before_the_range() {
    let folder = Folder::new().with("a.txt", content(100));
    let files = Files::new(folder.path());
    let headers = super::get(&files, "/a.txt").headers().clone();
    let (etag, date) = (&headers["etag"], &headers["last-modified"]);
    let (etag, date) = (etag.to_str().unwrap(), date.to_str().unwrap());
    for (name, value, status) in [
        ("if-range", etag, 206),
        ("if-range", date, 206),
        ("if-range", "\"x\"", 200),
        ("if-range", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
        ("if-none-match", etag, 304),
        ("if-match", "\"x\"", 412),
        ("if-match", etag, 206),
    ] {
        let fields = [("range", "bytes=0-9"), (name, value)];
        assert_eq!(call(&files, "GET", "/a.txt", &fields).status(), status, "{name}: {value}");
    }
    // A wrong If-Range also makes a range that cannot be satisfied a whole response.
    let fields = [("range", "bytes=500-"), ("if-range", "\"x\"")];
    assert_eq!(call(&files, "GET", "/a.txt", &fields).status(), 200);
}

#[test]
fn h08_ranges_of_a_compressed_file_are_ranges_of_its_bytes() {
    let folder = Folder::new().with("a.txt", content(100)).with("a.txt.br", "0123456789");
    let files = Files::new(folder.path()).precompressed(true);
    let br = ("accept-encoding", "br");
    let plain = super::get(&files, "/a.txt").headers()["etag"].clone();
    let response = call(&files, "GET", "/a.txt", &[br, ("range", "bytes=2-3")]);
    assert_eq!(response.status(), 206);
    assert_eq!(field(response.headers(), "content-encoding"), Some("br"));
    assert_eq!(field(response.headers(), "content-range"), Some("bytes 2-3/10"));
    assert_eq!(field(response.headers(), "content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(text(response), "23");
    // A part of the plain file cannot be continued with one of the compressed file.
    let fields = [br, ("range", "bytes=2-3"), ("if-range", plain.to_str().unwrap())];
    assert_eq!(text(call(&files, "GET", "/a.txt", &fields)), "0123456789");
}
