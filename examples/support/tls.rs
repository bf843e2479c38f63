//! TLS for the programs: the server's certificate, and a client that accepts any.
//!
//! `no_tls.rs` replaces this file in a build without the feature `tls`.

use std::path::PathBuf;

use hangup::client::ClientBuilder;
use hangup::tls::{Acceptor, Connector, Identity};
use hangup::{Result, Server};

use super::{Args, Usage};

/// The files that `--tls-cert` and `--tls-key` name.
#[derive(Default)]
pub(crate) struct TlsFiles {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// A server's certificate and the files that it came from.
pub(crate) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: Acceptor,
}

impl TlsFiles {
    /// Takes the option and returns `true` if it is one of these.
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        match option {
            "--tls-cert" => self.certificate = Some(args.path()?),
            "--tls-key" => self.key = Some(args.path()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads the files, if both are given.
    pub(crate) fn read(self) -> Result<Option<Certificate>, Usage> {
        let (certificate, key) = match (self.certificate, self.key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => return Err(Usage::wrong("--tls-cert requires --tls-key")),
            (None, Some(_)) => return Err(Usage::wrong("--tls-key requires --tls-cert")),
        };
        let identity = Identity::from_pem_files(&certificate, &key).map_err(Usage::wrong)?;
        let acceptor = Acceptor::new(identity).map_err(Usage::wrong)?;
        Ok(Some(Certificate { certificate, key, acceptor }))
    }
}

impl Certificate {
    pub(crate) fn secure(&self, server: Server) -> Server {
        server.tls(self.acceptor.clone())
    }

    /// Reads the files again. If they are invalid, the old certificate stays in use.
    pub(crate) fn renew(&self) {
        let Self { certificate, key, acceptor } = self;
        match Identity::from_pem_files(certificate, key).and_then(Acceptor::new) {
            Ok(renewed) => {
                acceptor.replace(&renewed);
                log::info!("certificate renewed from {}", certificate.display());
            }
            Err(error) => log::warn!("certificate not renewed: {error}"),
        }
    }
}

/// Makes the client accept any certificate, for `-k`.
pub(crate) fn trust_anybody(client: ClientBuilder) -> Result<ClientBuilder, Usage> {
    let connector = Connector::builder().dangerously_accept_any_certificate().build();
    Ok(client.tls(connector.map_err(Usage::wrong)?))
}
