//! Forms as bytes, and what becomes of their files and readers.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::error::{Error, ErrorKind};

/// Files that are removed at the end of their test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("hangup-form-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns the form as text, with `B` as its boundary.
fn encoded(form: Multipart) -> String {
    let boundary = form.boundary().to_owned();
    let mut body = form.try_into_body().unwrap();
    if let Some(length) = body.len() {
        let mut counted = body.try_clone().unwrap_or_default();
        let read = counted.copy_to(&mut io::sink()).unwrap();
        assert!(counted.is_empty() && (read == length || read == 0), "{read} of {length}");
    }
    body.read_text(1 << 20).unwrap().replace(&boundary, "B")
}

#[test]
fn c04_a_form_of_texts_and_bytes() {
    let form = Multipart::new()
        .text("title", "Holidays")
        .text("year", 2026)
        .part("raw", Part::bytes(vec![0, 1]))
        .part("title", Part::text(""));
    assert_eq!(
        encoded(form),
        "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHolidays\r\n\
         --B\r\nContent-Disposition: form-data; name=\"year\"\r\n\r\n2026\r\n\
         --B\r\nContent-Disposition: form-data; name=\"raw\"\r\n\r\n\0\x01\r\n\
         --B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n\r\n\
         --B--\r\n"
    );
    assert_eq!(encoded(Multipart::new()), "--B--\r\n");
}

#[test]
fn c04_a_small_form_in_memory_is_one_piece() {
    let body = Body::from(Multipart::new().text("a", "b"));
    assert!(body.as_bytes().is_some());
    let large = Multipart::new().text("a", "b".repeat(100_000));
    let mut body = Body::from(large);
    assert!(body.as_bytes().is_none());
    let mut again = body.try_clone().expect("in memory");
    assert_eq!(again.len(), body.len());
    assert_eq!(again.read_bytes(1 << 20).unwrap(), body.read_bytes(1 << 20).unwrap());
    assert!(body.try_clone().is_some_and(|whole| whole.len() == again.try_clone().unwrap().len()));
}

#[test]
fn c04_names_are_escaped_as_browsers_do() {
    let form = Multipart::new().part(
        "a\"b\r\nc%22\\é;",
        Part::text("x").file_name("\"\r\n../ü.txt").content_type("text/x; y=\"z\""),
    );
    assert_eq!(
        encoded(form),
        "--B\r\nContent-Disposition: form-data; name=\"a%22b%0D%0Ac%22\\é;\"; \
         filename=\"%22%0D%0A../ü.txt\"\r\nContent-Type: text/x; y=\"z\"\r\n\r\nx\r\n--B--\r\n"
    );
}

#[test]
fn c04_a_file_name_determines_the_type_unless_one_is_set() {
    for (part, expected) in [
        (Part::bytes("x").file_name("a.PNG"), "; filename=\"a.PNG\"\r\nContent-Type: image/png"),
        (
            Part::bytes("x").file_name("noext"),
            "; filename=\"noext\"\r\nContent-Type: application/octet-stream",
        ),
        (
            Part::bytes("x").file_name(""),
            "; filename=\"\"\r\nContent-Type: application/octet-stream",
        ),
        (
            Part::bytes("x").content_type("a/b").file_name("a.png"),
            "; filename=\"a.png\"\r\nContent-Type: a/b",
        ),
        (Part::text("x").content_type("a/b"), "\r\nContent-Type: a/b"),
        (
            Part::body(Body::from("x").with_content_type(HeaderValue::from_static("c/d"))),
            "\r\nContent-Type: c/d",
        ),
    ] {
        let form = encoded(Multipart::new().part("n", part));
        let expected = format!(
            "--B\r\nContent-Disposition: form-data; name=\"n\"{expected}\r\n\r\nx\r\n--B--\r\n"
        );
        assert_eq!(form, expected);
    }
}

#[test]
fn c04_a_part_may_have_further_headers() {
    let part = Part::text("x").header("X-Id", "7").header("x-id", "8");
    assert_eq!(
        encoded(Multipart::new().part("n", part)),
        "--B\r\nContent-Disposition: form-data; name=\"n\"\r\nX-Id: 7\r\nX-Id: 8\r\n\r\nx\r\n--B--\r\n"
    );
    let part = Part::text("x")
        .file_name("not sent")
        .header("content-disposition", "form-data; name*=utf-8''n")
        .header("content-type", "a/b");
    assert_eq!(
        encoded(Multipart::new().part("n", part)),
        "--B\r\nContent-Disposition: form-data; name*=utf-8''n\r\nContent-Type: a/b\r\n\r\nx\r\n--B--\r\n"
    );
}

