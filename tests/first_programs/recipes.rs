//! The programs in `docs/recipes`, each run against a server as it needs.

#![allow(dead_code, unreachable_pub, clippy::print_stdout, clippy::print_stderr)] // Each has its `main`.

#[path = "../../docs/recipes/crawler.rs"]
mod crawler;
#[path = "../../docs/recipes/download.rs"]
mod download;
#[path = "../../docs/recipes/events.rs"]
mod events;
#[path = "../../docs/recipes/faults.rs"]
mod faults;
#[path = "../../docs/recipes/json_api.rs"]
mod json_api;
#[path = "../../docs/recipes/proxied.rs"]
mod proxied;
#[path = "../../docs/recipes/upload.rs"]
mod upload;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use hangup::ErrorKind;
use hangup::testing::Script;

/// A path for a temporary file, which is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("hangup-recipes-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn the_table_of_a_json_api_survives_a_failure() {
    let script = Script::new().connection(|peer| {
        peer.expect("GET /issues?state=open&per_page=100")
            .with_header("authorization", "Bearer secret")
            .send("HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")
            .expect("GET /issues?state=open&per_page=100")
            .respond(200, r#"[{"number":7,"title":"One"},{"number":12,"title":"Two"}]"#)
    });
    let table = json_api::table(script.url("").trim_end_matches('/'), "secret");
    assert_eq!(table.expect("a table"), "     7  One\n    12  Two\n");
    script.finish();
}

#[test]
fn a_download_is_continued_and_checked() {
    const SHA256: &str = "936a185caaa266bb9cbe981e9e05cb78cd732b0b3280eb944412bb6f8f8f07af"; // helloworld
    let part = |range: &'static str, from: usize| {
        move |peer: &mut hangup::testing::Peer| {
            let rest = &"helloworld"[from..];
            let length = rest.len();
            let head = format!("Content-Range: bytes {from}-9/10\r\nContent-Length: {length}");
            peer.expect("GET /file").with_header("range", range);
            peer.send(format!("HTTP/1.1 206 Partial Content\r\n{head}\r\n\r\n{rest}"));
        }
    };
    let script = Script::new()
        .connection(|peer| {
            peer.expect("GET /file").with_header("range", "bytes=0-");
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").cut()
        })
        .connection(move |peer| {
            part("bytes=5-", 5)(peer);
            peer
        })
        .connection(|peer| peer.expect("GET /file").respond(416, "it is complete"))
        .connection(|peer| peer.expect("GET /file").respond(200, "other"))
        .connection(|peer| peer.expect("GET /file").respond(404, "no file"));
    let (url, file) = (script.url("/file"), Scratch::new("download"));
    let error = download::download(&url, file.path(), SHA256).expect_err("a half");
    assert_eq!(error.kind(), ErrorKind::IncompleteBody, "{error}");
    assert_eq!(fs::read(&file.0).unwrap(), b"hello");
    for _ in 0..2 {
        download::download(&url, file.path(), SHA256).expect("the rest, or nothing");
        assert_eq!(fs::read(&file.0).unwrap(), b"helloworld");
    }
    let error = download::download(&url, file.path(), SHA256).expect_err("another file");
    assert!(
        error.to_string().contains("the SHA-256 is d9298a10d1b0735837dc4bd85dac641b"),
        "{error}"
    );
    assert_eq!(fs::read(&file.0).unwrap(), b"other");
    let error = download::download(&url, file.path(), SHA256).expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::Status, "{error}");
    assert_eq!(fs::read(&file.0).unwrap(), b"other");
    script.finish();
}

#[test]
fn an_upload_shows_the_servers_error() {
    let script = Script::new().connection(|peer| {
        let form = peer.expect("POST /photos").request().clone();
        let kind = form.header("content-type").expect("a type").to_owned();
        assert!(kind.starts_with("multipart/form-data; boundary="), "{kind}");
        let text = form.text();
        assert!(text.contains("filename=\"hangup-recipes") && text.contains("a picture"), "{text}");
        peer.respond(201, "stored")
    });
    let script =
        script.connection(|peer| peer.expect("POST /photos").respond(422, "no more photos\n"));
    let photo = Scratch::new("photo.jpg");
    fs::write(&photo.0, "a picture").expect("a file");
    let url = script.url("/photos");
    assert_eq!(upload::upload(&url, photo.path()).expect("a response"), "stored");
    let error = upload::upload(&url, photo.path()).expect_err("a refusal");
    assert!(error.to_string().ends_with("/photos: no more photos"), "{error}");
    assert_eq!(error.take_response().expect("the response").status(), 422);
    script.finish();
}

#[test]
fn a_crawler_keeps_its_session() {
    let pages = |peer: &mut hangup::testing::Peer| {
        peer.expect("GET /titles").with_header("cookie", "id=7");
        peer.respond(200, r#"{"titles":["a","b"],"next":"/titles?page=2"}"#);
        peer.expect("GET /titles?page=2").with_header("cookie", "id=7");
        peer.respond(200, r#"{"titles":["c"],"next":null}"#);
    };
    let script = Script::new()
        .connection(move |peer| {
            let login = peer.expect("POST /login").request().text();
            assert_eq!(login, "user=anna&password=a+%26+b");
            peer.send("HTTP/1.1 204 No Content\r\nSet-Cookie: id=7; Max-Age=600; Path=/\r\n\r\n");
            pages(peer);
            peer
        })
        .connection(move |peer| {
            pages(peer);
            peer
        });
    let (site, jar) = (script.url(""), Scratch::new("cookies.txt"));
    for _ in 0..2 {
        let titles = crawler::crawl(site.trim_end_matches('/'), "anna", "a & b", jar.path());
        assert_eq!(titles.expect("titles"), ["a", "b", "c"]);
    }
    script.finish();
}

#[test]
fn events_go_on_after_a_lost_connection() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let script = Script::new()
        .connection(|peer| {
            peer.expect("GET /").send(HEAD).send("retry: 1\nid: 1\ndata: a\n\n").reset()
        })
        .connection(|peer| {
            peer.expect("GET /").with_header("last-event-id", "1");
            peer.send(HEAD).send("id: 2\nevent: tick\ndata: b\n\n").close()
        })
        .connection(|peer| peer.expect("GET /").with_header("last-event-id", "2").respond(204, ""));
    let mut out = Vec::new();
    events::print(&script.url("/"), &mut out).expect("an end");
    assert_eq!(String::from_utf8(out).unwrap(), "1 message: a\n2 tick: b\n");
    script.finish();
}

/// The variable is set in a second process: the environment of this one belongs to all its tests.
#[test]
fn everything_goes_through_the_proxy_of_the_environment() {
    const CHILD: &str = "HANGUP_RECIPES_PROXIED";
    if std::env::var_os(CHILD).is_some() {
        return assert_eq!(proxied::text("http://unknown.test/a").expect("a response"), "by proxy");
    }
    let proxy = Script::new().connection(|peer| {
        peer.expect("GET http://unknown.test/a").with_header("host", "unknown.test");
        peer.respond(200, "by proxy")
    });
    let program = std::env::current_exe().expect("the path of the test binary");
    let name = "recipes::everything_goes_through_the_proxy_of_the_environment";
    let mut child = Command::new(program);
    child
        .args(["--exact", name])
        .env(CHILD, "1")
        .env("http_proxy", proxy.url(""))
        .env("no_proxy", "");
    let outcome = child.output().expect("the test binary starts");
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
    proxy.finish();
}
