use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::error::ErrorKind;

#[test]
fn c13_a_proxys_url_is_read_as_curl_reads_it() {
    for (url, shown) in [
        ("proxy.test", "http://proxy.test:1080"),
        ("proxy.test:3128", "http://proxy.test:3128"),
        ("http://Proxy.Test", "http://proxy.test:1080"),
        ("HTTP://proxy.test:80", "http://proxy.test:80"),
        ("http://proxy.test:/", "http://proxy.test:1080"),
        ("http://proxy.test:3128/path?query#fragment", "http://proxy.test:3128"),
        ("  http://proxy.test:3128 ", "http://proxy.test:3128"),
        ("user:secret@proxy.test:3128", "http://proxy.test:3128"),
        ("http://user:secret@[::1]:3128", "http://[::1]:3128"),
        ("[fe80::1%25eth0]:3128", "http://[fe80::1]:3128"),
        ("127.1:8080", "http://127.0.0.1:8080"),
        ("localhost:8080", "http://localhost:8080"),
    ] {
        assert_eq!(Proxy::new(url).unwrap().to_string(), shown, "{url}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn c13_an_https_proxy_has_another_default_port() {
    assert_eq!(Proxy::new("https://proxy.test").unwrap().to_string(), "https://proxy.test:443");
}

#[cfg(feature = "socks")]
#[test]
fn c13_a_socks_proxy_has_a_version() {
    for (url, shown) in [
        ("socks5://p", "socks5://p:1080"),
        ("SOCKS5H://p:9050", "socks5h://p:9050"),
        ("socks4://p", "socks4://p:1080"),
        ("socks4a://p", "socks4a://p:1080"),
        ("socks://p", "socks4://p:1080"),
    ] {
        let proxy = Proxy::new(url).unwrap();
        assert_eq!(proxy.to_string(), shown);
        assert!(proxy.socks().is_some());
    }
}

#[test]
fn c13_an_invalid_url_of_a_proxy_is_an_error_without_secrets() {
    use ErrorKind::{InvalidUrl, UnsupportedScheme};
    for (url, kind, text) in [
        ("", InvalidUrl, "invalid URL \"\" of the proxy: host missing"),
        ("http://", InvalidUrl, "invalid URL \"http://\" of the proxy: host missing"),
        (
            "http://u:secret@:80",
            InvalidUrl,
            "invalid URL \"http://***@:80\" of the proxy: host missing",
        ),
        ("://p", InvalidUrl, "invalid URL \"://p\" of the proxy: scheme missing"),
        (
            "u:sec://ret@:80",
            InvalidUrl,
            "invalid URL \"***@:80\" of the proxy: host with colons is not in brackets",
        ),
        ("p:port", InvalidUrl, "invalid URL \"p:port\" of the proxy: port is not a number"),
        ("p:70000", InvalidUrl, "invalid URL \"p:70000\" of the proxy: port out of range"),
        ("a b:80", InvalidUrl, "invalid URL \"a b:80\" of the proxy: host contains ' '"),
        ("p\r\nX: y", InvalidUrl, "invalid URL \"p\\r\\nX: y\" of the proxy: host contains '\\r'"),
        (
            "ftp://u:secret@p",
            UnsupportedScheme,
            "unsupported URL scheme: \"ftp\" in \"ftp://***@p\" of the proxy",
        ),
        (
            "u:sec/ret@p:80",
            InvalidUrl,
            "invalid URL \"***@p:80\" of the proxy: port is not a number",
        ),
    ] {
        let error = Proxy::new(url).unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (kind, text), "{url:?}");
        assert!(error.is_caller_fault());
    }
}

#[test]
fn c13_credentials_are_decoded_and_never_shown() {
    let basic = |proxy: &Proxy| {
        let value = proxy.authorization()?;
        assert!(value.is_sensitive());
        let token = value.to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
        Some(String::from_utf8(STANDARD.decode(token).unwrap()).unwrap())
    };
    for (url, expected) in [
        ("http://proxy.test", None),
        ("http://@proxy.test", None),
        ("http://us%65r:p%40s%3as@proxy.test", Some("user:p@s:s")),
        ("user@proxy.test", Some("user:")),
        (":secret@proxy.test", Some(":secret")),
        ("u:a:b@proxy.test", Some("u:a:b")),
        ("u@x:pass@proxy.test", Some("u@x:pass")),
    ] {
        let proxy = Proxy::new(url).unwrap();
        assert_eq!(basic(&proxy).as_deref(), expected, "{url}");
        let shown = format!("{proxy} {proxy:?} {:?}", ProxyPolicy::all(proxy.clone()));
        assert!(!shown.contains("secret") && !shown.contains("user"), "{shown}");
        let replaced = proxy.basic_auth("own", "own secret");
        assert_eq!(basic(&replaced).as_deref(), Some("own:own secret"));
        assert!(!format!("{replaced:?}").contains("own"));
    }
}

#[test]
fn c13_proxies_are_equal_if_their_connections_are() {
    let proxy = || Proxy::new("http://u:p@proxy.test:3128").unwrap();
    assert_eq!(proxy(), Proxy::new("u:%70@PROXY.test:3128/").unwrap());
    for other in [
        Proxy::new("http://proxy.test:3128").unwrap(),
        Proxy::new("http://u:p@proxy.test:3129").unwrap(),
        proxy().basic_auth("u", "q"),
        proxy().tunnel_all(true),
        proxy().authorized(HeaderValue::from_static("x")),
    ] {
        assert_ne!(proxy(), other);
    }
}
