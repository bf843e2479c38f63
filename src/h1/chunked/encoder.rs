//! Writing chunks.

use std::ops::Deref;

use http::HeaderMap;

use super::trailers::{self, ForbiddenTrailer};
use crate::h1::write;

/// The line end after the payload of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Appends `data` as one chunk. Appends nothing if `data` is empty: an empty chunk ends the body.
pub fn write_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    out.extend_from_slice(&chunk_header(data.len()));
    out.extend_from_slice(data);
    out.extend_from_slice(CHUNK_END);
}

/// Returns the line before a chunk of `len` bytes, for a vectored write of line, payload and
/// [`CHUNK_END`].
///
/// The line is empty if `len` is zero. Write nothing then, since an empty chunk ends the body.
///
/// ```
/// assert_eq!(&*hangup::h1::chunked::chunk_header(255), b"FF\r\n");
/// assert_eq!(&*hangup::h1::chunked::chunk_header(0), b"");
/// ```
pub fn chunk_header(len: usize) -> ChunkHeader {
    let mut line = [0; MAX_LINE];
    line[MAX_LINE - 2..].copy_from_slice(b"\r\n");
    let mut start = if len == 0 { MAX_LINE } else { MAX_LINE - 2 };
    let mut rest = len;
    while rest > 0 {
        start -= 1;
        line[start] = b"0123456789ABCDEF"[rest % 16];
        rest /= 16;
    }
    ChunkHeader { line, start }
}

const MAX_LINE: usize = 2 * size_of::<usize>() + 2;

/// The line before a chunk, as [`chunk_header`] returns it.
#[derive(Debug, Clone, Copy)]
pub struct ChunkHeader {
    line: [u8; MAX_LINE],
    start: usize,
}

impl Deref for ChunkHeader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.line[self.start..]
    }
}

impl AsRef<[u8]> for ChunkHeader {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Appends the last chunk and the trailers: the end of the body.
///
/// # Errors
///
/// A field is not allowed in trailers. `out` is unchanged then, and the body has not ended.
pub fn write_end(out: &mut Vec<u8>, trailers: Option<&HeaderMap>) -> Result<(), ForbiddenTrailer> {
    if let Some(trailers) = trailers {
        trailers::check(trailers)?;
    }
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        write::write_fields(out, trailers);
    }
    write::write_end(out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::h1::{BodyDecoder, BodyLimits, Framing, splits};

    #[test]
    fn sizes_are_hexadecimal() {
        for len in [1, 9, 10, 15, 16, 255, 256, 0xABCDEF, usize::MAX] {
            assert_eq!(*chunk_header(len), *format!("{len:X}\r\n").as_bytes());
        }
    }

    #[test]
    fn empty_data_is_no_chunk() {
        let mut out = Vec::new();
        write_chunk(&mut out, b"");
        assert_eq!(out, b"");
        assert_eq!(chunk_header(0).as_ref(), b"");
    }

    #[test]
    fn a_forbidden_trailer_is_refused_before_anything_is_written() {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-good", HeaderValue::from_static("1"));
        trailers.insert("content-length", HeaderValue::from_static("1"));
        let mut out = Vec::new();
        let error = write_end(&mut out, Some(&trailers)).unwrap_err();
        assert_eq!(error.to_string(), "field content-length must not be sent in the trailers");
        assert_eq!(out, b"");
    }

    #[test]
    fn an_encoded_body_is_decoded() {
        let mut trailers = HeaderMap::new();
        trailers.append("x-sum", HeaderValue::from_static("12"));
        trailers.append("x-sum", HeaderValue::from_static("34"));
        for trailers in [None, Some(trailers)] {
            let mut out = Vec::new();
            write_chunk(&mut out, b"hello ");
            write_chunk(&mut out, b"");
            write_chunk(&mut out, b"wonderful big world");
            write_end(&mut out, trailers.as_ref()).unwrap();
            out.extend_from_slice(b"next");
            let decoder = || BodyDecoder::request(Framing::Chunked, BodyLimits::default());
            let decoded = splits::body(decoder, &out).unwrap();
            assert_eq!(decoded.payload, b"hello wonderful big world");
            assert_eq!(decoded.trailers, trailers);
            assert_eq!(decoded.rest, b"next");
        }
    }
}
