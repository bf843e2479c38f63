//! Patterns that a router refuses.

use hangup::Router;

use super::{add, router};

/// Returns the error of the last pattern.
#[track_caller]
fn refused(patterns: &[&str]) -> hangup::router::PatternError {
    let (last, first) = patterns.split_last().unwrap();
    add(&mut router(first), last).expect_err(last)
}

const CONFLICTS: &[(&str, &str)] = &[
    ("/", "/"),
    ("/", "/{x...}"),
    ("/{x...}", "/{y...}"),
    ("/{$}", "/{$}"),
    ("/a", "/a"),
    ("/a", "/%61"),
    ("/a%2Fb", "/a%2fb"),
    ("/café", "/caf%C3%A9"),
    ("/{x}", "/{y}"),
    ("/a/", "/a/{x...}"),
    ("/a/{x}", "/a/{y}"),
    ("/a/{x}/b", "/a/{y}/b"),
    ("GET /a", "GET /a"),
    ("GET /a", "GET  /a"),
    ("FROB /a", "FROB /a"),
    ("h/a", "h/a"),
    ("h/a", "H/a"),
    ("h/a", "h./a"),
    ("[::1]/a", "[0:0:0:0:0:0:0:1]/a"),
    ("GET h/{x}", "GET h/{y}"),
    ("/a/{x}", "/{y}/b"),
    ("/{x}/b", "/a/{y}"),
    ("/{x}/b/{y}", "/a/{z}/c"),
    ("/{x}/b/", "/a/{y}/"),
    ("/{x}/b/", "/a/"),
    ("/a/", "/{x}/b"),
    ("/a/", "/{x}/{y}"),
    ("/a/", "/{x}/{$}"),
    ("/a/{rest...}", "/{x}/b/c"),
    ("/{x}/a/{$}", "/b/"),
    ("/a/b/", "/a/{x}/c"),
    ("/a/{x}/c", "/a/b/{y...}"),
    ("/a/b/{x}", "/a/{y}/c"),
    ("/{a}/{b}/c", "/{a}/b/{c}"),
    ("/a/{b}/c/", "/a/b/{c}/d"),
    ("GET /", "/a"),
    ("GET /", "/a/"),
    ("GET /", "/{x}"),
    ("GET /", "/{$}"),
    ("GET /{x}", "/a"),
    ("GET /a/", "/a/b"),
    ("GET /a/{x}", "/a/b"),
    ("GET /{x...}", "/a/{y...}"),
    ("POST /{x}", "/a"),
    ("POST /", "/a/{x}"),
    ("HEAD /", "GET /a"),
    ("HEAD /{x}", "GET /a"),
    ("HEAD /a/", "GET /a/b"),
    ("HEAD /", "/a"),
    ("CONNECT /", "/a"),
    ("GET h/", "h/a"),
    ("GET h/{x}", "h/a"),
    ("h/a/{x}", "h/{y}/b"),
    ("HEAD h/{x}", "GET h/a"),
    ("GET /a/{x}", "GET /{y}/b"),
    ("GET /a/{x}", "/{y}/b"),
    ("GET /a/{x}", "HEAD /{y}/b"),
    ("GET /{x}/b/", "GET /a/{y}/"),
    ("PUT /a/", "PUT /{x}/b"),
    ("/a/{x}/{y}/d", "/{w}/b/c/{z}"),
    ("/a/b/c/d/{x}", "/a/b/{y}/d/e"),
    ("/{a}/b/{c}/d", "/a/{b}/{c}/"),
    ("/a/b/c/", "/{x}/b/c/d"),
];

