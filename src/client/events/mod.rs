//! Streams of server-sent events.
//!
//! | file | contents |
//! | --- | --- |
//! | `stream.rs` | [`EventStream`]: the events of one response |
//! | `parser.rs` | the format, without input and output |
//! | `source.rs` | [`EventSource`]: a stream that is resumed on another connection |
//! | `policy.rs` | which failures end it, and how long it waits |

mod parser;
mod policy;
mod source;
mod stream;

pub use parser::ServerEvent;
pub use source::EventSource;
pub use stream::EventStream;
