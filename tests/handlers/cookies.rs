//! H4: the cookies of a request, and those that a response sets.

use std::time::{Duration, SystemTime};

use hangup::http::HeaderValue;
use hangup::{ErrorKind, Request, RequestExt, ResponseWriter, SameSite, SetCookie, testing};

fn read(lines: &[&[u8]]) -> Vec<(String, String)> {
    let mut request = Request::new(().into());
    for line in lines {
        request.headers_mut().append("cookie", HeaderValue::from_bytes(line).unwrap());
    }
    let cookies = request.cookies();
    cookies.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn h04_cookies_are_read_leniently() {
    for (lines, expected) in [
        (&[][..], &[][..]),
        (&[&b""[..]], &[]),
        (&[b"a=b"], &[("a", "b")]),
        (&[b"a=1; b=2; a=3"], &[("a", "1"), ("b", "2"), ("a", "3")]),
        (&[b"a=1", b"b=2"], &[("a", "1"), ("b", "2")]),
        (&[b";; a=1;b=2 ; ;"], &[("a", "1"), ("b", "2")]),
        (&[b" a = b c "], &[("a", "b c")]),
        (
            &[b"a=\"b c\"; d=\"; e=\"\"; f=\"x"],
            &[("a", "b c"), ("d", "\""), ("e", ""), ("f", "\"x")],
        ),
        (&[b"a=b=c; d=%3D"], &[("a", "b=c"), ("d", "%3D")]),
        (&[b"a; =b; c=d"], &[("c", "d")]),
        (&[b"a=\xff; \xff=a; c=\xc3\xbc"], &[("c", "ü")]),
        (&[b"a={\"k\":[1,2]}"], &[("a", "{\"k\":[1,2]}")]),
    ] {
        let found = read(lines);
        let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(found, expected, "{lines:?}");
    }
}

#[test]
fn h04_a_cookie_is_found_by_its_name() {
    let request = Request::get("/").header("cookie", "a=1; A=2; a=3").body(().into()).unwrap();
    let cookies = request.cookies();
    assert_eq!(["a", "A", "b"].map(|name| cookies.get(name)), [Some("1"), Some("2"), None]);
    assert_eq!(format!("{cookies:?}"), r#"["a", "A", "a"]"#, "no values, which may be secrets");
}

#[test]
fn h04_a_cookie_is_set_with_its_attributes() {
    let epoch = SystemTime::UNIX_EPOCH;
    let hour = Duration::from_secs(3600);
    for (cookie, expected) in [
        (SetCookie::new("a", "b"), "a=b"),
        (SetCookie::new("a", ""), "a="),
        (SetCookie::new("a", "\"b\""), "a=\"b\""),
        (
            SetCookie::new("a", "b=c&d").path("/x y").domain("a-b.example").max_age(hour),
            "a=b=c&d; Path=/x y; Domain=a-b.example; Max-Age=3600",
        ),
        (
            SetCookie::new("a", "b").expires(epoch + hour),
            "a=b; Expires=Thu, 01 Jan 1970 01:00:00 GMT",
        ),
        (
            SetCookie::new("a", "b").secure(true).http_only(true).partitioned(true),
            "a=b; Secure; HttpOnly; Partitioned",
        ),
        (
            SetCookie::new("a", "b").same_site(SameSite::Strict).secure(false),
            "a=b; SameSite=Strict",
        ),
        (
            SetCookie::new("a", "b").same_site(SameSite::None).secure(true),
            "a=b; Secure; SameSite=None",
        ),
        (
            SetCookie::remove("a").path("/"),
            "a=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ),
        (SetCookie::new("__Host-a", "b").path("/").secure(true), "__Host-a=b; Path=/; Secure"),
        (
            SetCookie::new("__Secure-a", "b").domain("x").secure(true),
            "__Secure-a=b; Domain=x; Secure",
        ),
    ] {
        let value = cookie.to_header_value().unwrap();
        assert_eq!(value, expected);
        assert!(value.is_sensitive());
        assert!(!format!("{cookie:?}").contains("b=c"), "no value, which may be a secret");
    }
}

#[test]
fn h04_a_cookie_that_browsers_refuse_is_an_error() {
    let cookie = || SetCookie::new("a", "secret");
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let date = "the time of expiry is not in the years 1970 to 9999";
    let secure = "a name with this prefix needs the attribute Secure";
    let host = "a name with the prefix __Host- needs the path / and no domain";
    for (cookie, fault) in [
        (SetCookie::new("", "x"), "the name is not a token"),
        (SetCookie::new("a b", "x"), "the name is not a token"),
        (SetCookie::new("a=", "x"), "the name is not a token"),
        (SetCookie::new("ä", "x"), "the name is not a token"),
        (SetCookie::new("a", "x y"), "the value contains a forbidden character"),
        (SetCookie::new("a", "x;y"), "the value contains a forbidden character"),
        (SetCookie::new("a", "x\r\nSet-Cookie: y=z"), "the value contains a forbidden character"),
        (SetCookie::new("a", "\""), "the value contains a forbidden character"),
        (SetCookie::new("a", "ü"), "the value contains a forbidden character"),
        (
            SetCookie::new("a", "x".repeat(4096)),
            "the name and the value are longer than 4096 bytes",
        ),
        (cookie().path("x"), "the path is invalid"),
        (cookie().path("/;Secure"), "the path is invalid"),
        (cookie().path("/\n"), "the path is invalid"),
        (cookie().path("/".repeat(1025)), "the path or the domain is longer than 1024 bytes"),
        (cookie().domain(""), "the domain is invalid"),
        (cookie().domain(".example.com"), "the domain is invalid"),
        (cookie().domain("a;b"), "the domain is invalid"),
        (cookie().expires(far), date),
        (cookie().expires(before), date),
        (cookie().same_site(SameSite::None), "SameSite=None needs the attribute Secure"),
        (cookie().partitioned(true), "Partitioned needs the attribute Secure"),
        (SetCookie::new("__Secure-a", "x"), secure),
        (SetCookie::new("__host-a", "x").path("/"), secure),
        (SetCookie::new("__Host-a", "x").secure(true), host),
        (SetCookie::new("__Host-a", "x").secure(true).path("/a"), host),
        (SetCookie::new("__HOST-a", "x").secure(true).path("/").domain("a"), host),
    ] {
        let error = cookie.to_header_value().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        let text = error.to_string();
        assert!(text.ends_with(&format!("\": {fault}")) && !text.contains("secret"), "{text}");
    }
}

#[test]
fn h04_a_response_sets_several_cookies() {
    let handler = |w: &mut ResponseWriter, _: &mut Request| {
        w.set_cookie(SetCookie::new("a", "1"))?.set_cookie(SetCookie::remove("b"))?;
        Ok(())
    };
    let response = testing::call(&handler, Request::new(())).unwrap();
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 2);
    assert_eq!(cookies[0], "a=1");
}
