//! Behaviour of TLS alone: handshakes, certificates, records without data, streams that are cut. The tests
//! of T and S run over every transport.

mod client;
mod duplex;
mod panics;
mod raw_tls;
mod server;

use std::sync::OnceLock;

use hangup::tls::{Acceptor, Connector, Identity, Roots};
use rcgen::{CertificateParams, KeyPair};

use raw_tls::RawTls;

/// Creates a self-signed certificate for `names`, as an identity and in PEM.
fn identity_of(names: &[&str]) -> (Identity, String) {
    let key = KeyPair::generate().expect("a key");
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let params = CertificateParams::new(names).expect("names");
    let cert = params.self_signed(&key).expect("a certificate").pem();
    (Identity::from_pem(&cert, key.serialize_pem()).expect("its key"), cert)
}

/// Returns a connector that trusts only `pem`.
fn trusting(pem: &str) -> Connector {
    Connector::builder().roots(Roots::only_pem(pem).expect("PEM")).build().expect("a connector")
}

/// The two ends that most tests use.
fn ends() -> &'static (Connector, Acceptor) {
    static ENDS: OnceLock<(Connector, Acceptor)> = OnceLock::new();
    ENDS.get_or_init(|| {
        let (identity, pem) = identity_of(&["localhost", "127.0.0.1"]);
        (trusting(&pem), Acceptor::new(identity).expect("an acceptor"))
    })
}

fn connector() -> Connector {
    ends().0.clone()
}

fn acceptor() -> Acceptor {
    ends().1.clone()
}
