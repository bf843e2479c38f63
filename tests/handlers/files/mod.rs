//! Files: directories, single files, embedded files.

mod folder;
mod partial;
#[cfg(unix)]
mod places;
#[cfg(windows)]
mod windows;

use hangup::http::HeaderMap;
use hangup::{Body, Files, Handler, Request, Response, respond, testing};

use folder::Folder;

/// Calls a handler with a method, a path and header fields.
fn call(handler: &impl Handler, method: &str, path: &str, fields: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    testing::call(handler, request.body(Body::empty()).expect("a request")).expect("a response")
}

fn get(handler: &impl Handler, path: &str) -> Response {
    call(handler, "GET", path, &[])
}

fn text(mut response: Response) -> String {
    response.body_mut().read_text(1 << 20).expect("text")
}

/// Returns the value of a field that stands once at most.
fn field<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    assert!(headers.get_all(name).iter().count() <= 1, "{name} twice: {headers:?}");
    headers.get(name).map(|value| value.to_str().expect("ASCII"))
}

#[test]
fn h08_a_file_has_its_type_its_validators_and_its_bytes() {
    let folder = Folder::new().with("a.txt", "hello");
    let files = Files::new(folder.path());
    let response = get(&files, "/a.txt?query=ignored");
    let headers = response.headers().clone();
    assert_eq!(response.status(), 200);
    assert_eq!(field(&headers, "content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(field(&headers, "content-length"), Some("5"));
    assert_eq!(field(&headers, "accept-ranges"), Some("bytes"));
    assert!(field(&headers, "last-modified").is_some_and(|date| date.ends_with(" GMT")));
    let etag = field(&headers, "etag").expect("a tag");
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 10, "{etag}");
    assert_eq!(text(response), "hello");
    for absent in ["cache-control", "vary", "x-content-type-options", "content-encoding"] {
        assert_eq!(field(&headers, absent), None);
    }
}

#[test]
fn h08_head_equals_the_head_of_get() {
    let folder = Folder::new().with("a.txt", "hello").with("empty", "").with("i/index.html", "x");
    let large = vec![b'x'; 100_000];
    let folder = folder.with("large.bin", &large).with("large.bin.gz", "zip");
    let files = Files::new(folder.path()).listing(true).precompressed(true).nosniff(true);
    let zipped = &[("accept-encoding", "gzip")][..];
    let modified = &[("if-modified-since", "Fri, 31 Dec 9999 23:59:59 GMT")][..];
    let failed = &[("if-match", "\"x\"")][..];
    for path in ["/a.txt", "/empty", "/i", "/i/", "/", "/nothing", "/large.bin"] {
        for fields in [&[][..], zipped, modified, failed] {
            let one = call(&files, "GET", path, fields);
            let mut other = call(&files, "HEAD", path, fields);
            assert_eq!(one.status(), other.status(), "{path} {fields:?}");
            assert_eq!(one.headers(), other.headers(), "{path} {fields:?}");
            assert_eq!(other.body_mut().read_bytes(10).unwrap(), "");
        }
    }
    // A range is one of GET only.
    let head = call(&files, "HEAD", "/a.txt", &[("range", "bytes=0-0")]);
    assert_eq!((head.status().as_u16(), field(head.headers(), "content-length")), (200, Some("5")));
}

#[test]
fn h08_other_methods_are_refused_where_there_is_a_file() {
    let folder = Folder::new().with("a.txt", "hello").with("d/index.html", "x");
    let files = Files::new(folder.path());
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        for path in ["/a.txt", "/d", "/d/"] {
            let response = call(&files, method, path, &[]);
            assert_eq!(response.status(), 405, "{method} {path}");
            assert_eq!(field(response.headers(), "allow"), Some("GET, HEAD"));
        }
        assert_eq!(call(&files, method, "/nothing", &[]).status(), 404);
    }
}

#[test]
fn h08_preconditions_of_a_file() {
    let folder = Folder::new().with("a.txt", "hello");
    let files = Files::new(folder.path()).cache_control("max-age=5").precompressed(true);
    let headers = get(&files, "/a.txt").headers().clone();
    let etag = field(&headers, "etag").unwrap();
    let date = field(&headers, "last-modified").unwrap();
    for (name, value, status) in [
        ("if-none-match", etag, 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"x\"", 200),
        ("if-modified-since", date, 304),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 200),
        ("if-match", etag, 200),
        ("if-match", "\"x\"", 412),
        ("if-unmodified-since", date, 200),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT", 412),
    ] {
        let mut response = call(&files, "GET", "/a.txt", &[(name, value)]);
        assert_eq!(response.status(), status, "{name}: {value}");
        if status == 304 {
            // RFC 9110 section 15.4.5.
            for name in ["etag", "last-modified", "cache-control", "vary"] {
                assert!(field(response.headers(), name).is_some(), "{name}");
            }
            assert_eq!(field(response.headers(), "content-type"), None);
            assert_eq!(field(response.headers(), "content-length"), None);
            assert_eq!(response.body_mut().read_bytes(10).unwrap(), "");
        }
    }
    // Nothing is evaluated for a file that is not there (RFC 9110 section 13.2.1).
    assert_eq!(call(&files, "GET", "/b.txt", &[("if-match", "*")]).status(), 404);
}

