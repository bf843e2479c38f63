//! The server's side: who it is, and whom it lets in.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

use super::identity::Identity;
use super::stream::TlsStream;
use super::{ALPN, config_error, handshake_error, roots, versions};
use crate::error::Result;
use crate::net::stream::Stream;
use crate::net::tls_info::TlsVersion;
use crate::sync::Mutex;

/// Makes TLS connections of what clients connect to.
///
/// Cloning is cheap, and what is [replaced](Self::replace) in one is replaced in all its clones: so
/// certificates are renewed while a server runs.
///
/// The default speaks TLS 1.2 and 1.3, offers `http/1.1` by ALPN, asks clients for no certificate,
/// and gives them tickets with which they resume their sessions (RFC 8446 section 2.2), for as long as
/// this acceptor is not replaced.
#[derive(Clone)]
pub struct Acceptor(Arc<Mutex<Arc<ServerConfig>>>);

/// The options of an [`Acceptor`].
#[derive(Clone, Debug)]
#[must_use = "nothing comes of it without `build`"]
pub struct AcceptorBuilder {
    identities: Vec<Identity>,
    clients: ClientCertificates,
    least: TlsVersion,
}

/// What a server wants of its clients.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// They are not asked for a certificate.
    #[default]
    NotAsked,
    /// They are asked, and let in without one; one that is there must lead to a root in this PEM text.
    Optional(Vec<u8>),
    /// They must have one that leads to a root in this PEM text.
    Required(Vec<u8>),
}

impl Acceptor {
    /// An acceptor with one identity and the default options.
    ///
    /// # Errors
    ///
    /// As [`AcceptorBuilder::build`].
    pub fn new(identity: Identity) -> Result<Self> {
        Self::builder(identity).build()
    }

    /// An acceptor with options of its own. `identity` is the one for clients that ask for none of the
    /// names that there are, or for no name.
    pub fn builder(identity: Identity) -> AcceptorBuilder {
        AcceptorBuilder {
            identities: vec![identity],
            clients: ClientCertificates::NotAsked,
            least: TlsVersion::Tls12,
        }
    }

    /// From now on accepts as `other` does. Connections that are there, or in their handshake, are not
    /// touched.
    pub fn replace(&self, other: &Self) {
        let config = other.config();
        *self.0.lock() = config;
    }

    /// Makes the handshake with a client that has connected, and gives the encrypted stream.
    ///
    /// # Errors
    ///
    /// [`TlsHandshake`](crate::ErrorKind::TlsHandshake), also if the client does not speak TLS;
    /// [`UntrustedCertificate`](crate::ErrorKind::UntrustedCertificate) if its certificate is not
    /// good; [`Timeout(TlsHandshake)`](crate::TimeLimit::TlsHandshake) after `limit`. The stream is
    /// closed by any of them.
    ///
    /// # Blocking
    ///
    /// Until the handshake is made, at most for `limit`; closing the stream, of which the caller may
    /// have kept a handle, ends it from any thread. The stream's own read deadline does not apply, and
    /// there is none afterwards.
    pub fn accept(&self, stream: Stream, limit: impl Into<Option<Duration>>) -> Result<Stream> {
        let stream = self.begin(stream)?;
        let deadline = limit.into().and_then(|limit| Instant::now().checked_add(limit));
        stream.set_read_deadline(deadline);
        let outcome = stream.shake_hands();
        stream.set_read_deadline(None);
        match outcome {
            Ok(()) => Ok(stream),
            Err(error) => {
                stream.close();
                Err(handshake_error(error, None))
            }
        }
    }

    /// The encrypted stream, whose handshake is still to be made. Does not block.
    pub(crate) fn begin(&self, stream: Stream) -> Result<Stream> {
        let tls = ServerConnection::new(self.config()).map_err(config_error)?;
        Ok(Stream::from_tls(TlsStream::new(stream, tls)))
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.lock())
    }
}

impl AcceptorBuilder {
    /// One identity more. A client gets the first one whose certificate is for the name that it asks
    /// for (SNI, RFC 6066 section 3).
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Whether clients are asked for certificates. Not by default.
    pub fn client_certificates(mut self, clients: ClientCertificates) -> Self {
        self.clients = clients;
        self
    }

    /// The oldest version to speak: TLS 1.2 by default.
    pub fn least_version(mut self, version: TlsVersion) -> Self {
        self.least = version;
        self
    }

    /// The acceptor.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) if there is something wrong with the
    /// roots of the clients' certificates.
    pub fn build(self) -> Result<Acceptor> {
        let provider = Arc::new(ring::default_provider());
        let (pem, required) = match &self.clients {
            ClientCertificates::NotAsked => (None, false),
            ClientCertificates::Optional(pem) => (Some(pem), false),
            ClientCertificates::Required(pem) => (Some(pem), true),
        };
        let verifier = match pem {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(pem) => {
                let store = roots::store(pem).map_err(config_error)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(
                    store.into(),
                    Arc::clone(&provider),
                );
                let verifier = match required {
                    true => verifier,
                    false => verifier.allow_unauthenticated(),
                };
                verifier.build().map_err(config_error)?
            }
        };
        let identities = self.identities.iter().map(Identity::key).collect();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(self.least))
            .map_err(config_error)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(ByName(identities)));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ticketer = ring::Ticketer::new().map_err(config_error)?;
        Ok(Arc::new(config).into())
    }
}

impl From<Arc<ServerConfig>> for Acceptor {
    /// An acceptor that does as a configuration of rustls says, in everything. For HTTP its
    /// `alpn_protocols` should be `http/1.1`, or empty.
    fn from(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(Mutex::new(config)))
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

/// Finds the identity for the name that a client asks for. Invariant: there is at least one.
#[derive(Debug)]
struct ByName(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().filter(|_| self.0.len() > 1);
        let fitting = named.and_then(|name| {
            let name = ServerName::try_from(name).ok()?;
            self.0.iter().find(|identity| is_for(identity, &name))
        });
        fitting.or(self.0.first()).cloned()
    }
}

fn is_for(identity: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = identity.cert.first().map(ParsedCertificate::try_from);
    certificate.is_some_and(|parsed| parsed.is_ok_and(|it| verify_server_name(&it, name).is_ok()))
}
