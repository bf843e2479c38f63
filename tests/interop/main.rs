//! The crate against real software. Each test is ignored by default, with the software that it needs
//! as the reason; asked for (`--include-ignored`), it fails where that is missing.

// The programs are those of Debian, and are asked to end by signals.
#![cfg(unix)]
#![allow(clippy::disallowed_methods)]
#![allow(clippy::incompatible_msrv, reason = "the rust-version is that of the library")]

mod browser;
mod chat;
mod client;
mod codings;
mod cookies;
mod curl;
mod example;
mod fastcgi;
mod files;
mod httpbin;
mod multipart;
mod nginx;
mod peers;
mod process;
mod proxies;
mod restart;
mod reverse_proxy;
#[cfg(feature = "tls")]
mod tls;
mod websocket;
mod wrk;
