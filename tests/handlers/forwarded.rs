//! H5: the client's address behind trusted proxies.

use std::io::Write;

use hangup::layers::TrustedProxies;
use hangup::net::Addr;
use hangup::{HandlerExt, Request, RequestExt, ResponseWriter, Result, testing};

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"];

/// Shows the client, the scheme, the host, and the forwarding headers that are left.
fn show(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let ip = r.client_ip().map_or("none".to_owned(), |ip| ip.to_string());
    let scheme = if r.is_https() { "https" } else { "http" };
    let host = r.headers()["host"].to_str().unwrap();
    let is_left = |name: &&&str| r.headers().contains_key(**name);
    let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
    let left: Vec<&str> = names.iter().filter(is_left).copied().collect();
    Ok(write!(w, "{ip} {scheme} {host} {}", left.join(","))?)
}

fn seen(layer: TrustedProxies, peer: &str, lines: &[(&str, &str)]) -> String {
    let peer = match peer {
        "unix" => Addr::Unix(None),
        peer => Addr::Ip(peer.parse().unwrap()),
    };
    let mut request = Request::get("/").header("host", "own");
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let layered = show.layer(layer);
    let mut response = testing::call_from(peer, &layered, request.body(()).unwrap()).unwrap();
    response.body_mut().read_text(1000).unwrap()
}

#[test]
fn h05_only_configured_networks_are_believed() {
    const FOR: &str = "x-forwarded-for";
    const PROTO: &str = "x-forwarded-proto";
    for (peer, lines, expected) in [
        // Without headers, the peer is the client.
        ("10.0.0.1:5", &[][..], "10.0.0.1 http own "),
        ("192.0.2.9:5", &[], "192.0.2.9 http own "),
        // A stranger's headers are removed.
        (
            "192.0.2.9:5",
            &[(FOR, "1.1.1.1"), (PROTO, "https"), ("forwarded", "for=2.2.2.2")],
            "192.0.2.9 http own ",
        ),
        ("[fe80::1]:5", &[(FOR, "1.1.1.1")], "fe80::1 http own "),
        // Hop by hop from the end.
        (
            "10.0.0.1:5",
            &[(FOR, "1.1.1.1"), (PROTO, "https")],
            "1.1.1.1 https own x-forwarded-for,x-forwarded-proto",
        ),
        ("[fd00::1]:5", &[(FOR, "2001:db8::1")], "2001:db8::1 http own x-forwarded-for"),
        (
            "10.0.0.1:5",
            &[(FOR, "6.6.6.6, 1.1.1.1, 10.0.0.2"), (FOR, "127.0.0.1")],
            "1.1.1.1 http own x-forwarded-for",
        ),
        (
            "10.0.0.1:5",
            &[(FOR, "6.6.6.6, 1.1.1.1"), (PROTO, "https, http")],
            "1.1.1.1 http own x-forwarded-for,x-forwarded-proto",
        ),
        (
            "10.0.0.1:5",
            &[(FOR, "6.6.6.6, 1.1.1.1, 10.0.0.2"), (PROTO, "http, https, http")],
            "1.1.1.1 https own x-forwarded-for,x-forwarded-proto",
        ),
        // All are proxies.
        ("10.0.0.1:5", &[(FOR, "10.0.0.3, 10.0.0.2")], "10.0.0.3 http own x-forwarded-for"),
        // An element that is no address.
        ("10.0.0.1:5", &[(FOR, "6.6.6.6, unknown")], "10.0.0.1 http own x-forwarded-for"),
        ("10.0.0.1:5", &[(FOR, "6.6.6.6, unknown, 10.0.0.2")], "10.0.0.2 http own x-forwarded-for"),
        // `Forwarded` may be the client's, and so may the host.
        (
            "10.0.0.1:5",
            &[(FOR, "1.1.1.1"), ("forwarded", "for=6.6.6.6;proto=https;host=evil")],
            "1.1.1.1 http own x-forwarded-for",
        ),
        (
            "10.0.0.1:5",
            &[(FOR, "1.1.1.1"), ("x-forwarded-host", "evil")],
            "1.1.1.1 http own x-forwarded-for,x-forwarded-host",
        ),
        // No Unix socket is trusted.
        ("unix", &[(FOR, "1.1.1.1")], "none http own "),
    ] {
        let layer = TrustedProxies::new(TRUSTED).unwrap();
        assert_eq!(seen(layer, peer, lines), expected, "{peer} {lines:?}");
    }
}

#[test]
fn h05_forwarded_is_believed_instead_if_asked_for() {
    for (peer, lines, expected) in [
        ("192.0.2.9:5", &[("forwarded", "for=1.1.1.1")][..], "192.0.2.9 http own "),
        (
            "10.0.0.1:5",
            &[("forwarded", "for=1.1.1.1;proto=https;host=a")],
            "1.1.1.1 https own forwarded",
        ),
        (
            "10.0.0.1:5",
            &[(
                "forwarded",
                "for=6.6.6.6, for=\"[2001:db8::1]:4\";proto=https, for=10.0.0.2;proto=http",
            )],
            "2001:db8::1 https own forwarded",
        ),
        ("10.0.0.1:5", &[("forwarded", "for=\", for=1.1.1.1")], "1.1.1.1 http own forwarded"),
        (
            "10.0.0.1:5",
            &[("forwarded", "for=6.6.6.6, for=_hidden;proto=https")],
            "10.0.0.1 https own forwarded",
        ),
        (
            "10.0.0.1:5",
            &[
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-proto", "https"),
                ("forwarded", "for=1.1.1.1"),
            ],
            "1.1.1.1 http own forwarded",
        ),
        ("10.0.0.1:5", &[("x-forwarded-for", "6.6.6.6")], "10.0.0.1 http own "),
    ] {
        let layer = TrustedProxies::new(TRUSTED).unwrap().forwarded();
        assert_eq!(seen(layer, peer, lines), expected, "{peer} {lines:?}");
    }
}

#[test]
fn h05_unix_sockets_and_the_host_are_believed_if_asked_for() {
    let x = &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-host", "a.example:8080")][..];
    let forwarded = &[("forwarded", "for=1.1.1.1;host=a.example")][..];
    let layer = || TrustedProxies::new::<[&str; 0]>([]).unwrap().unix_sockets();
    assert_eq!(seen(layer(), "unix", x), "1.1.1.1 http own x-forwarded-for,x-forwarded-host");
    let expected = "1.1.1.1 http a.example:8080 x-forwarded-for,x-forwarded-host";
    assert_eq!(seen(layer().host(), "unix", x), expected);
    let expected = "1.1.1.1 http a.example forwarded";
    assert_eq!(seen(layer().host().forwarded(), "unix", forwarded), expected);
    assert_eq!(seen(layer().host(), "10.0.0.1:5", x), "10.0.0.1 http own ");
    let evil = &[("x-forwarded-host", "a@b")][..];
    assert_eq!(seen(layer().host(), "unix", evil), "none http own x-forwarded-host");
}

#[test]
fn h05_an_invalid_network_is_named() {
    let error = TrustedProxies::new(["10.0.0.0/8", "10.0.0.0/33"]).unwrap_err();
    let expected = "not a network such as 10.0.0.0/8 or ::1: \"10.0.0.0/33\"";
    assert_eq!(error.to_string(), expected);
}
