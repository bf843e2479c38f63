//! The outcome of a handshake.

use rustls::{Connection, HandshakeKind, ProtocolVersion};

use super::Session;
use crate::net::tls_info::{TlsFacts, TlsInfo, TlsVersion};

impl Session {
    /// Returns the outcome of the handshake, or `None` before it is complete.
    pub(in crate::net::tls) fn info(&self) -> Option<TlsInfo> {
        if self.tls.is_handshaking() {
            return None;
        }
        let version = match self.tls.protocol_version()? {
            ProtocolVersion::TLSv1_2 => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        };
        let suite = self.tls.negotiated_cipher_suite()?.suite();
        let alpn = self.tls.alpn_protocol();
        let certificates = self.tls.peer_certificates().unwrap_or_default();
        Some(TlsInfo::new(TlsFacts {
            version,
            // rustls prefixes its TLS 1.3 suites with `TLS13_`, the registry with `TLS_`.
            cipher_suite: format!("{suite:?}").replacen("TLS13_", "TLS_", 1),
            alpn: alpn.map(|name| String::from_utf8_lossy(name).into_owned()),
            server_name: match &self.tls {
                Connection::Server(tls) => tls.server_name().map(str::to_owned),
                Connection::Client(_) => None,
            },
            peer_certificates: certificates.iter().map(|der| der.to_vec()).collect(),
            resumed: self.tls.handshake_kind() == Some(HandshakeKind::Resumed),
        }))
    }
}
