//! The values that a handler may return.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;

use hangup::bytes::Bytes;
use hangup::http::header::{HeaderMap, HeaderValue};
use hangup::http::{Method, StatusCode};
use hangup::testing::call;
use hangup::{
    Body, Error, ErrorKind, HandlerExt, Html, IntoResponse, Json, Redirect, Request, Response,
    ResponseWriter, Result, respond,
};

const PLAIN: Option<&str> = Some("text/plain; charset=utf-8");

/// Status, content type, content length and body of the response to a GET.
type Shown = (u16, Option<String>, Option<String>, String);

fn field(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn show(mut response: Response) -> Shown {
    let (kind, length) = (field(&response, "content-type"), field(&response, "content-length"));
    let body = response.body_mut().read_text(1 << 20).unwrap();
    (response.status().as_u16(), kind, length, body)
}

/// Sends the value that `make` returns, as the response to GET and to HEAD.
#[track_caller]
fn sends<T: IntoResponse + 'static>(
    make: impl Fn() -> T + Send + Sync + 'static,
    status: u16,
    kind: Option<&str>,
    body: &str,
) {
    let handler = respond(move |_| Ok(make()));
    let shown = show(call(&handler, Request::new(())).unwrap());
    let length = Some(body.len().to_string());
    assert_eq!(shown, (status, kind.map(str::to_owned), length, body.to_owned()));
    let head = Request::builder().method(Method::HEAD).body(()).unwrap();
    let (of_head, kind_of_head, length, nothing) = show(call(&handler, head).unwrap());
    assert_eq!((of_head, kind_of_head.as_deref(), nothing.as_str()), (status, kind, ""));
    assert_eq!(length, Some(body.len().to_string()), "of HEAD");
}

#[test]
fn h03_text_is_plain() {
    sends(|| "<html>", 200, PLAIN, "<html>");
    sends(|| String::from("<html>"), 200, PLAIN, "<html>");
    sends(|| Cow::Borrowed("<html>"), 200, PLAIN, "<html>");
    sends(|| Cow::<str>::Owned("<html>".into()), 200, PLAIN, "<html>");
    sends(|| "", 200, PLAIN, "");
    let long: &'static str = "é".repeat(70_000).leak();
    sends(move || long, 200, PLAIN, long);
}

#[test]
fn h03_bytes_have_the_type_that_they_look_like() {
    let html = Some("text/html; charset=utf-8");
    sends(|| Bytes::from_static(b"<html>"), 200, html, "<html>");
    sends(|| b"<html>".to_vec(), 200, html, "<html>");
    sends(|| b"<html>".to_vec().into_boxed_slice(), 200, html, "<html>");
    sends(|| b"<html>".as_slice(), 200, html, "<html>");
    sends(|| b"<html>", 200, html, "<html>");
    sends(|| *b"%PDF-1", 200, Some("application/pdf"), "%PDF-1");
    sends(|| Body::from("<html>"), 200, html, "<html>");
    sends(|| Response::new(String::from("<html>")), 200, html, "<html>");
    sends(Response::<Body>::default, 200, None, "");
}

#[test]
fn h03_a_file_is_sent_from_its_position_with_its_length() {
    let path = std::env::temp_dir().join(format!("hangup-answers-{}", std::process::id()));
    File::create(&path).unwrap().write_all(&b"0123456789".repeat(5000)).unwrap();
    let whole = "0123456789".repeat(5000);
    let open = {
        let path = path.clone();
        move || File::open(&path).unwrap()
    };
    sends(open, 200, PLAIN, &whole);
    let handler = {
        let path = path.clone();
        respond(move |_| Ok(File::open(&path)?))
    };
    std::fs::remove_file(&path).unwrap();
    assert_eq!(call(&handler, Request::new(())).unwrap().status(), 500);
}

#[test]
fn h03_a_page_and_a_value_have_their_types() {
    let html = Some("text/html; charset=utf-8");
    sends(|| Html("plain"), 200, html, "plain");
    sends(|| Html(String::from("plain")), 200, html, "plain");
    sends(|| Json([1, 2]), 200, Some("application/json"), "[1,2]");
    sends(|| Json("text"), 200, Some("application/json"), r#""text""#);
    let map = std::collections::BTreeMap::from([((1, 2), "x")]);
    let error = Json(map).into_response().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidMessage);
}

