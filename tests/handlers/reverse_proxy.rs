//! H11: the reverse proxy, as far as it needs no connection.

use std::sync::Arc;

use hangup::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, VIA};
use hangup::http::{HeaderMap, Method, StatusCode, Version};
use hangup::reverse_proxy::{Balance, Call, ForwardedFields};
use hangup::{Body, Error, Request, Response, ReverseProxy, testing};
use parking_lot::Mutex;

/// The requests that an upstream has received.
type Seen = Arc<Mutex<Vec<Request<String>>>>;

/// Creates a proxy for an upstream that records its requests and responds with 200.
fn recording() -> (ReverseProxy, Seen) {
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    let proxy = ReverseProxy::with_upstream(move |request: Request, _: &Call<'_>| {
        let (parts, mut body) = request.into_parts();
        let text = body.read_text(1000)?;
        record.lock().push(Request::from_parts(parts, text));
        Ok(Response::new("ok".into()))
    });
    (proxy.pseudonym("edge"), seen)
}

fn responding(response: impl Fn() -> Response + Send + Sync + 'static) -> ReverseProxy {
    ReverseProxy::with_upstream(move |_: Request, _: &Call<'_>| Ok(response())).pseudonym("edge")
}

fn request(method: Method, target: &str, fields: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().method(method).uri(target).header(HOST, "front");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// Returns the fields that the upstream receives for those of a GET, in the form `name: value`, sorted.
fn forwarded(
    configure: impl FnOnce(ReverseProxy) -> ReverseProxy,
    fields: &[(&str, &str)],
) -> Vec<String> {
    let (proxy, seen) = recording();
    let response = testing::call(&configure(proxy), request(Method::GET, "/", fields)).unwrap();
    assert_eq!(response.status(), 200);
    let seen = seen.lock();
    lines(seen[0].headers())
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (_, &hangup::http::HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<String> = headers.iter().map(line).collect();
    lines.sort();
    lines
}

/// The fields that each of the requests below is forwarded with.
const ALWAYS: [&str; 4] =
    ["host: front", "via: 1.1 edge", "x-forwarded-host: front", "x-forwarded-proto: http"];

#[test]
fn h11_fields_of_the_connection_are_not_forwarded() {
    for (fields, rest) in [
        (
            &[("x-a", "1"), ("x-a", "2"), ("accept", "*/*")][..],
            &["accept: */*", "x-a: 1", "x-a: 2"][..],
        ),
        (&[("connection", "close"), ("keep-alive", "timeout=5"), ("proxy-connection", "x")], &[]),
        (&[("connection", "x-a, x-b"), ("x-a", "1"), ("X-B", "2"), ("x-c", "3")], &["x-c: 3"]),
        (&[("connection", "host, content-length, via, x-a"), ("x-a", "1")], &[]),
        (&[("te", "trailers, deflate")], &["connection: TE", "te: trailers"]),
        (&[("te", "gzip")], &[]),
        (&[("proxy-authorization", "Basic x"), ("authorization", "y")], &["authorization: y"]),
        (
            &[("connection", "Upgrade"), ("upgrade", "websocket")],
            &["connection: Upgrade", "upgrade: websocket"],
        ),
        (&[("upgrade", "websocket")], &[]),
        (
            &[
                ("connection", "upgrade, http2-settings"),
                ("upgrade", "h2c"),
                ("http2-settings", "x"),
            ],
            &[],
        ),
        (
            &[("accept-encoding", "gzip"), ("cookie", "a=b")],
            &["accept-encoding: gzip", "cookie: a=b"],
        ),
        (&[("trailer", "x-a")], &[]),
        (&[("max-forwards", "3")], &["max-forwards: 3"]),
    ] {
        let mut expected: Vec<_> = ALWAYS.iter().chain(rest).map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(forwarded(|proxy| proxy, fields), expected, "{fields:?}");
    }
}

#[test]
fn h11_fields_about_the_client_are_believed_from_trusted_peers_only() {
    let sent = [
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "1"),
        ("x_forwarded_for", "5.6.7.8"),
        ("x-real-ip", "9"),
    ];
    assert_eq!(forwarded(|proxy| proxy, &sent), ALWAYS);
    let standard = forwarded(|proxy| proxy.forwarded(ForwardedFields::Standard), &sent);
    let expected =
        ["forwarded: for=unknown;host=\"front\";proto=http", "host: front", "via: 1.1 edge"];
    assert_eq!(standard, expected);
    let none = forwarded(|proxy| proxy.forwarded(ForwardedFields::None), &sent);
    assert_eq!(none, ["host: front", "via: 1.1 edge"]);
    let trusted = forwarded(|proxy| proxy.trust(|_| true).forwarded(ForwardedFields::Both), &sent);
    for line in [
        "forwarded: for=1.2.3.4, for=unknown;host=\"front\";proto=http",
        "x-forwarded-for: 1.2.3.4",
        "x-forwarded-host: front",
        "x-forwarded-proto: https",
        "x-real-ip: 9",
    ] {
        assert!(trusted.iter().any(|field| field == line), "{line}: {trusted:?}");
    }
}

#[test]
fn h11_host_and_via_follow_the_options() {
    let fields =
        forwarded(|proxy| proxy.preserve_host(false).without_via(), &[("via", "1.0 fred")]);
    assert_eq!(fields, ["via: 1.0 fred", "x-forwarded-host: front", "x-forwarded-proto: http"]);
    let fields = forwarded(|proxy| proxy, &[("via", "1.0 fred")]);
    assert!(
        fields.contains(&"via: 1.0 fred".to_owned())
            && fields.contains(&"via: 1.1 edge".to_owned())
    );
}

#[test]
fn h11_a_request_that_is_not_forwarded_gets_its_status() {
    for (method, target, fields, status) in [
        (Method::CONNECT, "a:80", &[][..], 501),
        (Method::GET, "/", &[("via", "1.1 other, 1.1 edge")], 508),
        (Method::GET, "/other", &[], 404),
        (Method::GET, "/apis", &[], 404),
        (Method::GET, "/api/../x", &[], 400),
        (Method::GET, "/api/..%2fx", &[], 400),
        (Method::OPTIONS, "/api", &[("max-forwards", "0")], 204),
        (Method::OPTIONS, "*", &[], 204),
        (Method::TRACE, "/api", &[("max-forwards", "0")], 200),
    ] {
        let (proxy, seen) = recording();
        let proxy = proxy.strip_prefix("/api/");
        let response = testing::call(&proxy, request(method.clone(), target, fields)).unwrap();
        assert_eq!(response.status(), status, "{method} {target}");
        assert!(seen.lock().is_empty(), "{method} {target}");
    }
    let (proxy, _) = recording();
    let mut trace = request(Method::TRACE, "/", &[]);
    *trace.body_mut() = "x".into();
    assert_eq!(testing::call(&proxy, trace).unwrap().status(), 400);
}

#[test]
fn h11_trace_shows_the_request_without_secrets() {
    let (proxy, _) = recording();
    let fields = [("max-forwards", "0"), ("cookie", "a=b"), ("authorization", "x"), ("x-a", "1")];
    let mut response = testing::call(&proxy, request(Method::TRACE, "/a?b", &fields)).unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "message/http");
    let text = response.body_mut().read_text(1000).unwrap();
    assert_eq!(text, "TRACE /a?b HTTP/1.1\r\nHost: front\r\nMax-Forwards: 0\r\nX-A: 1\r\n\r\n");
}

#[test]
fn h11_the_target_method_and_body_are_forwarded() {
    let (proxy, seen) = recording();
    let proxy = proxy.strip_prefix("/api");
    let mut put = request(Method::PUT, "http://front/api/./y?a=/../b", &[("max-forwards", "7")]);
    *put.body_mut() = "text".into();
    testing::call(&proxy, put).unwrap();
    testing::call(&proxy, request(Method::OPTIONS, "/api", &[("max-forwards", "7")])).unwrap();
    let mut old = request(
        Method::GET,
        "/api",
        &[("expect", "x"), ("connection", "upgrade"), ("upgrade", "x")],
    );
    *old.version_mut() = Version::HTTP_10;
    testing::call(&proxy, old).unwrap();

    let seen = seen.lock();
    assert_eq!(
        (seen[0].method(), seen[0].uri().to_string()),
        (&Method::PUT, "/./y?a=/../b".into())
    );
    assert_eq!(
        (&**seen[0].body(), &seen[0].headers()["max-forwards"]),
        ("text", &"7".parse().unwrap())
    );
    assert_eq!(
        (seen[1].uri().path(), &seen[1].headers()["max-forwards"]),
        ("/", &"6".parse().unwrap())
    );
    assert_eq!(seen[2].headers()[VIA], "1.0 edge");
    assert!(!["expect", "upgrade"].iter().any(|name| seen[2].headers().contains_key(*name)));
    assert_eq!(seen[2].version(), Version::HTTP_11);
}

#[test]
fn h11_the_response_is_framed_anew() {
    let chunked = || Body::from_reader(&b"hello"[..]);
    type Case =
        (Method, &'static [(&'static str, &'static str)], fn() -> Body, Option<&'static str>);
    let cases: [Case; 6] = [
        (Method::GET, &[("content-length", "5")], || "hello".into(), Some("5")),
        // A length that belongs to another framing.
        (
            Method::GET,
            &[("content-length", "9"), ("transfer-encoding", "chunked")],
            || "hello".into(),
            Some("5"),
        ),
        (Method::HEAD, &[("content-length", "1234567")], Body::empty, Some("1234567")),
        (Method::HEAD, &[], Body::empty, None),
        (Method::HEAD, &[("content-length", "x")], Body::empty, None),
        (Method::GET, &[], Body::empty, Some("0")),
    ];
    for (method, fields, body, length) in cases {
        let proxy = responding(move || {
            let mut response = Response::builder();
            for (name, value) in fields {
                response = response.header(*name, *value);
            }
            response.body(body()).unwrap()
        });
        let response = testing::call(&proxy, request(method.clone(), "/", &[])).unwrap();
        let came = response.headers().get(CONTENT_LENGTH).map(|value| value.to_str().unwrap());
        assert_eq!(came, length, "{method} {fields:?}");
        assert!(!response.headers().contains_key("transfer-encoding"));
    }
    let proxy = responding(move || Response::new(chunked()));
    let mut response = testing::call(&proxy, request(Method::GET, "/", &[])).unwrap();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "hello");
}

