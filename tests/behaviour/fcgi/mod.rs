//! The FastCGI responder, and CGI: F.

mod blame;
mod cgi;
mod clocks;
mod closing;
mod ending;
mod events;
mod extract;
mod messages;
mod multiplexing;
mod raw;
mod records;
mod reuse;
mod seams;
mod shutdown;
mod time_limit;
mod upstream;
mod wrapped;

use std::io::{self, Write};

use crossbeam_channel::{Receiver, Sender, unbounded};
use hangup::server::ServerHandle;
use hangup::testing::{Stream, TestServer, stream_pair};
use hangup::{Handler, Request, RequestExt, ResponseWriter, Result, fcgi};

use crate::support::PATIENCE;
use raw::WebServer;

/// Starts a server on TCP, and connects to it.
fn serve(handler: impl Handler) -> (TestServer, WebServer) {
    serve_with(fcgi::Server::with_handler(handler))
}

fn serve_with(server: fcgi::Server) -> (TestServer, WebServer) {
    let server = TestServer::listening(server.listen("127.0.0.1:0").expect("a free port"));
    let web_server = WebServer::connect(&server);
    (server, web_server)
}

/// Serves one connection in memory. The last value is the server's end.
fn serve_here(server: fcgi::Server) -> (ServerHandle, WebServer, Stream) {
    let (near, far) = stream_pair();
    let handle = server.serve_stream(far.clone());
    (handle, WebServer::over(near), far)
}

/// Responds with the request's body.
fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    io::copy(r.body_mut(), w)?;
    Ok(())
}

/// Responds with the request's path, and reads nothing.
fn path(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    Ok(w.write_all(r.uri().path().as_bytes())?)
}

/// Creates a channel for a handler's reports to the test.
fn reports<T>() -> (Sender<T>, Receiver<T>) {
    unbounded()
}

/// Returns the next report.
#[track_caller]
fn next<T>(reports: &Receiver<T>) -> T {
    reports.recv_timeout(PATIENCE).expect("a report")
}

/// Waits until the request's context ends, and returns the reason.
fn reason(r: &Request) -> String {
    let why = r.context().wait_timeout(PATIENCE).expect("the context ends");
    why.to_string()
}