#[test]
fn h03_a_status_and_headers_go_with_any_value() {
    sends(|| (), 200, None, "");
    sends(|| StatusCode::IM_A_TEAPOT, 418, None, "");
    sends(|| (StatusCode::CREATED, "made"), 201, PLAIN, "made");
    sends(|| (StatusCode::CREATED, (StatusCode::OK, "made")), 201, PLAIN, "made");
    let csv = || {
        HeaderMap::from_iter([(
            "content-type".parse().unwrap(),
            HeaderValue::from_static("text/csv"),
        )])
    };
    sends(move || (csv(), "a,b"), 200, Some("text/csv"), "a,b");
    sends(move || (StatusCode::ACCEPTED, csv(), "a,b"), 202, Some("text/csv"), "a,b");
    sends(move || (csv(), (csv(), "a,b")), 200, Some("text/csv"), "a,b");
    sends(|| ([("content-type", "text/csv")], "a,b"), 200, Some("text/csv"), "a,b");
    sends(|| (StatusCode::CREATED, [("content-type", "a/b")], "x"), 201, Some("a/b"), "x");
    // Several fields of one name stay, and replace those of the value.
    let cookies =
        || ([("set-cookie", "a=1"), ("set-cookie", "b=2")], ([("set-cookie", "c=3")], "x"));
    let response = cookies().into_response().unwrap();
    let values: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(values, ["a=1", "b=2"]);
    for error in [
        ([("x-a", "a\r\nx-b: c")], "x").into_response().unwrap_err(),
        ([("x a", "a")], "x").into_response().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidMessage, "{error}");
    }
}

#[test]
fn h03_statuses_without_a_body_have_none() {
    for status in [204, 304] {
        let status = StatusCode::from_u16(status).unwrap();
        let shown = show(call(&respond(move |_| Ok((status, "text"))), Request::new(())).unwrap());
        assert_eq!(shown, (status.as_u16(), None, None, String::new()));
    }
    let handler = respond(|_| Ok(StatusCode::EARLY_HINTS));
    assert_eq!(call(&handler, Request::new(())).unwrap().status(), 500);
}

#[test]
fn h03_what_is_missing_or_failed_is_the_error_of_the_handler() {
    sends(|| Some("here"), 200, PLAIN, "here");
    sends(|| Ok::<_, Error>("here"), 200, PLAIN, "here");
    fn status(handler: &impl hangup::Handler) -> u16 {
        call(handler, Request::new(())).unwrap().status().as_u16()
    }
    assert_eq!(status(&respond(|_| Ok(None::<String>))), 404);
    assert_eq!(status(&respond(|_| Ok((StatusCode::OK, None::<String>)))), 404);
    assert_eq!(status(&respond(|_| Ok(Err::<(), _>(StatusCode::GONE)))), 410);
    assert_eq!(status(&respond(|_| Ok(Some(Err::<(), _>(StatusCode::GONE))))), 410);
    assert_eq!(status(&respond(|_| -> Result<()> { Err(StatusCode::GONE)? })), 410);
}

#[test]
fn h03_branches_of_a_handler_may_differ() {
    let handler = respond(|r| match r.uri().path() {
        "/text" => "text".into_response(),
        "/json" => Json(7).into_response(),
        "/away" => Redirect::found("/text").into_response(),
        _ => None::<()>.into_response(),
    });
    let ask = |path: &str| call(&handler, Request::get(path).body("").unwrap());
    assert_eq!(show(ask("/text").unwrap()).3, "text");
    assert_eq!(show(ask("/json").unwrap()).3, "7");
    assert_eq!(ask("/away").unwrap().status(), 302);
    assert_eq!(ask("/").unwrap().status(), 404);
}

