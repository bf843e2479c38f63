//! Unusual requests, over FastCGI and CGI as over HTTP.

use std::io::{self, Read, Write};

use hangup::testing::stream_pair;
use hangup::{Body, Handler, Request, RequestExt, ResponseWriter, Result, Router, cgi};

use super::raw::{PARAMS, STDIN, begin, pairs, record};
use super::{path, serve};
use crate::support::alone;

/// Returns the head and the body of the response, over FastCGI and over CGI.
fn ask(
    handler: fn(&mut ResponseWriter, &mut Request) -> Result<()>,
    variables: &[(&str, &str)],
) -> [(String, String); 2] {
    let (_server, mut web_server) = serve(handler);
    let params = [record(PARAMS, 1, &pairs(variables)), record(PARAMS, 1, &[])].concat();
    web_server.send([begin(1, 1, true), params, record(STDIN, 1, &[])].concat());
    let answer = web_server.expect_answer(1);

    let (out, mut written) = stream_pair();
    cgi::serve_with(handler, variables.iter().copied(), io::empty(), out, io::sink()).unwrap();
    let mut text = String::new();
    written.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    [(answer.head, answer.body), (head.to_owned(), body.to_owned())]
}

fn request<'a>(method: &'a str, target: &'a str) -> [(&'a str, &'a str); 3] {
    [("REQUEST_METHOD", method), ("REQUEST_URI", target), ("HTTP_HOST", "b.test")]
}

#[test]
fn f01_stray_characters_are_the_same_in_path_and_query_and_over_http() {
    alone!();
    for byte in (0x21..0x7f).map(char::from).filter(|byte| *byte != '?') {
        for (before, path_of_it) in [("/a", format!("/a{byte}")), ("/?a", "/".to_owned())] {
            for (head, body) in ask(path, &request("GET", &format!("{before}{byte}"))) {
                if "\"#<>`".contains(byte) {
                    assert!(head.starts_with("Status: 400 "), "{before}{byte}: {head}");
                } else {
                    assert!(head.starts_with("Status: 200 "), "{before}{byte}: {head}");
                    assert_eq!(body, path_of_it);
                }
            }
        }
    }
    for target in ["/caf\u{e9}", "/a b", "/a\u{7f}", "http://user@a.test/", "path"] {
        for (head, _) in ask(path, &request("GET", target)) {
            assert!(head.starts_with("Status: 400 "), "{target}: {head}");
        }
    }
}

#[test]
fn f01_the_authority_of_an_absolute_target_replaces_host() {
    alone!();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        Ok(write!(w, "{} {:?}", r.uri(), r.headers().get("host"))?)
    };
    for (_, body) in ask(handler, &request("GET", "http://a.test:81/p")) {
        assert_eq!(body, "http://a.test:81/p Some(\"a.test:81\")");
    }
    for (_, body) in ask(handler, &request("GET", "/p")) {
        assert_eq!(body, "/p Some(\"b.test\")");
    }
}

#[test]
fn h06_a_router_is_the_same_as_over_http() {
    alone!();
    fn routed(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        let items =
            Router::new().respond("GET /{id}", |r| Ok(r.path_value("id").map(str::to_owned)));
        Router::new().nest("/items", items).respond("b.test/docs/", |_| Ok("docs")).handle(w, r)
    }
    for (method, target, status, shown) in [
        ("GET", "/items/a%2Fb?q", 200, "a/b"),
        ("GET", "/docs?q=1", 308, "Location: /docs/?q=1"),
        ("GET", "/docs/", 200, "docs"),
        ("POST", "/items/7", 405, "Allow: GET, HEAD, OPTIONS"),
        ("OPTIONS", "/items/7", 204, "Allow: GET, HEAD, OPTIONS"),
        ("GET", "/items/%zz", 400, "invalid percent-encoding"),
        ("GET", "/none", 404, "404 Not Found"),
    ] {
        for (head, body) in ask(routed, &request(method, target)) {
            assert!(head.starts_with(&format!("Status: {status} ")), "{target}: {head}");
            assert!(head.contains(shown) || body.contains(shown), "{target}: {head} {body}");
        }
    }
}

#[test]
fn f01_options_of_the_whole_server_never_reach_the_handler() {
    alone!();
    for (head, body) in ask(|_, _| panic!("reached"), &request("OPTIONS", "*")) {
        assert!(head.starts_with("Status: 204 "), "{head}");
        assert!(!head.contains("Content-Length") && body.is_empty(), "{head}");
    }
    for (head, body) in ask(path, &request("OPTIONS", "/a")) {
        assert!(head.starts_with("Status: 200 ") && body == "/a", "{head}");
    }
}

#[test]
fn f01_205_has_no_body_and_head_has_the_content_type_of_get() {
    alone!();
    let reset = |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        let response = hangup::http::Response::builder().status(205);
        w.send(response.body(Body::from("a body!")).unwrap())
    };
    for (head, body) in ask(reset, &request("GET", "/")) {
        assert!(head.starts_with("Status: 205 ") && body.is_empty(), "{head}");
        assert!(head.contains("\r\nContent-Length: 0"), "{head}");
    }
    let html = |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        w.send(hangup::Response::new(Body::from("<html>")))
    };
    for (head, body) in ask(html, &request("HEAD", "/")) {
        assert!(head.contains("\r\nContent-Type: text/html; charset=utf-8"), "{head}");
        assert!(body.is_empty(), "{body}");
    }
}
