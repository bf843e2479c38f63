//! The server's side: its certificates, and the client certificates that it accepts.

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
use crate::net::buffer::Buffer;
use crate::net::stream::Stream;
use crate::net::tls_info::TlsVersion;
use crate::sync::Mutex;

/// The TLS configuration of a server.
///
/// Cloning is cheap. [`replace`](Self::replace) changes all clones at once, so certificates can be renewed
/// while a server runs.
///
/// By default it speaks TLS 1.2 and 1.3, offers `http/1.1` by ALPN and requests no client certificates.
/// Clients get session tickets (RFC 8446 section 2.2), which are valid until the acceptor is replaced.
#[derive(Clone)]
pub struct Acceptor(Arc<Mutex<Arc<ServerConfig>>>);

/// A builder of an [`Acceptor`].
#[derive(Clone, Debug)]
#[must_use = "a builder has no effect without `build`"]
pub struct AcceptorBuilder {
    identities: Vec<Identity>,
    clients: ClientCertificates,
    least: TlsVersion,
}

/// The client certificates that a server accepts.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// Clients are not asked for a certificate.
    #[default]
    NotAsked,
    /// Clients may present a certificate. It must lead to a root in this PEM text.
    Optional(Vec<u8>),
    /// Clients must present a certificate that leads to a root in this PEM text.
    Required(Vec<u8>),
}

impl Acceptor {
    /// Creates an acceptor with one identity and the default options.
    ///
    /// # Errors
    ///
    /// The errors of [`AcceptorBuilder::build`].
    pub fn new(identity: Identity) -> Result<Self> {
        Self::builder(identity).build()
    }

    /// Returns a builder with the default options. Clients that ask for no name, or for a name that no
    /// identity has, get `identity`.
    pub fn builder(identity: Identity) -> AcceptorBuilder {
        AcceptorBuilder {
            identities: vec![identity],
            clients: ClientCertificates::NotAsked,
            least: TlsVersion::Tls12,
        }
    }

    /// Creates an acceptor from a configuration of rustls, which it uses unchanged. For HTTP, the
    /// `alpn_protocols` of `config` should be `http/1.1` or empty.
    ///
    /// # Stability
    ///
    /// The version of rustls may change without a new major version of this crate.
    #[must_use]
    pub fn from_rustls(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(Mutex::new(config)))
    }

    /// Takes over the configuration of `other` for later connections. Existing connections and running
    /// handshakes keep theirs.
    pub fn replace(&self, other: &Self) {
        let config = other.config();
        *self.0.lock() = config;
    }

    /// Performs the handshake with a client on `stream`, and returns the encrypted stream.
    ///
    /// # Errors
    ///
    /// * [`TlsHandshake`](crate::ErrorKind::TlsHandshake): the handshake failed, or the client does not
    ///   speak TLS.
    /// * [`UntrustedCertificate`](crate::ErrorKind::UntrustedCertificate): the client's certificate is
    ///   invalid.
    /// * [`Timeout(TlsHandshake)`](crate::TimeLimit::TlsHandshake): `limit` has passed.
    ///
    /// Every error closes the stream.
    ///
    /// # Blocking
    ///
    /// Until the handshake is complete, at most for `limit`. Closing another handle on `stream` ends it
    /// from any thread. The read deadline of `stream` is ignored, and the returned stream has none.
    pub fn accept(&self, stream: Stream, limit: impl Into<Option<Duration>>) -> Result<Stream> {
        let stream = self.begin(stream)?;
        let deadline = limit.into().and_then(|limit| Instant::now().checked_add(limit));
        stream.set_read_deadline(deadline);
        let outcome = stream.complete_handshake();
        stream.set_read_deadline(None);
        match outcome {
            Ok(()) => Ok(stream),
            Err(error) => {
                stream.close();
                Err(handshake_error(error, None))
            }
        }
    }

    /// Returns the encrypted stream, whose handshake has not begun. Does not block.
    pub(crate) fn begin(&self, stream: Stream) -> Result<Stream> {
        let tls = ServerConnection::new(self.config()).map_err(config_error)?;
        Ok(Stream::from_tls(TlsStream::new(stream, Buffer::default(), tls)))
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.lock())
    }
}

impl AcceptorBuilder {
    /// Adds an identity. A client gets the first identity whose certificate is valid for the name that
    /// it asks for (SNI, RFC 6066 section 3).
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Sets whether clients are asked for certificates. The default is
    /// [`NotAsked`](ClientCertificates::NotAsked).
    pub fn client_certificates(mut self, clients: ClientCertificates) -> Self {
        self.clients = clients;
        self
    }

    /// Sets the oldest version to accept. The default is TLS 1.2.
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.least = version;
        self
    }

    /// Returns the acceptor.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](crate::ErrorKind::InvalidTlsConfig) if the roots of the client certificates
    /// are invalid.
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
        Ok(Acceptor::from_rustls(Arc::new(config)))
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

/// The choice of an identity by the name that a client asks for. Invariant: there is at least one.
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
