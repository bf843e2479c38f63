//! hangup's server of the files of a directory.
//!
//! ```text
//! hangup-files-server [--addr HOST:PORT] --directory DIR
//! ```

use std::io;

use hangup::{Files, Server};
use peers::serve;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip_while(|arg| arg != "--directory");
    let directory = args.nth(1).unwrap_or_else(|| ".".to_owned());
    serve::run(Server::with_handler(Files::new(directory)).listen(serve::address())?)
}
