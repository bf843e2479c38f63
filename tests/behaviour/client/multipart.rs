//! Forms with files and readers as the body of a request.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use hangup::{Body, Client, Context, ErrorKind, Multipart, Part, ResponseExt};

use super::{send, text};
use crate::support::scripted_server::{fed, in_background};
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![
    c04_a_form_is_sent_with_its_length_and_type,
    c04_a_form_of_unknown_length_is_sent_in_chunks,
    c04_a_form_is_sent_again_if_its_parts_can_be,
    c04_a_file_that_shrinks_while_it_is_sent_fails_the_call,
    c04_cancel_ends_a_call_whose_part_blocks,
];

/// A directory that is removed at the end of its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hangup-forms-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
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

/// A form with a text, a file and bytes, and what it is on the wire.
fn form(file: &Path) -> (Multipart, String) {
    let form = Multipart::new()
        .text("title", "Holidays")
        .file("photo", file)
        .part("raw", Part::bytes("{}").content_type("application/json").header("x-id", "7"));
    let boundary = form.boundary();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nHolidays\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\
         Content-Type: image/png\r\n\r\nPNG\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"raw\"\r\n\
         Content-Type: application/json\r\nX-Id: 7\r\n\r\n{{}}\r\n--{boundary}--\r\n"
    );
    (form, expected)
}

fn c04_a_form_is_sent_with_its_length_and_type(over: Over) {
    alone!();
    let (peers, scratch) = (over.peers(), Scratch::new());
    let client = over.client();
    let (form, expected) = form(&scratch.file("a.png", "PNG"));
    let content_type = form.content_type();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).multipart(form));
    let mut peer = peers.accept();
    let request = peer.expect_request("POST /");
    assert_eq!(request.field("content-length"), Some(expected.len().to_string().as_str()));
    assert_eq!(request.field("content-type"), Some(content_type.to_str().unwrap()));
    assert_eq!(String::from_utf8(request.body).unwrap(), expected);
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    assert_eq!(client.idle_connections(), 1);
}

fn c04_a_form_of_unknown_length_is_sent_in_chunks(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    let (mut feeder, source) = fed();
    let form = Multipart::new().text("a", "b").part("log", Part::reader(source));
    let boundary = form.boundary().to_owned();
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).multipart(form));
    let mut peer = peers.accept();
    let head = peer.expect_head("POST /").to_lowercase();
    assert!(head.contains("transfer-encoding: chunked") && !head.contains("content-length"));
    // Both heads are sent before the source has anything.
    feeder.wait_until_asked();
    feeder.feed("line");
    feeder.end();
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
    drop(client);
    let sent = String::from_utf8(peer.expect_closed()).unwrap();
    assert!(sent.contains("line\r\n") && sent.ends_with("0\r\n\r\n"), "{sent}");
    assert!(sent.contains(&format!("\r\n--{boundary}--\r\n")), "{sent}");
}

fn c04_a_form_is_sent_again_if_its_parts_can_be(over: Over) {
    alone!();
    let (peers, scratch) = (over.peers(), Scratch::new());
    let client = over.client();
    let (form, expected) = form(&scratch.file("a.png", "PNG"));
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).multipart(form));
    let mut peer = peers.accept();
    for last in [false, true] {
        let request = peer.expect_request("POST /");
        assert_eq!(String::from_utf8(request.body).unwrap(), expected);
        match last {
            false => peer.send("HTTP/1.1 307 Said\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
            true => peer.answer(200, "ok"),
        }
    }
    assert_eq!(text(call.finish()), "ok");
    // A reader can be read once.
    let form = Multipart::new().part("log", Part::sized_reader(&b"line"[..], 4));
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).multipart(form));
    peer.expect_request("POST /");
    peer.send("HTTP/1.1 307 Said\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
    let response = call.finish().unwrap();
    let error = response.redirect_error().expect("it was not followed");
    assert_eq!(error.kind(), ErrorKind::InvalidMessage, "{error}");
}

fn c04_a_file_that_shrinks_while_it_is_sent_fails_the_call(over: Over) {
    alone!();
    const SIZE: u64 = 1 << 30;
    let (peers, scratch) = (over.peers_with_small_buffers(), Scratch::new());
    let client = over.client();
    let path = scratch.file("big.iso", "");
    File::options().write(true).open(&path).unwrap().set_len(SIZE).unwrap();
    let form = Multipart::new().file("iso", &path);
    let url = peers.url("/");
    let call = send(&client, move |client| client.post(url).multipart(form));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    peer.read_body(1000);
    File::options().write(true).open(&path).unwrap().set_len(1 << 20).unwrap();
    // Reads what was on its way.
    peer.expect_closed();
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource, "{error}");
    let name = format!("file {path:?} has become ");
    assert!(error.to_string().contains(&name), "{error}");
    assert!(error.to_string().ends_with(" bytes shorter"), "{error}");
}

fn c04_cancel_ends_a_call_whose_part_blocks(over: Over) {
    alone!();
    let peers = over.peers();
    let client = over.client();
    for sized in [false, true] {
        let (feeder, source) = fed();
        let part = match sized {
            true => Part::sized_reader(source, 1000),
            false => Part::reader(source),
        };
        let form = Multipart::new().text("a", "b").part("slow", part);
        let context = Context::new();
        let (url, call) = (peers.url("/"), context.clone());
        let call = send(&client, move |client| client.post(url).context(&call).multipart(form));
        let mut peer = peers.accept();
        peer.expect_head("POST /");
        feeder.wait_until_asked();
        assert!(call.is_running());
        context.cancel_with("enough");
        let cancelled = Instant::now();
        let error = call.finish().unwrap_err();
        assert!(cancelled.elapsed() < PATIENCE / 2, "{:?}", cancelled.elapsed());
        assert!(error.is_cancelled() && error.to_string().contains("enough"), "{error}");
        drop(feeder);
        peer.expect_closed();
    }
}

