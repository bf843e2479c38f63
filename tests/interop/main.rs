//! The crate against real software. Each test is ignored by default, with the software that it needs
//! as the reason; asked for (`--include-ignored`), it fails where that is missing.

#![allow(clippy::disallowed_methods)]
#![allow(clippy::incompatible_msrv, reason = "the rust-version is that of the library")]

#[cfg(unix)]
mod browser;
#[cfg(unix)]
mod chat;
mod client;
mod codings;
mod cookies;
mod curl;
#[cfg(unix)]
mod example;
#[cfg(unix)]
mod fastcgi;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod httpbin;
mod multipart;
mod nginx;
#[cfg(unix)]
mod peers;
mod process;
mod proxies;
#[cfg(unix)]
mod restart;
mod reverse_proxy;
#[cfg(feature = "tls")]
mod tls;
mod websocket;
mod wrk;
