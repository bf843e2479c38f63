//! Blocking connections whose calls any thread can end: streams, listeners, dialling.
//!
//! ```text
//!              Listener::accept          dial
//!                     │                   │  resolve ── on a helper thread, which a dial can leave
//!                     │                   │  race ───── connects of both address families at once
//!                     └──────┐     ┌──────┘
//!                            v     v
//!                           Stream            one handle, cloned at will
//!            ┌─────────────────┼────────────────┐
//!           TLS over another  TCP or Unix     memory
//! ```
//!
//! Every call that blocks can be ended by another thread:
//!
//! | a thread is blocked in | another thread ends it with |
//! | --- | --- |
//! | `read`, `wait_readable` of a [`Stream`] | [`set_read_deadline`](Stream::set_read_deadline), [`close`](Stream::close) |
//! | `write` | [`set_write_deadline`](Stream::set_write_deadline), [`close`](Stream::close) |
//! | [`read_for`](Stream::read_for) | [`close`](Stream::close) |
//! | [`wait_hangup`](Stream::wait_hangup) | [`wake_hangup`](Stream::wake_hangup), [`close`](Stream::close) |
//! | [`Listener::accept`] | [`Listener::close`] |
//! | [`dial`] | its context |
//!
//! A deadline can end a call because the call does not block in the system's `read`. It waits in one
//! `poll` for the socket, for a wake-up descriptor and for the deadline. Each thread has one such
//! descriptor, which is created when it first waits.
//!
//! Two traits let other code take part: [`Resolve`] finds addresses, [`Dial`] makes connections.

mod addr;
mod buffer;
#[cfg_attr(hangup_shuttle, allow(dead_code, unreachable_pub, reason = "models dial by a script"))]
mod dial;
mod duplex;
mod framed;
mod latch;
mod listen;
pub(crate) mod memory;
#[cfg(hangup_shuttle)]
pub(crate) mod model;
mod network;
mod pipe;
pub(crate) mod proxied;
mod readiness;
mod socket;
mod stream;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub(crate) mod tls;
pub(crate) mod tls_info;
#[cfg_attr(not(unix), path = "no_unix_path.rs")]
mod unix_path;
mod wait_point;
mod wake;
mod zone;

pub use addr::Addr;
pub(crate) use buffer::Buffer;
#[cfg(not(hangup_shuttle))]
pub use dial::dial;
pub use dial::{Dial, DialError, DialEvent, DialOptions, Dialed, Phase, Resolve, Resolver, Target};
pub use duplex::Duplex;
pub(crate) use framed::{FramedBody, FramedError};
pub(crate) use latch::{Latch, Woken};
pub(crate) use listen::is_shortage;
pub use listen::options::ListenOptions;
pub use listen::{Listener, is_transient};
#[cfg(hangup_shuttle)]
pub(crate) use model::dial;
pub use network::{Network, NetworkError};
pub use readiness::{Hangup, Parked, Readiness};
pub use stream::Stream;
pub(crate) use tls_info::TlsInfo;
