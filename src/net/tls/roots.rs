//! The roots that one end trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls_platform_verifier::Verifier;

use super::config_error;
use super::identity::{certificates, read_file};
use crate::error::Result;

/// The root certificates that a client trusts.
#[derive(Clone, Debug)]
pub struct Roots(Source);

#[derive(Clone, Debug)]
enum Source {
    Platform,
    #[cfg(feature = "bundled-roots")]
    Bundled,
    Only(Arc<RootCertStore>),
}

impl Roots {
    /// Returns the platform's roots, the default.
    ///
    /// On macOS, iOS, Windows and Android the platform itself verifies certificates. Elsewhere each
    /// connector reads the platform's store with its first connection. `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` select another store. An Android app must initialise `rustls-platform-verifier`
    /// before.
    #[must_use]
    pub fn platform() -> Self {
        Self(Source::Platform)
    }

    /// Returns Mozilla's roots, as of the release of `webpki-roots`. For systems without a store, such as
    /// an empty container.
    #[cfg(feature = "bundled-roots")]
    #[must_use]
    pub fn bundled() -> Self {
        Self(Source::Bundled)
    }

    /// Creates roots from a PEM text, in place of the platform's. The certificates may be self-signed.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) if there is no certificate, or an invalid
    /// one.
    pub fn only_pem(pem: impl AsRef<[u8]>) -> Result<Self> {
        Self::read(pem.as_ref()).map_err(config_error)
    }

    /// Creates roots from a PEM file. See [`only_pem`](Self::only_pem).
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) with the name of the file.
    pub fn only_pem_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::read(&read_file(path)?)
            .map_err(|why| config_error(format!("{}: {why}", path.display())))
    }

    fn read(pem: &[u8]) -> Result<Self, String> {
        let store = store(pem)?;
        Ok(Self(Source::Only(Arc::new(store))))
    }

    pub(super) fn is_platform(&self) -> bool {
        matches!(self.0, Source::Platform)
    }

    /// Returns the verifier of server certificates. May read the platform's store.
    pub(super) fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>> {
        let store = match &self.0 {
            Source::Platform => {
                return match Verifier::new(provider) {
                    Ok(verifier) => Ok(Arc::new(verifier)),
                    Err(error) => Err(config_error(format!("platform roots unavailable: {error}"))),
                };
            }
            #[cfg(feature = "bundled-roots")]
            Source::Bundled => {
                Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
            }
            Source::Only(store) => Arc::clone(store),
        };
        let verifier = WebPkiServerVerifier::builder_with_provider(store, provider).build();
        Ok(verifier.map_err(config_error)?)
    }
}

/// Returns the roots in a PEM text, at least one.
pub(super) fn store(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for root in certificates(pem)? {
        store.add(root).map_err(|error| format!("invalid root certificate: {error}"))?;
    }
    Ok(store)
}
