//! Opening a tunnel through a proxy: what CONNECT and SOCKS have in common.
//!
//! A [`Negotiation`] is plain data. It takes the bytes that the proxy has sent and says what to send.
//! [`negotiate`] reads and writes.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::error::{ProxyError, ProxyFailure};
use super::refusal::Refusal;
use crate::context::Context;
use crate::error::{Result, TimeLimit};
use crate::net::{Buffer, Stream};

/// The protocol by which a tunnel is opened.
pub(in crate::client) trait Negotiation {
    /// The failure of a proxy that does not follow the protocol.
    const FAILURE: ProxyFailure;

    /// Takes the next step with `input`, the bytes from the proxy that no earlier step has used. Appends
    /// what is to be sent to `out`. Returns how many bytes it has used, and whether the tunnel is open.
    ///
    /// The first step has no input.
    ///
    /// # Errors
    ///
    /// The proxy refuses, or breaks the protocol.
    fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(usize, Tunnel), Refusal>;
}

/// The state of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Tunnel {
    /// More bytes from the proxy are needed.
    Pending,
    /// The next byte is the origin's.
    Open,
}

/// Opens a tunnel on a connection to the proxy at `address`. Returns the bytes behind the negotiation.
///
/// # Errors
///
/// Every error closes the stream.
///
/// # Blocking
///
/// Until the proxy has opened the tunnel or has refused, at most for `limit`. The end of `context` ends
/// it from any thread.
pub(in crate::client) fn negotiate<N: Negotiation>(
    stream: &Stream,
    address: &str,
    mut negotiation: N,
    limit: Option<Duration>,
    context: &Context,
) -> Result<Buffer> {
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let of_hook = stream.clone();
    let _hook = context.on_done(move |_| of_hook.close());
    stream.set_read_deadline(deadline);
    stream.set_write_deadline(deadline);
    let outcome = run(stream, &mut negotiation);
    if let Some(ended) = context.err() {
        stream.close();
        return Err(ended.into());
    }
    stream.set_read_deadline(None);
    stream.set_write_deadline(None);
    outcome.map_err(|failed| {
        stream.close();
        match failed {
            Failed::Refused(refusal) => {
                ProxyError::refused(address.to_owned(), N::FAILURE, refusal)
            }
            Failed::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                ProxyError::timeout(address, TimeLimit::Proxy)
            }
            Failed::Io(error) => ProxyError::broken(address.to_owned(), N::FAILURE, error),
        }
    })
}

enum Failed {
    Io(io::Error),
    Refused(Refusal),
}

fn run(mut stream: &Stream, negotiation: &mut impl Negotiation) -> Result<Buffer, Failed> {
    let mut received = Buffer::default();
    let mut out = Vec::new();
    let mut unsent = None;
    loop {
        let advanced = negotiation.advance(received.data(), &mut out);
        let (used, tunnel) = advanced.map_err(Failed::Refused)?;
        received.consume(used);
        if !out.is_empty() {
            match stream.write_all(&out).and_then(|()| stream.flush()) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(Failed::Io(error));
                }
                // A proxy that closes early may have sent the reason.
                sent => unsent = sent.err(),
            }
            out.clear();
        }
        match tunnel {
            Tunnel::Open => return Ok(received),
            // The rest may be the next message.
            Tunnel::Pending if used > 0 && !received.is_empty() => continue,
            Tunnel::Pending => {}
        }
        let filled = received.fill(|room| stream.read(room));
        if let (Ok(0) | Err(_), Some(error)) = (&filled, unsent.take()) {
            return Err(Failed::Io(error));
        }
        match filled {
            Ok(0) => {
                let text = "connection closed before the tunnel was open";
                return Err(Failed::Refused(Refusal::new(text)));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failed::Io(error)),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
pub(super) mod tests;
