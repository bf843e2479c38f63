//! The server: S.

mod accept;
mod background_read;
mod close_notify;
mod drain;
mod expect;
mod failing;
mod framing;
mod hijack;
mod limits;
mod malformed;
mod pipelining;
mod shutdown;
mod states;
mod timeouts;

use std::io::Write;

use crossbeam_channel::{Receiver, Sender, unbounded};
use hangup::testing::{TestServer, stream_pair};
use hangup::{Handler, Request, ResponseWriter, Result, Server};

use crate::support::{PATIENCE, RawClient};

/// Answers with the request's path.
fn echo_path(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    Ok(w.write_all(r.uri().path().as_bytes())?)
}

/// Where a handler tells the test what it has seen.
fn reports<T>() -> (Sender<T>, Receiver<T>) {
    unbounded()
}

/// The next report.
#[track_caller]
fn next<T>(reports: &Receiver<T>) -> T {
    reports.recv_timeout(PATIENCE).expect("a report")
}

/// A handler served to one client in memory.
fn in_memory(handler: impl Handler) -> (RawClient, hangup::testing::Stream, InMemory) {
    in_memory_with(Server::new(handler))
}

/// The server's end is handed out as well, so that a test can see who is parked on it.
fn in_memory_with(server: Server) -> (RawClient, hangup::testing::Stream, InMemory) {
    let (near, far) = stream_pair();
    let handle = server.serve_stream(far.clone());
    (RawClient::over(near), far, InMemory(handle))
}

/// Ends the server at the end of the test.
struct InMemory(hangup::server::ServerHandle);

impl Drop for InMemory {
    fn drop(&mut self) {
        self.0.close();
        assert!(self.0.shutdown(PATIENCE) || std::thread::panicking(), "a thread is left");
    }
}

/// A server on TCP and one in memory, for what must hold over both.
fn over_each(server: impl Fn() -> Server, script: impl Fn(&mut RawClient)) {
    let tcp = TestServer::with(server());
    script(&mut RawClient::connect(&tcp));
    let (mut peer, _, _server) = in_memory_with(server());
    script(&mut peer);
}
