//! `Cors`, against the CORS protocol of the Fetch standard.

use std::io::Write;
use std::time::Duration;

use hangup::http::{Method, StatusCode};
use hangup::layers::Cors;
use hangup::{Error, HandlerExt, Request, Response, ResponseWriter, Result};

use super::{call, handled, header, request, text};

const APP: &str = "https://app.example";

/// The layer of the tables: an application and a local one, with credentials.
fn listed() -> Cors {
    Cors::new()
        .origin(APP)
        .origin("http://localhost:3000")
        .methods([Method::PUT, Method::DELETE])
        .headers(["content-type", "X-Trace"])
        .expose(["etag", "x-total"])
        .credentials()
        .max_age(Duration::from_secs(600))
}

fn any() -> Cors {
    Cors::new().any_origin().any_method().any_header().expose(["etag"])
}

fn chosen() -> Cors {
    Cors::new()
        .origins_by(|origin, r| origin.ends_with(".example") && r.uri().path() == "/")
        .any_header()
        .credentials()
}

fn null() -> Cors {
    Cors::new().null_origin()
}

/// A request, and the response's headers. A dash is no header.
struct Row {
    layer: fn() -> Cors,
    origin: &'static str,
    /// Access-Control-Request-Method and -Headers.
    asks: (&'static str, &'static str),
    /// Access-Control-Allow-Origin, -Methods, -Headers.
    allows: (&'static str, &'static str, &'static str),
}

const fn row(
    layer: fn() -> Cors,
    origin: &'static str,
    asks: (&'static str, &'static str),
    allows: (&'static str, &'static str, &'static str),
) -> Row {
    Row { layer, origin, asks, allows }
}

const NOTHING: (&str, &str, &str) = ("", "", "");
const LISTS: (&str, &str, &str) = (APP, "PUT, DELETE", "content-type, x-trace");

const PREFLIGHTS: &[Row] = &[
    row(listed, APP, ("PUT", "-"), LISTS),
    row(listed, APP, ("DELETE", "content-type"), LISTS),
    row(listed, APP, ("GET", "x-trace"), LISTS),
    // The browser compares: these are refused by what is not listed.
    row(listed, APP, ("PATCH", "-"), LISTS),
    row(listed, APP, ("PUT", "authorization"), LISTS),
    row(listed, APP, ("put", "-"), LISTS),
    row(listed, APP, ("", ""), LISTS),
    row(
        listed,
        "http://localhost:3000",
        ("PUT", "-"),
        ("http://localhost:3000", "PUT, DELETE", "content-type, x-trace"),
    ),
    row(listed, "http://app.example", ("PUT", "-"), NOTHING),
    row(listed, "https://app.example:444", ("PUT", "-"), NOTHING),
    row(listed, "https://app.example/", ("PUT", "-"), NOTHING),
    row(listed, "https://APP.example", ("PUT", "-"), NOTHING),
    row(listed, "https://app.example.evil", ("PUT", "-"), NOTHING),
    row(listed, "https://evil.example", ("PUT", "-"), NOTHING),
    row(listed, "https://x.app.example", ("PUT", "-"), NOTHING),
    row(listed, "http://localhost", ("PUT", "-"), NOTHING),
    row(listed, "null", ("PUT", "-"), NOTHING),
    row(listed, "*", ("PUT", "-"), NOTHING),
    row(listed, "", ("PUT", "-"), NOTHING),
    row(any, APP, ("PUT", "-"), ("*", "PUT", "")),
    row(any, APP, ("PURGE", "authorization, x-a"), ("*", "PURGE", "authorization, x-a")),
    row(any, "null", ("GET", "x-a"), ("*", "GET", "x-a")),
    row(any, "https://evil.example", ("PUT", "-"), ("*", "PUT", "")),
    row(chosen, "https://a.example", ("PUT", "x-a"), ("https://a.example", "", "x-a")),
    row(chosen, "https://a.example", ("PUT", "-"), ("https://a.example", "", "")),
    row(chosen, "https://a.example.evil", ("PUT", "x-a"), NOTHING),
    row(chosen, "null", ("PUT", "x-a"), NOTHING),
    row(null, "null", ("POST", "-"), ("null", "", "")),
    row(null, APP, ("POST", "-"), NOTHING),
    row(Cors::new, APP, ("POST", "-"), NOTHING),
    row(Cors::default, "null", ("POST", "-"), NOTHING),
];

#[test]
fn h09_preflights_are_answered_by_the_layer() {
    for Row { layer, origin, asks, allows } in PREFLIGHTS {
        let handler = handled.layer(layer());
        let mut headers = vec![("origin", *origin), ("access-control-request-method", asks.0)];
        headers.extend((asks.1 != "-").then_some(("access-control-request-headers", asks.1)));
        let response = call(&handler, request("OPTIONS", &headers));
        let row = format!("{origin} {asks:?}");
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{row}");
        let field = |name| header(&response, &format!("access-control-{name}"));
        let granted = (field("allow-origin"), field("allow-methods"), field("allow-headers"));
        let expected = (allows.0.to_owned(), allows.1.to_owned(), allows.2.to_owned());
        assert_eq!(granted, expected, "{row}");
        let is_credentialed = format!("{:?}", layer()).contains("credentials: true");
        let credentials = if is_credentialed && !allows.0.is_empty() { "true" } else { "" };
        assert_eq!(field("allow-credentials"), credentials, "{row}");
        let age = if allows == &LISTS { "600" } else { field("max-age").leak() };
        assert_eq!(field("max-age"), age, "{row}");
        assert_eq!(field("expose-headers"), "", "{row}");
        let vary = "origin, access-control-request-method, access-control-request-headers";
        assert_eq!(header(&response, "vary"), vary, "{row}");
        assert_eq!(text(response), "", "{row}");
    }
}

/// Method, other headers, Access-Control-Allow-Origin, -Credentials, -Expose-Headers, Vary.
type Actual =
    (fn() -> Cors, &'static str, &'static [(&'static str, &'static str)], [&'static str; 4]);

const ACTUAL: &[Actual] = &[
    (listed, "GET", &[("origin", APP)], [APP, "true", "etag, x-total", "origin"]),
    (listed, "PUT", &[("origin", APP)], [APP, "true", "etag, x-total", "origin"]),
    // It is the browser that refuses the method, in the preflight.
    (listed, "PATCH", &[("origin", APP)], [APP, "true", "etag, x-total", "origin"]),
    (listed, "HEAD", &[("origin", APP)], [APP, "true", "etag, x-total", "origin"]),
    (listed, "GET", &[("origin", "https://evil.example")], ["", "", "", "origin"]),
    (listed, "GET", &[("origin", "null")], ["", "", "", "origin"]),
    (listed, "GET", &[("origin", APP), ("origin", APP)], ["", "", "", "origin"]),
    (
        listed,
        "GET",
        &[("origin", "https://app.example, https://evil.example")],
        ["", "", "", "origin"],
    ),
    // Not a CORS request.
    (listed, "GET", &[], ["", "", "", "origin"]),
    (listed, "POST", &[], ["", "", "", "origin"]),
    (listed, "OPTIONS", &[], ["", "", "", "origin"]),
    (listed, "OPTIONS", &[("access-control-request-method", "PUT")], ["", "", "", "origin"]),
    // OPTIONS without Access-Control-Request-Method is not a preflight.
    (listed, "OPTIONS", &[("origin", APP)], [APP, "true", "etag, x-total", "origin"]),
    // Only OPTIONS is a preflight.
    (
        listed,
        "GET",
        &[("origin", APP), ("access-control-request-method", "PUT")],
        [APP, "true", "etag, x-total", "origin"],
    ),
    (any, "GET", &[("origin", APP)], ["*", "", "etag", ""]),
    (any, "GET", &[("origin", "null")], ["*", "", "etag", ""]),
    (any, "GET", &[], ["*", "", "etag", ""]),
    (any, "OPTIONS", &[], ["*", "", "etag", ""]),
    (
        chosen,
        "GET",
        &[("origin", "https://a.example")],
        ["https://a.example", "true", "", "origin"],
    ),
    (chosen, "GET", &[("origin", "https://a.evil")], ["", "", "", "origin"]),
    (chosen, "GET", &[], ["", "", "", "origin"]),
    (null, "GET", &[("origin", "null")], ["null", "", "", "origin"]),
    (Cors::new, "GET", &[("origin", APP)], ["", "", "", "origin"]),
];

fn granted(response: &Response) -> [String; 4] {
    let names = [
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-expose-headers",
        "vary",
    ];
    names.map(|name| header(response, name))
}

#[test]
fn h09_other_requests_reach_the_handler() {
    for (layer, method, headers, expected) in ACTUAL {
        let response = call(&handled.layer(layer()), request(method, headers));
        assert_eq!(response.status(), 200);
        assert_eq!(granted(&response), *expected, "{method} {headers:?}");
        assert_eq!(text(response), if *method == "HEAD" { "" } else { "handled" });
    }
}

/// A script must be able to read why its request was refused.
#[test]
fn h09_error_responses_have_the_headers_too() {
    let fails = |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        match r.headers().contains_key("x-late") {
            true => Err(Error::other("internal")),
            false => Err(Error::status(StatusCode::CONFLICT, "taken")),
        }
    };
    let handler = fails.layer(listed());
    for (extra, status) in [("x-early", 409), ("x-late", 500)] {
        let response = call(&handler, request("GET", &[("origin", APP), (extra, "1")]));
        assert_eq!(response.status(), status);
        assert_eq!(granted(&response), [APP, "true", "etag, x-total", "origin"]);
    }
}

#[test]
fn h09_the_handlers_own_headers_stay_or_are_replaced() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let vary = r.headers()["x-vary"].clone();
        let response = Response::builder()
            .header("vary", vary)
            .header("access-control-allow-origin", "https://own.example")
            .body("sent")?;
        w.send(response)
    };
    let handler = handler.layer(listed());
    for (vary, expected) in [
        ("accept-encoding", "accept-encoding, origin"),
        ("Accept, Origin", "Accept, Origin"),
        ("*", "*"),
        ("x-origin", "x-origin, origin"),
    ] {
        for (origin, allowed) in [(APP, APP), ("https://evil.example", "https://own.example")] {
            let response = call(&handler, request("GET", &[("origin", origin), ("x-vary", vary)]));
            assert_eq!(header(&response, "vary"), expected);
            assert_eq!(header(&response, "access-control-allow-origin"), allowed);
        }
    }
}

#[test]
fn h09_a_preflight_needs_no_credentials_of_the_layers_inside() {
    let refuses = |_: &mut ResponseWriter,
                   _: &mut Request,
                   _: &dyn hangup::Handler|
     -> Result<()> { Err(StatusCode::UNAUTHORIZED.into()) };
    let handler = handled.layer(refuses).layer(listed());
    let asks = [("origin", APP), ("access-control-request-method", "PUT")];
    assert_eq!(call(&handler, request("OPTIONS", &asks)).status(), 204);
    let response = call(&handler, request("PUT", &asks));
    assert_eq!((response.status().as_u16(), &*granted(&response)[0]), (401, APP));
}

/// A response that was begun early has the headers as well.
#[test]
fn h09_a_streamed_response_has_the_headers() {
    let streams = |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        w.flush()?;
        Ok(w.write_all(b"late")?)
    };
    let response = call(&streams.layer(listed()), request("GET", &[("origin", APP)]));
    assert_eq!(granted(&response)[0], APP);
}

#[test]
#[should_panic(expected = "every site could act for the user")]
fn h09_credentials_for_any_origin_are_refused() {
    let _ = Cors::new().any_origin().credentials();
}

#[test]
#[should_panic(expected = "every site could act for the user")]
fn h09_any_origin_with_credentials_is_refused() {
    let _ = Cors::new().credentials().any_origin();
}

#[test]
#[should_panic(expected = "invalid origin \"*\"")]
fn h09_a_wildcard_is_no_origin() {
    let _ = Cors::new().origin("*");
}

#[test]
#[should_panic(expected = "invalid header name")]
fn h09_a_header_name_is_checked() {
    let _ = Cors::new().headers(["content type"]);
}
