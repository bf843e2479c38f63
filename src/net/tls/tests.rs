//! What TLS adds to what every stream does: see also the tests of [`Stream`].

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};

use super::{Acceptor, Connector, Identity, Roots};
use crate::context::Context;
use crate::net::Stream;

/// Longer than any machine needs: what is waited for happens, or the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One certificate for all tests, which vouches for itself.
fn ends() -> &'static (Connector, Acceptor) {
    static ENDS: OnceLock<(Connector, Acceptor)> = OnceLock::new();
    ENDS.get_or_init(|| {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let cert = cert.self_signed(&key).unwrap().pem();
        let identity = Identity::from_pem(&cert, key.serialize_pem()).unwrap();
        let connector = Connector::builder().roots(Roots::only_pem(&cert).unwrap());
        (connector.build().unwrap(), Acceptor::new(identity).unwrap())
    })
}

/// The two ends of a connection, encrypted: the server's and the client's.
pub(in crate::net) fn over_tls(one: Stream, other: Stream) -> (Stream, Stream) {
    let (connector, acceptor) = ends();
    thread::scope(|scope| {
        let server = scope.spawn(|| acceptor.accept(one, PATIENCE).unwrap());
        let client = connector.connect(other, "localhost", PATIENCE, &Context::new()).unwrap();
        (server.join().unwrap(), client)
    })
}
