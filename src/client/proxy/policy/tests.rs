use std::ffi::OsString;

use super::*;
use crate::error::ErrorKind;

fn proxy(url: &str) -> Proxy {
    Proxy::new(url).unwrap()
}

/// Returns the policy of an environment with these variables.
fn environment(variables: &[(&str, &str)]) -> ProxyPolicy {
    ProxyPolicy::of_environment(Environment::read(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    }))
}

/// Returns the host of the proxy that a request takes.
fn host_of(policy: &ProxyPolicy, url: &str) -> Option<String> {
    policy.proxy_for(url).unwrap().map(|proxy| proxy.host().to_owned())
}

#[test]
fn c14_the_first_variable_that_is_set_names_the_proxy() {
    for (variables, http, https) in [
        (&[][..], None, None),
        (&[("http_proxy", "one")], Some("one"), None),
        // A CGI program has the client's header `Proxy` there.
        (&[("HTTP_PROXY", "one")], None, None),
        (&[("https_proxy", "one")], None, Some("one")),
        (&[("HTTPS_PROXY", "one")], None, Some("one")),
        (&[("https_proxy", "one"), ("HTTPS_PROXY", "two")], None, Some("one")),
        (&[("all_proxy", "one"), ("ALL_PROXY", "two")], Some("one"), Some("one")),
        (&[("ALL_PROXY", "two")], Some("two"), Some("two")),
        (&[("http_proxy", "one"), ("ALL_PROXY", "two")], Some("one"), Some("two")),
        (&[("https_proxy", "one"), ("all_proxy", "two")], Some("two"), Some("one")),
        // An empty variable is like none.
        (&[("https_proxy", ""), ("HTTPS_PROXY", "two")], None, Some("two")),
        (&[("http_proxy", ""), ("all_proxy", "two")], Some("two"), Some("two")),
        (&[("all_proxy", ""), ("ALL_PROXY", "")], None, None),
        (&[("http_proxy", "one"), ("no_proxy", "*")], None, None),
        (&[("http_proxy", "one"), ("NO_PROXY", "host.test")], None, None),
        (&[("http_proxy", "one"), ("no_proxy", "x"), ("NO_PROXY", "*")], Some("one"), None),
        (&[("http_proxy", "one"), ("no_proxy", ""), ("NO_PROXY", "*")], None, None),
    ] {
        let policy = environment(variables);
        assert_eq!(host_of(&policy, "http://host.test/").as_deref(), http, "{variables:?}");
        assert_eq!(host_of(&policy, "https://host.test/").as_deref(), https, "{variables:?}");
    }
}

#[test]
fn c14_names_without_case_are_those_of_a_client_only_in_a_cgi_program() {
    for (variables, http, https) in [
        (&[("HTTP_PROXY", "one")][..], Some("one"), None),
        (&[("Http_Proxy", "one"), ("Https_Proxy", "two")], Some("one"), Some("two")),
        (&[("ALL_proxy", "one"), ("No_Proxy", "*")], None, None),
        // The client's header `Proxy`.
        (&[("HTTP_PROXY", "evil"), ("REQUEST_METHOD", "GET")], None, None),
        (
            &[("http_proxy", "evil"), ("All_Proxy", "one"), ("request_method", "")],
            Some("one"),
            Some("one"),
        ),
    ] {
        let policy = ProxyPolicy::of_environment(Environment::read_where(false, |name| {
            let found = variables.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map(|(_, value)| OsString::from(value))
        }));
        assert_eq!(host_of(&policy, "http://host.test/").as_deref(), http, "{variables:?}");
        assert_eq!(host_of(&policy, "https://host.test/").as_deref(), https, "{variables:?}");
    }
}

