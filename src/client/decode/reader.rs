//! The reader that runs decoders over a body.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind};
use crate::sync::atomic::{AtomicU64, Ordering};

/// The largest buffer for encoded bytes, in bytes: what a socket often has at once.
const MAX_INPUT: usize = 32 * 1024;

/// The smallest buffer for encoded bytes, in bytes.
const MIN_INPUT: usize = 512;

/// How many bytes one step decodes at most. The context is checked between two steps, and without a limit a few
/// encoded bytes would fill a large buffer of the reader first.
const MAX_STEP: usize = 128 * 1024;

/// How many encoded bytes may decode to nothing. Readers limit decoded bytes, so that data without any would
/// cost unlimited time: empty members and frames, comments. Encoders write at most a few KiB of such data.
const MAX_SILENT: u64 = 1024 * 1024;

/// How many more encoded bytes each decoded byte allows. A gzip encoder that is flushed after each byte writes
/// seven for it.
const MAX_PER_DECODED: u64 = 16;

/// The error text of [`MAX_SILENT`] and [`MAX_PER_DECODED`].
const TOO_LONG: Damage = "more than 1 MiB, and 16 bytes for each decoded byte, are encoded";

/// A decoder of one content coding. It has no input or output and never waits.
pub(super) trait Decoder: Send {
    /// Decodes bytes of `input` into `out`, which is not empty. Makes all the progress that is possible, so
    /// that nothing is held back which the server has flushed. `input` may be empty: the decoder may still
    /// hold decoded bytes if the last step has filled its output.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Damage>;

    /// Returns `true` if the encoded data may end here.
    fn may_end(&self) -> bool;

    /// Returns the name of the coding.
    fn name(&self) -> &'static str;
}

/// The outcome of one step of a [`Decoder`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// How many bytes of the input were used.
    pub(super) read: usize,
    /// How many bytes were decoded.
    pub(super) written: usize,
    /// The data has ended, whatever follows it.
    pub(super) is_last: bool,
}

/// Why encoded data is damaged.
pub(super) type Damage = &'static str;

/// Returns the body with its codings undone. `decoders` are in the order in which the codings were applied.
/// Reads fail once `context` has ended: a few encoded bytes may stand for many.
pub(super) fn decoded(
    body: Body,
    decoders: Vec<Box<dyn Decoder>>,
    context: Option<&Context>,
) -> Body {
    let room = body.len().map_or(MAX_INPUT, |length| {
        usize::try_from(length).map_or(MAX_INPUT, |length| length.clamp(MIN_INPUT, MAX_INPUT))
    });
    body.map_reader(|body| {
        let mut reader: Box<dyn Read + Send> = Box::new(body);
        let work = Arc::new(Work::default());
        for (applied, decoder) in decoders.into_iter().enumerate().rev() {
            let input = BufReader::with_capacity(room, reader);
            let (context, work) = (context.cloned(), Arc::clone(&work));
            let is_outermost = applied == 0;
            let stage = Stage::Empty;
            reader = Box::new(Decoding { input, decoder, context, work, is_outermost, stage });
        }
        reader
    })
}

/// The work for one body, which the decoders of all its codings share: data that decodes to nothing may itself
/// be the output of another decoder, a thousand times as long as its input.
#[derive(Default)]
struct Work {
    /// How many encoded bytes all decoders have used.
    read: AtomicU64,
    /// How many bytes the reader of the body has got.
    written: AtomicU64,
}

impl Work {
    /// Adds a step. Returns `false` if the encoded bytes are too many.
    fn add(&self, read: usize, written: usize) -> bool {
        let (read, written) = (read as u64, written as u64);
        let read = self.read.fetch_add(read, Ordering::Relaxed).saturating_add(read);
        let written = self.written.fetch_add(written, Ordering::Relaxed).saturating_add(written);
        read <= written.saturating_mul(MAX_PER_DECODED).saturating_add(MAX_SILENT)
    }
}

struct Decoding {
    input: BufReader<Box<dyn Read + Send>>,
    decoder: Box<dyn Decoder>,
    context: Option<Context>,
    work: Arc<Work>,
    /// The output is the body, not the input of another decoder.
    is_outermost: bool,
    stage: Stage,
}

/// How far the data has been decoded.
enum Stage {
    /// No encoded byte has come. A body without any is an empty one.
    Empty,
    /// The decoder needs input to go on.
    Hungry,
    /// The last step has filled its output, so the decoder may hold more.
    Full,
    Ended,
    /// Every later read fails as well.
    Failed(Error),
}

impl Decoding {
    /// Takes one step. Returns the number of decoded bytes; `None` if there were none yet.
    fn step(&mut self, out: &mut [u8]) -> io::Result<Option<usize>> {
        let input = match self.stage {
            Stage::Full => self.input.buffer(),
            _ => self.input.fill_buf()?,
        };
        if input.is_empty() && !matches!(self.stage, Stage::Full) {
            return self.end().map(Some);
        }
        let offered = input.len();
        let Step { read, written, is_last } = match self.decoder.step(input, out) {
            Ok(step) => step,
            Err(damage) => return Err(self.fail(damage)),
        };
        self.input.consume(read);
        if read == 0 && written == 0 && offered > 0 && !is_last {
            return Err(self.fail("data that cannot be decoded"));
        }
        let delivered = if self.is_outermost { written } else { 0 };
        if !self.work.add(read, delivered) {
            return Err(self.fail(TOO_LONG));
        }
        self.stage = match written == out.len() {
            _ if is_last => Stage::Ended,
            true => Stage::Full,
            false => Stage::Hungry,
        };
        Ok((written > 0 || is_last).then_some(written))
    }

    /// Ends the decoding at the end of the encoded bytes.
    fn end(&mut self) -> io::Result<usize> {
        if !matches!(self.stage, Stage::Empty) && !self.decoder.may_end() {
            return Err(self.fail("the data ends early"));
        }
        self.stage = Stage::Ended;
        Ok(0)
    }

    fn fail(&mut self, damage: Damage) -> io::Error {
        let message = format!("{}: {damage}", self.decoder.name());
        let error = Error::message(ErrorKind::Decode, message);
        self.stage = Stage::Failed(error.clone());
        error.into()
    }
}

impl Read for Decoding {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = out.len().min(MAX_STEP);
        let out = &mut out[..most];
        loop {
            // Before each step: data may decode to nothing for long.
            if let Some(ended) = self.context.as_ref().and_then(Context::err) {
                return Err(Error::from(ended).into());
            }
            match &self.stage {
                _ if out.is_empty() => return Ok(0),
                Stage::Ended => return Ok(0),
                Stage::Failed(error) => return Err(error.clone().into()),
                Stage::Empty | Stage::Hungry | Stage::Full => {}
            }
            if let Some(count) = self.step(out)? {
                return Ok(count);
            }
        }
    }
}
