//! TLS against other implementations of it: OpenSSL by its own programs and as curl, nginx, wrk and
//! Python use it, and Go's.

mod authority;
mod curl;
mod dialogue;
#[cfg(unix)]
mod fastcgi;
mod go;
mod nginx;
mod proxies;
mod python;
mod s_client;
mod s_server;
mod wrk;

use std::io::{self, Write};
use std::net::SocketAddr;

use hangup::client::ClientBuilder;
use hangup::http::StatusCode;
use hangup::testing::TestServer;
use hangup::tls::{Acceptor, Connector, ConnectorBuilder, Roots};
use hangup::{Client, Request, RequestExt, ResponseWriter, Result, Server};

use crate::process::{PATIENCE, pattern};
use authority::Authority;

/// As much as many records and several socket buffers.
const LARGE: usize = 6 << 20;

/// The handler of the server in all of these tests.
fn answer(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match r.uri().path() {
        "/addr" => writeln!(w, "{}", r.remote_addr().expect("a connection"))?,
        "/tls" => {
            let tls = r.tls().expect("what was agreed on");
            let name = tls.server_name().unwrap_or("nobody");
            let alpn = tls.alpn().unwrap_or("nothing");
            let (resumed, certificates) = (tls.is_resumed(), tls.peer_certificates().len());
            let version = tls.version();
            writeln!(w, "{version} {alpn} to {name}, {certificates} sent, resumed: {resumed}")?;
        }
        "/echo" => drop(io::copy(r.body_mut(), w)?),
        "/check" => {
            let body = r.body_mut().read_bytes(LARGE as u64)?;
            let is_whole = body == pattern(LARGE);
            writeln!(w, "{}", if is_whole { "whole" } else { "not whole" })?;
        }
        "/large" => w.write_all(&pattern(LARGE))?,
        "/refuse" => {
            w.set_status(StatusCode::FORBIDDEN);
            w.write_all(b"no\n")?;
        }
        _ => w.write_all(b"ok\n")?,
    }
    Ok(())
}

/// Our server, as `acceptor` has it.
fn serve(acceptor: Acceptor) -> TestServer {
    TestServer::with(Server::new(answer).tls(acceptor))
}

/// Our server with a certificate of `ca` for localhost.
fn serve_by(ca: &Authority) -> TestServer {
    serve(Acceptor::new(ca.server().identity()).expect("an acceptor"))
}

/// Returns a builder of a connector that trusts only `ca`.
fn trusting(ca: &Authority) -> ConnectorBuilder {
    Connector::builder().roots(Roots::only_pem_file(ca.file()).expect("roots"))
}

/// The beginning of a client whose calls end, whatever the peer does.
fn client(connector: ConnectorBuilder) -> ClientBuilder {
    Client::builder().tls(connector.build().expect("a connector")).timeout(PATIENCE)
}

/// Creates a client that trusts only `ca`.
fn client_of(ca: &Authority) -> Client {
    client(trusting(ca)).build()
}

fn https(addr: SocketAddr, path: &str) -> String {
    format!("https://{addr}{path}")
}

/// By name, so that the name is asked for (SNI).
fn https_localhost(addr: SocketAddr, path: &str) -> String {
    format!("https://localhost:{}{path}", addr.port())
}