const DISTINCT: &[(&str, &str)] = &[
    ("/a", "/b"),
    ("/{a}/b/{c}", "/a/{b}/{c}/"),
    ("/{x}/", "/a/"),
    ("/{x}/{rest...}", "/a/"),
    ("/a", "/a/"),
    ("/a", "/a/{$}"),
    ("/a/", "/a/{$}"),
    ("/a", "/{x}"),
    ("/a", "/A"),
    ("/a/b", "/a%2Fb"),
    ("/{$}", "/{x}"),
    ("/{$}", "/"),
    ("/{x}/{$}", "/{x}"),
    ("/{x}/{$}", "/{x}/{y}"),
    ("/", "/a/"),
    ("/", "GET /"),
    ("GET /a", "/a"),
    ("GET /a", "HEAD /a"),
    ("GET /a", "POST /a"),
    ("GET /a", "/"),
    ("GET /a", "/a/"),
    ("GET /a", "GET /{x}"),
    ("GET /{x}", "POST /a"),
    ("HEAD /a", "GET /"),
    ("HEAD /a", "GET /{x}"),
    ("POST /a/{x}", "GET /{y}/b"),
    ("h/a", "/a"),
    ("h/a/{x}", "/{y}/b"),
    ("h/a", "i/a"),
    ("GET h/", "/a"),
    ("/a/{x}", "/b/{x}"),
    ("/a/{x}", "/{y}/b/c"),
    ("/a/{x}/c", "/{y}/b/d"),
    ("/a/b/", "/a/{x}"),
    ("/{a}/{b}/c", "/{a}/b/d"),
    ("/a/{rest...}", "/a/{x}/b"),
];

#[test]
fn h06_a_conflict_is_refused_with_both_patterns() {
    assert!(CONFLICTS.len() >= 60);
    for &(one, other) in CONFLICTS {
        for (first, second) in [(one, other), (other, one)] {
            let error = refused(&[first, second]);
            assert_eq!((error.pattern(), error.conflicts_with()), (second, Some(first)));
            assert_eq!(error.position(), None);
            let text = error.to_string();
            let start =
                format!("pattern {second:?} conflicts with {first:?} of tests/handlers/router/");
            assert!(text.starts_with(&start), "{text}");
        }
    }
}

#[test]
fn h06_patterns_that_are_told_apart_are_taken() {
    for &(one, other) in DISTINCT {
        router(&[one, other]);
        router(&[other, one]);
    }
}

#[test]
fn h06_a_conflict_is_explained_by_requests() {
    for (first, second, why) in [
        ("/{x}", "/{y}", "both match the same requests"),
        (
            "/{x}/b",
            "/a/{y}",
            r#"both match "GET /a/b", only "/a/{y}" matches "GET /a/y", and only "/{x}/b" matches "GET /x/b""#,
        ),
        (
            "GET /",
            "/index.html",
            r#"both match "GET /index.html", only "/index.html" matches "POST /index.html", and only "GET /" matches "GET /""#,
        ),
        (
            "HEAD /{x}",
            "GET /a",
            r#"both match "HEAD /a", only "GET /a" matches "GET /a", and only "HEAD /{x}" matches "HEAD /x""#,
        ),
        (
            "/a/",
            "/{x}/{$}",
            r#"both match "GET /a/", only "/{x}/{$}" matches "GET /x/", and only "/a/" matches "GET /a/x""#,
        ),
    ] {
        let text = refused(&[first, second]).to_string();
        assert!(text.ends_with(&format!(": {why}")), "{text}");
    }
}

