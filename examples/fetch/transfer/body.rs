//! The bytes of a response body.

use std::io::{self, Read};

use hangup::net::Duplex;
use hangup::{Body, Error, Response, ResponseExt};

use crate::failure::Failure;
use crate::output::progress::Progress;

/// The size of a read, in bytes.
const PIECE: usize = 64 * 1024;

/// Reads the body, or the bytes after a 101, to the end. The client counts the bytes of a body, and
/// `received` the bytes after a 101.
pub(super) fn copy(
    response: &mut Response,
    received: &Progress,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut source = match response.take_duplex() {
        Some(duplex) => Source::Duplex(duplex),
        None => Source::Body(response.body_mut()),
    };
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece).map_err(Failure::in_body)? {
            0 => return Ok(()),
            count => {
                if let Source::Duplex(_) = source {
                    received.add(count);
                }
                write(&piece[..count])?;
            }
        }
    }
}

enum Source<'a> {
    Body(&'a mut Body),
    Duplex(Duplex),
}

impl Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        match self {
            Source::Body(body) => body.read(buf),
            Source::Duplex(duplex) => duplex.read(buf),
        }
        .map_err(|error: io::Error| error.into())
    }
}
