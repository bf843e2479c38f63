//! The chunked transfer coding (RFC 9112 section 7.1).
//!
//! ```text
//! 5;extension=1 CRLF      size of the chunk, and extensions, which are ignored
//! hello CRLF              payload
//! 0 CRLF                  the last chunk
//! Checksum: 1234 CRLF     trailers
//! CRLF
//! ```

pub(super) mod decoder;
mod encoder;
mod trailers;

pub use self::encoder::{CHUNK_END, ChunkHeader, chunk_header, write_chunk, write_end};
pub use self::trailers::{ForbiddenTrailer, is_forbidden_trailer};
