//! The example programs, driven from outside: command lines in, output and exit codes out.
//!
//! The programs are those that cargo has built beside this test; `cargo test` builds them first,
//! `cargo test --test examples` alone does not.

#![cfg(unix)]
#![allow(clippy::disallowed_methods)] // Threads and channels are scripts' helpers here.

mod bad_options;
#[cfg(feature = "tls")]
mod certificates;
mod chat;
mod fetch;
mod fetch_and_curl;
mod fetch_like_curl;
mod fetch_options;
mod fetch_proxies;
mod gateways;
mod httpbin;
mod lifecycle;
mod load;
#[cfg(not(feature = "tls"))]
mod no_tls;
mod programs;
mod scripted;
#[cfg(feature = "tls")]
mod side_by_side;
#[cfg(target_os = "linux")]
mod slow_clients;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(feature = "tls")]
mod tls;
mod tour;
