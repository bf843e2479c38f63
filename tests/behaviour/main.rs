//! What the crate does, seen from outside: each test is named after the line of behaviour it shows
//! (`t04_…` of the client's transport, `s02_…` of the server's connection; `tls_…` for what only an
//! encrypted connection has).
//!
//! All tests are in one binary. Each runs in a separate process ([`support::alone`]), where it must leave
//! no thread and no descriptor behind.

// The names and limits of threads matter in the crate; here they are scripts' helpers.
#![allow(clippy::disallowed_methods)]

mod client;
mod fcgi;
mod server;
mod support;
#[cfg(feature = "tls")]
mod tls;