#[test]
fn h08_a_new_content_has_a_new_tag() {
    let folder = Folder::new().with("a", "one");
    let files = Files::new(folder.path());
    let tag = || get(&files, "/a").headers()["etag"].clone();
    let first = tag();
    assert_eq!(first, tag());
    std::fs::write(folder.path().join("b"), "two").unwrap();
    std::fs::rename(folder.path().join("b"), folder.path().join("a")).unwrap();
    assert_ne!(first, tag());
    assert_eq!(text(get(&files, "/a")), "two");
}

#[test]
fn h08_times_that_are_no_validators_are_left_out() {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    let folder = Folder::new().with("a", "x");
    let files = Files::new(folder.path());
    let file = std::fs::File::options().write(true).open(folder.path().join("a")).unwrap();
    let hour = Duration::from_secs(3600);
    let century = hour * 24 * 36_500;
    for time in [UNIX_EPOCH, UNIX_EPOCH - hour, SystemTime::now() + hour, UNIX_EPOCH + 2 * century]
    {
        file.set_modified(time).unwrap();
        let response = get(&files, "/a");
        assert_eq!(response.status(), 200);
        assert_eq!(field(response.headers(), "last-modified"), None, "{time:?}");
        assert!(field(response.headers(), "etag").is_some());
    }
}

#[test]
fn h08_headers_of_outer_layers_stay() {
    use hangup::HandlerExt;
    let folder = Folder::new().with("a.txt", "hello");
    let files = Files::new(folder.path()).precompressed(true).layer_fn(|w, r, next| {
        w.set_header("x-outer", "1")?.set_header("vary", "origin")?;
        next.handle(w, r)
    });
    let response = get(&files, "/a.txt");
    assert_eq!(field(response.headers(), "x-outer"), Some("1"));
    let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
    assert_eq!(vary, ["origin", "accept-encoding"]);
}

#[test]
fn h08_a_filter_sees_the_bytes_of_a_large_file() {
    use hangup::{Filter, FilterOutput, HandlerExt};
    use std::io;
    struct Invert;
    impl Filter for Invert {
        fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
            io::Write::write_all(out, &data.iter().map(|byte| !byte).collect::<Vec<_>>())
        }
    }
    let folder = Folder::new().with("a.bin", vec![0; 200_000]);
    let files = Files::new(folder.path()).layer_fn(|w, r, next| {
        w.filter(Invert);
        next.handle(w, r)
    });
    let mut response = get(&files, "/a.bin");
    let bytes = response.body_mut().read_bytes(1 << 20).unwrap();
    assert!(bytes.len() == 200_000 && bytes.iter().all(|byte| *byte == 0xff));
}

#[test]
fn h08_a_handler_serves_one_file() {
    let folder = Folder::new().with("report", "a,b\n");
    let path = folder.path().join("report");
    let handler = move |w: &mut hangup::ResponseWriter, r: &mut Request| {
        w.set_header("content-type", "text/csv")?;
        w.set_header("content-disposition", "attachment; filename=\"report.csv\"")?;
        match r.uri().path() {
            "/missing" => hangup::files::serve_file(w, r, "/nowhere/at/all"),
            "/directory" => hangup::files::serve_file(w, r, "/"),
            _ => hangup::files::serve_file(w, r, &path),
        }
    };
    let response = get(&handler, "/");
    assert_eq!(field(response.headers(), "content-type"), Some("text/csv"));
    assert!(field(response.headers(), "content-disposition").is_some());
    assert_eq!(text(response), "a,b\n");
    let part = call(&handler, "GET", "/", &[("range", "bytes=2-")]);
    assert_eq!((part.status().as_u16(), text(part).as_str()), (206, "b\n"));
    assert_eq!(get(&handler, "/missing").status(), 404);
    assert_eq!(get(&handler, "/directory").status(), 404);
}

#[test]
fn h08_a_request_for_no_file_goes_to_the_application() {
    let folder = Folder::new().with("a.txt", "file").with("404.html", "<p>gone");
    let app = || respond(|r| Ok(format!("app {} {}", r.method(), r.uri().path())));
    let files = Files::new(folder.path()).not_found(app());
    assert_eq!(text(get(&files, "/a.txt")), "file");
    assert_eq!(text(get(&files, "/b.txt")), "app GET /b.txt");
    assert_eq!(text(call(&files, "POST", "/orders", &[])), "app POST /orders");
    assert_eq!(text(get(&files, "/..")), "app GET /..");
    assert_eq!(call(&files, "POST", "/a.txt", &[]).status(), 405);

    let files = Files::new(folder.path()).not_found_page("404.html");
    let fields = [("if-none-match", "*"), ("range", "bytes=0-0")];
    let page = call(&files, "GET", "/b.txt", &fields);
    assert_eq!(page.status(), 404);
    assert_eq!(field(page.headers(), "content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(field(page.headers(), "etag"), None);
    assert_eq!(text(page), "<p>gone");
    let files = Files::new(folder.path()).not_found_page("nothing.html");
    assert_eq!(text(get(&files, "/b.txt")), "404 Not Found\n");
}

/// The redirect is relative to the URL that the client has sent, whatever prefix a router has removed.
#[test]
fn h08_files_below_a_router() {
    let folder = Folder::new().with("d/index.html", "index").with("a.txt", "x");
    let router = hangup::Router::new().nest("/static/", Files::new(folder.path()));
    assert_eq!(text(get(&router, "/static/a.txt")), "x");
    let response = get(&router, "/static/d?q=1");
    assert_eq!(response.status(), 308);
    assert_eq!(field(response.headers(), "location"), Some("./d/?q=1"));
    assert_eq!(text(get(&router, "/static/d/")), "index");
    assert_eq!(get(&router, "/static/e").status(), 404);
}