#[test]
fn c04_an_invalid_header_names_its_part() {
    for (part, expected) in [
        (Part::text("x").header("x y", "1"), "invalid header name"),
        (Part::text("x").header("x", "1\r\nY: 2"), "header value contains a forbidden character"),
        (Part::text("x").content_type("a/b\n"), "content type contains a forbidden character"),
    ] {
        let error = Multipart::new().part("photo", part).try_into_body().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        let expected = format!("invalid message: part \"photo\" of the form: {expected}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn c04_a_file_has_its_name_its_type_and_its_length() {
    let scratch = Scratch::new();
    let form = Multipart::new()
        .file("a", scratch.file("photo one.jpeg", "jpeg"))
        .file("b", scratch.file("empty", ""))
        .part("c", Part::file(scratch.file("x.bin", "bin")).file_name("other.html"));
    let mut body = form.try_into_body().unwrap();
    assert!(body.len().is_some());
    let mut again = body.try_clone().expect("files can be read again");
    let text = body.read_text(1 << 20).unwrap();
    assert!(text.contains(
        "name=\"a\"; filename=\"photo one.jpeg\"\r\nContent-Type: image/jpeg\r\n\r\njpeg\r\n"
    ));
    assert!(
        text.contains("filename=\"empty\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n")
    );
    assert!(text.contains("filename=\"other.html\"\r\nContent-Type: text/html\r\n\r\nbin\r\n"));
    // A clone of a body that has been read is whole as well.
    assert_eq!(again.read_text(1 << 20).unwrap(), text);
    assert_eq!(again.try_clone().unwrap().read_text(1 << 20).unwrap(), text);
}

#[test]
fn c04_a_file_that_cannot_be_read_is_named() {
    let scratch = Scratch::new();
    let missing = scratch.0.join("missing.png");
    let error = Multipart::new().file("a", &missing).try_into_body().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource);
    let not_found = io::Error::from_raw_os_error(2);
    let expected = format!("body source failed: file {missing:?}: {not_found}");
    assert_eq!(error.to_string(), expected);
    let error = Multipart::new().file("a", &scratch.0).try_into_body().unwrap_err();
    let expected = format!("body source failed: file {:?}: is a directory", scratch.0);
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::BodySource, expected));
    // As a body, the form fails at the first read, and again.
    let mut body = Body::from(Multipart::new().file("a", &missing));
    assert!(body.content_type().is_some() && body.len().is_none() && body.try_clone().is_none());
    for _ in 0..2 {
        assert_eq!(body.read_bytes(100).unwrap_err().kind(), ErrorKind::BodySource);
    }
}

#[test]
fn c04_a_file_that_changes_keeps_its_length_or_fails() {
    let scratch = Scratch::new();
    let path = scratch.file("a", "0123456789");
    let form = || Multipart::new().file("a", &path).try_into_body().unwrap();
    let mut grown = form();
    let length = grown.len().unwrap();
    fs::write(&path, "0123456789 and more").unwrap();
    let text = grown.read_text(1 << 20).unwrap();
    assert_eq!(text.len() as u64, length);
    assert!(text.contains("\r\n\r\n0123456789\r\n--"));

    fs::write(&path, "0123456789").unwrap();
    let mut shorter = form();
    fs::write(&path, "0123456").unwrap();
    let error = shorter.read_bytes(1 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource);
    let expected = format!("body source failed: file {path:?} has become 3 bytes shorter");
    assert_eq!(error.to_string(), expected);

    fs::write(&path, "0123456789").unwrap();
    let mut removed = form();
    fs::remove_file(&path).unwrap();
    let error = removed.read_bytes(1 << 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource);
    assert!(error.to_string().contains("(os error 2)"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn c04_a_file_of_unknown_length_is_read_to_its_end() {
    let mut body = Multipart::new().file("v", "/proc/version").try_into_body().unwrap();
    assert_eq!(body.len(), None);
    assert!(body.try_clone().is_some());
    assert!(body.read_text(10_000).unwrap().contains("Linux"));
    let mut body = Multipart::new().file("n", "/dev/null").try_into_body().unwrap();
    assert_eq!(body.len(), None);
    assert!(body.try_clone().is_none(), "a device may be a pipe");
    assert!(body.read_text(10_000).unwrap().contains("filename=\"null\""));
}

#[cfg(target_os = "linux")]
#[test]
fn c04_a_form_of_many_files_has_one_open_at_a_time() {
    let scratch = Scratch::new();
    let path = scratch.file("one", "content");
    let open = || {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
        links.filter(|link| fs::read_link(link.path()).is_ok_and(|file| file == path)).count()
    };
    let mut form = Multipart::new();
    for _ in 0..1000 {
        form = form.file("f", &path);
    }
    let mut body = form.try_into_body().unwrap();
    assert_eq!(open(), 0);
    let mut most = 0;
    let mut piece = [0; 100];
    while body.read(&mut piece).unwrap() > 0 {
        most = most.max(open());
    }
    assert_eq!((most, open()), (1, 0));
}

#[test]
fn c04_readers_have_the_length_that_is_given() {
    let reader = || io::Cursor::new("0123456789");
    let mut body = Multipart::new()
        .part("a", Part::sized_reader(reader(), 10))
        .part("b", Part::sized_reader(reader(), 4))
        .try_into_body()
        .unwrap();
    let length = body.len().unwrap();
    assert!(body.try_clone().is_none());
    assert_eq!(body.read_bytes(1 << 20).unwrap().len() as u64, length);
    let mut body = Multipart::new().part("a", Part::reader(reader())).try_into_body().unwrap();
    assert_eq!(body.len(), None);
    assert!(body.read_text(1000).unwrap().contains("\r\n\r\n0123456789\r\n--"));
    let mut short =
        Multipart::new().part("a", Part::sized_reader(reader(), 11)).try_into_body().unwrap();
    let error = short.read_bytes(1000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource);
    assert_eq!(short.read_bytes(1000).unwrap_err().to_string(), error.to_string());
}

/// Fails when it is read the second time.
struct Failing(bool);

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match std::mem::replace(&mut self.0, true) {
            true => Err(io::Error::other("the disk is gone")),
            false => {
                buf[0] = b'x';
                Ok(1)
            }
        }
    }
}

#[test]
fn c04_the_bytes_before_a_failure_are_read_first() {
    let form = Multipart::new().part("a", Part::reader(Failing(false)));
    let boundary = form.boundary().to_owned();
    let mut body = form.try_into_body().unwrap();
    let mut text = Vec::new();
    let error = Error::from(body.read_to_end(&mut text).unwrap_err());
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with(&format!("--{boundary}")) && text.ends_with("\r\n\r\nx"), "{text}");
}

