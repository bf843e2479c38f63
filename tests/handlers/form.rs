//! H4: forms, and text.

use hangup::http::StatusCode;
use hangup::{Body, Request, RequestExt, ResponseWriter, Result, testing};
use serde::Deserialize;

use crate::query::told;

const FORM: &str = "application/x-www-form-urlencoded";

fn post(content_type: &str, body: impl Into<Body>) -> Request {
    let request = Request::post("/");
    let request = match content_type {
        "" => request,
        content_type => request.header("content-type", content_type),
    };
    request.body(body.into()).unwrap()
}

#[test]
fn h04_a_form_is_read_within_its_limit_and_by_its_type() {
    for content_type in [
        FORM,
        "Application/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "application/x-www-form-urlencoded;charset=\"utf8\"",
    ] {
        let pairs = post(content_type, "a=b+c&d=%C3%BC").form(14).unwrap();
        assert_eq!(pairs.iter().collect::<Vec<_>>(), [("a", "b c"), ("d", "ü")]);
    }
    for (content_type, body, expected) in [
        (
            "",
            "a=b",
            "415 the Content-Type must be application/x-www-form-urlencoded, and is missing",
        ),
        (
            "text/plain\u{e9}",
            "a=b",
            "415 the Content-Type must be application/x-www-form-urlencoded, and is text/plain",
        ),
        (
            "multipart/form-data; boundary=a",
            "a=b",
            "415 the Content-Type must be application/x-www-form-urlencoded, and is multipart/form-data; boundary=a",
        ),
        (
            "application/x-www-form-urlencoded; charset=latin1",
            "a=b",
            "415 a form in the charset \"latin1\" is not supported, but in utf-8",
        ),
        (FORM, "a=1234567890123", "413 too large: the body exceeds its reader's limit of 14 bytes"),
    ] {
        for body in [Body::from(body), Body::from_chunks([body])] {
            let error = post(content_type, body).form(14).unwrap_err();
            let (status, text) = told(&error);
            let text = format!("{} {text}", status.as_u16());
            assert!(text.starts_with(expected), "{text}");
        }
    }
}

#[test]
fn h04_a_form_becomes_a_struct() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Login {
        user: String,
        #[serde(default)]
        remember: bool,
    }
    let read = |body: &'static str| post(FORM, body).form_as::<Login>(100);
    let expected = Login { user: "a b".into(), remember: true };
    assert_eq!(read("user=a+b&remember=on").unwrap(), expected);
    for (body, text) in [
        ("", "invalid form: missing field `user`"),
        ("user=a&remember=x", "invalid form: form field \"remember\": neither true nor false"),
    ] {
        let told = told(&read(body).unwrap_err());
        assert_eq!(told, (StatusCode::UNPROCESSABLE_ENTITY, text.to_owned()));
    }
    let pairs = post(FORM, "n=x").form(100).unwrap();
    assert_eq!(
        told(&pairs.parse::<u8>("n").unwrap_err()).1,
        "form field \"n\": invalid digit found in string"
    );
}

#[test]
fn h04_text_is_read_in_its_charset() {
    for (content_type, body, expected) in [
        ("", "Köln".as_bytes(), Ok("Köln")),
        ("text/plain; charset=iso-8859-1", b"K\xf6ln", Ok("Köln")),
        ("text/plain", b"K\xf6ln", Err("400 cannot decode the body: invalid UTF-8 at byte 1")),
        (
            "",
            b"0123456789abcdefg",
            Err("413 too large: the body exceeds its reader's limit of 16 bytes"),
        ),
    ] {
        let read = post(content_type, body.to_vec()).text(16);
        let read = read.map_err(|error| {
            let (status, text) = told(&error);
            format!("{} {text}", status.as_u16())
        });
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{content_type}");
    }
}

/// The body's failure decides, and the error's text is shown as long as it has the same status.
#[test]
fn h01_the_client_learns_why_its_body_was_refused() {
    let ways: [fn(&mut Request) -> Result<String>; 3] = [
        |r| r.text(4),
        |r| Ok(r.text(4).map_err(|error| format!("cannot read: {error}"))?),
        |r| r.text(4).map_err(|error| hangup::Error::other(std::io::Error::from(error))),
    ];
    for (way, text) in ways.into_iter().zip([
        "too large: the body exceeds its reader's limit of 4 bytes\n",
        "413 Payload Too Large\n",
        "too large: the body exceeds its reader's limit of 4 bytes\n",
    ]) {
        let handler = move |_: &mut ResponseWriter, r: &mut Request| way(r).map(drop);
        let mut response = testing::call(&handler, post("", "12345")).unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(response.body_mut().read_text(1000).unwrap().trim(), text.trim());
    }
}
