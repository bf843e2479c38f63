//! Values that a handler reads from a request: its query, its form, its cookies.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `path.rs` | values that a router took from the path |
//! | `fault.rs` | the errors that wrong input becomes |

mod fault;
mod path;

pub(crate) use path::PathValues;
