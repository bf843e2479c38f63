//! The server: S.

mod accept;
mod background_read;
mod blame;
mod close_notify;
mod closing;
mod drain;
mod events;
mod expect;
mod extract;
mod failing;
#[cfg(unix)]
mod files;
mod framing;
mod hijack;
mod limits;
mod listening;
mod malformed;
mod messages;
mod pipelining;
mod reuse;
mod reverse_proxy;
pub(crate) mod seams;
mod shipped_layers;
mod shutdown;
mod states;
mod stats;
mod streaming;
mod timeouts;
mod websocket;
mod wrapped;

use std::io::Write;

use crossbeam_channel::{Receiver, Sender, unbounded};
use hangup::server::ServerHandle;
use hangup::testing::Stream;
use hangup::{Handler, Request, ResponseWriter, Result, Server};

use crate::support::{Over, PATIENCE, RawClient};

/// Responds with the request's path.
fn echo_path(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
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

/// Serves a handler to one client in memory.
fn in_memory(handler: impl Handler) -> (Serving, Stream, RawClient) {
    in_memory_with(Server::with_handler(handler))
}

fn in_memory_with(server: Server) -> (Serving, Stream, RawClient) {
    served_over(Over::Tcp.pair_in_memory(), server)
}

/// Serves a handler to one client. The second value is the server's end of the connection, on which a test can
/// wait for a parked thread. The wait for a request parks as well, so a test first waits for its handler.
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

/// Closes the server at the end of the test.
struct Serving(ServerHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.close();
        assert!(self.0.shutdown(PATIENCE) || std::thread::panicking(), "a thread is left");
    }
}

/// Runs a script with a server over the transport, and with one in memory.
fn also_in_memory(over: Over, server: impl Fn() -> Server, script: impl Fn(&mut RawClient)) {
    let carried = over.server_with(server());
    script(&mut over.connect(&carried));
    let (_server, _, mut peer) = served_over(over.pair_in_memory(), server());
    script(&mut peer);
}
