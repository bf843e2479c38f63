//! Request identifiers, security headers, and the page after a panic.

use std::io::Write;

use hangup::http::{HeaderName, StatusCode};
use hangup::layers::{PanicPage, RequestId, SecurityHeaders};
use hangup::{Error, HandlerExt, Request, Response, ResponseWriter, Result, respond, testing};

type Handle = fn(&mut ResponseWriter, &mut Request) -> Result<()>;

fn field<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// Answers with the request's identifier, and with the header that would be forwarded.
fn id(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let forwarded: Vec<_> = r.headers().get_all("x-request-id").iter().collect();
    assert_eq!(forwarded, [RequestId::of(r).unwrap()]);
    Ok(w.write_all(RequestId::of(r).unwrap().as_bytes())?)
}

fn call_with_ids(layer: RequestId, ids: &[&str]) -> String {
    let mut request = Request::new(());
    for id in ids {
        request.headers_mut().append("x-request-id", id.parse().unwrap());
    }
    let mut response = testing::call(&id.layer(layer), request).unwrap();
    let text = response.body_mut().read_text(1000).unwrap();
    assert_eq!(field(&response, "x-request-id"), Some(text.as_str()));
    text
}

#[test]
fn h09_each_request_has_an_identifier() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let id = call_with_ids(RequestId::new(), &["from-client"]);
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(seen.insert(id));
    }
}

#[test]
fn h09_an_identifier_from_outside_is_checked() {
    let long = "a".repeat(129);
    for (ids, is_kept) in [
        (&["4bf92f3577b34da6a3ce929d0e0e4736"][..], true),
        (&["Root=1-67891233:abc/def_+@."], true),
        (&[&long[1..]], true),
        (&[&long], false),
        (&[""], false),
        (&["a b"], false),
        (&["a\"b"], false),
        (&["a,b"], false),
        (&["a", "b"], false),
        (&[], false),
    ] {
        let id = call_with_ids(RequestId::new().trust_client(), ids);
        assert_eq!(ids.first() == Some(&id.as_str()), is_kept, "{ids:?}");
        assert_eq!(id.len() == 32, !is_kept || ids[0].len() == 32, "{ids:?}");
    }
}

#[test]
fn h09_error_responses_have_the_identifier() {
    let handlers: [Handle; 3] = [
        |_, _| Err(StatusCode::NOT_FOUND.into()),
        |_, _| Err(Error::other("disk full")),
        |w, _| Ok(w.set_header("x-trace", "the handler's").map(drop)?),
    ];
    for handler in handlers {
        let layer = RequestId::new().header(HeaderName::from_static("x-trace"));
        let response = testing::call(&handler.layer(layer), Request::new(())).unwrap();
        assert_eq!(field(&response, "x-trace").unwrap().len(), 32);
        assert_eq!(field(&response, "x-request-id"), None);
    }
}

#[test]
fn h09_security_headers_are_in_every_response() {
    let handlers: [Handle; 3] = [
        |w, _| Ok(w.write_all(b"hello")?),
        |_, _| Err(StatusCode::NOT_FOUND.into()),
        |_, _| Err(Error::other("disk full")),
    ];
    for handler in handlers {
        let handler = handler.layer(SecurityHeaders::new());
        let response = testing::call(&handler, Request::new(())).unwrap();
        assert_eq!(field(&response, "x-content-type-options"), Some("nosniff"));
        assert_eq!(field(&response, "referrer-policy"), Some("strict-origin-when-cross-origin"));
        assert_eq!(field(&response, "x-frame-options"), Some("SAMEORIGIN"));
        assert_eq!(response.headers().len(), 5);
    }
}

#[test]
fn h09_security_headers_of_the_handler_win() {
    let layer = SecurityHeaders::new()
        .deny_frames()
        .content_security_policy("default-src 'self'")
        .and_then(|layer| layer.permissions_policy("camera=()"))
        .and_then(|layer| layer.opener_policy("same-origin"))
        .and_then(|layer| layer.resource_policy("same-site"))
        .and_then(|layer| layer.referrer_policy("no-referrer"))
        .unwrap()
        .remove(&HeaderName::from_static("x-content-type-options"));
    assert!(SecurityHeaders::new().referrer_policy("a\r\nb: c").is_err());
    let handler = |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        w.set_header("content-security-policy", "default-src *")?;
        w.set_header("x-frame-options", "ALLOWALL")?;
        Ok(())
    };
    let response = testing::call(&handler.layer(layer), Request::new(())).unwrap();
    for (name, expected) in [
        ("content-security-policy", Some("default-src *")),
        ("x-frame-options", Some("ALLOWALL")),
        ("permissions-policy", Some("camera=()")),
        ("cross-origin-opener-policy", Some("same-origin")),
        ("cross-origin-resource-policy", Some("same-site")),
        ("referrer-policy", Some("no-referrer")),
        ("x-content-type-options", None),
    ] {
        assert_eq!(field(&response, name), expected, "{name}");
    }
}

#[test]
fn h09_a_panic_becomes_a_page() {
    fn bug(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        w.set_status(201).set_header("x-half", "made")?;
        w.write_all(b"half a page")?;
        panic!("a bug in {}", r.uri().path())
    }
    for (layer, status, body) in [
        (PanicPage::new(), 500, "500 Internal Server Error\n"),
        (PanicPage::html("<p>Sorry"), 500, "<p>Sorry"),
        (
            PanicPage::with(|r| {
                let body = format!("{} failed", r.uri().path()).into();
                Response::builder().status(503).body(body).unwrap()
            }),
            503,
            "/path failed",
        ),
    ] {
        let handler = bug.layer(layer).layer_fn(|w, r, next| {
            next.handle(w, r)?;
            assert!(PanicPage::has_panicked(r));
            Ok(())
        });
        let mut response =
            testing::call(&handler, Request::get("/path").body("").unwrap()).unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(field(&response, "x-half"), None);
        assert_eq!(response.body_mut().read_text(100).unwrap(), body);
    }
}

#[test]
fn h09_a_late_panic_breaks_the_response_off() {
    let handler = |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        w.write_all(b"half")?;
        w.flush()?;
        panic!("a bug")
    };
    let outcome = testing::call(&handler.layer(PanicPage::new()), Request::new(()));
    assert!(outcome.unwrap_err().to_string().contains("a bug"));

    let handler = respond(|_| Ok("fine")).layer(PanicPage::new());
    let mut response = testing::call(&handler, Request::new(())).unwrap();
    assert_eq!(response.body_mut().read_text(100).unwrap(), "fine");
}
