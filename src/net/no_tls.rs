//! Stands in for `tls` when that feature is off. Its types have no values.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use super::buffer::Buffer;
use super::stream::Stream;
use crate::context::Context;
use crate::error::{Error, Result};

/// A type without values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Connector(Infallible);

impl Connector {
    /// Returns `None`.
    pub(crate) fn of_default() -> Option<Self> {
        None
    }

    pub(crate) fn connect_behind(
        &self,
        _stream: Stream,
        _received: Buffer,
        _host: &str,
        _limit: Option<Duration>,
        _context: &Context,
    ) -> Result<Stream> {
        match self.0 {}
    }
}

/// A type without values.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor(Infallible);

impl Acceptor {
    pub(crate) fn begin(&self, _stream: Stream) -> Result<Stream> {
        match self.0 {}
    }
}

impl Stream {
    pub(crate) fn complete_handshake(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn below_tls(&self) -> Option<&Stream> {
        None
    }
}

pub(crate) fn unencrypted(_error: &io::Error) -> Option<&[u8]> {
    None
}

pub(crate) fn handshake_error(error: io::Error, _host: Option<&str>) -> Error {
    error.into()
}
