//! The attribute Secure.

use super::*;

#[test]
fn c11_a_secure_cookie_comes_from_https_and_goes_to_https() {
    check(&[
        ("https://a.example/", &["a=b; Secure"], "https://a.example/", "a=b"),
        ("https://a.example/", &["a=b; secure=no"], "https://a.example:444/", "a=b"),
        ("https://a.example/", &["a=b; Secure"], "http://a.example/", ""),
        ("https://a.example/", &["a=b"], "http://a.example/", "a=b"),
        ("http://a.example/", &["a=b; Secure"], "http://a.example/", ""),
        ("http://a.example/", &["a=b; Secure"], "https://a.example/", ""),
        ("http://a.example/", &["a=b; SECURE"], "https://a.example/", ""),
        // This machine is secure.
        ("http://localhost/", &["a=b; Secure"], "http://localhost/", "a=b"),
        ("http://127.0.0.1:80/", &["a=b; Secure"], "http://127.0.0.1:81/", "a=b"),
        ("http://127.9.9.9/", &["a=b; Secure"], "http://127.9.9.9/", "a=b"),
        ("http://[::1]/", &["a=b; Secure"], "http://[::1]/", "a=b"),
        ("http://10.0.0.1/", &["a=b; Secure"], "http://10.0.0.1/", ""),
        ("http://a.localhost/", &["a=b; Secure"], "http://a.localhost/", ""),
    ]);
}

#[test]
fn c11_an_insecure_response_leaves_secure_cookies_alone() {
    const SECURE: &str = "https://www.site.example/x/y";
    for (secure, from, field, is_kept) in [
        ("a=s; Secure; Path=/x", "http://www.site.example/", "a=i; Path=/x", false),
        ("a=s; Secure; Path=/x", "http://www.site.example/", "a=i; Path=/x/z", false),
        ("a=s; Secure; Path=/x", "http://www.site.example/", "a=i; Path=/", true),
        ("a=s; Secure; Path=/x", "http://www.site.example/", "a=i; Path=/xx", true),
        ("a=s; Secure; Path=/x", "http://www.site.example/x/", "a=i", false),
        ("a=s; Secure; Path=/x", "http://www.site.example/", "A=i; Path=/x", true),
        ("a=s; Secure; Path=/x", "http://www.site.example/", "a=; Max-Age=0; Path=/x", false),
        ("a=s; Secure; Path=/", "http://www.site.example/", "a=i; Domain=site.example", false),
        ("a=s; Secure; Path=/; Domain=site.example", "http://www.site.example/", "a=i", false),
        ("a=s; Secure; Path=/; Domain=site.example", "http://b.site.example/", "a=i", false),
        ("a=s; Secure; Path=/", "http://b.site.example/", "a=i", true),
        ("a=s; Secure; Path=/", "http://b.site.example/", "a=i; Domain=site.example", false),
        ("a=s; Secure; Path=/", "http://other.example/", "a=i", true),
        ("a=s; Secure; Path=/", "https://www.site.example/", "a=i; Path=/", true),
        ("a=s; Path=/", "http://www.site.example/", "a=i; Path=/", true),
    ] {
        let mut state = State::default();
        set(&mut state, SECURE, secure).unwrap();
        let result = set(&mut state, from, field);
        let expected = if is_kept { Ok(()) } else { Err(Refusal::HidesSecure) };
        assert_eq!(result, expected, "{secure}, then {from} {field}");
        if !is_kept {
            assert!(sent(&mut state, SECURE).contains("a=s"), "{secure}, then {from} {field}");
        }
    }
}

#[test]
fn c11_an_expired_secure_cookie_hides_nothing() {
    const PLAIN: &str = "http://www.site.example/";
    for field in ["a=i", "a=i; Domain=site.example", "a=i; Path=/x"] {
        let mut state = State::default();
        set(&mut state, "https://www.site.example/", "a=s; Secure; Max-Age=5; Path=/").unwrap();
        assert_eq!(set_at(&mut state, PLAIN, field, at(4)), Err(Refusal::HidesSecure), "{field}");
        assert_eq!(set_at(&mut state, PLAIN, field, at(5)), Ok(()), "{field}");
        assert_eq!(sent_at(&mut state, "http://www.site.example/x", at(5)), "a=i", "{field}");
    }
}
