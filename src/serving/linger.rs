//! The end of a connection: it is half-closed, read for up to 500 ms, and closed.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use crate::net::Stream;
use crate::sync::now;

/// How long a connection is read after it was half-closed. Closing it with unread input would reset it, and
/// the reset could discard the response before the peer has read it (RFC 9112 section 9.6).
pub(crate) const LINGER: Duration = Duration::from_millis(500);

/// Reads and discards what arrives on a half-closed stream, until its end, for at most [`LINGER`].
#[cold]
pub(crate) fn discard_rest(mut stream: &Stream) {
    stream.set_read_deadline(after(Some(LINGER)));
    // On the heap, since a page of the stack that was touched once stays with the thread.
    let mut scratch = vec![0; 8 * 1024];
    loop {
        match stream.read(&mut scratch) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// Returns the moment `limit` from now. `None` stands for no limit, and for a moment that the clock cannot
/// represent.
pub(crate) fn after(limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| now().checked_add(limit))
}
