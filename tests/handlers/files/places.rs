//! Where files are found: names, directories, links, compressed siblings, embedded files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use hangup::Files;

use super::{Folder, call, field, get, text};

#[test]
fn h08_hostile_urls_find_nothing() {
    let outer = Folder::new().with("secret", "secret").with("root/a.txt", "a");
    let outer = outer.with("root/.env", "secret").with("root/.git/config", "secret");
    let root = outer.path().join("root");
    symlink("../secret", root.join("link")).unwrap();
    symlink("/etc", root.join("etc")).unwrap();
    symlink("/proc/self/environ", root.join("environ")).unwrap();
    // Not every Unix has the system call, but each has the program.
    let made = std::process::Command::new("mkfifo").arg(root.join("fifo")).status();
    assert!(made.unwrap().success());
    let files = Files::new(&root).listing(true);
    let absolute = format!("/{}/secret", outer.path().display());
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/.%2e/secret",
        "/%252e%252e/secret",
        "/%252e%252e%252fsecret",
        "/..%5csecret",
        "/..%c0%afsecret",
        "/%c0%ae%c0%ae/secret",
        "/a.txt/../../secret",
        "/./a.txt",
        "//a.txt",
        "/a.txt%00",
        "/a.txt%00.html",
        "/%00",
        "/a.txt/",
        "/a.txt/x",
        "/link",
        "/etc/passwd",
        "/etc",
        "/etc/",
        "/environ",
        "/fifo",
        "/.env",
        "/.git/config",
        "/.git/",
        "/%2eenv",
        "/A.TXT",
        "/a.txt.",
        "/a.txt%20",
        "/a.txt::$DATA",
        "/a.txt%3a%3a$DATA",
        "/C:/secret",
        "/c%3a%5csecret",
        "/CON",
        "/file:///etc/passwd",
        "/~root/",
        "/a%2etxt%2f",
        &absolute,
    ] {
        let response = get(&files, path);
        assert_eq!(response.status(), 404, "{path}");
        assert!(!text(response).contains("secret"), "{path}");
    }
    assert_eq!(text(get(&files, "/%61.txt")), "a");
    let listing = text(get(&files, "/"));
    for hidden in ["link", "etc", "environ", "fifo", ".env", ".git"] {
        assert!(!listing.contains(&format!(">{hidden}")), "{hidden}: {listing}");
    }
    assert_eq!(text(get(&Files::new(&root).hidden_files(true), "/.env")), "secret");
}

