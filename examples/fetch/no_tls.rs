//! Replaces `tls.rs` in a build without the feature `tls`, and refuses its options.

use hangup::client::ClientBuilder;

use crate::failure::Failure;
use crate::support::{Args, Usage};

#[derive(Default)]
pub(crate) struct TlsOptions {}

impl TlsOptions {
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        match option {
            "-k" | "--insecure" | "--cacert" | "-E" | "--cert" | "--key" | "--tlsv1.2"
            | "--tlsv1.3" => Err(args.bad("this build has no TLS")),
            _ => Ok(false),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Usage> {
        Ok(())
    }

    pub(crate) fn apply(&self, client: ClientBuilder) -> Result<ClientBuilder, Failure> {
        Ok(client)
    }
}
