//! TLS of the programs: the certificate of one that listens, and a client that trusts anybody.
//!
//! `no_tls.rs` stands in for this file in a build without the feature `tls`.

use std::path::PathBuf;

use hangup::client::ClientBuilder;
use hangup::tls::{Acceptor, Connector, Identity};
use hangup::{Result, Server};

use super::{Args, Usage};

/// The files that `--tls-cert` and `--tls-key` name, as far as they have been read.
#[derive(Default)]
pub(crate) struct TlsFiles {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// What a server presents to its clients, and where it comes from.
pub(crate) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: Acceptor,
}

impl TlsFiles {
    /// Takes the option if it is one of these.
    pub(crate) fn take(&mut self, option: &str, args: &mut Args) -> Result<bool, Usage> {
        match option {
            "--tls-cert" => self.certificate = Some(args.path()?),
            "--tls-key" => self.key = Some(args.path()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads the files, if they are given.
    pub(crate) fn read(self) -> Result<Option<Certificate>, Usage> {
        let (certificate, key) = match (self.certificate, self.key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => return Err(Usage::wrong("--tls-cert needs a --tls-key")),
            (None, Some(_)) => return Err(Usage::wrong("--tls-key needs a --tls-cert")),
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

    /// Reads the files again. If there is something wrong with them, all stays as it was.
    pub(crate) fn renew(&self) {
        let Self { certificate, key, acceptor } = self;
        match Identity::from_pem_files(certificate, key).and_then(Acceptor::new) {
            Ok(renewed) => {
                acceptor.replace(&renewed);
                log::info!("new connections get the certificate of {}", certificate.display());
            }
            Err(error) => log::warn!("the certificate is not renewed: {error}"),
        }
    }
}

/// A client that takes any certificate: for `-k`.
pub(crate) fn trust_anybody(client: ClientBuilder) -> Result<ClientBuilder, Usage> {
    let connector = Connector::builder().dangerously_trust_anybody().build();
    Ok(client.tls(connector.map_err(Usage::wrong)?))
}