#[test]
fn c14_an_invalid_variable_is_an_error_where_it_counts() {
    let policy = environment(&[
        ("http_proxy", "http://u:secret@:80"),
        ("HTTPS_PROXY", "gopher://u:secret@p"),
        ("no_proxy", "direct.test"),
    ]);
    assert!(policy.proxy_for("http://direct.test/").unwrap().is_none());
    let error = policy.proxy_for("http://host.test/").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidUrl);
    let expected =
        "invalid URL \"http://***@:80\" in the environment variable http_proxy: host missing";
    assert_eq!(error.to_string(), expected);
    let error = policy.proxy_for("https://host.test/").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    let expected = "unsupported URL scheme: \"gopher\" in \"gopher://***@p\" in the environment variable HTTPS_PROXY";
    assert_eq!(error.to_string(), expected);
}

#[cfg(unix)]
#[test]
fn c14_a_variable_that_is_no_text_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(b"http://p\xff/".to_vec());
    let read = |name: &str| (name == "http_proxy").then(|| value.clone());
    let policy = ProxyPolicy::of_environment(Environment::read(read));
    let error = policy.proxy_for("http://host.test/").unwrap_err().to_string();
    assert!(error.contains("http_proxy"), "{error}");
}

#[test]
fn c14_hosts_are_listed_by_name_address_network_and_port() {
    let covered = |list: &str, url: &str| {
        let policy = ProxyPolicy::all(proxy("p")).with_no_proxy(list);
        policy.proxy_for(url).unwrap().is_none()
    };
    for (list, urls) in [
        ("*", &["http://a.test/", "https://[::1]:99/", "http://10.0.0.1/"][..]),
        ("x, *", &["http://a.test/"]),
        (
            "example.com",
            &["http://example.com/", "http://a.b.example.com/", "http://EXAMPLE.com./"],
        ),
        (".example.com", &["http://example.com/", "http://www.example.com/"]),
        ("Example.COM.", &["http://example.com/", "https://www.example.com:8443/"]),
        ("*.example.com", &["http://www.example.com/"]),
        ("localhost", &["http://localhost/", "http://localhost:8080/", "http://a.localhost/"]),
        ("a.test,b.test", &["http://a.test/", "http://b.test/"]),
        (" a.test ,\tb.test\n c.test", &["http://a.test/", "http://b.test/", "http://c.test/"]),
        (",,a.test,,", &["http://a.test/"]),
        ("a.test:8080", &["http://a.test:8080/", "http://www.a.test:8080/"]),
        ("a.test:80", &["http://a.test/"]),
        ("a.test:443", &["https://a.test/"]),
        ("*:8080", &["http://a.test:8080/", "http://10.0.0.1:8080/"]),
        ("192.168.1.2", &["http://192.168.1.2/", "http://192.168.1.2:99/"]),
        ("192.168.1.2:99", &["http://192.168.1.2:99/"]),
        ("192.168.0.0/16", &["http://192.168.0.0/", "http://192.168.255.255/"]),
        ("192.168.1.2/16", &["http://192.168.255.255/"]),
        ("0.0.0.0/0", &["http://10.0.0.1/"]),
        ("10.0.0.1/32", &["http://10.0.0.1/"]),
        ("::1", &["http://[::1]/", "http://[0:0::1]:99/"]),
        ("[::1]", &["http://[::1]/"]),
        ("[::1]:99", &["http://[::1]:99/"]),
        ("fe80::/10", &["http://[fe80::1]/", "http://[febf::1%25eth0]/"]),
        ("[fd00::]/8", &["http://[fdff::1]/"]),
        ("::/0", &["http://[2001:db8::1]/"]),
        ("2001:db8::1/128", &["http://[2001:db8::1]/"]),
    ] {
        for url in urls {
            assert!(covered(list, url), "{list:?} covers {url}");
        }
    }
    for (list, urls) in [
        ("", &["http://a.test/"][..]),
        (" , ", &["http://a.test/"]),
        ("example.com", &["http://notexample.com/", "http://example.com.test/", "http://com/"]),
        (".example.com", &["http://notexample.com/"]),
        ("*.example.com", &["http://example.com/", "http://notexample.com/"]),
        ("ex*mple.com", &["http://example.com/"]),
        ("com", &["http://examplecom/"]),
        ("a.test:8080", &["http://a.test/", "http://a.test:80801/"]),
        ("a.test:http", &["http://a.test/"]),
        ("a.test:", &["http://a.test/"]),
        ("http://a.test", &["http://a.test/"]),
        ("1", &["http://10.0.0.1/"]),
        ("0.1", &["http://10.0.0.1/"]),
        (".0.0.1", &["http://10.0.0.1/"]),
        ("10.0.0.1", &["http://10.0.0.11/", "http://a.10.0.0.1.test/"]),
        ("192.168.0.0/16", &["http://192.169.0.0/", "http://a.test/", "http://[::1]/"]),
        ("192.168.0.0/33", &["http://192.168.0.0/"]),
        ("192.168.0.0/", &["http://192.168.0.0/"]),
        ("192.168.0.0/-1", &["http://192.168.0.0/"]),
        ("a.test/8", &["http://a.test/"]),
        ("::1", &["http://[::2]/", "http://127.0.0.1/"]),
        ("fe80::/10", &["http://[fec0::1]/"]),
        ("::/129", &["http://[::1]/"]),
        ("[::1", &["http://[::1]/"]),
        ("[::1]:98", &["http://[::1]:99/"]),
        ("[]", &["http://[::1]/"]),
        ("*a", &["http://a/"]),
    ] {
        for url in urls.iter().filter(|url| Url::parse(url).is_ok()) {
            assert!(!covered(list, url), "{list:?} does not cover {url}");
        }
    }
}

