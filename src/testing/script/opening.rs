//! The begin of a connection: its TLS handshake.

use std::io;
use std::time::{Duration, Instant};

use crate::net::Stream;
use crate::net::tls::{Acceptor, handshake_error};

/// How a connection begins.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "no script is given an acceptor without TLS")
)]
pub(super) enum Opening {
    /// Without TLS.
    Plain,
    /// With a TLS handshake.
    Tls(Acceptor),
    /// With a TLS handshake that must fail.
    Refused(Acceptor),
    /// With a TLS handshake that may fail.
    Tried(Acceptor),
}

/// Does the handshake of a connection. Returns `None` if it had to fail, and has.
pub(super) fn open(
    stream: Stream,
    opening: &Opening,
    limit: Duration,
) -> Result<Option<Stream>, String> {
    match opening {
        Opening::Plain => Ok(Some(stream)),
        Opening::Tls(acceptor) => match shake_hands(acceptor, stream, limit) {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => {
                Err(format!("expected a TLS handshake: {}", handshake_error(error, None)))
            }
        },
        Opening::Tried(acceptor) => Ok(shake_hands(acceptor, stream, limit).ok()),
        Opening::Refused(acceptor) => match shake_hands(acceptor, stream, limit) {
            Ok(mut stream) => first_byte(&mut stream, limit),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err("expected a failing TLS handshake; the client is silent".to_owned())
            }
            Err(_) => Ok(None),
        },
    }
}

/// A TLS 1.3 client may refuse the server's certificate when the server's handshake has ended already.
fn first_byte(stream: &mut Stream, limit: Duration) -> Result<Option<Stream>, String> {
    stream.set_read_deadline(Instant::now().checked_add(limit));
    match io::Read::read(stream, &mut [0]) {
        Err(error) if error.kind() != io::ErrorKind::TimedOut => Ok(None),
        _ => Err("expected a failing TLS handshake; the client completed it".to_owned()),
    }
}

fn shake_hands(acceptor: &Acceptor, stream: Stream, limit: Duration) -> io::Result<Stream> {
    let stream = acceptor.begin(stream).map_err(io::Error::from)?;
    stream.set_read_deadline(Instant::now().checked_add(limit));
    let outcome = stream.complete_handshake();
    stream.set_read_deadline(None);
    outcome.inspect_err(|_| stream.close())?;
    Ok(stream)
}
