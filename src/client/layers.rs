//! The middlewares of a client, or those of one call.

use super::middleware::Middleware;

/// Middlewares by where they run. In each list the outermost is first.
#[derive(Default)]
pub(super) struct Layers {
    /// Run once for each call.
    pub(super) call: Vec<Box<dyn Middleware>>,
    /// Run once for each hop.
    pub(super) hop: Vec<Box<dyn Middleware>>,
}
