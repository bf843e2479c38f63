//! The shared part of the servers: the command line, the line that they print, and large bodies.
//!
//! ```text
//! SERVER [--addr HOST:PORT]        # listening on http://127.0.0.1:41234
//! ```

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use hangup::net::Addr;
use hangup::server::Listening;

/// Returns the address to listen on. The default is a free port of the loopback interface.
pub fn address() -> String {
    let mut args = std::env::args().skip_while(|arg| arg != "--addr");
    args.nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned())
}

/// Returns a listener at [`address`] and prints its address.
pub fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address())?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}

/// The path of the item that a routed server is asked for.
pub const ITEM: &str = "/items/12345";

/// The number of other routes that a routed server has.
pub const OTHER_ROUTES: usize = 100;

/// Prints the server's address.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    announce_at(address, "")
}

/// Prints the server's address with the path to ask for.
pub fn announce_at(address: SocketAddr, path: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}{path}")?;
    stdout.flush()
}

/// Binds one of hangup's servers and prints its address.
pub fn run(listening: Listening) -> io::Result<()> {
    run_at(listening, "")
}

/// Binds one of hangup's servers and prints its address with the path to ask for.
pub fn run_at(listening: Listening, path: &str) -> io::Result<()> {
    if let Addr::Ip(address) = listening.local_addr() {
        announce_at(*address, path)?;
    }
    listening.serve()
}

/// Accepts connections and gives each a thread. An error of `serve` means that the client closed.
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

/// Parses a path: `/bytes/N` for N bytes with their length, `/chunked/N` for N bytes without.
pub fn ordered(path: &str) -> Option<(bool, u64)> {
    let (kind, count) = path.strip_prefix('/')?.split_once('/')?;
    let chunked = match kind {
        "bytes" => false,
        "chunked" => true,
        _ => return None,
    };
    Some((chunked, count.parse().ok()?))
}
