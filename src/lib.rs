//! Synchronous HTTP/1.1 for blocking code.

mod context;
pub mod h1;
pub mod net;
mod sync;

pub use context::Context;
