//! A handler that forwards requests to other servers.

#[cfg(feature = "fcgi")]
mod fastcgi;
mod upstream;

pub use upstream::{Call, Upstream};
