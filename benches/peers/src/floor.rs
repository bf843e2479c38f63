//! The smallest part of HTTP/1.1 that an exchange between two correct ends needs: the end of a head, the
//! length of a body, and chunks. The floor programs use it. It is neither complete nor safe.

use std::io::{self, ErrorKind::InvalidData, ErrorKind::UnexpectedEof, Read, Write};

/// The size of a read or write of a large body.
pub const BLOCK: usize = 64 * 1024;

/// Returns the length of the first head in `input`, if it is complete.
pub fn head_length(input: &[u8]) -> Option<usize> {
    input.windows(4).position(|window| window == b"\r\n\r\n").map(|end| end + 4)
}

/// Returns a field's value. `name` is in lower case.
pub fn field<'h>(head: &'h [u8], name: &str) -> Option<&'h str> {
    let value = head.split(|&byte| byte == b'\n').find_map(|line| {
        let (this, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        this.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
    })?;
    Some(std::str::from_utf8(value).ok()?.trim())
}

/// Reads until `buffer` holds a whole head. Returns its length and the number of bytes read.
pub fn read_head(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<(usize, usize)> {
    let mut filled = 0;
    loop {
        filled += read_some(stream, &mut buffer[filled..])?;
        if let Some(length) = head_length(&buffer[..filled]) {
            return Ok((length, filled));
        }
    }
}

/// Reads the body of a message and returns its length. The message's head is the first `head` of the
/// `filled` bytes in `buffer`. No message may follow it.
pub fn skip_body(
    stream: &mut impl Read,
    buffer: &mut [u8],
    (head, filled): (usize, usize),
) -> io::Result<u64> {
    let Some(length) = field(&buffer[..head], "content-length") else {
        return skip_chunks(stream, buffer, (head, filled));
    };
    let length: u64 = length.parse().map_err(|_| InvalidData)?;
    let mut missing = length.checked_sub((filled - head) as u64).ok_or(InvalidData)?;
    while missing > 0 {
        let room = buffer.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
        missing -= read_some(stream, &mut buffer[..room])? as u64;
    }
    Ok(length)
}

fn skip_chunks(
    stream: &mut impl Read,
    buffer: &mut [u8],
    (head, filled): (usize, usize),
) -> io::Result<u64> {
    let mut chunks = Chunks::default();
    chunks.take(&buffer[head..filled])?;
    while !chunks.ended() {
        let read = read_some(stream, buffer)?;
        chunks.take(&buffer[..read])?;
    }
    Ok(chunks.payload)
}

fn read_some(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    match stream.read(buffer)? {
        0 => Err(UnexpectedEof.into()),
        read => Ok(read),
    }
}

/// A chunked body without trailers, in decoding.
#[derive(Default)]
struct Chunks {
    payload: u64,
    /// The bytes left of a chunk and its line end.
    missing: u64,
    /// The part of a chunk-size line that has arrived.
    size: u64,
    last: bool,
}

impl Chunks {
    fn take(&mut self, mut input: &[u8]) -> io::Result<()> {
        while let [first, rest @ ..] = input {
            if self.missing > 0 {
                let here = input.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
                self.missing -= here as u64;
                input = &input[here..];
                continue;
            }
            match first {
                b'\r' => {}
                b'\n' => {
                    self.payload += self.size;
                    self.missing = self.size + 2;
                    self.last = self.size == 0;
                    self.size = 0;
                }
                digit => {
                    let digit = char::from(*digit).to_digit(16).ok_or(InvalidData)?;
                    self.size = self.size * 16 + u64::from(digit);
                }
            }
            input = rest;
        }
        Ok(())
    }

    fn ended(&self) -> bool {
        self.last && self.missing == 0
    }
}

/// Writes all of `body`.
pub fn write_body(stream: &mut impl Write, body: &mut impl Read) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match body.read(&mut block)? {
            0 => return Ok(()),
            read => stream.write_all(&block[..read])?,
        }
    }
}

/// Writes all of `body` in chunks.
pub fn write_chunks(stream: &mut impl Write, body: &mut impl Read) -> io::Result<()> {
    /// The length of a chunk-size line: four digits and CRLF.
    const LINE: usize = 6;
    let mut block = vec![0; LINE + BLOCK];
    loop {
        // Four digits express at most one byte less than a block.
        let read = body.read(&mut block[LINE..LINE + BLOCK - 2])?;
        if read == 0 {
            return stream.write_all(b"0\r\n\r\n");
        }
        write!(&mut block[..LINE], "{read:04x}\r\n")?;
        block[LINE + read..][..2].copy_from_slice(b"\r\n");
        stream.write_all(&block[..LINE + read + 2])?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_read_back_however_they_are_cut() {
        let mut written = Vec::new();
        write_chunks(&mut written, &mut io::repeat(b'x').take(100_000)).unwrap();
        for cut in 0..200 {
            let mut chunks = Chunks::default();
            for piece in [&written[..cut], &written[cut..]] {
                assert!(!chunks.ended());
                chunks.take(piece).unwrap();
            }
            assert!(chunks.ended());
            assert_eq!(chunks.payload, 100_000);
        }
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Lengthy: 3\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(field(head, "content-length"), Some("5"));
        assert_eq!(field(head, "content-type"), None);
        assert_eq!(head_length(head), Some(head.len()));
    }
}
