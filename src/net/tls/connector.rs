//! The client's side: whom it trusts, who it is.

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
use crate::net::stream::Stream;
use crate::net::tls_info::TlsVersion;

/// How many sessions a connector keeps to resume: hosts, roughly.
const SESSIONS: usize = 256;

/// Makes TLS connections to servers.
///
/// Cloning is cheap, and clones are equal: they share their sessions, which later connections resume
/// (RFC 8446 section 2.2), and a [`Client`](crate::Client) lets their requests share connections.
///
/// The default trusts what the [platform](Roots::platform) trusts, speaks TLS 1.2 and 1.3, asks for
/// `http/1.1` by ALPN, and has no identity of its own.
#[derive(Clone)]
pub struct Connector(Arc<Inner>);

struct Inner {
    options: ConnectorBuilder,
    /// Made with the first connection: it may take reading the platform's store.
    config: OnceLock<Arc<ClientConfig>>,
}

/// The options of a [`Connector`].
#[derive(Clone, Debug)]
#[must_use = "nothing comes of it without `build`"]
pub struct ConnectorBuilder {
    trust: Trust,
    identity: Option<Identity>,
    least: TlsVersion,
}

#[derive(Clone, Debug)]
enum Trust {
    Roots(Roots),
    Anybody,
}

impl Connector {
    /// A connector with options of its own.
    pub fn builder() -> ConnectorBuilder {
        ConnectorBuilder {
            trust: Trust::Roots(Roots::platform()),
            identity: None,
            least: TlsVersion::Tls12,
        }
    }

    /// Makes the handshake with `host` on a stream that has been connected to it, and gives the
    /// encrypted stream. `host` is what the server's certificate must be for: a name or an IP address
    /// (RFC 6125, RFC 9525).
    ///
    /// # Errors
    ///
    /// * [`UntrustedCertificate`](ErrorKind::UntrustedCertificate): the server's certificate is
    ///   not valid for the host, has expired, or nobody trusted vouches for it.
    /// * [`TlsHandshake`](ErrorKind::TlsHandshake): no agreement was reached, for any other reason.
    /// * [`Timeout(TlsHandshake)`](crate::TimeLimit::TlsHandshake) after `limit`; the context's own
    ///   error when that ends.
    /// * [`InvalidTlsConfig`](ErrorKind::InvalidTlsConfig) if the platform's store cannot be read.
    ///
    /// The stream is closed by any of them.
    ///
    /// # Blocking
    ///
    /// Until the handshake is made, at most for `limit`; the end of `context` ends it from any thread.
    /// The stream's own read deadline does not apply, and there is none afterwards.
    pub fn connect(
        &self,
        stream: Stream,
        host: &str,
        limit: impl Into<Option<Duration>>,
        context: &Context,
    ) -> Result<Stream> {
        let deadline = limit.into().and_then(|limit| Instant::now().checked_add(limit));
        let stream = Stream::from_tls(TlsStream::new(stream, self.begin(host)?));
        let of_hook = stream.clone();
        let _hook = context.on_done(move |_| of_hook.close());
        stream.set_read_deadline(deadline);
        let outcome = stream.shake_hands();
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

    /// What a client has that was told nothing.
    pub(crate) fn of_default() -> Option<Self> {
        Some(Self::default())
    }

    fn begin(&self, host: &str) -> Result<ClientConnection> {
        // A name may be rooted by a dot, but no certificate is (RFC 6066 section 3).
        let name = host.strip_suffix('.').unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| {
            let message = format!("no certificate can be for {host:?}");
            Error::message(ErrorKind::TlsHandshake, message)
        })?;
        ClientConnection::new(self.config()?, name).map_err(config_error)
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>> {
        let Inner { options, config } = &*self.0;
        if let Some(config) = config.get() {
            return Ok(Arc::clone(config));
        }
        // Two threads may do it at the same time: one of the two results is kept.
        let made = Arc::new(options.config()?);
        Ok(Arc::clone(config.get_or_init(|| made)))
    }
}

impl ConnectorBuilder {
    /// Whom to trust: by default what the [platform](Roots::platform) does.
    pub fn roots(mut self, roots: Roots) -> Self {
        self.trust = Trust::Roots(roots);
        self
    }

    /// The certificate to present to servers that ask for one. None by default.
    ///
    /// A server of TLS 1.3 looks at it when the client takes the handshake to be done: that it refuses a
    /// client is told by the first read, as [`Receive`](ErrorKind::Receive) with the alert's name.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// The oldest version to speak: TLS 1.2 by default.
    pub fn least_version(mut self, version: TlsVersion) -> Self {
        self.least = version;
        self
    }

    /// Takes any certificate of any server, for any name, expired or forged.
    ///
    /// Whoever is between the two can read and change everything. For a test against a machine of
    /// one's own; [`Roots::only_pem`] with that machine's certificate does the same, safely. Each
    /// connector that is made so says so in the log, as a warning.
    pub fn dangerously_trust_anybody(mut self) -> Self {
        self.trust = Trust::Anybody;
        self
    }

    /// The connector.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsConfig`](ErrorKind::InvalidTlsConfig) if the options do not fit together. The
    /// platform's store is not read before the first connection.
    pub fn build(self) -> Result<Connector> {
        let is_cheap = !matches!(&self.trust, Trust::Roots(roots) if roots.is_platform());
        if matches!(self.trust, Trust::Anybody) {
            log::warn!("a TLS connector that trusts any certificate was made");
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
            Trust::Anybody => Arc::new(TrustAnybody(Arc::clone(&provider))),
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

impl From<Arc<ClientConfig>> for Connector {
    /// A connector that does as a configuration of rustls says, in everything. For HTTP its
    /// `alpn_protocols` should be `http/1.1`, or empty.
    fn from(config: Arc<ClientConfig>) -> Self {
        Self(Arc::new(Inner { options: Self::builder(), config: OnceLock::from(config) }))
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

/// Asks nobody whether a certificate is good. That the peer has its key is still made sure of.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
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
