//! hangup's FastCGI responder with a fixed response.

use std::io::{self, Write};

use hangup::{Request, ResponseWriter, fcgi};
use peers::serve;

fn main() -> io::Result<()> {
    let answer = |w: &mut ResponseWriter, _: &mut Request| Ok(w.write_all(b"ok")?);
    serve::run(fcgi::Server::new(answer).listen(serve::address())?)
}