#[test]
fn h06_an_invalid_pattern_is_refused_with_the_place() {
    for (pattern, at, why) in [
        ("", 0, "it is empty"),
        ("GET", 0, "the path is missing, which begins with a slash"),
        ("a", 0, "the path is missing, which begins with a slash"),
        ("GET a", 4, "the path is missing, which begins with a slash"),
        ("GET ", 4, "the path is missing, which begins with a slash"),
        ("{x}", 0, "the path is missing, which begins with a slash"),
        (" /a", 0, "\"\" is not a method"),
        ("G(T /a", 0, "\"G(T\" is not a method"),
        ("/a b", 0, "\"/a\" is not a method"),
        ("GÉT /a", 0, "\"GÉT\" is not a method"),
        ("get /a", 0, "the method \"get\" is not in upper case"),
        ("Post /a", 0, "the method \"Post\" is not in upper case"),
        ("GET /a b", 6, "a blank or a control character is not percent-encoded"),
        ("GET /a ", 6, "a blank or a control character is not percent-encoded"),
        ("/a\n", 2, "a blank or a control character is not percent-encoded"),
        ("/a\0", 2, "a blank or a control character is not percent-encoded"),
        ("{x}/a", 0, "the host has a wildcard; a path begins with a slash"),
        ("GET h:80/a", 4, "the host has a port, which does not count"),
        ("[::1]:80/a", 0, "the host has a port, which does not count"),
        ("[::1/a", 0, "the IPv6 address has no closing bracket"),
        ("[x]/a", 0, "the host is not an IPv6 address"),
        ("::1/a", 0, "the host has a port, which does not count"),
        ("größe.de/a", 0, "the host is not in ASCII; write its Punycode"),
        ("a@b/a", 0, "the host has a character that no host has"),
        ("./a", 0, "the host has a character that no host has"),
        ("http://h/a", 0, "the host has a port, which does not count"),
        ("//a", 0, "the path has an empty segment, \".\" or \"..\", and so it matches no request"),
        (
            "GET /a//b",
            4,
            "the path has an empty segment, \".\" or \"..\", and so it matches no request",
        ),
        (
            "/a/./b",
            0,
            "the path has an empty segment, \".\" or \"..\", and so it matches no request",
        ),
        (
            "/a/..",
            0,
            "the path has an empty segment, \".\" or \"..\", and so it matches no request",
        ),
        ("/{", 1, "the wildcard has no closing brace"),
        ("/a/{x", 3, "the wildcard has no closing brace"),
        ("/{x/y}", 1, "the wildcard has no closing brace"),
        ("/a{x}", 2, "a wildcard is a whole segment"),
        ("/{x}b", 1, "a wildcard is a whole segment"),
        ("/{x}{y}", 2, "the wildcard's name is not an identifier"),
        ("/a}", 2, "a closing brace without an opening one"),
        ("/{}", 1, "the wildcard has no name"),
        ("/{...}", 1, "the wildcard has no name"),
        ("/{x...}/a", 1, "a wildcard with dots is not at the end"),
        ("/{x...}/", 1, "a wildcard with dots is not at the end"),
        ("/{$}/a", 1, "{$} is not at the end"),
        ("/{$}/", 1, "{$} is not at the end"),
        ("/{$...}", 1, "{$} has no dots"),
        ("/{1}", 2, "the wildcard's name is not an identifier"),
        ("/{a-b}", 2, "the wildcard's name is not an identifier"),
        ("/{a b}", 0, "\"/{a\" is not a method"),
        ("/{a..}", 2, "the wildcard's name is not an identifier"),
        ("/{x}/{x}", 6, "two wildcards have the same name"),
        ("GET h/{x}/a/{x...}", 13, "two wildcards have the same name"),
        ("/a?b", 2, "a pattern has no query and no fragment"),
        ("/a#b", 2, "a pattern has no query and no fragment"),
        ("/a%", 2, "invalid percent-encoding"),
        ("/a/%zz", 3, "invalid percent-encoding"),
    ] {
        let error = refused(&[pattern]);
        assert_eq!((error.pattern(), error.position()), (pattern, Some(at)), "{error}");
        assert_eq!(error.conflicts_with(), None);
        let text = format!("invalid pattern {pattern:?} at byte {at}: {why}");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn h06_a_refused_pattern_changes_nothing() {
    let mut router = router(&["/a/{x}"]);
    add(&mut router, "/{y}/b").unwrap_err();
    router.try_nest("/a", Router::new()).map(drop).unwrap();
    router.try_nest("/a/", Router::new()).map(drop).unwrap_err();
    assert_eq!(super::ask(&router, "GET /c/b"), "404");
    add(&mut router, "/c/b").unwrap();
    assert_eq!(super::ask(&router, "GET /c/b"), "/c/b");
    assert_eq!(super::ask(&router, "GET /a/b"), "/a/{x} x=b");
}

#[test]
#[should_panic(
    expected = r#"pattern "/{y}" conflicts with "/{x}" of tests/handlers/router/conflicts.rs:"#
)]
fn h06_a_conflict_panics_where_it_is_registered() {
    let _ = Router::new().respond("/{x}", |_| Ok("")).route("/{y}", |_, _| Ok(()));
}
