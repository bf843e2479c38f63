//! The TLS options: trusted roots, the client certificate, the lowest version.
//!
//! `no_tls.rs` replaces this file in a build without the feature `tls`.

use std::path::PathBuf;

use hangup::TlsVersion;
use hangup::client::{ClientBuilder, Proxy};
use hangup::tls::{Connector, Identity, Roots};

use crate::failure::{BAD_ROOTS, Failure};
use crate::options::{Given, Network};
use crate::support::Usage;

/// curl's exit code for a client certificate that cannot be used.
const BAD_IDENTITY: u8 = 58;

/// The TLS options.
#[derive(Default)]
pub(crate) struct TlsOptions {
    insecure: bool,
    roots: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    least: Option<TlsVersion>,
}

impl TlsOptions {
    /// Takes the option and returns `true` if it is one of these.
    pub(crate) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "insecure" => self.insecure = given.on(),
            "cacert" => self.roots = Some(given.path()),
            "cert" => {
                let (file, password) = split_password(&given.text()?);
                if password.is_some() {
                    let why = "a key with a password is not supported; `openssl pkey` removes the password";
                    return Err(given.bad(why));
                }
                self.certificate = Some(file.into());
            }
            "key" => self.key = Some(given.path()),
            "tlsv1.2" => self.least = Some(TlsVersion::Tls12),
            "tlsv1.3" => self.least = Some(TlsVersion::Tls13),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuses a key without a certificate.
    pub(crate) fn check(&self) -> Result<(), Usage> {
        match (&self.key, &self.certificate) {
            (Some(_), None) => Err(Usage::wrong("--key requires --cert")),
            _ => Ok(()),
        }
    }

    /// Configures the client. Reads the files that the options name.
    pub(crate) fn apply(&self, client: ClientBuilder) -> Result<ClientBuilder, Failure> {
        let mut connector = Connector::builder();
        if let Some(file) = &self.roots {
            let roots = Roots::only_pem_file(file);
            connector = connector.roots(roots.map_err(|error| Failure::new(BAD_ROOTS, error))?);
        }
        if let Some(certificate) = &self.certificate {
            // One file may hold both.
            let key = self.key.as_ref().unwrap_or(certificate);
            let identity = Identity::from_pem_files(certificate, key);
            let identity = identity.map_err(|error| Failure::new(BAD_IDENTITY, error))?;
            connector = connector.identity(identity);
        }
        if let Some(version) = self.least {
            connector = connector.min_version(version);
        }
        if self.insecure {
            connector = connector.dangerously_accept_any_certificate();
        }
        Ok(client.tls(connector.build()?))
    }
}

/// Sets the connector for the connection to an HTTPS proxy, if an option configures it.
pub(crate) fn secure_proxy(proxy: Proxy, network: &Network) -> Result<Proxy, Failure> {
    Ok(match proxy_connector(network)? {
        Some(connector) => proxy.tls(connector),
        None => proxy,
    })
}

/// Returns the connector for the connection to an HTTPS proxy, if an option configures it.
pub(crate) fn proxy_connector(network: &Network) -> Result<Option<Connector>, Failure> {
    if !network.proxy_insecure && network.proxy_roots.is_none() {
        return Ok(None);
    }
    let mut connector = Connector::builder();
    if let Some(file) = &network.proxy_roots {
        let roots = Roots::only_pem_file(file);
        connector = connector.roots(roots.map_err(|error| Failure::new(BAD_ROOTS, error))?);
    }
    if network.proxy_insecure {
        connector = connector.dangerously_accept_any_certificate();
    }
    Ok(Some(connector.build()?))
}

/// Splits `FILE[:PASSWORD]`. `\:` is a colon in the file's name, and `\\` a backslash.
fn split_password(text: &str) -> (String, Option<String>) {
    let mut file = String::new();
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            ':' => return (file, Some(rest.collect())),
            '\\' => match rest.next() {
                Some(escaped @ (':' | '\\')) => file.push(escaped),
                // Any other backslash stays.
                other => file.extend(['\\'].into_iter().chain(other)),
            },
            letter => file.push(letter),
        }
    }
    (file, None)
}