#[test]
fn c04_a_file_that_cannot_be_read_is_reported_before_anything_is_sent() {
    alone!();
    let (peers, scratch) = (Over::Tcp.peers(), Scratch::new());
    let client = Client::new();
    let missing = scratch.0.join("missing.png");
    for path in [&missing, &scratch.0] {
        let form = Multipart::new().text("a", "b").file("photo", path);
        let error = client.post(peers.url("/")).multipart(form).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BodySource);
        assert!(error.is_caller_fault());
        assert!(error.to_string().contains(&format!("file {path:?}: ")), "{error}");
    }
    peers.expect_no_more();
    // As a body, the form is read while it is sent.
    let (url, body) = (peers.url("/"), Body::from(Multipart::new().file("photo", &missing)));
    let call = send(&client, move |client| client.post(url).body(body));
    let mut peer = peers.accept();
    peer.expect_head("POST /");
    let error = call.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource);
    assert!(error.to_string().contains("missing.png"), "{error}");
    peer.expect_closed();
}

#[test]
fn c04_a_type_of_the_caller_gets_the_boundary() {
    alone!();
    let peers = Over::Tcp.peers();
    let clients = [
        Client::new(),
        Client::builder().default_header("content-type", "multipart/mixed").build(),
    ];
    for (client, own, expected) in [
        (&clients[0], None, "multipart/form-data; boundary={}"),
        (&clients[0], Some("multipart/form-data"), "multipart/form-data; boundary={}"),
        (&clients[0], Some("multipart/related; type=a"), "multipart/related; type=a; boundary={}"),
        (
            &clients[0],
            Some("multipart/form-data; boundary=own"),
            "multipart/form-data; boundary=own",
        ),
        (&clients[0], Some("text/plain"), "text/plain"),
        (&clients[1], None, "multipart/mixed; boundary={}"),
    ] {
        for expects in [false, true] {
            let form = Multipart::new().text("a", "b");
            let boundary = form.boundary().to_owned();
            let url = peers.url("/");
            let call = send(client, move |client| {
                // The header may come before the form or after it.
                let request = client.post(url).multipart(form);
                let request = match expects {
                    true => request.header("expect", "other"),
                    false => request,
                };
                own.into_iter().fold(request, |request, own| request.header("content-type", own))
            });
            let mut peer = peers.accept();
            let request = peer.expect_request("POST /");
            let expected = expected.replace("{}", &boundary);
            assert_eq!(request.field("content-type"), Some(expected.as_str()));
            assert_eq!(request.head.to_lowercase().matches("content-type").count(), 1);
            assert_eq!(request.field("expect"), expects.then_some("other"));
            peer.answer(200, "ok");
            assert_eq!(text(call.finish()), "ok");
            client.close_idle_connections();
        }
    }
}

#[test]
fn c04_a_response_can_be_a_part() {
    alone!();
    let (from, to) = (Over::Tcp.peers(), Over::Tcp.peers());
    let client = Client::new();
    let call = super::get(&client, from.url("/"));
    let mut source = from.accept();
    source.expect_request("GET /");
    source.answer(200, "of another server");
    let body = call.finish().unwrap().into_body();
    let form = Multipart::new().part("copy", Part::body(body).file_name("copy.txt"));
    let url = to.url("/");
    let call = send(&client, move |client| client.post(url).multipart(form));
    let mut peer = to.accept();
    let request = peer.expect_request("POST /");
    assert!(request.field("content-length").is_some());
    assert!(String::from_utf8(request.body).unwrap().contains("\r\n\r\nof another server\r\n--"));
    peer.answer(200, "ok");
    assert_eq!(text(call.finish()), "ok");
}

/// The memory of a form does not grow with its files, and one of them is open at a time.
#[cfg(target_os = "linux")]
#[test]
fn c04_a_large_form_is_streamed() {
    alone!();
    const FILES: u64 = 16;
    const SIZE: u64 = 4 << 20;
    let scratch = Scratch::new();
    let path = scratch.file("zeros", "");
    File::options().write(true).open(&path).unwrap().set_len(SIZE).unwrap();
    let mut form = Multipart::new();
    for _ in 0..FILES {
        form = form.file("f", &path);
    }
    let server = Over::Tcp.server(
        |w: &mut hangup::ResponseWriter, r: &mut hangup::Request| -> hangup::Result<()> {
            let count = r.body_mut().copy_to(&mut std::io::sink())?;
            Ok(std::io::Write::write_all(w, count.to_string().as_bytes())?)
        },
    );
    let url = server.url("/");
    let before = peak_memory();
    let client = Client::new();
    let received: u64 = text(client.post(url).multipart(form).send()).parse().unwrap();
    assert!(received > FILES * SIZE && received < FILES * SIZE + 10_000, "{received}");
    let grown = peak_memory() - before;
    assert!(grown < 8 << 10, "{grown} KiB");
}

/// Returns the peak of this process's resident memory, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn c04_a_form_can_be_built_on_one_thread_and_sent_by_another() {
    alone!();
    let form = in_background(|| Multipart::new().text("a", "b")).finish();
    let body = Body::from(form);
    assert_eq!(body.len(), Some(body.try_clone().unwrap().read_bytes(1000).unwrap().len() as u64));
}
