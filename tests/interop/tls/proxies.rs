//! TLS through real proxies, and TLS to a proxy.

use std::process::Command;

use hangup::client::Proxy;
use hangup::testing::TestServer;
use hangup::tls::Acceptor;
use hangup::{ErrorKind, ResponseExt, Server};

use super::authority::Authority;
use super::{client, https, https_localhost, trusting};
use crate::process::{Folder, Server as Program, free_addr, run};
use crate::proxies::{answer, microsocks, tinyproxy, transfer};

/// Starts stunnel, which speaks TLS on behalf of the server at `behind`.
fn stunnel(folder: &Folder, ca: &Authority, behind: &Program) -> Program {
    let (addr, signed, behind) = (free_addr(), ca.server(), behind.addr);
    let config = format!(
        "foreground = yes\npid =\n[proxy]\naccept = {addr}\nconnect = {behind}\n\
         cert = {}\nkey = {}\n",
        signed.cert, signed.key
    );
    let file = folder.file("stunnel.conf", config.as_bytes());
    Program::start(Command::new("stunnel").arg(file), addr)
}

fn serve(ca: &Authority) -> TestServer {
    let acceptor = Acceptor::new(ca.server().identity()).expect("an acceptor");
    TestServer::with(Server::new(answer).tls(acceptor))
}

#[test]
#[ignore = "needs tinyproxy, microsocks, stunnel and curl"]
fn tls_passes_through_each_proxy() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let (tinyproxy, microsocks) = (tinyproxy(&folder), microsocks());
    let stunnel = stunnel(&folder, &ca, &tinyproxy);
    let server = serve(&ca);
    for (scheme, addr) in [
        ("http", tinyproxy.addr),
        ("https", stunnel.addr),
        ("socks5", microsocks.addr),
        ("socks5h", microsocks.addr),
    ] {
        let url = format!("{scheme}://user:secret@{addr}");
        let through = client(trusting(&ca)).proxy(Proxy::new(&url).unwrap()).build();
        transfer(&through, |path| https(server.addr(), path));
        let name = https_localhost(server.addr(), "/seen");
        let args = ["-sS", "--noproxy", "", "-x", &url, "--cacert", ca.file(), "--proxy-cacert"];
        let curl = run("curl", &[&args[..], &[ca.file(), &name]].concat());
        if scheme != "socks5" {
            // Which address of localhost `socks5` takes is the resolver's choice.
            let mut response = through.get(&name).send().unwrap();
            assert_eq!(response.tls().unwrap().alpn(), Some("http/1.1"));
            let body = response.body_mut().read_text(100).unwrap();
            assert_eq!(body.as_bytes(), curl.stdout, "{url}");
        }
    }
}

#[test]
#[ignore = "needs tinyproxy and stunnel"]
fn an_https_proxy_forwards_and_is_judged() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let tinyproxy = tinyproxy(&folder);
    let stunnel = stunnel(&folder, &ca, &tinyproxy);
    let server = TestServer::new(answer);
    let proxy = Proxy::new(format!("https://user:secret@{}", stunnel.addr)).unwrap();
    let through = client(trusting(&ca)).proxy(proxy.clone()).build();
    let response = through.get(server.url("/seen")).send().unwrap();
    assert_eq!((response.status().as_u16(), response.tls().is_none()), (200, true));
    let other = trusting(&Authority::new()).build().unwrap();
    let through = client(trusting(&ca)).proxy(proxy.tls(other)).build();
    let error = through.get(server.url("/")).send().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy, "{error}");
}
