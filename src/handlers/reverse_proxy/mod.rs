//! A handler that forwards requests to other servers.

mod upstream;

pub use upstream::{Call, Upstream};