#[test]
fn h03_a_value_replaces_what_was_written_before() {
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.set_status(500).set_header("x-a", "b")?;
        w.write_all(b"before")?;
        w.send("after")
    };
    let response = call(&handler, Request::new(())).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(show(response).3, "after");
    let twice = |w: &mut ResponseWriter, _: &mut Request| {
        w.send("x".repeat(5000))?;
        w.send("again")
    };
    assert_eq!(call(&twice, Request::new(())).unwrap_err().kind(), ErrorKind::Misuse);
    let layered = respond(|_| Ok("text")).layer_fn(|w, r, next| {
        next.handle(w, r)?;
        w.set_header("x-after", "yes").map(drop)
    });
    assert_eq!(field(&call(&layered, Request::new(())).unwrap(), "x-after").unwrap(), "yes");
}

#[test]
fn h03_a_redirect_has_its_status_and_target() {
    for (redirect, status) in [
        (Redirect::moved_permanently as fn(&'static str) -> Redirect, 301),
        (Redirect::found, 302),
        (Redirect::see_other, 303),
        (Redirect::temporary, 307),
        (Redirect::permanent, 308),
    ] {
        let response =
            call(&respond(move |_| Ok(redirect("/to?a=b#c"))), Request::new(())).unwrap();
        assert_eq!(
            (response.status().as_u16(), field(&response, "location").unwrap()),
            (status, "/to?a=b#c".into())
        );
        assert_eq!(show(response).3, "");
    }
}

#[test]
fn h03_a_redirect_target_is_a_header_or_an_error() {
    for (target, expected) in [
        ("https://example.com/", Some("https://example.com/")),
        ("", Some("")),
        ("/a b", Some("/a%20b")),
        ("/größe/日", Some("/gr%C3%B6%C3%9Fe/%E6%97%A5")),
        ("/a%20b?x=%zz", Some("/a%20b?x=%zz")),
        ("/a\r\nset-cookie: b=c", None),
        ("/a\nb", None),
        ("/a\tb", None),
        ("/a\0", None),
        ("/a\x7f", None),
    ] {
        match (Redirect::found(target).into_response(), expected) {
            (Ok(response), Some(expected)) => {
                assert_eq!(field(&response, "location").unwrap(), expected)
            }
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::InvalidMessage),
            (result, _) => panic!("{target:?}: {result:?}"),
        }
    }
}

#[test]
fn h03_a_redirect_within_the_origin_leads_nowhere_else() {
    for target in ["/", "/a", "/a//b", "/a?b=//c", "/?//"] {
        assert!(Redirect::found(target).same_origin().into_response().is_ok(), "{target}");
    }
    for target in [
        "",
        "a",
        "//a",
        "/\\a",
        "\\/a",
        "\\\\a",
        "https://a/",
        "https:a",
        "javascript:alert(1)",
        "/\t/a",
        "\t//a",
        " //a",
        "/\n/a",
        "?a",
        "#a",
        "/a\0",
    ] {
        let error = Redirect::found(target).same_origin().into_response().unwrap_err();
        assert_eq!(error.status_code(), Some(StatusCode::BAD_REQUEST), "{target:?}");
    }
}

#[test]
fn h03_a_response_adds_its_headers_to_those_set_before() {
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.set_status(404).set_header("x-kept", "before")?.set_header("x-both", "before")?;
        w.set_header("content-type", "text/html")?.set_header("content-length", 3)?;
        w.headers_mut().append("set-cookie", HeaderValue::from_static("a=1"));
        w.headers_mut().append("vary", HeaderValue::from_static("origin"));
        let headers = [("x-both", "1"), ("x-both", "2"), ("set-cookie", "b=2"), ("vary", "accept")];
        w.send((headers, "response"))
    };
    let mut response = call(&handler, Request::new(())).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.body_mut().read_text(100).unwrap(), "response");
    let values = |name| response.headers().get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(values("x-kept"), ["before"]);
    assert_eq!(values("x-both"), ["1", "2"]);
    assert_eq!(values("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(values("vary"), ["origin", "accept"]);
    assert_eq!(values("content-type"), ["text/plain; charset=utf-8"]);
    assert_eq!(values("content-length"), ["8"]);
}
