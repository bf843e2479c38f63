//! The client: T.
