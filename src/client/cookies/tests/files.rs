//! The file formats.

#[cfg(feature = "json")]
use crate::client::cookies::SameSite;
use crate::client::cookies::{Cookie, CookieJar};
use crate::error::ErrorKind;

/// Loads a file and returns what is in the jar, each cookie as `DOMAIN[+] PATH NAME=VALUE FLAGS`.
fn loaded(text: &str) -> (Vec<String>, usize) {
    let jar = CookieJar::new();
    let loaded = jar.load_netscape(text.as_bytes()).unwrap();
    let cookies: Vec<_> = jar.snapshot().iter().map(shown).collect();
    assert_eq!(loaded.stored, cookies.len(), "{text:?}");
    (cookies, loaded.skipped)
}

fn shown(cookie: &Cookie) -> String {
    let below = if cookie.is_host_only() { "" } else { "+" };
    let (domain, path) = (cookie.domain(), cookie.path());
    let flags = [
        (cookie.is_secure(), " secure"),
        (cookie.is_http_only(), " http-only"),
        (cookie.expires().is_some(), " lasting"),
    ];
    let flags: String = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
    format!("{domain}{below} {path} {}={}{flags}", cookie.name(), cookie.value())
}

#[test]
fn c11_lines_are_read_as_curl_reads_them() {
    for (line, expected) in [
        ("a.example\tFALSE\t/\tFALSE\t0\tn\tv", Some("a.example / n=v")),
        (".a.example\tTRUE\t/\tFALSE\t0\tn\tv", Some("a.example+ / n=v")),
        ("a.example\tTRUE\t/x\tTRUE\t0\tn\tv", Some("a.example+ /x n=v secure")),
        (".a.example\tFALSE\t/\tFALSE\t0\tn\tv", Some("a.example / n=v")),
        ("A.Example\tfalse\t/\ttrue\t0\tn\tv", Some("a.example / n=v secure")),
        ("#HttpOnly_a.example\tFALSE\t/\tFALSE\t0\tn\tv", Some("a.example / n=v http-only")),
        ("#HttpOnly_.a.example\tTRUE\t/\tFALSE\t0\tn\tv", Some("a.example+ / n=v http-only")),
        ("a.example\tFALSE\t/\tFALSE\t4102444800\tn\tv", Some("a.example / n=v lasting")),
        ("a.example\tFALSE\t/\tFALSE\t4102444800.75\tn\tv", Some("a.example / n=v lasting")),
        ("a.example\tFALSE\t/\tFALSE\t99999999999999999999\tn\tv", Some("a.example / n=v lasting")),
        ("a.example\tFALSE\t/\tFALSE\t0\tn\tv\r", Some("a.example / n=v")),
        ("a.example\tFALSE\t/\tFALSE\t0\tn\t", Some("a.example / n=")),
        ("a.example\tFALSE\t/\tFALSE\t0\tn", Some("a.example / n=")),
        ("a.example\tFALSE\tFALSE\t0\tn\tv", Some("a.example / n=v")),
        ("a.example\tFALSE\t\tFALSE\t0\tn\tv", Some("a.example / n=v")),
        ("a.example\t\tFALSE\t/\tFALSE\t0\tn\tv", Some("a.example / n=v")),
        ("127.0.0.1\tFALSE\t/\tFALSE\t0\tn\tv", Some("127.0.0.1 / n=v")),
        (".127.0.0.1\tTRUE\t/\tFALSE\t0\tn\tv", Some("127.0.0.1 / n=v")),
        ("::1\tFALSE\t/\tFALSE\t0\tn\tv", Some("::1 / n=v")),
        ("[::1]\tFALSE\t/\tFALSE\t0\tn\tv", Some("::1 / n=v")),
        (".localhost\tTRUE\t/\tFALSE\t0\tn\tv", Some("localhost / n=v")),
        (".co.uk\tTRUE\t/\tFALSE\t0\tn\tv", Some("co.uk / n=v")),
        ("a.example\tFALSE\t/\tTRUE\t0\t__Host-n\tv", Some("a.example / __Host-n=v secure")),
        ("a.example\tFALSE\t/\tFALSE\t0\tn\ta=b \"c\"", Some("a.example / n=a=b \"c\"")),
        ("Set-Cookie: n=v; Domain=a.example", Some("a.example+ / n=v")),
        ("set-cookie:n=v;domain=.a.example;path=/x;secure", Some("a.example+ /x n=v secure")),
        // No cookies.
        ("a.example\tTRUE\t/\tTRUE\t0\t__Host-n\tv", None),
        ("a.example\tFALSE\t/\tFALSE\t0\t__Secure-n\tv", None),
        ("a.example\tFALSE\t/\tFALSE\tnever\tn\tv", None),
        ("a.example\tFALSE\t/\tFALSE\t\tn\tv", None),
        ("a.example\tMAYBE\t/\tFALSE\t0\tn\tv", None),
        ("a.example\tFALSE\tx\tFALSE\t0\tn\tv", Some("a.example / n=v")),
        ("a.example\tFALSE\t/\tFALSE\t0\tn\tv\tw", None),
        ("a.example FALSE / FALSE 0 n v", None),
        ("a.example\tFALSE\t/\tFALSE\t0\tn\tv;w", None),
        ("a.example\tFALSE\t/\tFALSE\t0\tn=m\tv", None),
        ("a.example\tFALSE\t/\tFALSE\t0\tn\tv\u{1}", None),
        ("\tFALSE\t/\tFALSE\t0\tn\tv", None),
        (".\tFALSE\t/\tFALSE\t0\tn\tv", None),
        ("Set-Cookie: n=v", None),
        ("Set-Cookie:", None),
        ("rubbish", None),
    ] {
        let skipped = usize::from(expected.is_none());
        let expected: Vec<String> = expected.into_iter().map(Into::into).collect();
        assert_eq!(loaded(line), (expected, skipped), "{line:?}");
    }
}

