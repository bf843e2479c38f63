//! Tools to test programs that use this crate: a server on a free port, connections in memory.
//!
//! ```
//! use hangup::{Client, testing::TestServer};
//! use std::io::Write;
//!
//! let server = TestServer::new(|w, _| Ok(w.write_all(b"hello")?));
//! let mut response = Client::new().get(server.url("/")).send()?;
//! assert_eq!(response.body_mut().read_text(100)?, "hello");
//! # Ok::<(), hangup::Error>(())
//! ```

#[cfg(feature = "server")]
mod server;

use crate::net::memory;

pub use crate::net::{Parked, Stream};
#[cfg(feature = "server")]
pub use server::TestServer;

/// Creates the two ends of a connection in memory: bytes written to one are read from the other. Each
/// direction buffers 64 KiB before writing blocks.
///
/// [`Stream::wait_until_parked`] waits until a thread is blocked on one of them, so that a test needs no
/// sleep.
///
/// ```
/// use hangup::testing::{Parked, stream_pair};
/// use std::{io::{Read, Write}, thread, time::Duration};
///
/// let (mut near, mut far) = stream_pair();
/// let of_reader = far.clone();
/// let reader = thread::spawn(move || {
///     let mut buffer = [0; 5];
///     far.read_exact(&mut buffer).map(|()| buffer)
/// });
/// assert!(of_reader.wait_until_parked(Parked::Read, Duration::from_secs(5)));
/// near.write_all(b"hello")?;
/// assert_eq!(&reader.join().unwrap()?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn stream_pair() -> (Stream, Stream) {
    memory::pair()
}
