//! The server: S.

mod accept;
mod background_read;
mod blame;
mod close_notify;
mod closing;
mod drain;
mod expect;
mod failing;
mod framing;
mod hijack;
mod limits;
mod malformed;
mod messages;
mod pipelining;
mod reuse;
pub(crate) mod seams;
mod shutdown;
mod states;
mod streaming;
mod timeouts;

use std::io::Write;

use crossbeam_channel::{Receiver, Sender, unbounded};
use hangup::server::ServerHandle;
use hangup::testing::Stream;
use hangup::{Handler, Request, ResponseWriter, Result, Server};

use crate::support::{Over, PATIENCE, RawClient};

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
fn in_memory(handler: impl Handler) -> (Serving, Stream, RawClient) {
    in_memory_with(Server::with_handler(handler))
}

fn in_memory_with(server: Server) -> (Serving, Stream, RawClient) {
    served_over(Over::Tcp.pair_in_memory(), server)
}

/// A handler served to one client, and the server's end of the connection, so that a test can see
/// who is parked on it. The wait for a request counts as well: first, a test hears from its handler.
fn served(over: Over, handler: impl Handler) -> (Serving, Stream, RawClient) {
    served_with(over, Server::with_handler(handler))
}

fn served_with(over: Over, server: Server) -> (Serving, Stream, RawClient) {
    served_over(over.pair(), server)
}

fn served_over((near, far): (Stream, Stream), server: Server) -> (Serving, Stream, RawClient) {
    let handle = server.serve_stream(far.clone());
    // The client is dropped first, so that the server need not wait for it as it closes.
    (Serving(handle), far, RawClient::over(near))
}

/// Ends the server at the end of the test.
struct Serving(ServerHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.close();
        assert!(self.0.shutdown(PATIENCE) || std::thread::panicking(), "a thread is left");
    }
}

/// A server over the carrier and one in memory, for what must hold over both.
fn also_in_memory(over: Over, server: impl Fn() -> Server, script: impl Fn(&mut RawClient)) {
    let carried = over.server_with(server());
    script(&mut over.connect(&carried));
    let (_server, _, mut peer) = served_over(over.pair_in_memory(), server());
    script(&mut peer);
}
