//! gzip (RFC 1952).

use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

use super::coder::{BUFFER, Coder, Coding, Idle};
use crate::FilterOutput;

pub(super) const NAME: &str = "gzip";

/// The default level: 6 takes 1.6 times as long for 5 % less.
pub(super) const LEVEL: u32 = 4;

/// Deflate, no flags, no time, unknown system (RFC 1952 section 2.3.1).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

pub(super) struct Gzip {
    level: u32,
    idle: Idle<Compress>,
}

impl Gzip {
    pub(super) fn new(level: u32) -> Self {
        Self { level, idle: Idle::default() }
    }
}

impl Coding for Gzip {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rank(&self) -> u8 {
        2
    }

    fn coder(&self) -> io::Result<Box<dyn Coder>> {
        let new = || Compress::new(Compression::new(self.level), false);
        Ok(Box::new(GzipCoder {
            deflate: Some(self.idle.take().unwrap_or_else(new)),
            buffer: HEADER.to_vec(),
            crc: Crc::new(),
            idle: self.idle.clone(),
        }))
    }
}

struct GzipCoder {
    /// `None` while it is being dropped.
    deflate: Option<Compress>,
    /// Encoded bytes that were not written yet: at first the header.
    buffer: Vec<u8>,
    crc: Crc,
    idle: Idle<Compress>,
}

impl GzipCoder {
    /// Encodes `data`, and writes until everything is out that `flush` asks for.
    fn run(
        &mut self,
        mut data: &[u8],
        flush: FlushCompress,
        out: &mut FilterOutput<'_>,
    ) -> io::Result<()> {
        let Self { deflate: Some(deflate), buffer, .. } = self else { return Ok(()) };
        buffer.reserve(BUFFER.saturating_sub(buffer.len()));
        loop {
            let before = deflate.total_in();
            let status = deflate.compress_vec(data, buffer, flush).map_err(io::Error::other)?;
            data = &data[(deflate.total_in() - before) as usize..];
            let full = buffer.len() == buffer.capacity();
            out.write_all(buffer)?;
            buffer.clear();
            if status == Status::StreamEnd || (data.is_empty() && !full) {
                return Ok(());
            }
        }
    }
}

impl Coder for GzipCoder {
    fn write(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.crc.update(data);
        self.run(data, FlushCompress::None, out)
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.run(&[], FlushCompress::Sync, out)
    }

    fn finish(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.run(&[], FlushCompress::Finish, out)?;
        out.write_all(&self.crc.sum().to_le_bytes())?;
        // The length modulo 2^32.
        out.write_all(&self.crc.amount().to_le_bytes())
    }
}

impl Drop for GzipCoder {
    fn drop(&mut self) {
        if let Some(mut deflate) = self.deflate.take() {
            deflate.reset();
            self.idle.keep(deflate);
        }
    }
}
