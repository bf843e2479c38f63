//! Counts, shows and slows the bytes of a body.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hangup::{Context, Error};

use crate::output::progress::Progress;
use crate::trace::Tracer;

/// The part of a second after which a slowed transfer moves on.
const STEPS_PER_SECOND: u64 = 10;

/// The counter, the trace and the rate of a body that is sent.
#[derive(Clone)]
pub(crate) struct Meter {
    pub(crate) progress: Arc<Progress>,
    pub(crate) tracer: Arc<Tracer>,
    pub(crate) pace: Option<Pace>,
}

/// A reader whose bytes are counted.
pub(super) struct Metered<R> {
    reader: R,
    meter: Meter,
}

impl<R> Metered<R> {
    pub(super) fn new(reader: R, meter: &Meter) -> Self {
        Self { reader, meter: meter.clone() }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = self.meter.pace.as_ref().map_or(usize::MAX, Pace::piece).min(buf.len());
        let count = self.reader.read(&mut buf[..most])?;
        if let Some(pace) = &mut self.meter.pace {
            pace.spend(count).map_err(io::Error::other)?;
        }
        self.meter.tracer.data_out(&buf[..count]);
        self.meter.progress.add(count);
        Ok(count)
    }
}

/// A rate that a transfer does not exceed.
#[derive(Clone)]
pub(crate) struct Pace {
    /// Bytes per second
    rate: u64,
    begun: Instant,
    spent: u64,
    call: Context,
}

impl Pace {
    pub(crate) fn new(rate: u64, call: &Context) -> Self {
        Self { rate, begun: Instant::now(), spent: 0, call: call.clone() }
    }

    /// Returns the size of a piece, in bytes.
    pub(crate) fn piece(&self) -> usize {
        usize::try_from((self.rate / STEPS_PER_SECOND).max(1)).unwrap_or(usize::MAX)
    }

    /// Waits until so many further bytes may have passed.
    pub(crate) fn spend(&mut self, count: usize) -> Result<(), Error> {
        self.spent += count as u64;
        let due = Duration::from_secs_f64(self.spent as f64 / self.rate as f64);
        let early = due.saturating_sub(self.begun.elapsed());
        match self.call.wait_timeout(early) {
            Some(ended) if !early.is_zero() => Err(ended.into()),
            _ => Ok(()),
        }
    }
}