#[test]
fn c11_comments_empty_lines_and_expired_cookies_are_skipped() {
    let text = "# Netscape HTTP Cookie File\n#comment\n\n  \t\r\n# HttpOnly_ is no prefix here\n\
                a.example\tFALSE\t/\tFALSE\t1\told\tv\n\
                a.example\tFALSE\t/\tFALSE\t-1\tolder\tv\n\
                a.example\tFALSE\t/\tFALSE\t0\tn\tv";
    assert_eq!(loaded(text), (vec!["a.example / n=v".to_owned()], 0));
}

#[test]
fn c11_a_written_file_is_as_curl_writes_it() {
    let jar = CookieJar::new();
    jar.set("https://www.a.example/x/y", "h=1; HttpOnly; Secure").unwrap();
    jar.set("https://www.a.example/", "d=2; Domain=a.example; Path=/").unwrap();
    jar.set("https://www.a.example/", "empty=").unwrap();
    jar.set("https://www.a.example/", "nameless").unwrap();
    jar.set("https://www.a.example/", "tab=a\tb").unwrap();
    jar.set("https://www.a.example/", "gone=; Max-Age=0").unwrap();
    jar.insert(
        Cookie::new("::1", "t", "3")
            .with_expires(std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_102_444_800)),
    )
    .unwrap();
    let mut file = Vec::new();
    jar.save_netscape(&mut file).unwrap();
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("# ")).collect();
    assert_eq!(
        lines,
        [
            "",
            "#HttpOnly_www.a.example\tFALSE\t/x\tTRUE\t0\th\t1",
            ".a.example\tTRUE\t/\tFALSE\t0\td\t2",
            "www.a.example\tFALSE\t/\tFALSE\t0\tempty\t",
            "::1\tFALSE\t/\tFALSE\t4102444800\tt\t3",
        ]
    );
    assert!(text.starts_with("# Netscape HTTP Cookie File\n"));
    let again = CookieJar::new();
    assert_eq!(again.load_netscape(text.as_bytes()).unwrap().skipped, 0);
    let kept: Vec<_> = jar
        .snapshot()
        .iter()
        .filter(|it| !it.name().is_empty() && it.name() != "tab")
        .map(shown)
        .collect();
    assert_eq!(again.snapshot().iter().map(shown).collect::<Vec<_>>(), kept);
}

