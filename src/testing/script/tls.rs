//! Scripts over TLS.

use super::Script;
use super::opening::Opening;
use super::peer::Peer;
use super::stage::Declared;
use crate::net::tls::Acceptor;

impl Script {
    /// Makes the connections TLS, with the certificate of `acceptor`. Comes before the first
    /// [`connection`](Self::connection).
    ///
    /// # Panics
    ///
    /// If the script has a declared connection.
    #[track_caller]
    pub fn tls(mut self, acceptor: Acceptor) -> Self {
        self.check_undeclared("tls");
        self.opening = Opening::Tls(acceptor);
        self
    }

    /// Expects a connection whose TLS handshake fails, since the client does not accept the certificate or
    /// gives up.
    ///
    /// # Panics
    ///
    /// If the script has no TLS, or no thread can be started.
    #[track_caller]
    pub fn failed_handshake(mut self) -> Self {
        let Opening::Tls(acceptor) = self.opening.clone() else { panic!("the script has no TLS") };
        let play = Box::new(|_: &mut Peer| {});
        self.stage().declare(Declared { opening: Opening::Refused(acceptor), play: Some(play) });
        self
    }
}
