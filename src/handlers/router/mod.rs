//! A handler that chooses another by method, host and path.