#[test]
fn h11_the_response_keeps_its_fields_and_no_type_is_guessed() {
    let proxy = responding(|| {
        Response::builder()
            .header("connection", "x-hop, close")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=1")
            .header("set-cookie", "a=b")
            .header("set-cookie", "c=d")
            .header("content-encoding", "gzip")
            .header("location", "/elsewhere")
            .status(302)
            .body("not gzip".into())
            .unwrap()
    });
    let mut response = testing::call(&proxy, request(Method::GET, "/", &[])).unwrap();
    assert_eq!(response.status(), 302);
    let expected = [
        "content-encoding: gzip",
        "content-length: 8",
        "location: /elsewhere",
        "set-cookie: a=b",
        "set-cookie: c=d",
        "via: 1.1 edge",
    ];
    assert_eq!(lines(response.headers()), expected);
    assert_eq!(response.body_mut().read_text(100).unwrap(), "not gzip");

    let proxy = responding(|| Response::new("<html>".into()));
    let response = testing::call(&proxy, request(Method::GET, "/", &[])).unwrap();
    assert_eq!(lines(response.headers()), ["content-length: 6", "via: 1.1 edge"]);
}

#[test]
fn h11_trailers_pass_in_both_directions() {
    let proxy = ReverseProxy::with_upstream(|request: Request, _: &Call<'_>| {
        let (_, mut body) = request.into_parts();
        body.read_bytes(100)?;
        let trailers = body.take_trailers().expect("trailers");
        Ok(Response::new(Body::from_reader(&b"hello"[..]).with_trailers(move || trailers)))
    });
    let mut post = request(Method::POST, "/", &[("trailer", "x-sum")]);
    let trailers = || [("x-sum".parse().unwrap(), "7".parse().unwrap())].into_iter().collect();
    *post.body_mut() = Body::from_reader(&b"hi"[..]).with_trailers(trailers);
    let mut response = testing::call(&proxy, post).unwrap();
    assert_eq!(response.body_mut().read_text(100).unwrap(), "hello");
    assert_eq!(response.body_mut().take_trailers().unwrap()["x-sum"], "7");
}

