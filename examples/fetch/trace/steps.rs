//! The steps of a request, in curl's words, because users search for them.

use hangup::TlsInfo;
use hangup::client::CallEvent;

use crate::trace::Tracer;

/// The fields whose values are hidden.
const SECRETS: [&str; 2] = ["authorization:", "proxy-authorization:"];

impl Tracer {
    pub(super) fn step(&self, event: &CallEvent<'_>) {
        match event {
            CallEvent::Resolving { host, port, .. } => {
                self.info(format_args!("Resolving {host}:{port}..."));
            }
            CallEvent::Connecting { address, .. } => {
                self.info(format_args!("  Trying {address}..."));
            }
            CallEvent::ConnectFailed { address, error, .. } => {
                self.info(format_args!("connect to {address} failed: {error}"));
            }
            CallEvent::Connected { address, .. } => {
                self.info(format_args!("Connected to {address}"));
            }
            CallEvent::TlsDone { session, .. } => self.handshake(session),
            CallEvent::GotConnection { reused: true, remote, .. } => {
                self.info(format_args!("Re-using existing connection with {remote}"));
            }
            CallEvent::SentHead { head, .. } => self.head_out(&redacted(head)),
            CallEvent::SentBody { bytes: 1.., .. } => self.info("upload completely sent off"),
            CallEvent::Resent { error, .. } => {
                self.info(format_args!("sent again on another connection: {error}"));
            }
            CallEvent::Returned => self.info("Connection left intact"),
            CallEvent::Closed { reason, .. } => {
                self.info(format_args!("Closing connection: {reason}"));
            }
            _ => {}
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

/// Returns a head whose credentials are hidden.
fn redacted(head: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let is_secret = |name: &&str| {
            line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        };
        match SECRETS.into_iter().find(is_secret) {
            Some(name) => {
                shown.extend_from_slice(&line[..name.len()]);
                shown.extend_from_slice(b" (hidden)\r\n");
            }
            None => shown.extend_from_slice(line),
        }
    }
    shown
}
