//! Like `hangup-server`, with a handler that asks for its context. From the first call on, the library
//! watches the connection while a handler runs.

use std::io::{self, Write};

use hangup::{Request, RequestExt, ResponseWriter, Server};
use peers::serve;

fn main() -> io::Result<()> {
    let answer = |w: &mut ResponseWriter, r: &mut Request| match r.context().is_done() {
        true => Ok(()),
        false => Ok(w.write_all(b"ok")?),
    };
    serve::run(Server::new(answer).listen(serve::address())?)
}