#[test]
fn c14_a_list_replaces_that_of_the_environment() {
    let policy = environment(&[("http_proxy", "p"), ("no_proxy", "a.test")]);
    assert_eq!(host_of(&policy, "http://a.test/"), None);
    let other = policy.clone().with_no_proxy("b.test");
    assert_eq!(host_of(&other, "http://a.test/").as_deref(), Some("p"));
    assert_eq!(host_of(&other, "http://b.test/"), None);
    assert_eq!(host_of(&policy.with_no_proxy(""), "http://a.test/").as_deref(), Some("p"));
}

#[test]
fn c13_a_closure_sees_the_url_without_secrets() {
    let policy = ProxyPolicy::custom(|url| {
        assert_eq!(url, "https://host.test:8443/a?b");
        Some(proxy("p"))
    });
    let url = "https://user:secret@Host.test:8443/a?b#c";
    assert_eq!(host_of(&policy, url).as_deref(), Some("p"));
    assert_eq!(host_of(&policy.with_no_proxy("host.test"), url), None);
}

#[test]
fn c14_each_proxy_of_the_environment_can_be_changed() {
    let policy = environment(&[("http_proxy", "p"), ("no_proxy", "a.test")]);
    let policy = policy.with_change(|proxy| proxy.basic_auth("user", "secret"));
    assert_eq!(host_of(&policy, "http://a.test/"), None);
    let proxy = policy.proxy_for("http://b.test/").unwrap().unwrap();
    assert!(proxy.authorization().is_some());
    assert_eq!(format!("{policy:?}"), "ProxyPolicy::from_env().with_change(..)");
}

#[test]
fn c14_loopback_is_not_special() {
    let policy = environment(&[("all_proxy", "p")]);
    for url in ["http://localhost/", "http://127.0.0.1/", "https://[::1]/"] {
        assert_eq!(host_of(&policy, url).as_deref(), Some("p"), "{url}");
    }
}

#[test]
fn c13_a_policy_without_a_proxy_costs_nothing() {
    assert!(ProxyPolicy::none().with_no_proxy("a").if_any().is_none());
    assert!(environment(&[("no_proxy", "a")]).if_any().is_none());
    assert!(ProxyPolicy::from(proxy("p")).if_any().is_some());
}
