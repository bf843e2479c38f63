//! The path of a cookie, and the paths of requests that have it.

use super::*;

#[test]
fn c11_the_default_path_is_the_folder_of_the_request() {
    for (from, path) in [
        ("http://a.example", "/"),
        ("http://a.example/", "/"),
        ("http://a.example/x", "/"),
        ("http://a.example/x/", "/x"),
        ("http://a.example/x/y", "/x"),
        ("http://a.example/x/y/", "/x/y"),
        ("http://a.example/x//y", "/x/"),
        ("http://a.example//", "/"),
        ("http://a.example/x?y/z", "/"),
        ("http://a.example/x/y?z", "/x"),
        ("http://a.example/x%2Fy", "/"),
    ] {
        for field in ["a=b", "a=b; Path", "a=b; Path=", "a=b; Path=x", "a=b; Path=/q; Path=x"] {
            let mut state = State::default();
            set(&mut state, from, field).unwrap();
            assert_eq!(state.all(at(0))[0].path(), path, "{from} {field}");
        }
    }
}

#[test]
fn c11_a_cookie_goes_to_its_path_and_below() {
    const FROM: &str = "http://a.example/";
    check(&[
        (FROM, &["a=b; Path=/x"], "http://a.example/x", "a=b"),
        (FROM, &["a=b; Path=/x"], "http://a.example/x/", "a=b"),
        (FROM, &["a=b; Path=/x"], "http://a.example/x/y", "a=b"),
        (FROM, &["a=b; Path=/x"], "http://a.example/x?y", "a=b"),
        (FROM, &["a=b; Path=/x"], "http://a.example/xy", ""),
        (FROM, &["a=b; Path=/x"], "http://a.example/", ""),
        (FROM, &["a=b; Path=/x"], "http://a.example/y/x", ""),
        (FROM, &["a=b; Path=/x"], "http://a.example/X", ""),
        (FROM, &["a=b; Path=/x"], "http://a.example/%78", ""),
        (FROM, &["a=b; Path=/x/"], "http://a.example/x", ""),
        (FROM, &["a=b; Path=/x/"], "http://a.example/x/", "a=b"),
        (FROM, &["a=b; Path=/x/"], "http://a.example/x/y", "a=b"),
        (FROM, &["a=b; Path=/x//"], "http://a.example/x/", ""),
        (FROM, &["a=b; Path=/x?y"], "http://a.example/x?y", ""),
        (FROM, &["a=b; Path=/x%20y"], "http://a.example/x%20y", "a=b"),
        (FROM, &["a=b; Path=/x y"], "http://a.example/x%20y", ""),
        (FROM, &["a=b; Path=/"], "http://a.example/x/y/z", "a=b"),
        (FROM, &["a=b; Path=/x; Path=/y"], "http://a.example/y", "a=b"),
        (FROM, &["a=b; Path=/x; Path=/y"], "http://a.example/x", ""),
        (FROM, &["a=b; Path=\"/x\""], "http://a.example/y", "a=b"),
        (FROM, &["a=b; path=/x"], "http://a.example/x", "a=b"),
        (FROM, &["a=b; PATH=/x "], "http://a.example/x", "a=b"),
        // A path that the request does not have is no reason to refuse.
        ("http://a.example/q/r", &["a=b; Path=/x"], "http://a.example/x", "a=b"),
        ("http://a.example/q/r", &["a=b"], "http://a.example/q/s", "a=b"),
        ("http://a.example/q/r", &["a=b"], "http://a.example/q", "a=b"),
        ("http://a.example/q/r", &["a=b"], "http://a.example/qq", ""),
        ("http://a.example/q/r", &["a=b"], "http://a.example/", ""),
        // Each path has a cookie of the same name.
        (FROM, &["a=b; Path=/", "a=c; Path=/x"], "http://a.example/x", "a=c; a=b"),
        (FROM, &["a=b; Path=/x", "a=c; Path=/x/"], "http://a.example/x/", "a=c; a=b"),
    ]);
}
