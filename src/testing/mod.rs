//! Tools to test programs that use this crate.
//!
//! * [`call`] runs a handler on a request and returns the response, without a socket.
//! * [`TestServer`] is a server on a free port, with or without TLS.
//! * [`Recorder`] is a handler that keeps the requests it receives.
//! * [`Script`] is a server that follows a script, to test a client, also with faults.
//! * [`BlackHole`] is an address at which connecting never ends.
//! * [`stream_pair`] is a connection in memory.
//!
//! ```
//! use hangup::{Request, ResponseWriter, testing};
//! use std::io::Write;
//!
//! fn greet(w: &mut ResponseWriter, r: &mut Request) -> hangup::Result<()> {
//!     Ok(write!(w, "hello {}", r.uri().path())?)
//! }
//!
//! let request = Request::builder().uri("/you").body("")?;
//! let mut response = testing::call(&greet, request)?;
//! assert_eq!(response.body_mut().read_text(100)?, "hello /you");
//! # Ok::<(), hangup::Error>(())
//! ```

mod black_hole;
#[cfg(any(feature = "server", feature = "fcgi"))]
mod call;
#[cfg(feature = "client")]
mod client;
#[cfg(any(feature = "server", feature = "fcgi"))]
mod recorder;
mod script;
#[cfg(feature = "server")]
mod server;
mod target;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;

use crate::net::memory;

pub use crate::net::{Parked, Stream};
pub use black_hole::BlackHole;
#[cfg(any(feature = "server", feature = "fcgi"))]
pub use call::{call, call_from, informational};
#[cfg(any(feature = "server", feature = "fcgi"))]
pub use recorder::Recorder;
pub use script::{Peer, Received, Script, ScriptDialer};
#[cfg(feature = "server")]
pub use server::TestServer;
#[cfg(feature = "tls")]
pub use tls::{tls_acceptor, tls_connector};

/// Creates the two ends of a connection in memory: bytes written to one are read from the other. Each
/// direction buffers 64 KiB before writing blocks.
///
/// [`Stream::wait_until_parked`] waits until a thread is blocked on one of them, so that a test need not
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
