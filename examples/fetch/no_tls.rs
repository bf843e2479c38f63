//! Replaces `tls.rs` in a build without the feature `tls`, and refuses its options.

use hangup::client::{ClientBuilder, Proxy};

use crate::failure::Failure;
use crate::options::{Given, Network};
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

pub(crate) fn secure_proxy(proxy: Proxy, _: &Network) -> Result<Proxy, Failure> {
    Ok(proxy)
}

pub(crate) fn proxy_connector(_: &Network) -> Result<Option<()>, Failure> {
    Ok(None)
}
