//! The behaviour of the crate, seen from outside. The name of a test begins with the line of behaviour that it
//! shows: `t04_…` concerns the client's transport, `s02_…` the server's connection, `f01_…` FastCGI and CGI,
//! and `tls_…` encrypted connections only.
//!
//! All tests are in one binary. Each runs in a separate process ([`support::alone`]), where it must leave
//! no thread and no descriptor behind.

// The names and limits of threads matter in the crate; here they are scripts' helpers.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::incompatible_msrv, reason = "the rust-version is that of the library")]

mod client;
mod fcgi;
mod server;
mod support;
#[cfg(feature = "tls")]
mod tls;
