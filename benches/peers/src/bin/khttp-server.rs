//! khttp with a thread for each connection. It follows khttp's `serve_threaded` with another listener,
//! since only the owner of a listener knows its free port.

use std::io;
use std::sync::Arc;

use khttp::{Headers, Method, Server};
use peers::serve;

fn main() -> io::Result<()> {
    let listener = serve::listen()?;
    let mut server = Server::builder(listener.local_addr()?)?;
    server.route(Method::Get, "/", |_, response| response.ok(Headers::empty(), "ok"));
    let server = Arc::new(server.build());
    serve::a_thread_each(&listener, move |stream| server.handle(&stream))
}
