//! The outcome of a TLS handshake.

use std::fmt;
use std::sync::Arc;

/// The outcome of a connection's TLS handshake. Cheap to clone.
///
/// Without the feature `tls` there is no value of this type.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsInfo(Arc<TlsFacts>);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TlsFacts {
    pub(super) version: TlsVersion,
    pub(super) cipher_suite: String,
    pub(super) alpn: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) peer_certificates: Vec<Vec<u8>>,
    pub(super) resumed: bool,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl TlsInfo {
    #[cfg(feature = "tls")]
    pub(super) fn new(facts: TlsFacts) -> Self {
        Self(Arc::new(facts))
    }

    /// Returns the version of the protocol.
    #[must_use]
    pub fn version(&self) -> TlsVersion {
        self.0.version
    }

    /// Returns the registered name of the cipher suite, such as `TLS_AES_128_GCM_SHA256`.
    #[must_use]
    pub fn cipher_suite(&self) -> &str {
        &self.0.cipher_suite
    }

    /// Returns the protocol that ALPN selected (RFC 7301): `http/1.1`, or `None` if one of the two ends
    /// does not use ALPN.
    #[must_use]
    pub fn alpn(&self) -> Option<&str> {
        self.0.alpn.as_deref()
    }

    /// Returns the name that the client asked for (SNI, RFC 6066 section 3), in lower case. It is `None` if
    /// the client sent no name, as for an IP address, and always on the client's side.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.0.server_name.as_deref()
    }

    /// Returns the peer's certificate chain in DER, the peer's certificate first. On a server it is empty
    /// unless the server asks for client certificates (`AcceptorBuilder::client_certificates`).
    #[must_use]
    pub fn peer_certificates(&self) -> &[Vec<u8>] {
        &self.0.peer_certificates
    }

    /// Returns `true` if the handshake resumed an earlier session, without sending certificates again.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.0.resumed
    }
}

impl fmt::Debug for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsInfo")
            .field("version", &self.0.version)
            .field("cipher_suite", &self.0.cipher_suite)
            .field("alpn", &self.0.alpn)
            .field("server_name", &self.0.server_name)
            .field("peer_certificates", &self.0.peer_certificates.len())
            .field("resumed", &self.0.resumed)
            .finish()
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}