#[test]
fn h11_interim_responses_pass_from_any_thread() {
    let proxy = ReverseProxy::with_upstream(|_: Request, call: &Call<'_>| {
        let inform = call.on_informational();
        let early = [("link".parse().unwrap(), "</a>".parse().unwrap())].into_iter().collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                inform(StatusCode::CONTINUE, &HeaderMap::new());
                inform(StatusCode::EARLY_HINTS, &early);
            });
        });
        Ok(Response::new("ok".into()))
    });
    let response = testing::call(&proxy, request(Method::GET, "/", &[])).unwrap();
    let [hints] = testing::informational(&response) else { panic!("one") };
    assert_eq!(
        (hints.status(), &hints.headers()["link"]),
        (StatusCode::EARLY_HINTS, &"</a>".parse().unwrap())
    );
}

#[test]
fn h11_requests_and_responses_are_rewritten() {
    let (proxy, seen) = recording();
    let proxy = proxy
        .on_request(|request, received| {
            if received.uri().path() == "/refused" {
                return Err(Error::status(StatusCode::FORBIDDEN, "no"));
            }
            *request.uri_mut() = "/other?x".parse().unwrap();
            request.headers_mut().insert(HOST, "inner".parse().unwrap());
            Ok(())
        })
        .on_response(|response, received| {
            response.headers_mut().insert("x-path", received.uri().path().parse().unwrap());
            let body = std::mem::take(response.body_mut());
            *response.body_mut() = body.map_reader(|reader| std::io::Read::take(reader, 1));
            Ok(())
        });
    let mut response = testing::call(&proxy, request(Method::GET, "/a", &[])).unwrap();
    assert_eq!(response.headers()["x-path"], "/a");
    assert_eq!(response.body_mut().read_text(10).unwrap(), "o");
    {
        let seen = seen.lock();
        assert_eq!(
            (seen[0].uri().to_string(), &seen[0].headers()[HOST]),
            ("/other?x".into(), &"inner".parse().unwrap())
        );
    }
    let refused = testing::call(&proxy, request(Method::GET, "/refused", &[])).unwrap();
    assert_eq!((refused.status(), seen.lock().len()), (StatusCode::FORBIDDEN, 1));
}

