//! Synchronous HTTP/1.1 for blocking code.

mod body;
pub mod client;
mod context;
mod error;
pub mod h1;
mod handler;
pub mod net;
pub mod server;
mod sniff;
mod sync;
pub mod testing;

pub use body::Body;
pub use client::{Client, ResponseExt};
pub use context::{Context, ContextError};
pub use error::{Error, ErrorKind, Result, TimeLimit};
pub use handler::{CloseNotify, Handler, Request, RequestExt, Response, ResponseWriter, respond};
pub use server::Server;

pub use http;
