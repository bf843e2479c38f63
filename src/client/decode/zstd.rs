//! The coding `zstd` (RFC 8878): frames, with skippable ones among them.

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::reader::{Damage, Decoder, Step};

/// The codings that are offered.
pub(super) const NAMES: &[&str] = &["zstd"];

/// Returns the decoder of a coding, if it is one of this file.
pub(super) fn decoder(name: &str) -> Option<Box<dyn Decoder>> {
    match name {
        "zstd" => Some(Box::new(Zstd::new()?)),
        _ => None,
    }
}

/// The largest window of a frame, as a power of two: 8 MiB, the limit of RFC 9659 section 3. A frame that
/// asks for more fails before it is allocated.
const MAX_WINDOW_LOG: u32 = 23;

struct Zstd {
    context: DCtx<'static>,
    /// The data may end here: behind a frame.
    between_frames: bool,
}

impl Zstd {
    /// Returns `None` if there is no memory for it.
    fn new() -> Option<Self> {
        let mut context = DCtx::try_create()?;
        context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).ok()?;
        Some(Self { context, between_frames: false })
    }
}

impl Decoder for Zstd {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Damage> {
        let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(out));
        let hint = self.context.decompress_stream(&mut to, &mut from).map_err(get_error_name)?;
        let (read, written) = (from.pos(), to.pos());
        if read > 0 || written > 0 {
            self.between_frames = hint == 0;
        }
        Ok(Step { read, written, is_last: false })
    }

    fn may_end(&self) -> bool {
        self.between_frames
    }

    fn name(&self) -> &'static str {
        "zstd"
    }
}
