//! Steps that send, wait, and end the connection.
//!
//! A client may have closed the connection before: what is sent is lost then, without a failure.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};

use super::peer::{Last, Peer};

impl Peer {
    /// Sends a response with this status and body, and with a `Content-Length`. A response to a HEAD request
    /// has no body; one of 1xx, 204 or 304 has neither.
    #[track_caller]
    pub fn respond(&mut self, status: u16, body: impl AsRef<[u8]>) -> &mut Self {
        self.begin();
        let mut head = status_line(status);
        if may_have_body(status) {
            head += &format!("Content-Length: {}\r\n", body.as_ref().len());
        }
        self.transmit_message(status, head, body.as_ref())
    }

    /// Sends a response with its headers, as [`respond`](Self::respond) does. A response that has a
    /// `Content-Length` or a `Transfer-Encoding` gets no other, and its body is sent as it is.
    #[track_caller]
    pub fn respond_with(&mut self, response: Response<impl AsRef<[u8]>>) -> &mut Self {
        self.begin();
        let (parts, body) = response.into_parts();
        let status = parts.status.as_u16();
        let mut head = status_line(status);
        push_fields(&mut head, &parts.headers);
        let is_framed = ["content-length", "transfer-encoding"]
            .iter()
            .any(|name| parts.headers.contains_key(*name));
        if !is_framed && may_have_body(status) {
            head += &format!("content-length: {}\r\n", body.as_ref().len());
        }
        self.transmit_message(status, head, body.as_ref())
    }

    /// Sends an interim response (1xx), such as a 100 or a 103.
    #[track_caller]
    pub fn inform(&mut self, status: u16, headers: &HeaderMap) -> &mut Self {
        self.begin();
        let mut head = status_line(status);
        push_fields(&mut head, headers);
        self.transmit((head + "\r\n").as_bytes())
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.begin();
        self.transmit(bytes.as_ref())
    }

    /// Sends bytes, and returns the error if that fails.
    ///
    /// # Errors
    ///
    /// The connection's, or `TimedOut` at the limit of a step.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.begin();
        self.write(bytes.as_ref())
    }

    /// Sends bytes one by one, with `pause` after each. The pause may be zero.
    #[track_caller]
    pub fn drip(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) -> &mut Self {
        self.begin();
        for byte in bytes.as_ref() {
            self.transmit(&[*byte]);
            if !pause.is_zero() {
                self.wait(pause);
            }
        }
        self
    }

    /// Does nothing for `pause`.
    pub fn delay(&mut self, pause: Duration) -> &mut Self {
        self.begin();
        self.wait(pause);
        self
    }

    /// Ends the server's side of the connection, which can still receive. Over TLS this sends a
    /// close_notify.
    pub fn half_close(&mut self) -> &mut Self {
        self.begin();
        // It fails only if the connection has ended already.
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Closes the connection. Over TLS this sends a close_notify.
    ///
    /// Until the client notices, it may send its next request on this connection. A response with
    /// `Connection: close` prevents that.
    pub fn close(&mut self) -> &mut Self {
        self.begin();
        // Unread input would make the system reset the connection, and drop what was sent.
        self.stream.discard_input();
        self.stream.close();
        self
    }

    /// Closes the connection without the end that its protocol has: over TLS without a close_notify.
    /// Otherwise this is [`close`](Self::close).
    pub fn cut(&mut self) -> &mut Self {
        self.begin();
        self.stream.discard_input();
        self.stream.below_tls().unwrap_or(&self.stream).close();
        self
    }

    /// Resets the connection. The client may lose what was sent before.
    pub fn reset(&mut self) -> &mut Self {
        self.begin();
        self.stream.reset();
        self
    }

    /// Sends bytes. Only a client that is there and does not read them is a failure: when the system notices
    /// a closed one is a matter of chance.
    #[track_caller]
    fn transmit(&mut self, bytes: &[u8]) -> &mut Self {
        match self.write(bytes) {
            Ok(()) => {}
            Err(_) if self.stream.is_closed() => {
                self.fail("cannot send: the script has closed the connection".to_owned());
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.fail(format!("cannot send: the client reads nothing for {:?}", self.limit()));
            }
            Err(_) => {}
        }
        self
    }

    #[track_caller]
    fn transmit_message(&mut self, status: u16, head: String, body: &[u8]) -> &mut Self {
        let mut message = (head + "\r\n").into_bytes();
        match &self.request {
            Last::Head(request) | Last::Whole(request) if request.method() == "HEAD" => {}
            _ if may_have_body(status) => message.extend_from_slice(body),
            _ => {}
        }
        self.transmit(&message)
    }
}

/// RFC 9110 section 6.4.1.
fn may_have_body(status: u16) -> bool {
    !matches!(status, 100..=199 | 204 | 304)
}

fn status_line(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok();
    let reason = known.and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    format!("HTTP/1.1 {status} {reason}\r\n")
}

fn push_fields(head: &mut String, headers: &HeaderMap) {
    for (name, value) in headers {
        *head += &format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
}