#[test]
fn h11_a_failure_of_the_upstream_is_a_502_unless_the_hook_decides() {
    let failing = || {
        ReverseProxy::with_upstream(|_: Request, _: &Call<'_>| -> hangup::Result<Response> {
            Err(Error::other("secret"))
        })
    };
    let mut response = testing::call(&failing(), request(Method::GET, "/", &[])).unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(response.body_mut().read_text(100).unwrap(), "502 Bad Gateway\n");
    let hooked = failing().on_error(|error, status, r| {
        let text = format!("{error} {} {}", status.as_u16(), r.uri());
        Response::builder().status(418).body(text.into()).unwrap()
    });
    let mut response = testing::call(&hooked, request(Method::GET, "/x", &[])).unwrap();
    assert_eq!(response.status(), 418);
    assert_eq!(response.body_mut().read_text(100).unwrap(), "secret 502 /x");
    let broken = responding(|| Response::new(Body::from_sized_reader(&b"short"[..], 100)));
    testing::call(&broken, request(Method::GET, "/", &[])).expect_err("no whole response");
}

#[test]
fn h11_an_invalid_configuration_is_an_error() {
    for url in ["localhost:80", "ftp://a/", "/x", "http://", "http://user:secret@a/"] {
        let error = ReverseProxy::try_new(url).unwrap_err().to_string();
        assert!(
            error.starts_with("invalid URL of an upstream: ") && !error.contains("secret"),
            "{error}"
        );
    }
    let two = ReverseProxy::new("http://a/").upstream("http://b:1/x").balance(Balance::LeastBusy);
    assert_eq!(format!("{two:?}"), r#"ReverseProxy { upstreams: ["a", "b:1"], .. }"#);
}

#[test]
fn h11_no_trailers_are_announced_to_an_old_client() {
    for (version, announced) in [(Version::HTTP_11, true), (Version::HTTP_10, false)] {
        let proxy = responding(|| {
            let body = Body::from_reader(&b"hello"[..]);
            Response::builder().header("trailer", "x-sum").body(body).unwrap()
        });
        let mut request = request(Method::GET, "/", &[]);
        *request.version_mut() = version;
        let response = testing::call(&proxy, request).unwrap();
        assert_eq!(response.headers().contains_key("trailer"), announced, "{version:?}");
    }
}
