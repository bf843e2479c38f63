//! attohttpc. It makes a connection for each request.

use std::io::{self, Write};
use std::process::ExitCode;

use attohttpc::body::{Body, BodyKind};
use peers::load;

fn main() -> ExitCode {
    load::run(|options| {
        let (url, send) = (options.url.clone(), options.send);
        Ok(move || {
            let response = match send {
                None => attohttpc::get(&url).send(),
                Some(length) => attohttpc::post(&url).body(Payload(length)).send(),
            };
            io::copy(&mut response.map_err(io::Error::other)?, &mut io::sink())
        })
    })
}

/// A reader of N bytes.
struct Payload(u64);

impl Body for Payload {
    fn kind(&mut self) -> io::Result<BodyKind> {
        Ok(BodyKind::KnownLength(self.0))
    }

    fn write<W: Write>(&mut self, mut writer: W) -> io::Result<()> {
        io::copy(&mut load::payload(self.0), &mut writer).map(drop)
    }
}
