//! Panics in a user's code that TLS calls on the crate's threads.

use std::sync::Arc;
use std::time::Duration;

use hangup::testing::TestServer;
use hangup::tls::Connector;
use hangup::tls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use hangup::tls::rustls::crypto::ring::default_provider;
use hangup::tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use hangup::tls::rustls::{ClientConfig, DigitallySignedStruct, Error, KeyLog, SignatureScheme};
use hangup::{Client, ErrorKind, Request, ResponseWriter, Result, Server};

use super::{acceptor, connector};
use crate::support::alone;
use crate::support::scripted_server::in_background;

/// How the test's code panics.
#[derive(Clone, Copy, Debug)]
enum Panics {
    WithText,
    /// The payload's own drop panics.
    WithGrenade,
    InTheKeyLog,
}

struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("as the test has it");
    }
}

impl ServerCertVerifier for Panics {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self {
            Self::WithText => panic!("as the test has it"),
            Self::WithGrenade => std::panic::panic_any(Grenade),
            Self::InTheKeyLog => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

impl KeyLog for Panics {
    fn log(&self, _: &str, _: &[u8], _: &[u8]) {
        if matches!(self, Self::InTheKeyLog) {
            panic!("as the test has it");
        }
    }
}

fn panicking(how: Panics) -> Connector {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    let mut config = builder.with_custom_certificate_verifier(Arc::new(how)).with_no_client_auth();
    config.key_log = Arc::new(how);
    Connector::from_rustls(Arc::new(config))
}

fn ok(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    use std::io::Write;

    Ok(w.write_all(b"ok")?)
}

/// The panic once ended the dialling thread without a report. The caller waited beyond every limit, and the place
/// under the host's limit was never freed.
#[test]
fn t13_a_panic_in_the_handshake_is_an_error_and_frees_its_place() {
    alone!();
    let server = TestServer::with(Server::new(ok).tls(acceptor()));
    let client = Client::builder()
        .max_connections_per_host(1)
        .connect_timeout(Duration::from_secs(600))
        .tls_handshake_timeout(None)
        .build();
    for how in [Panics::WithText, Panics::WithGrenade, Panics::InTheKeyLog] {
        let connector = panicking(how);
        for _ in 0..2 {
            let (client, url, connector) = (client.clone(), server.url("/"), connector.clone());
            let call = in_background(move || client.get(url).tls(&connector).send());
            let error = call.finish().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TlsHandshake, "{how:?}: {error}");
            assert!(error.is_connect() && error.to_string().contains("panicked"), "{error}");
        }
    }
    let mut response = client.get(server.url("/")).tls(&connector()).send().unwrap();
    assert_eq!(response.body_mut().read_text(10).unwrap(), "ok");
}
