//! The certificates of the tests, and handshakes with them.

use std::sync::OnceLock;
use std::thread;

use hangup::testing::Stream;
use hangup::tls::{Acceptor, Connector, Identity, Roots};
use hangup::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::support::PATIENCE;

/// The names in the servers' certificate: their addresses, and the names that the tests' resolvers know.
const NAMES: [&str; 4] = ["127.0.0.1", "localhost", "host.test", "fast.test"];

/// The process's certificate authority, and a server certificate that it signed.
struct Made {
    roots: Roots,
    acceptor: Acceptor,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut authority = named("the tests' authority", &[]);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(authority, key);

        let key = KeyPair::generate().unwrap();
        let certificate = named("a test's peer", &NAMES).signed_by(&key, &issuer).unwrap();
        let identity = Identity::from_pem(certificate.pem(), key.serialize_pem()).unwrap();
        Made { roots: Roots::only_pem(&root).unwrap(), acceptor: Acceptor::new(identity).unwrap() }
    })
}

fn named(who: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, who);
    params
}

pub(crate) fn acceptor() -> Acceptor {
    made().acceptor.clone()
}

/// Returns a connector that trusts only the tests' authority. It shares no sessions with others, so the
/// first connection to a host has a full handshake.
pub(super) fn connector() -> Connector {
    Connector::builder().roots(made().roots.clone()).build().unwrap()
}

pub(super) fn accept(stream: Stream) -> Result<Stream> {
    acceptor().accept(stream, PATIENCE)
}

pub(super) fn connect(stream: Stream) -> Stream {
    let outcome = connector().connect(stream, "localhost", PATIENCE, &Context::new());
    outcome.expect("a server that shakes hands")
}

/// Runs both ends of a handshake, one on another thread, since each waits for the other.
pub(super) fn shake_hands(near: Stream, far: Stream) -> (Stream, Stream) {
    let far = thread::spawn(|| accept(far));
    (connect(near), far.join().unwrap().expect("a client that shakes hands"))
}
