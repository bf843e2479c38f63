//! Replaces `tls.rs` in a build without the feature `tls`, and refuses its options.

use std::convert::Infallible;

use hangup::Server;
use hangup::client::ClientBuilder;

use super::{Args, Usage};

#[derive(Default)]
pub(crate) struct TlsFiles {}

/// A certificate. This build has none.
pub(crate) struct Certificate(Infallible);

impl TlsFiles {
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        match option {
            "--tls-cert" | "--tls-key" => Err(args.bad("this build has no TLS")),
            _ => Ok(false),
        }
    }

    pub(crate) fn read(self) -> Result<Option<Certificate>, Usage> {
        Ok(None)
    }
}

impl Certificate {
    pub(crate) fn secure(&self, _: Server) -> Server {
        match self.0 {}
    }

    pub(crate) fn renew(&self) {
        match self.0 {}
    }
}

pub(crate) fn trust_anybody(_: ClientBuilder) -> Result<ClientBuilder, Usage> {
    Err(Usage::wrong("-k: this build has no TLS"))
}
