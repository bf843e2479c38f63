//! The client's side: the roots that it trusts, and its certificate.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

use super::identity::Identity;
use super::roots::Roots;
use super::stream::TlsStream;
use super::{ALPN, config_error, handshake_error, versions};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::logging as log;
use crate::net::buffer::Buffer;
use crate::net::stream::Stream;
use crate::net::tls_info::TlsVersion;

/// The number of sessions that a connector keeps for resumption: roughly the number of hosts.
const SESSIONS: usize = 256;

/// The TLS configuration of a client.
///
/// Cloning is cheap, and clones are equal. They share their sessions, which later connections resume (RFC
/// 8446 section 2.2). In a [`Client`](crate::Client), requests whose connectors are equal share
/// connections.
///
/// By default it trusts the [platform's](Roots::platform) roots, speaks TLS 1.2 and 1.3, offers `http/1.1`
/// by ALPN, and presents no certificate.
#[derive(Clone)]
pub struct Connector(Arc<Inner>);

struct Inner {
    options: ConnectorBuilder,
    /// Created with the first connection, because it may require reading the platform's store.
    config: OnceLock<Arc<ClientConfig>>,
}

/// A builder of a [`Connector`].
#[derive(Clone, Debug)]
#[must_use = "a builder has no effect without `build`"]
pub struct ConnectorBuilder {
    trust: Trust,
    identity: Option<Identity>,
    least: TlsVersion,
}

#[derive(Clone, Debug)]
enum Trust {
    Roots(Roots),
    Any,
}

impl Connector {
    /// Returns a builder with the default options.
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder {
            trust: Trust::Roots(Roots::platform()),
            identity: None,
            least: TlsVersion::Tls12,
        }
    }

    /// Creates a connector from a configuration of rustls, which it uses unchanged. For HTTP, the
    /// `alpn_protocols` of `config` should be `http/1.1` or empty.
    ///
    /// # Stability
    ///
    /// The version of rustls may change without a new major version of this crate.
    #[must_use]
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        Self(Arc::new(Inner { options: Self::builder(), config: OnceLock::from(config) }))
    }

    /// Performs the handshake with `host` on `stream`, and returns the encrypted stream. The server's
    /// certificate must be valid for `host`, which is a name or an IP address (RFC 6125, RFC 9525).
    ///
    /// # Errors
    ///
    /// * [`UntrustedCertificate`](ErrorKind::UntrustedCertificate): the server's certificate is not valid
    ///   for the host, has expired, or leads to no trusted root.
    /// * [`TlsHandshake`](ErrorKind::TlsHandshake): the handshake failed for another reason.
    /// * [`Timeout(TlsHandshake)`](crate::TimeLimit::TlsHandshake): `limit` has passed.
    /// * [`InvalidTlsConfig`](ErrorKind::InvalidTlsConfig): the platform's store cannot be read.
    /// * The error of `context`, if it ended.
    ///
    /// Every error closes the stream.
    ///
    /// # Blocking
    ///
    /// Until the handshake is complete, at most for `limit`. The end of `context` ends it from any
    /// thread. The read deadline of `stream` is ignored, and the returned stream has none.
    pub fn connect(
        &self,
        stream: Stream,
        host: &str,
        limit: impl Into<Option<Duration>>,
        context: &Context,
    ) -> Result<Stream> {
        self.connect_behind(stream, Buffer::default(), host, limit.into(), context)
    }

    /// Performs the handshake as [`connect`](Self::connect) does, on a stream of which `received` has
    /// been read.
    pub(crate) fn connect_behind(
        &self,
        stream: Stream,
        received: Buffer,
        host: &str,
        limit: Option<Duration>,
        context: &Context,
    ) -> Result<Stream> {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let stream = Stream::from_tls(TlsStream::new(stream, received, self.begin(host)?));
        let of_hook = stream.clone();
        let _hook = context.on_done(move |_| of_hook.close());
        stream.set_read_deadline(deadline);
        let outcome = stream.complete_handshake();
        stream.set_read_deadline(None);
        match outcome {
            Ok(()) => Ok(stream),
            Err(error) => {
                stream.close();
                Err(match context.err() {
                    Some(ended) => ended.into(),
                    None => handshake_error(error, Some(host)),
                })
            }
        }
    }

    /// Returns the connector of a client that was given none.
    pub(crate) fn of_default() -> Option<Self> {
        Some(Self::default())
    }

    fn begin(&self, host: &str) -> Result<ClientConnection> {
        // A host may end with a dot, the names in certificates do not (RFC 6066 section 3).
        let name = host.strip_suffix('.').unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| {
            let message = format!("invalid host name in a TLS handshake: {host:?}");
            Error::message(ErrorKind::TlsHandshake, message)
        })?;
        ClientConnection::new(self.config()?, name).map_err(config_error)
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>> {
        let Inner { options, config } = &*self.0;
        if let Some(config) = config.get() {
            return Ok(Arc::clone(config));
        }
        // If two threads do this at the same time, one of the two results is kept.
        let made = Arc::new(options.config()?);
        Ok(Arc::clone(config.get_or_init(|| made)))
    }
}

impl ConnectorBuilder {
    /// Sets the trusted roots. The default is [`Roots::platform`].
    pub fn roots(mut self, roots: Roots) -> Self {
        self.trust = Trust::Roots(roots);
        self
    }

    /// Sets the certificate to present to servers that ask for one. The default is none.
    ///
    /// In TLS 1.3 the client's handshake is complete before the server has checked the certificate. If
    /// the server refuses it, the first read fails with [`Receive`](ErrorKind::Receive) and the name of
    /// the alert.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Sets the oldest version to accept. The default is TLS 1.2.
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.least = version;
        self
    }

    /// Accepts every certificate: for any name, expired or forged.
    ///
    /// An attacker between the two ends can then read and change everything. To test against your own
    /// machine, [`Roots::only_pem`] with that machine's certificate is a safe alternative. Every
    /// connector that is built this way logs a warning.
    pub fn dangerously_accept_any_certificate(mut self) -> Self {
        self.trust = Trust::Any;
        self
    }

    /// Returns the connector. The platform's store is read with the first connection.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](ErrorKind::InvalidTlsConfig) if the options contradict one another.
    pub fn build(self) -> Result<Connector> {
        let is_cheap = !matches!(&self.trust, Trust::Roots(roots) if roots.is_platform());
        if matches!(self.trust, Trust::Any) {
            log::warn!("TLS connector created that accepts any certificate");
        }
        let config = match is_cheap {
            true => OnceLock::from(Arc::new(self.config()?)),
            false => OnceLock::new(),
        };
        Ok(Connector(Arc::new(Inner { options: self, config })))
    }

    fn config(&self) -> Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let verifier = match &self.trust {
            Trust::Roots(roots) => roots.verifier(Arc::clone(&provider))?,
            Trust::Any => Arc::new(AcceptAny(Arc::clone(&provider))),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(self.least))
            .map_err(config_error)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key())))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        Ok(config)
    }
}

impl Default for Connector {
    fn default() -> Self {
        let options = Self::builder();
        Self(Arc::new(Inner { options, config: OnceLock::new() }))
    }
}

impl PartialEq for Connector {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Connector {}

impl Hash for Connector {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// A verifier that accepts every certificate. It still checks that the peer has the certificate's key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
