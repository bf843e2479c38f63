//! hangup's server with bodies. It reads those of requests, and responds to `/bytes/N` and `/chunked/N`
//! with N bytes.

use std::io::{self, Write};

use hangup::http::header::CONTENT_LENGTH;
use hangup::{Request, ResponseWriter, Result, Server};
use peers::{floor, load, serve};

fn main() -> io::Result<()> {
    serve::run(Server::new(answer).listen(serve::address())?)
}

fn answer(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    io::copy(r.body_mut(), &mut io::sink())?;
    match serve::ordered(r.uri().path()) {
        None => w.write_all(b"ok")?,
        Some((chunked, length)) => {
            if !chunked {
                w.set_header(CONTENT_LENGTH, length)?;
            }
            floor::write_body(w, &mut load::payload(length))?;
        }
    }
    Ok(())
}
