//! The coding `br` (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::reader::{Damage, Decoder, Step};

/// The codings that are offered.
pub(super) const NAMES: &[&str] = &["br"];

/// Returns the decoder of a coding, if it is one of this file.
pub(super) fn decoder(name: &str) -> Option<Box<dyn Decoder>> {
    match name {
        "br" => Some(Box::new(Brotli::new())),
        _ => None,
    }
}

struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    /// The stream is complete. Nothing may follow it.
    ended: bool,
}

impl Brotli {
    /// Windows have at most 16 MiB. The extension for larger ones is not a content coding.
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: BrotliState::new_strict(alloc(), alloc(), alloc()), ended: false }
    }
}

impl Decoder for Brotli {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Damage> {
        if self.ended {
            return if input.is_empty() { Ok(Step::default()) } else { Err(FOLLOWED) };
        }
        let (mut available, mut read) = (input.len(), 0);
        let (mut room, mut written, mut total) = (out.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut available,
            &mut read,
            input,
            &mut room,
            &mut written,
            out,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultFailure => return Err("invalid compressed data"),
            BrotliResult::ResultSuccess if read < input.len() => return Err(FOLLOWED),
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
        }
        Ok(Step { read, written, is_last: false })
    }

    fn may_end(&self) -> bool {
        self.ended
    }

    fn name(&self) -> &'static str {
        "br"
    }
}

const FOLLOWED: Damage = "bytes follow the end of the data";
