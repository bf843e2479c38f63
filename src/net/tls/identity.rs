//! The identity of one end: a certificate and its key.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::config_error;
use crate::error::Result;

/// A certificate chain and the private key of its first certificate. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Creates an identity from PEM. `chain` holds the certificate first, then those that lead to its
    /// root. `key` is in PKCS #8, PKCS #1 or SEC 1. Both may be the same text.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) if either is missing or invalid, or if
    /// they do not belong together.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self> {
        Self::read(chain.as_ref(), key.as_ref()).map_err(config_error)
    }

    /// Creates an identity from two PEM files. See [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) with the name of the file.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self> {
        let (chain, key) = (chain.as_ref(), key.as_ref());
        Self::read(&read_file(chain)?, &read_file(key)?).map_err(|why| {
            config_error(format!("{} with {}: {why}", chain.display(), key.display()))
        })
    }

    /// Creates an identity from rustls's types. `chain` holds the certificate first, then those that lead
    /// to its root.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) if the key's type is not supported, or if
    /// it is not the certificate's key.
    ///
    /// # Stability
    ///
    /// The version of rustls may change without a new major version of this crate.
    pub fn from_rustls(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self> {
        Self::check(chain, key).map_err(config_error)
    }

    fn read(chain: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| format!("invalid private key: {error}"))?;
        Self::check(chain, key)
    }

    fn check(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, String> {
        if chain.is_empty() {
            return Err("certificate missing".to_owned());
        }
        match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
            Ok(key) => Ok(Self(Arc::new(key))),
            Err(rustls::Error::InconsistentKeys(_)) => {
                Err("private key does not match the certificate".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

impl fmt::Debug for Identity {
    /// Does not print the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.0.cert.len()).finish()
    }
}

/// Returns the certificates in a PEM text, at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("no certificate in the PEM text".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("invalid certificate: {error}")),
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| config_error(format!("{}: {error}", path.display())))
}
