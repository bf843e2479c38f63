//! Who one end says it is: a certificate and its key.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::config_error;
use crate::error::Result;

/// A certificate with its chain, and the private key that goes with it. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// From PEM: the certificate first, then those that lead to its root; and its key, in PKCS #8,
    /// PKCS #1 or SEC 1. Both may be the same text.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig), with what is missing or does not
    /// fit.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self> {
        Self::read(chain.as_ref(), key.as_ref()).map_err(config_error)
    }

    /// From files in PEM, as [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig), with the name of the file.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        Self::read(&read_file(chain)?, &read_file(key)?).map_err(|why| {
            config_error(format!("{} with {}: {why}", chain.display(), key.display()))
        })
    }

    /// From DER: the certificate first, then those that lead to its root; and its key.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) if the key is of no kind that can be
    /// used, or not the certificate's.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self> {
        Self::check(chain, key).map_err(config_error)
    }

    fn read(chain: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| format!("no private key that can be read: {error}"))?;
        Self::check(chain, key)
    }

    fn check(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, String> {
        if chain.is_empty() {
            return Err("no certificate".to_owned());
        }
        match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
            Ok(key) => Ok(Self(Arc::new(key))),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err("the private key is not the certificate's".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Identity {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.0.cert.len()).finish()
    }
}

/// The certificates in a PEM text: at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err("no certificate in PEM".to_owned()),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("no certificate that can be read: {error}")),
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| config_error(format!("{}: {error}", path.display())))
}
