//! The steps of a connection, in curl's words, because users search for them.

use hangup::{Response, ResponseExt, TlsInfo};

use crate::trace::Tracer;

impl Tracer {
    pub(crate) fn connection(&self, response: &Response) {
        let kind = if response.is_connection_reused() { "used before" } else { "new" };
        if let (Some(local), Some(remote)) = (response.local_addr(), response.remote_addr()) {
            self.info(format_args!("connection from {local} to {remote}, {kind}"));
        }
        if let Some(tls) = response.tls().filter(|_| !response.is_connection_reused()) {
            self.handshake(tls);
        }
    }

    fn handshake(&self, tls: &TlsInfo) {
        if tls.is_resumed() {
            self.info("SSL re-using session ID");
        }
        self.info(format_args!("SSL connection using {} / {}", tls.version(), tls.cipher_suite()));
        match tls.alpn() {
            Some(protocol) => self.info(format_args!("ALPN: server accepted {protocol}")),
            None => self.info("ALPN: server did not agree on a protocol. Uses default."),
        }
    }
}
