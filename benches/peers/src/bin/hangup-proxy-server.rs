//! hangup's reverse proxy, with the default limits of a server.
//!
//! ```text
//! hangup-proxy-server [--addr HOST:PORT] --upstream URL
//! ```

use std::io;

use hangup::{ReverseProxy, Server};
use peers::serve;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip_while(|arg| arg != "--upstream");
    let upstream = args.nth(1).unwrap_or_else(|| "http://127.0.0.1:8081".to_owned());
    let proxy = ReverseProxy::new(upstream);
    serve::run(Server::with_handler(proxy).listen(serve::address())?)
}
