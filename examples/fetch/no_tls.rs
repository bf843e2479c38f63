//! Replaces `tls.rs` in a build without the feature `tls`, and refuses its options.

use hangup::client::ClientBuilder;

use crate::failure::Failure;
use crate::options::Given;
use crate::support::Usage;

#[derive(Default)]
pub(crate) struct TlsOptions {}

impl TlsOptions {
    pub(crate) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "insecure" | "cacert" | "cert" | "key" | "tlsv1.2" | "tlsv1.3" => {
                Err(given.bad("this build has no TLS"))
            }
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
