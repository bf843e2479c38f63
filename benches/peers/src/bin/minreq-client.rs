//! minreq. It makes a connection for each request, and cannot stream a body.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    peers::load::run(|options| {
        let url = options.url.clone();
        Ok(move || {
            let response = minreq::get(&url).send().map_err(io::Error::other)?;
            Ok(response.as_bytes().len() as u64)
        })
    })
}
