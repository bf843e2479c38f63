//! The coding `deflate` (RFC 9110 section 8.4.1.2): deflate data in a zlib wrapper, or without it, as some
//! servers send it.

use flate2::{Decompress, FlushDecompress, Status};

use super::reader::{Damage, Decoder, Step};

/// The two bytes that tell a zlib header from raw data.
const PREFIX: usize = 2;

pub(super) struct Deflate {
    inflate: Decompress,
    stage: Stage,
}

enum Stage {
    /// This many bytes of the prefix have come.
    Prefix([u8; PREFIX], usize),
    /// The prefix, and how much of it was decoded.
    Replay([u8; PREFIX], usize),
    Data,
    Ended,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self { inflate: Decompress::new(true), stage: Stage::Prefix([0; PREFIX], 0) }
    }
}

impl Decoder for Deflate {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Damage> {
        let mut all = Step::default();
        while !all.is_last {
            let (left, room) = (&input[all.read..], &mut out[all.written..]);
            match &mut self.stage {
                Stage::Prefix(prefix, PREFIX) => {
                    if !is_zlib_header(*prefix) {
                        self.inflate.reset(false);
                    }
                    self.stage = Stage::Replay(*prefix, 0);
                }
                Stage::Prefix(prefix, count) => {
                    let Some(byte) = left.first() else { break };
                    prefix[*count] = *byte;
                    *count += 1;
                    all.read += 1;
                }
                Stage::Replay(_, PREFIX) => self.stage = Stage::Data,
                Stage::Replay(prefix, done) => {
                    let step = inflate(&mut self.inflate, &prefix[*done..], room)?;
                    *done += step.read;
                    all.written += step.written;
                    match step {
                        Step { is_last: true, .. } => self.stage = Stage::Ended,
                        Step { read: 0, .. } => break,
                        _ => {}
                    }
                }
                Stage::Data => {
                    let step = inflate(&mut self.inflate, left, room)?;
                    all.read += step.read;
                    all.written += step.written;
                    match step.is_last {
                        true => self.stage = Stage::Ended,
                        false => break,
                    }
                }
                Stage::Ended => all.is_last = true,
            }
        }
        Ok(all)
    }

    fn may_end(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    fn name(&self) -> &'static str {
        "deflate"
    }
}

/// Returns `true` if data begins with a zlib header (RFC 1950 section 2.2). Raw data that began so would be
/// a stored block whose padding is not zero, which no encoder writes.
fn is_zlib_header([method, flags]: [u8; PREFIX]) -> bool {
    method & 0x0f == 8 && u16::from_be_bytes([method, flags]) % 31 == 0
}

/// Takes one step of inflating.
pub(super) fn inflate(
    inflate: &mut Decompress,
    input: &[u8],
    out: &mut [u8],
) -> Result<Step, Damage> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate
        .decompress(input, out, FlushDecompress::None)
        .map_err(|_| "invalid compressed data")?;
    Ok(Step {
        read: (inflate.total_in() - read) as usize,
        written: (inflate.total_out() - written) as usize,
        is_last: status == Status::StreamEnd,
    })
}
