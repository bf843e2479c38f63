//! The stand-in for `unix_path.rs` on a system without Unix sockets.

/// The file of a listener, of which there is none.
#[derive(Debug)]
pub(super) enum BoundPath {}
