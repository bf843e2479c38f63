//! Routers below a prefix.

use hangup::http::{Method, StatusCode};
use hangup::{Error, HandlerExt, Request, RequestExt, Router, respond, testing};

use super::ask;

/// Shows the path, the whole path, the pattern and the values that a handler sees.
fn show(r: &mut Request) -> hangup::Result<String> {
    let values = ["user", "id", "rest"].map(|name| r.path_value(name).unwrap_or("-"));
    let (path, whole) = (r.uri().to_string(), r.original_uri().to_string());
    let pattern = r.matched_pattern().unwrap_or("-");
    Ok(format!("{path} of {whole} by {pattern} with {}", values.join(" ")))
}

fn items() -> Router {
    Router::new()
        .respond("GET /{$}", show)
        .respond("GET /{id}", show)
        .respond("/{id}/parts/", show)
        .respond("POST h/{id}", show)
}

#[test]
fn h06_a_nested_router_sees_the_path_without_the_prefix() {
    let users = Router::new().nest("/{user}/items", items()).respond("/{user}", show);
    let router = Router::new()
        .nest("/users", users)
        .nest("example.com/shop/", items())
        .nest("/a%2Fb/{rest}", respond(show))
        .respond("/users/all", show);
    for (request, expected) in [
        ("GET /users/all", "/users/all of /users/all by /users/all with - - -"),
        ("GET /users/ann", "/ann of /users/ann by /users/{user} with ann - -"),
        (
            "GET /users/ann/items/7?q=1",
            "/7?q=1 of /users/ann/items/7?q=1 by GET /users/{user}/items/{id} with ann 7 -",
        ),
        (
            "GET /users/ann/items",
            "/ of /users/ann/items by GET /users/{user}/items/{$} with ann - -",
        ),
        (
            "GET /users/ann/items/",
            "/ of /users/ann/items/ by GET /users/{user}/items/{$} with ann - -",
        ),
        (
            "GET /users/a%2Fb/items/c%2Fd",
            "/c%2Fd of /users/a%2Fb/items/c%2Fd by GET /users/{user}/items/{id} with a/b c/d -",
        ),
        (
            "GET /users/ann/items/7/parts/x",
            "/7/parts/x of /users/ann/items/7/parts/x by /users/{user}/items/{id}/parts/ with ann 7 -",
        ),
        (
            "POST h/users/ann/items/7",
            "/7 of /users/ann/items/7 by POST h/users/{user}/items/{id} with ann 7 -",
        ),
        ("POST /users/ann/items/7", "405 GET, HEAD, OPTIONS"),
        ("OPTIONS /users/ann/items/7", "204 GET, HEAD, OPTIONS"),
        ("GET /users/ann/items/7/nothing", "404"),
        ("GET /users/ann/nothing", "404"),
        ("GET /users", "404"),
        ("GET /a%2fb/x", "/ of /a%2fb/x by /a%2Fb/{rest} with - - x"),
        ("GET /a%2fb/x/y/z/?q", "/y/z/?q of /a%2fb/x/y/z/?q by /a%2Fb/{rest} with - - x"),
        ("GET example.com/shop/7", "/7 of /shop/7 by GET example.com/shop/{id} with - 7 -"),
        ("GET example.org/shop/7", "404"),
        // Redirects lead to the whole path, in one step.
        ("GET example.com/shop?q", "308 /shop/?q"),
        ("GET /users/ann/items/7/parts?q=1", "308 /users/ann/items/7/parts/?q=1"),
        ("GET //users/ann//items/7", "308 /users/ann/items/7"),
        ("GET /users/\\x/items/7/parts", "308 /users/%5Cx/items/7/parts/"),
        ("GET /users/ann/items/%zz", "400"),
    ] {
        assert_eq!(ask(&router, request), expected, "{request}");
    }
}

#[test]
fn h06_a_prefix_that_is_all_shortens_nothing() {
    let router = Router::new().nest("/", items());
    assert_eq!(ask(&router, "GET /7"), "/7 of /7 by GET /{id} with - 7 -");
    assert_eq!(ask(&router, "GET /7/parts"), "308 /7/parts/");
}

