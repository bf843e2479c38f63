//! The handshake of either side, and its errors.

use std::io;
use std::sync::Arc;

use super::session::NotTls;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::net::stream::Stream;
use crate::net::tls_info::TlsVersion;

/// The protocol that both sides offer (RFC 7301 section 6).
pub(super) const ALPN: &[u8] = b"http/1.1";

impl Stream {
    /// Completes the TLS handshake. Does nothing without TLS. See [`TlsStream::complete_handshake`].
    ///
    /// [`TlsStream::complete_handshake`]: super::stream::TlsStream::complete_handshake
    pub(crate) fn complete_handshake(&self) -> io::Result<()> {
        self.as_tls().map_or(Ok(()), |stream| stream.complete_handshake())
    }

    /// Returns the stream that carries this TLS stream. Data written there is not encrypted.
    pub(crate) fn below_tls(&self) -> Option<&Stream> {
        self.as_tls().map(|stream| stream.below())
    }
}

/// Returns the first bytes from a client, if `error` says that it sent HTTP without TLS.
pub(crate) fn unencrypted(error: &io::Error) -> Option<&[u8]> {
    let source = error.get_ref()?.downcast_ref::<NotTls>()?;
    Some(&source.0)
}

/// Converts the error of a handshake. `host` is the server whose certificate was verified, or `None` for
/// a client's.
pub(crate) fn handshake_error(error: io::Error, host: Option<&str>) -> Error {
    if error.kind() == io::ErrorKind::TimedOut {
        return Error::timeout(TimeLimit::TlsHandshake);
    }
    let source = error.get_ref().and_then(|source| source.downcast_ref::<Arc<rustls::Error>>());
    match source.map(|source| &**source) {
        Some(error @ rustls::Error::InvalidCertificate(_)) => {
            let whose = host.unwrap_or("the client");
            Error::explained(ErrorKind::UntrustedCertificate, whose, error.clone())
        }
        Some(error) => Error::with_source(ErrorKind::TlsHandshake, error.clone()),
        None => Error::with_source(ErrorKind::TlsHandshake, error),
    }
}

/// Creates the error of an invalid configuration.
pub(super) fn config_error(message: impl ToString) -> Error {
    Error::message(ErrorKind::InvalidTlsConfig, message.to_string())
}

/// Returns the versions from `least` on.
pub(super) fn versions(least: TlsVersion) -> &'static [&'static rustls::SupportedProtocolVersion] {
    static ONLY_TLS13: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    match least {
        TlsVersion::Tls12 => rustls::DEFAULT_VERSIONS,
        TlsVersion::Tls13 => &ONLY_TLS13,
    }
}
