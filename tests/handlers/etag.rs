//! Entity tags and the conditions of requests.

use std::io::Write;

use hangup::http::Method;
use hangup::layers::{Compress, ETag};
use hangup::{HandlerExt, Request, Response, ResponseWriter, Result, respond, testing};

fn field<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn text(response: &mut Response) -> String {
    response.body_mut().read_text(1 << 20).unwrap()
}

/// The tag of `hello`.
const HELLO: &str = "\"e3e1efd54283d94f7081314b599d31b3\"";

#[test]
fn h09_a_whole_body_gets_a_tag() {
    let hello = || respond(|_| Ok("hello"));
    for (layer, expected) in [
        (ETag::new(), Some(HELLO.to_owned())),
        (ETag::new().weak(), Some(format!("W/{HELLO}"))),
        (ETag::new().limit(5), Some(HELLO.to_owned())),
        (ETag::new().limit(4), None),
    ] {
        let mut response = testing::call(&hello().layer(layer), Request::new(())).unwrap();
        assert_eq!(field(&response, "etag").map(str::to_owned), expected);
        assert_eq!(field(&response, "content-length"), Some("5"));
        assert_eq!(text(&mut response), "hello");
    }
}

#[test]
fn h09_the_tag_does_not_depend_on_how_a_body_is_written() {
    let mut tags = std::collections::HashSet::new();
    for (declared, piece) in [(true, 5000), (false, 5000), (false, 1), (false, 2049)] {
        let handler = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
            if declared {
                w.set_header("content-length", 5000)?;
            }
            Ok([b'a'; 5000].chunks(piece).try_for_each(|piece| w.write_all(piece))?)
        };
        let mut response = testing::call(&handler.layer(ETag::new()), Request::new(())).unwrap();
        tags.insert(field(&response, "etag").unwrap().to_owned());
        assert_eq!(text(&mut response).len(), 5000);
    }
    assert_eq!(tags.len(), 1);
}

#[test]
fn h09_other_responses_get_no_tag() {
    type Handle = fn(&mut ResponseWriter, &mut Request) -> Result<()>;
    let handlers: [(Handle, &str); 5] = [
        (|w, _| Ok(w.set_status(404).write_all(b"hello")?), "hello"),
        (
            |w, _| {
                w.set_header("cache-control", "private, No-Store")?;
                Ok(w.write_all(b"hello")?)
            },
            "hello",
        ),
        (
            |w, _| {
                w.write_all(b"hel")?;
                w.flush()?;
                Ok(w.write_all(b"lo")?)
            },
            "hello",
        ),
        (
            |w, _| {
                w.set_status(204);
                Ok(())
            },
            "",
        ),
        (|_, _| Err(hangup::http::StatusCode::FORBIDDEN.into()), "403 Forbidden\n"),
    ];
    for (handler, body) in handlers {
        let mut request = Request::new(());
        request.headers_mut().insert("if-match", "\"other\"".parse().unwrap());
        let mut response = testing::call(&handler.layer(ETag::new()), request).unwrap();
        assert_eq!(field(&response, "etag"), None);
        assert_eq!(text(&mut response), body);
    }
    for method in [Method::POST, Method::HEAD] {
        let request = Request::builder().method(&method).body("").unwrap();
        let handler = respond(|_| Ok("hello")).layer(ETag::new());
        let response = testing::call(&handler, request).unwrap();
        assert_eq!((response.status().as_u16(), field(&response, "etag")), (200, None), "{method}");
    }
}

#[test]
fn h09_conditions_are_answered() {
    for own in [false, true] {
        let tag = if own { "\"v1\"" } else { HELLO };
        let handler = respond(move |_| {
            let mut response = Response::new(hangup::Body::from("hello"));
            if own {
                response.headers_mut().insert("etag", "\"v1\"".parse()?);
            }
            response.headers_mut().insert("cache-control", "max-age=60".parse()?);
            Ok(response)
        });
        let handler = handler.layer(ETag::new());
        for (name, value, status, body) in [
            ("if-none-match", tag.to_owned(), 304, ""),
            ("if-none-match", format!("\"x\", W/{tag}"), 304, ""),
            ("if-none-match", "*".to_owned(), 304, ""),
            ("if-none-match", "\"x\"".to_owned(), 200, "hello"),
            ("if-match", tag.to_owned(), 200, "hello"),
            ("if-match", "*".to_owned(), 200, "hello"),
            ("if-match", format!("W/{tag}"), 412, ""),
            ("if-match", "\"x\"".to_owned(), 412, ""),
            ("x-other", tag.to_owned(), 200, "hello"),
        ] {
            let request = Request::get("/").header(name, &value).body("").unwrap();
            let mut response = testing::call(&handler, request).unwrap();
            assert_eq!(response.status(), status, "{own} {name}: {value}");
            assert_eq!(field(&response, "etag"), Some(tag));
            assert_eq!(field(&response, "cache-control"), Some("max-age=60"));
            assert_eq!(response.headers().contains_key("content-type"), status == 200);
            let length = field(&response, "content-length").map(str::to_owned);
            assert_eq!(text(&mut response), body);
            let expected = (status != 304).then(|| body.len().to_string());
            assert_eq!(length, expected, "{own} {name}: {value}");
        }
    }
}

#[test]
fn h09_tags_and_compression_go_together() {
    let handler = respond(|_| Ok("hello ".repeat(1000)));
    let handler = handler.layer(ETag::new()).layer(Compress::new());
    let request = || Request::get("/").header("accept-encoding", "gzip");
    let response = testing::call(&handler, request().body("").unwrap()).unwrap();
    assert_eq!(field(&response, "content-encoding"), Some("gzip"));
    let tag = field(&response, "etag").unwrap().to_owned();
    assert!(tag.starts_with("W/\""));

    let request = request().header("if-none-match", &tag).body("").unwrap();
    let response = testing::call(&handler, request).unwrap();
    assert_eq!(response.status(), 304);
    assert_eq!(field(&response, "etag"), Some(tag.as_str()));
    assert_eq!(field(&response, "vary"), Some("accept-encoding"));
    assert_eq!(field(&response, "content-encoding"), None);
}
