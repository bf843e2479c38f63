//! Paths of URLs, hostile ones among them.

use std::path::Path;

use super::*;

fn located(path: &str) -> Option<(String, bool)> {
    let location = Location::of_url(path, false)?;
    Some((location.path.to_str()?.to_owned(), location.slash))
}

#[test]
fn h08_a_path_names_one_file() {
    for (path, file, slash) in [
        ("/", "", true),
        ("/a", "a", false),
        ("/a/", "a", true),
        ("/a/b.txt", "a/b.txt", false),
        ("/a%20b", "a b", false),
        ("/%C3%A4", "ä", false),
        ("/a+b", "a+b", false),
        ("/%61", "a", false),
        // Decoded once.
        ("/%2561", "%61", false),
        ("/%252e%252e/a", "%2e%2e/a", false),
        ("/%252f", "%2f", false),
        // Not an encoding.
        ("/%", "%", false),
        ("/%zz", "%zz", false),
        ("/%2", "%2", false),
        ("/.well-known/acme-challenge/x", ".well-known/acme-challenge/x", false),
        ("/~root", "~root", false),
        ("/a;b=c", "a;b=c", false),
        ("/a%23b", "a#b", false),
    ] {
        let location = Location::of_url(path, false).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((location.path.as_path(), location.slash), (Path::new(file), slash), "{path}");
    }
}

#[test]
fn h08_a_path_that_leads_elsewhere_names_nothing() {
    for path in [
        "",
        "a",
        "*",
        "..",
        "//",
        "///",
        "/..",
        "/../",
        "/.",
        "/./",
        "/./a",
        "/a/.",
        "/a/..",
        "/a/../b",
        "/a/../../b",
        "/../a",
        "//a",
        "/a//b",
        "/a//",
        "//etc/passwd",
        "//host/share",
        "/%2e",
        "/%2e%2e",
        "/%2E%2E/a",
        "/.%2e/a",
        "/%2e./a",
        "/a/%2e%2e/%2e%2e/b",
        "/%2f",
        "/%2fetc%2fpasswd",
        "/a%2fb",
        "/a%2Fb",
        "/..%2f..%2fetc",
        "/%2e%2e%2fa",
        "/%00",
        "/a%00",
        "/a%00.txt",
        "/a.txt%00.html",
        "/.git",
        "/.git/config",
        "/a/.env",
        "/%2egit/config",
        "/.htaccess",
        "/a/.well-known/b",
        "/.well-known/.git",
    ] {
        assert_eq!(located(path), None, "{path}");
    }
}

#[test]
fn h08_hidden_files_by_option() {
    assert_eq!(Location::of_url("/.a/.b", true).unwrap().path, Path::new(".a/.b"));
    for path in ["/.", "/..", "/a/..", "/%2e%2e"] {
        assert_eq!(Location::of_url(path, true), None, "{path}");
    }
}

#[cfg(unix)]
#[test]
fn h08_a_name_on_unix_may_have_any_character() {
    for (path, file) in [("/...", "..."), ("/a..", "a.."), ("/a%3fb", "a?b"), ("/nul", "nul")] {
        assert_eq!(Location::of_url(path, true).unwrap().path, Path::new(file), "{path}");
    }
}

#[cfg(windows)]
#[test]
fn h08_a_url_names_only_ordinary_files_on_windows() {
    for path in [
        "/...",
        "/a..",
        "/a%20",
        "/a%3fb",
        "/nul",
        "/a/con.txt",
        "/c:",
        "/c:/windows",
        "/c%3a%5cwindows",
        "/a::$DATA",
        "/a%3a%3a$DATA",
        "/..%5ca",
        "/a%5c..%5c..%5cb",
        "/%5c%5chost%5cshare",
        "/PROGRA~1/a",
        "/%ff",
    ] {
        assert_eq!(Location::of_url(path, true), None, "{path}");
    }
}

#[cfg(unix)]
#[test]
fn h08_a_name_need_not_be_utf_8_on_unix() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    for (path, name) in [("/%ff", &b"\xff"[..]), ("/a%80b", b"a\x80b"), ("/a%5cb", b"a\\b")] {
        let location = Location::of_url(path, false).unwrap();
        assert_eq!(location.path.as_os_str(), OsStr::from_bytes(name), "{path}");
        assert_eq!(encode(name_bytes(location.path.as_os_str())).to_lowercase(), path[1..]);
    }
}

#[test]
fn h08_a_redirect_stays_at_its_place() {
    assert_eq!(with_slash("/a/b", None), "./b/");
    assert_eq!(with_slash("/a/b", Some("x=1&y")), "./b/?x=1&y");
    assert_eq!(with_slash("//evil.example", None), "./evil.example/");
    assert_eq!(with_slash("/javascript:x", None), "./javascript:x/");
}

#[test]
fn h08_a_link_contains_no_markup_and_no_separator() {
    assert_eq!(encode(b"a b"), "a%20b");
    assert_eq!(encode("<ä>\"'&:/?#%".as_bytes()), "%3C%C3%A4%3E%22%27%26%3A%2F%3F%23%25");
    assert_eq!(encode(b"A-z_0.9~"), "A-z_0.9~");
}
