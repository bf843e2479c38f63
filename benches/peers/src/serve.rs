//! What the servers share: the command line, the line that they print, and the body that those who
//! answer with large ones send.
//!
//! ```text
//! SERVER [--addr HOST:PORT]        # listening on http://127.0.0.1:41234
//! ```

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use hangup::net::Addr;
use hangup::server::Listening;

/// Where to listen: a free port of the loopback interface, unless told otherwise.
pub fn address() -> String {
    let mut args = std::env::args().skip_while(|arg| arg != "--addr");
    args.nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned())
}

/// A listener at [`address`], which is announced.
pub fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address())?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}

/// Prints the line that says where the server is.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}

/// One of hangup's servers, announced.
pub fn run(listening: Listening) -> io::Result<()> {
    if let Addr::Ip(address) = listening.local_addr() {
        announce(*address)?;
    }
    listening.serve()
}

/// Accepts, and lets each connection have a thread. An error of `serve` is its client's end.
pub fn a_thread_each<S>(listener: &TcpListener, serve: S) -> io::Result<()>
where
    S: Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
{
    for stream in listener.incoming() {
        let (stream, serve) = (stream?, serve.clone());
        stream.set_nodelay(true)?;
        thread::Builder::new().spawn(move || drop(serve(stream)))?;
    }
    Ok(())
}

/// What a path asks for: `/bytes/N` for so many with their length, `/chunked/N` for so many without.
pub fn ordered(path: &str) -> Option<(bool, u64)> {
    let (kind, count) = path.strip_prefix('/')?.split_once('/')?;
    let chunked = match kind {
        "bytes" => false,
        "chunked" => true,
        _ => return None,
    };
    Some((chunked, count.parse().ok()?))
}
