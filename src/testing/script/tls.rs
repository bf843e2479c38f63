//! Scripts over TLS.

use super::Script;
use super::failure::shown;
use super::opening::{Opening, open};
use super::peer::Peer;
use super::stage::Declared;
use crate::net::Stream;
use crate::net::tls::Acceptor;

impl Script {
    /// Makes the connections TLS, with the certificate of `acceptor`. Comes before the first
    /// [`connection`](Self::connection).
    ///
    /// ```
    /// use hangup::testing::{Script, tls_acceptor};
    ///
    /// let script = Script::new()
    ///     .tls(tls_acceptor())
    ///     .connection(|peer| peer.expect("GET /").respond(204, ""));
    /// assert_eq!(script.client().get("https://example.com/").send()?.status(), 204);
    /// # Ok::<(), hangup::Error>(())
    /// ```
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

impl Peer {
    /// Does a TLS handshake within this connection, as behind a proxy that has accepted a CONNECT. The
    /// connection is that of the server behind it from then on.
    #[track_caller]
    pub fn start_tls(&mut self, acceptor: &Acceptor) -> &mut Self {
        match self.handshake(Opening::Tls(acceptor.clone())) {
            Some(stream) => self.stream = stream,
            None => unreachable!("this handshake has a stream or an error"),
        }
        self
    }

    /// Begins a TLS handshake within this connection, which the client must end with an error.
    #[track_caller]
    pub fn expect_failed_tls(&mut self, acceptor: &Acceptor) -> &mut Self {
        self.handshake(Opening::Refused(acceptor.clone()));
        self
    }

    #[track_caller]
    fn handshake(&mut self, opening: Opening) -> Option<Stream> {
        self.begin();
        if !self.buffer.is_empty() {
            self.fail(format!("expected a TLS handshake; received {}", shown(&self.buffer)));
        }
        match open(self.stream.clone(), &opening, self.limit()) {
            Ok(stream) => stream,
            Err(text) => self.fail(text),
        }
    }
}