#[cfg(feature = "json")]
#[test]
fn c11_json_keeps_everything() {
    let jar = CookieJar::new();
    for field in [
        &b"a=1"[..],
        b"b=2; Domain=a.example; Path=/x; Secure; HttpOnly; SameSite=Strict; Max-Age=1000",
        b"c=3; SameSite=Lax",
        b"d=4; SameSite=None",
        b"nameless",
        b"tab=a\tb\"\\",
        b"\xff=\xfe; Path=/\xfd",
    ] {
        jar.set("https://www.a.example/", field).unwrap();
    }
    jar.matching("https://www.a.example/x").unwrap();
    let mut text = Vec::new();
    jar.save_json(&mut text).unwrap();
    let again = CookieJar::new();
    let loaded = again.load_json(&text[..]).unwrap();
    assert_eq!((loaded.stored, loaded.skipped), (7, 0));
    assert_eq!(again.snapshot(), jar.snapshot());
    assert_eq!(again.snapshot()[1].same_site(), Some(SameSite::Strict));
}

#[cfg(feature = "json")]
#[test]
fn c11_json_that_is_no_jar_is_an_error_and_changes_nothing() {
    let jar = CookieJar::new();
    jar.set("https://a.example/", "a=b").unwrap();
    for text in [
        "",
        "secret",
        "[]",
        "{}",
        "{\"version\":2,\"cookies\":[]}",
        "{\"version\":1}",
        "{\"version\":1,\"cookies\":{}}",
        "{\"version\":1,\"cookies\":[\"secret\"",
    ] {
        let error = jar.load_json(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFile, "{text}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
    assert_eq!(jar.snapshot().len(), 1);
    let whole = r#"{"name":"n","value":"v","domain":"a.example","host_only":true,"path":"/","secure":false,
        "http_only":false,"same_site":null,"expires":null,"created":1,"accessed":1}"#;
    for (from, to) in [
        ("\"n\"", "\"n;\""),
        ("\"v\"", "\"\\u0000\""),
        ("\"v\"", "[256]"),
        ("\"v\"", "7"),
        ("true", "1"),
        ("\"/\"", "\"x\""),
        ("\"a.example\"", "\"\""),
        ("\"same_site\":null", "\"same_site\":\"other\""),
        ("\"expires\":null", "\"expires\":\"soon\""),
        ("\"created\":1,", ""),
    ] {
        let entry = whole.replacen(from, to, 1);
        let text = format!("{{\"version\":1,\"cookies\":[{entry},{whole},7]}}");
        let loaded = jar.load_json(text.as_bytes()).unwrap();
        assert_eq!((loaded.stored, loaded.skipped), (1, 2), "{from} {to}");
    }
}

#[test]
fn c11_a_file_without_end_is_refused() {
    let error = CookieJar::new().load_netscape(std::io::repeat(b'x')).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidFile);
}

#[test]
fn c11_cookies_of_the_caller_obey_the_rules() {
    let jar = CookieJar::new();
    for cookie in [
        Cookie::new("a.example", "", ""),
        Cookie::new("a.example", "a;b", "c"),
        Cookie::new("a.example", "a=b", "c"),
        Cookie::new("a.example", "a", "b;c"),
        Cookie::new("a.example", "a", "b\n"),
        Cookie::new("a.example", "a ", "b"),
        Cookie::new("a.example", "a", "\tb"),
        Cookie::new("a.example", "a", "v".repeat(4096)),
        Cookie::new("", "a", "b"),
        Cookie::new("b\u{fc}cher.example", "a", "b"),
        Cookie::new("a.example", "a", "b").with_path("x"),
        Cookie::new("#a.example", "a", "b"),
        Cookie::new("a:b", "a", "b"),
        Cookie::new("a.example:80", "a", "b"),
        Cookie::new("http://a.example", "a", "b"),
        Cookie::new("a.example", "__Secure-a", "b"),
        Cookie::new("a.example", "__Host-a", "b").with_secure(true).with_subdomains(),
    ] {
        let error = jar.insert(cookie.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMessage, "{cookie:?}");
    }
    assert!(jar.snapshot().is_empty());
    jar.insert(Cookie::new("[::1]", "a", "b")).unwrap();
    jar.insert(Cookie::new(".A.Example", "a", "b").with_subdomains()).unwrap();
    assert_eq!(jar.matching("http://[::1]:81/").unwrap().len(), 1);
    assert_eq!(jar.matching("http://b.a.example").unwrap().len(), 1);
    assert!(jar.remove(&jar.snapshot()[0]) && jar.snapshot().len() == 1);
    assert_eq!(jar.remove_session_cookies(), 1);
    jar.clear();
    assert_eq!(format!("{jar:?}"), "CookieJar { cookies: 0, .. }");
}
