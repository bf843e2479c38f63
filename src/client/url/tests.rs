use super::fault::Fault;
use super::*;
use crate::error::ErrorKind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn of_uri(text: &str) -> Url {
    Url::of_uri(text.parse().unwrap()).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// The user and password that are sent.
fn credentials(url: &Url) -> Option<Vec<u8>> {
    let value = url.credentials()?;
    assert!(value.is_sensitive());
    Some(STANDARD.decode(value.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap())
}

#[test]
fn c01_text_is_read_as_browsers_read_it() {
    for (given, read) in [
        ("http://a", "http://a/"),
        ("http://a/", "http://a/"),
        ("http://a?b", "http://a/?b"),
        ("http://a/?", "http://a/?"),
        ("http://a#b?c/d", "http://a/"),
        ("http://a/b?c#d", "http://a/b?c"),
        (" \t\r\n http://a/b \n", "http://a/b"),
        ("http://a/b c", "http://a/b%20c"),
        ("http://a/b?c d", "http://a/b?c%20d"),
        ("http://a/\"<>`\u{7f}\tx", "http://a/%22%3C%3E%60%7F%09x"),
        ("http://a/?\"<>`\u{7f}\tx", "http://a/?%22%3C%3E%60%7F%09x"),
        ("http://a/ü/日本?ä=€", "http://a/%C3%BC/%E6%97%A5%E6%9C%AC?%C3%A4=%E2%82%AC"),
        ("http://a/[]{}|^\\'?[]{}|^\\'", "http://a/[]{}|^\\'?[]{}|^\\'"),
        ("http://a/%41%zz%?%41%zz%", "http://a/%41%zz%?%41%zz%"),
        ("http://a/%c3%bc%25", "http://a/%c3%bc%25"),
        ("http://a/b/./c/../d", "http://a/b/d"),
        ("http://a/../../b", "http://a/b"),
        ("http://a/b/..", "http://a/"),
        ("http://a/b/.", "http://a/b/"),
        ("http://a/.", "http://a/"),
        ("http://a/b//../c", "http://a/b/c"),
        ("http://a//b///c", "http://a//b///c"),
        ("http://a/.b/..c/d..", "http://a/.b/..c/d.."),
        ("http://a/b?c/../d", "http://a/b?c/../d"),
        ("http://a/%2e%2e/b", "http://a/%2e%2e/b"),
        ("http://a/b;c=1,2:@!$&'()*+~", "http://a/b;c=1,2:@!$&'()*+~"),
        ("http://a/b?c=http://d/?e@f", "http://a/b?c=http://d/?e@f"),
        ("HTTP://EXAMPLE.Com/Path", "http://example.com/Path"),
        ("HttpS://a", "https://a/"),
        ("http://a:80/", "http://a/"),
        ("https://a:443/", "https://a/"),
        ("https://a:80/", "https://a:80/"),
        ("http://a:443/", "http://a:443/"),
        ("http://a:/b", "http://a/b"),
        ("http://a:00080/b", "http://a/b"),
        ("http://a:0/", "http://a:0/"),
        ("http://a:08081/", "http://a:8081/"),
        ("http://a:65535/", "http://a:65535/"),
        ("http://a.:8080/", "http://a.:8080/"),
        ("http://a_b.c-d/", "http://a_b.c-d/"),
        ("http://%65xample.%43om/", "http://example.com/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://user:pass@a:81/b", "http://a:81/b"),
    ] {
        assert_eq!(url(given).uri().to_string(), read, "{given:?}");
    }
}

#[test]
fn c01_an_address_gets_its_usual_form() {
    for (given, read) in [
        ("127.0.0.1", "127.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("127.0.0.01", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("1.2.772", "1.2.3.4"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("4294967295", "255.255.255.255"),
        ("[::1]", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[FE80::ABCD]", "[fe80::abcd]"),
        ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"),
        ("1.2.3.4.example", "1.2.3.4.example"),
        ("1.2.3.4a", "1.2.3.4a"),
    ] {
        for port in ["", ":8080"] {
            let url = url(&format!("http://{given}{port}/"));
            assert_eq!(url.authority(), format!("{read}{port}"), "{given}");
            assert_eq!(url.host(), read.trim_matches(['[', ']']), "{given}");
        }
    }
}

#[test]
fn c01_a_zone_is_known_and_not_shown() {
    for (given, zone) in [
        ("[fe80::1%25eth0]", Some("eth0")),
        ("[fe80::1%eth0]", Some("eth0")),
        ("[FE80::1%25eth0]", Some("eth0")),
        ("[fe80::1%252]", Some("2")),
        ("[fe80::1%2]", Some("2")),
        ("[fe80::1%25]", Some("25")),
        ("[fe80::1%25br%2dlan]", Some("br-lan")),
        ("[fe80::1]", None),
    ] {
        let url = url(&format!("http://u:p@{given}:81/x"));
        assert_eq!(url.zone().map(|zone| &**zone), zone, "{given}");
        assert_eq!((url.host(), url.authority()), ("fe80::1", "[fe80::1]:81"), "{given}");
        assert_eq!(url.uri(), "http://[fe80::1]:81/x", "{given}");
        assert_eq!(url.request_target(&Method::CONNECT), "[fe80::1]:81");
    }
}

/// Invalid URLs, and the fault that their errors name.
const INVALID: [(&str, &[&str]); 14] = [
    ("it is empty", &[""]),
    (
        "scheme missing",
        &[
            "localhost:7999",
            "localhost:7999/a?b",
            "example.com",
            "example.com:x",
            "127.0.0.1:80",
            "/only/a/path",
            "//a/b",
            "://a/b",
            "a\nb",
        ],
    ),
    (r#""//" missing after the scheme"#, &["http:a", "http:/a", "http:\\\\a"]),
    ("host missing", &["http://", "http:///a", "http://:80/", "http://?a", "http://./"]),
    ("host contains ' '", &["http://a b/"]),
    ("host contains '{'", &["http://{host}/"]),
    (r#"host contains '\0'"#, &["http://a%00b/"]),
    ("host contains '/'", &["http://a%2Fb/"]),
    (r#"host contains '\\'"#, &["http://a\\b/"]),
    ("port is not a number", &["http://a:port/", "http://a:+80/", "http://a:-1/", "http://a:80 /"]),
    ("port out of range", &["http://a:65536/", "http://a:99999999999999999999/"]),
    ("host with colons is not in brackets", &["http://::1/"]),
    (
        "host in brackets is no IPv6 address",
        &["http://[::1/", "http://[::1]x/", "http://[a]/", "http://[127.0.0.1]/"],
    ),
    (
        "host ends in a number but is no IPv4 address",
        &[
            "http://1.2.3.4.5/",
            "http://1.2.3.256/",
            "http://256.1.1.1/",
            "http://1.2.3.08/",
            "http://4294967296/",
            "http://1..1/",
        ],
    ),
];

#[test]
fn c01_an_error_quotes_the_url_and_names_its_fault() {
    let message = |given: &str| {
        let error = Url::parse(given).unwrap_err();
        assert!(error.is_caller_fault(), "{given}");
        error.to_string()
    };
    for (fault, urls) in INVALID {
        for given in urls {
            assert_eq!(message(given), format!("invalid URL {given:?}: {fault}"));
        }
    }
    assert_eq!(message("  "), r#"invalid URL "": it is empty"#);
    for (given, quoted) in [
        ("ftp://a/b", r#""ftp" in "ftp://a/b""#),
        ("mailto:joe@a.example", r#""mailto" in "mailto:***@a.example""#),
        ("javascript:alert(1)", r#""javascript" in "javascript:alert(1)""#),
    ] {
        assert_eq!(message(given), format!("unsupported URL scheme: {quoted}"));
    }
    let zones = ["http://[fe80::1%]/", "http://[fe80::1%25%2F]/", "http://[fe80::1%a b]/"];
    for given in zones {
        let text = message(given);
        assert!(text.contains(given) && text.contains("zone"), "{text}");
    }
}

#[test]
fn c01_a_url_may_be_long_but_not_without_bound() {
    let long = format!("http://a/{}", "b".repeat(60_000));
    assert_eq!(url(&long).uri().to_string(), long);
    for letter in ["b", " "] {
        let text = Url::parse(&format!("http://a/{}", letter.repeat(70_000) + "b"))
            .unwrap_err()
            .to_string();
        assert!(text.ends_with("it is too long") && text.len() < 500, "{text}");
    }
}

#[test]
fn c02_user_and_password_become_bytes() {
    for (userinfo, sent) in [
        ("user:pass@", Some(&b"user:pass"[..])),
        ("user@", Some(b"user:")),
        ("user:@", Some(b"user:")),
        (":pass@", Some(b":pass")),
        ("@", None),
        (":@", None),
        ("", None),
        ("a@b:c@d@", Some(b"a@b:c@d")),
        ("a:b:c@", Some(b"a:b:c")),
        ("%61%3A:%62%40%2f@", Some(b"a::b@/")),
        ("%ff:%00%fe%C3%BC@", Some(b"\xff:\0\xfe\xc3\xbc")),
        ("ü:%zz%@", Some("ü:%zz%".as_bytes())),
        ("a b:\"<>@", Some(b"a b:\"<>")),
    ] {
        let url = url(&format!("http://{userinfo}a.example:81/b"));
        assert_eq!(credentials(&url).as_deref(), sent, "{userinfo}");
        assert_eq!(url.uri(), "http://a.example:81/b");
        assert!(!format!("{url:?}").contains("pass"), "{url:?}");
    }
}

#[test]
fn c02_no_error_shows_a_password() {
    for given in [
        "ftp://user:secret@a/",
        "http://user:secret@a:port/",
        "http://user:secret@a:99999/",
        "http://user:secret@/",
        "http://user:secret@[::1/",
        "http://user:secret@b\u{fffd}cher/",
        "http://user:secret@",
        "http://secret@a b/",
        "http://user:sec@secret@a b/",
        "http://user:x/secret@a/",
        "http://user:x\\secret@a/",
        "http:user:secret@a/",
        "http:/user:secret@a/",
        "htp://user:secret@a/",
        "user:secret@a/",
        "secret:x@a/",
        "secret@a:80",
        "//user:secret@a/",
        "mailto:secret@a",
    ] {
        let error = Url::parse(given).unwrap_err();
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        assert!(!shown.contains("secret") && !debug.contains("secret"), "{shown}");
        let base = url("https://a/");
        if let Err(fault) = base.resolve(given.as_bytes()) {
            let shown = fault.of_location(given.as_bytes()).to_string();
            assert!(!shown.contains("secret"), "{shown}");
        }
    }
    for given in ["ftp://user:secret@a/", "user:secret@a:80", "http://user:secret@a:99999/"] {
        let shown = Url::of_uri(given.parse().unwrap()).unwrap_err().to_string();
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[test]
fn c01_a_uri_keeps_its_dot_segments() {
    for (given, target) in [
        ("http://a", "/"),
        ("http://a/b?c=d", "/b?c=d"),
        ("http://a?c=d", "/?c=d"),
        ("http://A:80/b/../c/./d", "/b/../c/./d"),
        ("http://a/b/../c/./d", "/b/../c/./d"),
        ("http://a/ü?{}", "/%C3%BC?{}"),
        ("http://a/\"", "/%22"),
    ] {
        let url = of_uri(given);
        assert_eq!(url.request_target(&Method::GET), target, "{given}");
        assert_eq!(url.uri().to_string(), format!("http://a{target}"), "{given}");
    }
    let url = of_uri("http://user:pass@[::1]:81/b");
    assert_eq!(credentials(&url).unwrap(), b"user:pass");
    assert_eq!(url.uri(), "http://[::1]:81/b");
    for (given, kind) in [
        ("/only/a/path", ErrorKind::InvalidUrl),
        ("localhost:7999", ErrorKind::InvalidUrl),
        ("*", ErrorKind::InvalidUrl),
        ("http://a:99999/", ErrorKind::InvalidUrl),
        ("ftp://a/", ErrorKind::UnsupportedScheme),
    ] {
        let error = Url::of_uri(given.parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), kind, "{given}");
        assert!(error.to_string().contains(given), "{error}");
    }
}

#[test]
fn c01_targets_have_the_form_of_their_method() {
    let target = |method: Method, text: &str| url(text).request_target(&method).into_owned();
    assert_eq!(target(Method::GET, "http://a"), "/");
    assert_eq!(target(Method::GET, "http://a?c=d"), "/?c=d");
    assert_eq!(target(Method::CONNECT, "http://u@a:8080"), "a:8080");
    assert_eq!(target(Method::CONNECT, "https://a/b"), "a:443");
    assert_eq!(target(Method::OPTIONS, "http://a/*"), "/*");
    let parts = Uri::builder().scheme("http").authority("a").path_and_query("*");
    let star = Url::of_uri(parts.build().unwrap()).unwrap();
    assert_eq!(star.request_target(&Method::OPTIONS), "*");
    assert_eq!(star.request_target(&Method::GET), "/*");
    assert_eq!(star.resolve(b"b").unwrap().uri(), "http://a/b");
}

/// The form that is kept is the form that is read: it stands for itself whatever is read again.
#[test]
fn c01_what_was_read_is_read_the_same_again() {
    for byte in 1..128u8 {
        let odd = char::from(byte);
        for text in [
            format!("http://a/b{odd}c"),
            format!("http://a/b?c{odd}d"),
            format!("http://a/{odd}./{odd}"),
        ] {
            let first = url(&text);
            let shown = first.uri().to_string();
            assert_eq!(url(&shown), first, "{text:?}");
            assert_eq!(Url::of_uri(first.uri().clone()).unwrap(), first, "{text:?}");
            assert_eq!(first.resolve(shown.as_bytes()).unwrap(), first, "{text:?}");
            assert!(first.target().bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
        }
    }
}

/// RFC 3986 sections 5.4.1 and 5.4.2, without the fragments. As browsers do, a scheme without slashes that is
/// the base's is ignored.
#[test]
fn t16_references_are_resolved_as_the_rfc_has_it() {
    let base = url("http://a/b/c/d;p?q");
    for (reference, target) in [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("g#s", "http://a/b/c/g"),
        ("g?y#s", "http://a/b/c/g?y"),
        (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"),
        ("g;x?y#s", "http://a/b/c/g;x?y"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("../../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/./h", "http://a/b/c/g/h"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("http:g", "http://a/b/c/g"),
        ("http:/g", "http://a/g"),
    ] {
        assert_eq!(base.resolve(reference.as_bytes()).unwrap().uri(), target, "{reference}");
    }
    assert_eq!(base.resolve(b"g:h"), Err(Fault::SchemeUnknown("g".into())));
    assert_eq!(base.resolve(b""), Err(Fault::Empty));
}

#[test]
fn t16_locations_are_read_as_leniently_as_urls() {
    let base = url("http://a.example:81/b/?a[]=1");
    for (location, target) in [
        (&b"http://c.example/"[..], "http://c.example/"),
        (b"HTTPS://C.example:443", "https://c.example/"),
        (b"/l?a[]=1", "http://a.example:81/l?a[]=1"),
        (b"?b[]={}", "http://a.example:81/b/?b[]={}"),
        (b"//c.example:82/x", "http://c.example:82/x"),
        (b"/caf\xe9", "http://a.example:81/caf%E9"),
        (b"/caf\xc3\xa9", "http://a.example:81/caf%C3%A9"),
        (b"/%C3%A9%zz%", "http://a.example:81/%C3%A9%zz%"),
        (b" /x y ", "http://a.example:81/x%20y"),
        (b"x y", "http://a.example:81/b/x%20y"),
        (b"x:y", ""),
        (b"./x:y", "http://a.example:81/b/x:y"),
        (b"/x:y", "http://a.example:81/x:y"),
        (b"1:2", "http://a.example:81/b/1:2"),
        (b"/http://c.example/", "http://a.example:81/http://c.example/"),
        (b"\\\\c.example\\x", "http://a.example:81/b/\\\\c.example\\x"),
        (b"/\\c.example", "http://a.example:81/\\c.example"),
        (b"///x", ""),
        (b"http://", ""),
        (b"http:///x", ""),
        (b"http://[half", ""),
        (b"http://caf\xe9.example/", ""),
        (b"http://c.example:x/", ""),
        (b"https:x", ""),
        (b"ftp://c.example/", ""),
        (b"mailto:joe@c.example", ""),
        (b"localhost:80/x", ""),
        (b"data:,x", ""),
        (b" ", ""),
    ] {
        let shown = String::from_utf8_lossy(location);
        match base.resolve(location) {
            Ok(url) => assert_eq!(url.uri().to_string(), target, "{shown}"),
            Err(fault) => {
                assert_eq!(target, "", "{shown}: {fault}");
                let error = fault.of_location(location);
                assert_eq!(error.kind(), ErrorKind::InvalidRedirect);
                assert!(error.is_peer_fault() && !error.is_caller_fault());
            }
        }
    }
}

#[test]
fn t16_user_and_password_stay_within_the_origin() {
    let base = url("http://a:1@h:81/x");
    for (location, sent) in [
        ("/y", Some("a:1")),
        ("y?z", Some("a:1")),
        ("//h:81/", Some("a:1")),
        ("http://H:81/y", Some("a:1")),
        ("http://b:2@h:81/y", Some("b:2")),
        ("//b:2@h:81/y", Some("b:2")),
        ("http://b:2@other/y", Some("b:2")),
        ("http://h/y", None),
        ("https://h:81/y", None),
        ("http://other:81/y", None),
    ] {
        let found = credentials(&base.resolve(location.as_bytes()).unwrap());
        assert_eq!(found.as_deref(), sent.map(str::as_bytes), "{location}");
    }
}

#[test]
fn t16_a_zone_stays_with_its_host() {
    let base = url("http://[fe80::1%25eth0]:81/x");
    for (location, zone) in [
        ("/y", Some("eth0")),
        ("http://[fe80::1]/y", Some("eth0")),
        ("http://[FE80:0::1]:81/y", Some("eth0")),
        ("http://[fe80::1%25eth1]:81/y", Some("eth0")),
        ("http://[fe80::2%25eth1]/y", None),
        ("http://h/y", None),
    ] {
        let to = base.resolve(location.as_bytes()).unwrap();
        assert_eq!(to.zone().map(|zone| &**zone), zone, "{location}");
        assert!(!to.uri().to_string().contains('%'), "{location}");
    }
    assert!(base.is_same_origin(&base.resolve(b"http://[fe80::1]:81/").unwrap()));
}

#[test]
fn c01_an_asterisk_is_no_path_however_the_host_is_spelled() {
    for authority in ["127.0.0.1:81", "u:p@127.0.0.1:81", "LOCALHOST:81", "127.1:81", "h:80"] {
        let uri = Uri::builder().scheme("http").authority(authority).path_and_query("*");
        let url = Url::of_uri(uri.build().unwrap()).unwrap();
        assert_eq!(url.request_target(&Method::OPTIONS), "*", "{authority}");
    }
}