#[test]
fn h06_layers_around_a_nested_router_see_what_they_should() {
    let inner = items().layer_fn(|w, r, next| {
        assert_eq!(r.uri().path(), "/7");
        w.set_header("x-inner", "yes")?;
        next.handle(w, r)
    });
    let router =
        Router::new().nest("/items", inner).respond("/other", show).layer_fn(|w, r, next| {
            next.handle(w, r)?;
            let seen = format!("{} {}", r.uri().path(), r.matched_pattern().unwrap_or("-"));
            w.set_header("x-outer", seen).map(drop)
        });
    let get =
        |path: &str| hangup::testing::call(&router, Request::get(path).body("").unwrap()).unwrap();
    let response = get("/items/7");
    assert_eq!(response.headers()["x-outer"], "/items/7 GET /items/{id}");
    assert!(response.headers().contains_key("x-inner"));
    assert_eq!(get("/other").headers()["x-outer"], "/other /other");
}

#[test]
fn h06_the_nearest_not_found_handler_responds() {
    let missing = |name: &'static str| {
        respond(move |r| {
            let text = format!("{name} {} {}", r.uri().path(), r.original_uri().path());
            Ok((StatusCode::OK, text))
        })
    };
    let plain = || Router::new().respond("GET /known", show);
    let router = Router::new()
        .nest("/own", plain().not_found(missing("own")))
        .nest("/none", plain())
        .nest("/deep", Router::new().nest("/er", plain()))
        .not_found(missing("outer"));
    for (request, expected) in [
        ("GET /x", "outer /x /x"),
        ("GET /own/x", "own /x /own/x"),
        ("GET /none/x", "outer /none/x /none/x"),
        ("GET /deep/er/x", "outer /deep/er/x /deep/er/x"),
        ("GET /deep/x", "outer /deep/x /deep/x"),
        ("PUT /own/known", "405 GET, HEAD, OPTIONS"),
        ("PUT /none/known", "405 GET, HEAD, OPTIONS"),
    ] {
        assert_eq!(ask(&router, request), expected, "{request}");
    }
    let router = Router::new().not_found(|w: &mut hangup::ResponseWriter, _: &mut Request| {
        std::io::Write::write_all(w, b"nothing").map_err(Error::from)
    });
    assert_eq!(ask(&router, "GET /x"), "404");
}

#[test]
fn h06_a_router_as_a_route_sees_the_whole_path() {
    let inner = Router::new().respond("/api/{id}", show);
    let router = Router::new().route_handler("/api/", inner);
    assert_eq!(ask(&router, "GET /api/7"), "/api/7 of /api/7 by /api/{id} with - 7 -");
    let router = Router::new().nest("/v1", router);
    assert_eq!(ask(&router, "GET /v1/api/7"), "/api/7 of /v1/api/7 by /v1/api/{id} with - 7 -");
}

#[test]
fn h06_an_invalid_prefix_is_refused() {
    for (prefix, text) in [
        ("GET /a", "invalid pattern \"GET /a\" at byte 0: a prefix has no method"),
        ("/a/{$}", "invalid pattern \"/a/{$}\" at byte 3: {$} in a prefix"),
        ("/a/{x...}", "invalid pattern \"/a/{x...}\" at byte 3: a wildcard with dots in a prefix"),
        ("a", "invalid pattern \"a\" at byte 0: the path is missing, which begins with a slash"),
    ] {
        let error = Router::new().try_nest(prefix, Router::new()).map(drop).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
    let mut router = Router::new().respond("/a", show);
    let error = router.try_nest("/a", Router::new()).map(drop).unwrap_err();
    assert_eq!(error.conflicts_with(), Some("/a"));
    assert_eq!(ask(&router, "GET /a/b"), "404");
}

/// It was a 500 and a warning, since a target without a path got one.
#[test]
fn h06_connect_reaches_a_nested_router() {
    let inner = Router::new().nest("/", respond(show)).respond("GET /{$}", show);
    let outer = Router::new().nest("example.com/", inner).nest("/", items());
    for (target, status, seen) in [
        ("example.com:443", 200, "example.com:443 of example.com:443 by "),
        // The items have no handler for the method.
        ("example.org:443", 405, ""),
    ] {
        let request = Request::builder().method(Method::CONNECT).uri(target);
        let mut response = testing::call(&outer, request.body("").unwrap()).unwrap();
        let text = response.body_mut().read_text(100).unwrap();
        assert_eq!(response.status().as_u16(), status, "{target}: {text}");
        assert!(text.starts_with(seen), "{target}: {text}");
    }
}
