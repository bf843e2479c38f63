//! Serving files.
