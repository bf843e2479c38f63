//! Zstandard (RFC 8878).

use std::io::{self, Write};
use std::sync::Arc;

use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, get_error_name};

use super::Compress;
use super::coder::{BUFFER, Coder, Coding, Idle};
use crate::FilterOutput;

const NAME: &str = "zstd";

/// The binary logarithm of the window's size. At level 3 the encoder needs 1.7 MiB with it, and 3.5 MiB with
/// its own choice, for less than 1 %. Browsers accept at most 23 (RFC 9659).
const WINDOW: u32 = 17;

impl Compress {
    /// Adds Zstandard, or sets its level: from 1, the fastest, to 19, the smallest. 3 is a good level: it is as
    /// small as gzip, and 5 times as fast. Needs the feature `zstd`, and with it a C compiler.
    ///
    /// # Panics
    ///
    /// If the level is not from 1 to 19.
    pub fn zstd(self, level: i32) -> Self {
        assert!((1..=19).contains(&level), "the level of Zstandard is from 1 to 19, not {level}");
        self.with(Arc::new(Zstd { level, idle: Idle::default() }))
    }
}

struct Zstd {
    level: i32,
    idle: Idle<CCtx<'static>>,
}

impl Coding for Zstd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn rank(&self) -> u8 {
        0
    }

    fn coder(&self) -> io::Result<Box<dyn Coder>> {
        let encoder = match self.idle.take() {
            Some(encoder) => encoder,
            None => {
                let mut encoder = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
                for parameter in
                    [CParameter::CompressionLevel(self.level), CParameter::WindowLog(WINDOW)]
                {
                    encoder.set_parameter(parameter).map_err(failed)?;
                }
                encoder
            }
        };
        let buffer = Vec::with_capacity(BUFFER);
        Ok(Box::new(ZstdCoder { encoder: Some(encoder), buffer, idle: self.idle.clone() }))
    }
}

struct ZstdCoder {
    /// `None` while it is being dropped.
    encoder: Option<CCtx<'static>>,
    buffer: Vec<u8>,
    idle: Idle<CCtx<'static>>,
}

type Step = fn(&mut CCtx<'static>, &mut OutBuffer<'_, Vec<u8>>) -> zstd_safe::SafeResult;

impl ZstdCoder {
    /// Repeats a step that returns how many bytes remain to be written.
    fn drain(&mut self, step: Step, out: &mut FilterOutput<'_>) -> io::Result<()> {
        let Self { encoder: Some(encoder), buffer, .. } = self else { return Ok(()) };
        loop {
            let left = step(encoder, &mut OutBuffer::around(buffer)).map_err(failed)?;
            out.write_all(buffer)?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

impl Coder for ZstdCoder {
    fn write(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        let Self { encoder: Some(encoder), buffer, .. } = self else { return Ok(()) };
        let mut input = InBuffer::around(data);
        while input.pos() < data.len() {
            encoder.compress_stream(&mut OutBuffer::around(buffer), &mut input).map_err(failed)?;
            out.write_all(buffer)?;
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.drain(|encoder, buffer| encoder.flush_stream(buffer), out)
    }

    fn finish(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.drain(|encoder, buffer| encoder.end_stream(buffer), out)
    }
}

impl Drop for ZstdCoder {
    fn drop(&mut self) {
        if let Some(mut encoder) = self.encoder.take() {
            if encoder.reset(ResetDirective::SessionOnly).is_ok() {
                self.idle.keep(encoder);
            }
        }
    }
}

#[cold]
fn failed(code: zstd_safe::ErrorCode) -> io::Error {
    io::Error::other(get_error_name(code))
}
