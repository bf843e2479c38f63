//! Blocking bytes that can always be called back: streams, listeners, dialling.
//!
//! ```text
//!              Listener::accept          dial
//!                     │                   │  resolve ── a helper thread, left behind if need be
//!                     │                   │  race ───── connects of both address families at once
//!                     └──────┐     ┌──────┘
//!                            v     v
//!                           Stream            one handle, cloned at will
//!            ┌─────────────────┼────────────────┐
//!           tls ─ on another  Socket          memory   what carries the bytes
//!                     ┌────────┘
//!                     │
//!        ┌────────────┼────────────┐
//!    WaitPoint: read   WaitPoint: write  WaitPoint: hangup   deadline and parked threads of each wait
//!        └────────────┼────────────┘
//!                    wake                     poll, the wake-up descriptor: the platform
//! ```
//!
//! Nothing here blocks without somebody being able to end it:
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
//! A deadline ends a call because the call does not sit in the system's `read`: it waits for the
//! socket, its own wake-up descriptor, and the deadline, all three in one `poll`. A thread has one
//! such descriptor, made when it first has to wait this way.

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
mod readiness;
mod socket;
mod stream;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub(crate) mod tls;
pub(crate) mod tls_info;
#[cfg(unix)]
mod unix_path;
mod wait_point;
mod wake;
mod zone;

pub use addr::Addr;
pub(crate) use buffer::Buffer;
#[cfg(not(hangup_shuttle))]
pub use dial::dial;
pub use dial::{Dial, DialError, DialOptions, Dialed, Phase, Resolve, Resolver, Target};
pub use duplex::Duplex;
pub(crate) use framed::{FramedBody, FramedError};
pub(crate) use latch::{Latch, Woken};
pub(crate) use listen::is_shortage;
pub use listen::{Listener, is_transient};
#[cfg(hangup_shuttle)]
pub(crate) use model::dial;
pub use readiness::{Hangup, Parked, Readiness};
pub use stream::Stream;
pub(crate) use tls_info::TlsInfo;