#[test]
fn h08_hostile_names_are_listed_and_served() {
    let names = [
        "a b",
        "ä",
        "a&b",
        "<b>",
        "\"q\"",
        "'q'",
        "a?b",
        "a#b",
        "a%20b",
        "a:b",
        "a\\b",
        "con",
        "a+b",
        "x;y=z",
        "-rf",
        "new\nline",
        "tab\t",
        "javascript:alert(1)",
        "\u{202e}txt",
        "a.html.",
        " ",
    ];
    let mut folder = Folder::new();
    for name in names {
        folder = folder.with(name, name);
    }
    use std::os::unix::ffi::OsStrExt;
    let binary = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    fs::write(folder.path().join(binary), "binary").unwrap();
    let files = Files::new(folder.path()).listing(true);
    let page = text(get(&files, "/"));
    let links: Vec<_> =
        page.split("<a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(links.len(), names.len() + 1, "{page}");
    let mut found: Vec<_> =
        links.iter().map(|link| text(get(&files, &format!("/{link}")))).collect();
    let mut expected: Vec<_> = names.iter().map(|name| name.to_string()).collect();
    expected.push("binary".to_owned());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert!(!page.contains("<b>") && !page.contains('\u{202e}') && !page.contains("<script"));
}

#[test]
fn h08_directories() {
    let folder =
        Folder::new().with("d/index.html", "index").with("e/f.txt", "f").with("g/home.htm", "home");
    let files = Files::new(folder.path());
    for (path, location) in [("/d", "./d/"), ("/d?a=b&c", "./d/?a=b&c"), ("/e", "./e/")] {
        let response = get(&files, path);
        assert_eq!(response.status(), 308, "{path}");
        assert_eq!(field(response.headers(), "location"), Some(location));
    }
    let index = get(&files, "/d/");
    assert_eq!(field(index.headers(), "content-type"), Some("text/html; charset=utf-8"));
    assert!(field(index.headers(), "etag").is_some());
    assert_eq!(text(index), "index");
    assert_eq!(get(&files, "/e/").status(), 404);
    assert_eq!(get(&files, "/").status(), 404);
    let named = Files::new(folder.path()).index(["start.html", "home.htm"]);
    assert_eq!(text(get(&named, "/g/")), "home");
    assert_eq!(get(&named, "/d/").status(), 404);
    let listed = Files::new(folder.path()).listing(true);
    let page = get(&listed, "/e/");
    assert_eq!(field(page.headers(), "content-type"), Some("text/html; charset=utf-8"));
    assert!(field(page.headers(), "content-security-policy").is_some());
    let page = text(page);
    assert!(
        page.contains("<a href=\"f.txt\">f.txt</a>") && page.contains("href=\"../\""),
        "{page}"
    );
    assert_eq!(text(get(&listed, "/d/")), "index");
}

#[test]
fn h08_a_root_that_is_replaced_is_followed() {
    let folder = Folder::new().with("v1/a", "one").with("v2/a", "two");
    let current = folder.path().join("current");
    let files = Files::new(&current);
    assert_eq!(get(&files, "/a").status(), 500);
    symlink("v1", &current).unwrap();
    assert_eq!(text(get(&files, "/a")), "one");
    symlink("v2", folder.path().join("next")).unwrap();
    fs::rename(folder.path().join("next"), &current).unwrap();
    assert_eq!(text(get(&files, "/a")), "two");
}

#[test]
fn h08_a_file_that_may_not_be_read_is_a_403() {
    let folder = Folder::new().with("a", "x");
    let path = folder.path().join("a");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let expected = if fs::read(&path).is_ok() { 200 } else { 403 }; // root may read everything
    assert_eq!(get(&Files::new(folder.path()), "/a").status(), expected);
}

#[test]
fn h08_compressed_siblings_by_accept_encoding() {
    let folder = Folder::new().with("a.js", "plain").with("a.js.br", "br").with("a.js.gz", "gzip");
    let folder =
        folder.with("b.js", "plain b").with("index.html", "i").with("index.html.zst", "zst");
    let files = Files::new(folder.path()).precompressed(true);
    let mut tags = std::collections::HashSet::new();
    for (accepted, coding, body) in [
        (None, None, "plain"),
        (Some("br, gzip"), Some("br"), "br"),
        (Some("gzip, br;q=0.5"), Some("gzip"), "gzip"),
        (Some("zstd"), None, "plain"),
        (Some("br;q=0, *"), Some("gzip"), "gzip"),
        (Some("identity, br;q=0.5"), None, "plain"),
    ] {
        let fields: Vec<_> = accepted.iter().map(|value| ("accept-encoding", *value)).collect();
        let response = call(&files, "GET", "/a.js", &fields);
        assert_eq!(field(response.headers(), "content-encoding"), coding, "{accepted:?}");
        assert_eq!(field(response.headers(), "vary"), Some("accept-encoding"));
        let kind = field(response.headers(), "content-type");
        assert_eq!(kind, Some("text/javascript; charset=utf-8"));
        tags.insert(field(response.headers(), "etag").unwrap().to_owned());
        assert_eq!(text(response), body, "{accepted:?}");
    }
    assert_eq!(tags.len(), 3);
    let br = [("accept-encoding", "br, zstd")];
    let other = call(&files, "GET", "/b.js", &br);
    assert_eq!(field(other.headers(), "content-encoding"), None);
    assert_eq!(field(other.headers(), "vary"), Some("accept-encoding"));
    assert_eq!(text(call(&files, "GET", "/", &br)), "zst");
    // Without the plain file there is none.
    fs::remove_file(folder.path().join("a.js")).unwrap();
    assert_eq!(call(&files, "GET", "/a.js", &br).status(), 404);
    let off = Files::new(folder.path());
    assert_eq!(text(call(&off, "GET", "/", &br)), "i");
}

#[test]
fn h08_options_of_the_response() {
    let folder = Folder::new().with("a.foo", "x").with("b", "x").with("c.html", "x");
    let files = Files::new(folder.path())
        .nosniff(true)
        .cache_control("public, max-age=31536000, immutable")
        .content_type("foo", "application/foo")
        .content_type("html", "text/html");
    for (path, kind) in [
        ("/a.foo", "application/foo"),
        ("/b", "application/octet-stream"),
        ("/c.html", "text/html"),
    ] {
        let response = get(&files, path);
        assert_eq!(field(response.headers(), "content-type"), Some(kind));
        assert_eq!(field(response.headers(), "x-content-type-options"), Some("nosniff"));
        let policy = field(response.headers(), "cache-control");
        assert_eq!(policy, Some("public, max-age=31536000, immutable"));
    }
    assert_eq!(field(get(&files, "/missing").headers(), "cache-control"), None);
}

#[test]
fn h08_markup_in_a_file_without_a_known_type_is_no_html() {
    let folder = Folder::new().with("a", "<html><script>alert(1)</script>");
    let response = get(&Files::new(folder.path()), "/a");
    assert_eq!(field(response.headers(), "content-type"), Some("application/octet-stream"));
}

#[test]
fn h08_a_single_file() {
    let folder = Folder::new().with("app.html", "app").with("app.html.gz", "zip");
    let path = folder.path().join("app.html");
    let files = Files::file(&path).precompressed(true);
    for url in ["/", "/app.html", "/any/where", "/..", "/.hidden"] {
        assert_eq!(text(get(&files, url)), "app", "{url}");
    }
    assert_eq!(text(call(&files, "GET", "/", &[("accept-encoding", "gzip")])), "zip");
    assert_eq!(get(&Files::file("/nowhere/at/all"), "/").status(), 404);
    assert_eq!(get(&Files::file(folder.path()), "/").status(), 404);
    assert_eq!(get(&Files::file("/dev/zero"), "/").status(), 404);
}

#[test]
fn h08_embedded_files() {
    use std::time::{Duration, UNIX_EPOCH};
    let files = Files::embedded(&[
        ("index.html", b"<h1>site</h1>"),
        ("css/site.css", b"h1 {}"),
        ("css/site.css.br", b"compressed"),
        ("/same.css", b"h1 {}"),
        (".hidden", b"x"),
        ("empty.txt", b""),
    ]);
    let files = files.listing(true).precompressed(true);
    assert_eq!(text(get(&files, "/")), "<h1>site</h1>");
    let css = get(&files, "/css/site.css");
    assert_eq!(field(css.headers(), "content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(field(css.headers(), "last-modified"), None);
    let etag = css.headers()["etag"].clone();
    assert_eq!(etag, get(&files, "/same.css").headers()["etag"]);
    let fields = [("if-none-match", etag.to_str().unwrap())];
    assert_eq!(call(&files, "GET", "/css/site.css", &fields).status(), 304);
    assert_eq!(text(call(&files, "GET", "/css/site.css", &[("range", "bytes=1-2")])), "1 ");
    assert_eq!(
        text(call(&files, "GET", "/css/site.css", &[("accept-encoding", "br")])),
        "compressed"
    );
    assert_eq!(get(&files, "/css").status(), 308);
    let listing = text(get(&files, "/css/"));
    assert!(listing.contains("site.css</a></td><td class=\"n\">5</td>"), "{listing}");
    for missing in ["/.hidden", "/css/x", "/index.html/", "/css/../index.html", "/c"] {
        assert_eq!(get(&files, missing).status(), 404, "{missing}");
    }
    assert_eq!(text(get(&files, "/empty.txt")), "");
    let dated =
        Files::embedded(&[("a", b"x")]).modified(UNIX_EPOCH + Duration::from_secs(784_111_777));
    let response = get(&dated, "/a");
    assert_eq!(field(response.headers(), "last-modified"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
}
