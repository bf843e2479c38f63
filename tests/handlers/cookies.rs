//! H4: the cookies of a request.

use hangup::http::HeaderValue;
use hangup::{Request, RequestExt};

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
