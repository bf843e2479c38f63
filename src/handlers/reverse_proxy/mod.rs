//! A handler that forwards requests to other servers.
