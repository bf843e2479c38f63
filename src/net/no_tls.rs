//! Stands in for `tls` where that feature is off: there are no such values, and nothing to do.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use super::stream::Stream;
use crate::context::Context;
use crate::error::{Error, Result};

/// Nobody has one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Connector(Infallible);

impl Connector {
    /// What a client has that was told nothing.
    pub(crate) fn of_default() -> Option<Self> {
        None
    }

    pub(crate) fn connect(
        &self,
        _stream: Stream,
        _host: &str,
        _limit: Option<Duration>,
        _context: &Context,
    ) -> Result<Stream> {
        match self.0 {}
    }
}

/// Nobody has one.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor(Infallible);

impl Acceptor {
    pub(crate) fn begin(&self, _stream: Stream) -> Result<Stream> {
        match self.0 {}
    }
}

impl Stream {
    pub(crate) fn shake_hands(&self) -> io::Result<()> {
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
