//! khttp with a thread for each connection: its `serve_threaded`, but for the listener, which is ours
//! because a free port is known only to who has bound it.

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
