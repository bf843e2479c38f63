//! The server: S.
