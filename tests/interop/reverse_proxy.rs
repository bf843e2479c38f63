//! The reverse proxy beside nginx's `proxy_pass`, before the same upstream.

use std::net::SocketAddr;
use std::time::Duration;

use hangup::ReverseProxy;
use hangup::testing::TestServer;

use crate::nginx;
use crate::process::{Folder, Server, free_addr, text};

/// Sends the same requests through both. `reverse_proxy.py` has them, and the upstream.
const SCRIPT: &str = include_str!("reverse_proxy.py");

/// The exchanges in which the two differ, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("method TRACE", "nginx refuses the method"),
    ("method CONNECT", "without a port the target is malformed: 400, where nginx has 405"),
    (
        "method get",
        "methods are case-sensitive tokens, and nginx refuses unknown ones in lower case",
    ),
    ("/status/204", "no Content-Length in a 204 (RFC 9110 section 8.6)"),
    ("/status/205", "a 205 has no body (RFC 9110 section 15.3.6)"),
    ("/status/304", "no Content-Length of 0, which the response to GET would not have"),
    ("HEAD /status/304", "as /status/304"),
    ("/cut-length", "a 502 if the upstream broke off before anything was passed on"),
    ("HTTP/1.0 /cut-length", "as /cut-length"),
    ("/cut-chunk", "as /cut-length"),
    ("/bad-chunk", "as /cut-length, or the part of the body before the damage"),
    ("HTTP/1.0 /cut-chunk", "the connection is reset, so that the body does not look complete"),
    ("/garbage", "a 502, where nginx passes it on as HTTP/0.9"),
    ("/trailers", "nginx drops trailers"),
    ("HTTP/1.0 /trailers", "trailers that cannot follow are not announced"),
    ("HTTP/1.0 /hints", "HTTP/1.0 has no interim responses"),
    ("/hop", "nginx passes on a field that Connection names"),
    ("/two-lengths", "a 502 (RFC 9112 section 6.3)"),
    ("/bad-length", "a 502 (RFC 9112 section 6.3)"),
    ("/bad-field", "white space before the colon is removed (RFC 9112 section 5.1)"),
    ("/long-head", "nginx limits a head to 4 KiB"),
    ("/switch", "a 502 for a protocol that the client has not offered"),
    ("trailers", "nginx drops trailers"),
    ("expectation", "it is forwarded (RFC 9110 section 10.1.1)"),
    ("refused expectation", "the client is not told to send a body that is not wanted"),
    (
        "bad chunk",
        "the upstream has the part of the body before the damage, and its connection ends",
    ),
    ("upgrade", "the end of one side half-closes the other"),
    ("upgrade with bytes ahead", "as upgrade"),
    ("upgrade of HTTP/1.0", "HTTP/1.0 has no upgrades (RFC 9110 section 7.8)"),
    ("upgrade without Connection", "Upgrade belongs to a connection only if Connection names it"),
    ("dots", "a 400 for a path that some servers read as one outside of the upstream's URL"),
    ("encoded dots", "as dots"),
    ("dots before an encoded slash", "as dots"),
    ("dots before a backslash", "as dots"),
    ("asterisk form", "the server responds to OPTIONS * itself"),
    ("named field", "fields that Connection names are removed (RFC 9110 section 7.6.1)"),
    ("TE", "TE: trailers is forwarded, since trailers are"),
    ("Proxy-Connection", "it belongs to the connection"),
    ("underscore", "nginx drops names with an underscore"),
    ("Proxy-Authorization", "it belongs to the connection"),
    ("X-Real-IP", "only a trusted peer may tell about its client"),
    ("Max-Forwards", "it is decremented (RFC 9110 section 7.6.2)"),
    ("bare LF", "a line ends with CR LF"),
];

/// Starts nginx as a reverse proxy for `upstream`.
fn nginx_before(upstream: SocketAddr, folder: &Folder) -> Server {
    let addr = free_addr();
    let http = format!(
        "map $http_upgrade $for_upgrade {{ default upgrade; '' ''; }}
         upstream app {{ server {upstream}; keepalive 4; }}
         server {{
           listen {addr};
           location / {{
             proxy_pass http://app;
             proxy_http_version 1.1;
             proxy_set_header Host $http_host;
             proxy_set_header Upgrade $http_upgrade;
             proxy_set_header Connection $for_upgrade;
             proxy_buffering off;
             proxy_request_buffering off;
             proxy_read_timeout 1s;
             proxy_next_upstream off;
           }}
         }}"
    );
    nginx::start(folder, addr, &http)
}

#[test]
#[ignore = "needs nginx and python3"]
fn h11_the_proxy_does_what_nginx_does() {
    let (folder, upstream) = (Folder::new(), free_addr());
    let nginx = nginx_before(upstream, &folder);
    let second = Duration::from_secs(1);
    let proxy = ReverseProxy::new(format!("http://{upstream}"));
    let server = TestServer::with_handler(proxy.head_timeout(second).idle_timeout(second));
    let script = folder.file("compare.py", SCRIPT.as_bytes());
    let ports = [upstream, server.addr(), nginx.addr].map(|addr| addr.port().to_string());
    let compared = text("python3", &[&script, &ports[0], &ports[1], &ports[2]]);
    let mut lines: Vec<&str> = compared.lines().collect();
    let count: usize = lines.pop().and_then(|count| count.parse().ok()).expect("a number");
    assert!(count >= 60, "{count}");
    let explained = |name: &&str| DIFFERENCES.iter().any(|(known, _)| known == name);
    let unexplained: Vec<&str> = lines.into_iter().filter(|name| !explained(name)).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}