/// Has to wait for its second byte.
struct Slow(Arc<AtomicUsize>);

impl Read for Slow {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        buf[0] = b'x';
        Ok(1)
    }
}

#[test]
fn c04_what_is_there_is_read_before_a_source_that_may_wait() {
    let reads = Arc::new(AtomicUsize::new(0));
    let slow = Slow(Arc::clone(&reads));
    let form = Multipart::new().text("a", "b").part("slow", Part::reader(slow));
    let mut body = form.try_into_body().unwrap();
    let count = body.read(&mut [0; 10_000]).unwrap();
    assert!(count > 100, "both heads");
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    assert_eq!(body.read(&mut [0; 10_000]).unwrap(), 1);
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

#[test]
fn c04_many_small_parts_make_few_pieces() {
    let mut form = Multipart::new();
    for number in 0..10_000 {
        form = form.text("n", number);
    }
    let mut body = form.try_into_body().unwrap();
    let (mut pieces, mut piece) = (0, vec![0; 128 * 1024]);
    while body.read(&mut piece).unwrap() > 0 {
        pieces += 1;
    }
    assert!(pieces < 12, "{pieces}");
}

#[test]
fn c04_a_form_is_the_same_however_it_is_read() {
    let scratch = Scratch::new();
    let path = scratch.file("a.txt", "of a file");
    let form = || {
        Multipart::new()
            .text("a", "text")
            .file("f", &path)
            .part("r", Part::sized_reader(io::Cursor::new("reader"), 6))
            .part("z", Part::body(File::open(&path).unwrap()))
    };
    let boundary = form().boundary;
    let mut whole = None;
    for size in [1, 2, 3, 7, 31, 32, 33, 64, 1000] {
        let form = Multipart { boundary: boundary.clone(), ..form() };
        let mut body = form.try_into_body().unwrap();
        let (mut all, mut piece) = (Vec::new(), vec![0; size]);
        loop {
            let left = body.len().unwrap();
            match body.read(&mut piece).unwrap() {
                0 => break,
                count => {
                    all.extend_from_slice(&piece[..count]);
                    assert_eq!(body.len().unwrap(), left - count as u64);
                }
            }
        }
        assert_eq!(body.len(), Some(0));
        assert_eq!(whole.get_or_insert_with(|| all.clone()), &all, "{size}");
    }
}

#[test]
fn c04_boundaries_are_random_and_need_no_quotes() {
    let boundaries: std::collections::HashSet<String> =
        (0..1000).map(|_| Multipart::new().boundary().to_owned()).collect();
    assert_eq!(boundaries.len(), 1000);
    for boundary in boundaries {
        assert!(boundary.len() <= 70);
        assert!(boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
    let form = Multipart::new();
    let expected = format!("multipart/form-data; boundary={}", form.boundary());
    assert_eq!(form.content_type(), expected);
    assert_eq!(Body::from(form).content_type().unwrap(), expected.as_str());
}

#[test]
fn c04_debug_shows_no_content() {
    let form = Multipart::new()
        .text("password", "secret")
        .part("t", Part::text("secret").header("x-token", "secret").file_name("a.txt"));
    let shown = format!("{form:?}");
    assert!(!shown.contains("secret") && shown.contains("password"), "{shown}");
}
