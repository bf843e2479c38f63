//! `CrossOriginProtection`.

use hangup::HandlerExt;
use hangup::layers::CrossOriginProtection;

use super::{call, handled, request, text};

/// The name of the request's host.
const HOST: &str = "example.com";

/// Method, Sec-Fetch-Site, Origin, status. A dash is no header.
const TABLE: &[(&str, &str, &str, u16)] = &[
    // By Sec-Fetch-Site.
    ("POST", "same-origin", "-", 200),
    ("POST", "none", "-", 200),
    ("POST", "cross-site", "-", 403),
    ("POST", "same-site", "-", 403),
    ("POST", "SAME-ORIGIN", "-", 403),
    ("POST", "same-origin, cross-site", "-", 403),
    ("POST", "something-new", "-", 403),
    ("PUT", "same-origin", "-", 200),
    ("PUT", "cross-site", "-", 403),
    ("PATCH", "same-site", "-", 403),
    ("DELETE", "none", "-", 200),
    ("DELETE", "cross-site", "-", 403),
    ("QUERY", "cross-site", "-", 403),
    ("get", "cross-site", "-", 403),
    // It decides, whatever the Origin is.
    ("POST", "same-origin", "https://evil.example", 200),
    ("POST", "none", "null", 200),
    ("POST", "cross-site", "https://example.com", 403),
    ("POST", "same-site", "https://www.example.com", 403),
    // An empty one is none.
    ("POST", "", "-", 200),
    ("POST", "", "https://example.com", 200),
    ("POST", "", "https://evil.example", 403),
    // By Origin and Host.
    ("POST", "-", "-", 200),
    ("POST", "-", "", 200),
    ("POST", "-", "https://example.com", 200),
    ("POST", "-", "http://example.com", 200),
    ("POST", "-", "https://EXAMPLE.com", 200),
    ("POST", "-", "https://example.com:8443", 403),
    ("POST", "-", "https://example.com:443", 403),
    ("POST", "-", "https://www.example.com", 403),
    ("POST", "-", "https://example.com.evil.example", 403),
    ("POST", "-", "https://evilexample.com", 403),
    ("POST", "-", "https://example.com/", 403),
    ("POST", "-", "https://evil@example.com", 403),
    ("POST", "-", "example.com", 403),
    ("POST", "-", "://example.com", 200),
    ("POST", "-", "null", 403),
    ("POST", "-", "https://", 403),
    ("POST", "-", "https://example.com https://evil.example", 403),
    ("PUT", "-", "https://evil.example", 403),
    ("PATCH", "-", "https://evil.example", 403),
    ("DELETE", "-", "https://evil.example", 403),
    // Safe methods.
    ("GET", "cross-site", "-", 200),
    ("HEAD", "cross-site", "-", 200),
    ("OPTIONS", "cross-site", "-", 200),
    ("GET", "-", "https://evil.example", 200),
    ("HEAD", "same-site", "https://evil.example", 200),
    ("OPTIONS", "cross-site", "null", 200),
];

fn headers<'a>(site: &'a str, origin: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![("host", HOST)];
    headers.extend((site != "-").then_some(("sec-fetch-site", site)));
    headers.extend((origin != "-").then_some(("origin", origin)));
    headers
}

#[test]
fn h09_forged_requests_are_refused() {
    let handler = handled.layer(CrossOriginProtection::new());
    for &(method, site, origin, status) in TABLE {
        let response = call(&handler, request(method, &headers(site, origin)));
        assert_eq!(response.status(), status, "{method} {site} {origin}");
        let expected = match status {
            200 if method == "HEAD" => "",
            200 => "handled",
            _ if site == "-" || site.is_empty() => {
                "cross-origin request: the Origin is not that of the Host\n"
            }
            _ => "cross-origin request\n",
        };
        assert_eq!(text(response), expected, "{method} {site} {origin}");
    }
}

#[test]
fn h09_trusted_origins_and_exempt_requests_pass() {
    let handler = handled.layer(
        CrossOriginProtection::new()
            .trust("https://trusted.example")
            .trust("http://localhost:3000")
            .exempt(|r| r.headers().contains_key("x-hook")),
    );
    for (site, origin, hook, status) in [
        ("cross-site", "https://trusted.example", false, 200),
        ("cross-site", "http://localhost:3000", false, 200),
        ("-", "https://trusted.example", false, 200),
        ("same-site", "https://trusted.example", false, 200),
        ("cross-site", "http://trusted.example", false, 403),
        ("cross-site", "https://trusted.example:444", false, 403),
        ("cross-site", "https://trusted.example.evil", false, 403),
        ("cross-site", "https://TRUSTED.example", false, 403),
        ("cross-site", "http://localhost", false, 403),
        ("-", "null", false, 403),
        ("cross-site", "-", false, 403),
        ("cross-site", "-", true, 200),
        ("-", "https://evil.example", true, 200),
    ] {
        let mut headers = headers(site, origin);
        headers.extend(hook.then_some(("x-hook", "1")));
        let response = call(&handler, request("POST", &headers));
        assert_eq!(response.status(), status, "{site} {origin}");
    }
}

/// An HTTP/1.0 request has no Host.
#[test]
fn h09_an_origin_without_a_host_to_compare_is_refused() {
    let handler = handled.layer(CrossOriginProtection::new());
    for (origin, host) in
        [("https://a", None), ("null", None), ("null", Some("")), ("https://", Some(""))]
    {
        let mut headers = vec![("origin", origin)];
        headers.extend(host.map(|host| ("host", host)));
        assert_eq!(call(&handler, request("POST", &headers)).status(), 403, "{origin} {host:?}");
    }
}

#[test]
#[should_panic(expected = "an origin has no path")]
fn h09_an_origin_that_never_matches_is_refused_at_once() {
    let _ = CrossOriginProtection::new().trust("https://trusted.example/");
}
