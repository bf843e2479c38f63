//! Hosts, methods, errors, and what a handler sees.

use hangup::http::{Method, StatusCode, Uri};
use hangup::{HandlerExt, Request, RequestExt, Router, respond, testing};

use super::{ask, router};

#[test]
fn h06_a_target_in_absolute_form_names_the_host() {
    let router = router(&["example.com/a", "/a"]);
    let get = |uri: &str, host: &str| {
        let request = Request::get(uri).header("host", host).body("").unwrap();
        testing::call(&router, request).unwrap().body_mut().read_text(99).unwrap()
    };
    assert_eq!(get("http://example.com:80/a", "example.org"), "example.com/a");
    assert_eq!(get("http://user@EXAMPLE.com/a", "example.org"), "example.com/a");
    assert_eq!(get("http://example.org/a", "example.com"), "/a");
}

#[test]
fn h06_connect_is_matched_by_its_authority() {
    let router = router(&["CONNECT example.com/", "CONNECT /"]);
    for (authority, expected) in
        [("example.com:443", "CONNECT example.com/"), ("example.org:443", "CONNECT /")]
    {
        let uri = Uri::builder().authority(authority).build().unwrap();
        let request = Request::builder().method(Method::CONNECT).uri(uri).body("").unwrap();
        let text = testing::call(&router, request).unwrap().body_mut().read_text(99).unwrap();
        assert_eq!(text, expected);
    }
}

#[test]
fn h06_get_serves_head_without_a_body() {
    let router = Router::new().respond("GET /a", |r| Ok(r.method().to_string()));
    let request = Request::builder().method(Method::HEAD).uri("/a").body("").unwrap();
    let response = testing::call(&router, request).unwrap();
    assert_eq!((response.status().as_u16(), response.body().len()), (200, Some(0)));
    assert_eq!(response.headers()["content-length"], "4");
}

#[test]
fn h06_layers_see_the_errors_of_a_router() {
    let router = router(&["GET /a"]).layer_fn(|w, r, next| match next.handle(w, r) {
        Err(error) => w.send((
            error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            [("x-allow", "seen")],
            error.to_string(),
        )),
        fine => fine,
    });
    assert_eq!(ask(&router, "GET /b"), "404");
    assert_eq!(ask(&router, "POST /a"), "405");
}

#[test]
fn h06_a_value_replaces_one_of_an_outer_router() {
    let show = |r: &mut Request| Ok(r.path_value("id").unwrap().to_owned());
    let router = Router::new().nest("/{id}", Router::new().respond("/{id}", show));
    assert_eq!(ask(&router, "GET /a/b"), "b");
}

#[test]
fn h06_nothing_is_left_of_the_request_before() {
    let seen = respond(|r| {
        Ok(format!("{:?} {:?} {}", r.matched_pattern(), r.path_value("id"), r.original_uri()))
    });
    assert_eq!(ask(&seen, "GET /a"), "None None /a");
}

#[test]
fn h06_many_routes_are_registered_quickly() {
    let mut router = Router::new();
    for number in 0..2000 {
        let pattern = match number % 4 {
            0 => format!("GET /a/{number}"),
            1 => format!("POST /b/{number}/{{id}}"),
            2 => format!("/c/{number}/"),
            _ => format!("/d/{{id}}/{number}"),
        };
        router.try_route(&pattern, |_, _| Ok(())).unwrap();
    }
    assert_eq!(ask(&router, "GET /a/1000"), "");
    assert_eq!(ask(&router, "POST /b/1001/x"), "");
    assert_eq!(ask(&router, "GET /c/1002/x/y"), "");
    assert_eq!(ask(&router, "GET /d/x/1003"), "");
    assert_eq!(ask(&router, "GET /d/x/1002"), "404");
    assert_eq!(
        format!("{:?}", Router::new().respond("/a", |_| Ok(""))),
        r#"Router { patterns: ["/a"], .. }"#
    );
}
