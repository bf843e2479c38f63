//! The client's seams, used as another crate would: by public paths alone.

mod connect;
mod middleware;
mod policy;
