//! Brotli (RFC 7932).

use std::io::{self, Write};

use brotli::CompressorWriter;

use super::coder::{BUFFER, Coder, Coding};
use crate::FilterOutput;

pub(super) const NAME: &str = "br";

/// The default quality: as fast as gzip at its default level, and about as small.
pub(super) const QUALITY: u32 = 4;

pub(super) struct Brotli {
    quality: u32,
}

impl Brotli {
    pub(super) fn new(quality: u32) -> Self {
        Self { quality }
    }

    /// Returns the binary logarithm of the window's size. The encoder's memory is 10 to 30 times the window.
    /// From quality 5 on, a window of 64 KiB would make it use other tables of 32 MiB.
    fn window(&self) -> u32 {
        if self.quality < 5 { 16 } else { 18 }
    }
}

impl Coding for Brotli {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rank(&self) -> u8 {
        1
    }

    fn coder(&self) -> io::Result<Box<dyn Coder>> {
        let encoder = CompressorWriter::new(Vec::new(), BUFFER, self.quality, self.window());
        Ok(Box::new(BrotliCoder(Some(encoder))))
    }
}

/// `None` at the end. The encoder writes to memory, which is emptied after each call.
struct BrotliCoder(Option<CompressorWriter<Vec<u8>>>);

impl BrotliCoder {
    fn run(
        &mut self,
        encode: impl FnOnce(&mut CompressorWriter<Vec<u8>>) -> io::Result<()>,
        out: &mut FilterOutput<'_>,
    ) -> io::Result<()> {
        let Some(encoder) = &mut self.0 else { return Ok(()) };
        encode(encoder)?;
        let encoded = encoder.get_mut();
        out.write_all(encoded)?;
        encoded.clear();
        Ok(())
    }
}

impl Coder for BrotliCoder {
    fn write(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        // In pieces, so that the encoded bytes in memory are few.
        data.chunks(BUFFER).try_for_each(|piece| self.run(|it| it.write_all(piece), out))
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.run(Write::flush, out)
    }

    fn finish(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        match self.0.take() {
            Some(encoder) => out.write_all(&encoder.into_inner()),
            None => Ok(()),
        }
    }
}
