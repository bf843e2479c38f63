//! The progress of a transfer: a count, and a bar on stderr.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The shortest time between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);

/// The bar's width, in characters.
const WIDTH: usize = 40;

/// A counter of bytes. Any thread may add to it.
pub(crate) struct Progress {
    total: Option<u64>,
    visible: bool,
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    done: u64,
    drawn: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(visible: bool, total: Option<u64>) -> Self {
        Self { total, visible, begun: Instant::now(), state: Mutex::default() }
    }

    pub(crate) fn add(&self, count: usize) {
        let mut state = self.state.lock();
        state.done += count as u64;
        if self.visible && state.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            state.drawn = Some(Instant::now());
            self.draw(state.done);
        }
    }

    /// Resets the count, since the same bytes are sent again.
    pub(crate) fn restart(&self) {
        self.state.lock().done = 0;
    }

    pub(crate) fn done(&self) -> u64 {
        self.state.lock().done
    }

    /// Leaves the bar in place and ends its line.
    pub(crate) fn finish(&self) {
        let state = self.state.lock();
        if state.drawn.is_some() {
            self.draw(state.done);
            eprintln!();
        }
    }

    fn draw(&self, done: u64) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = (done as f64 / seconds.max(0.001)) as u64;
        let bar = match self.total.filter(|total| *total > 0) {
            Some(total) => {
                let part = (done as f64 / total as f64).min(1.0);
                let bar = "#".repeat((part * WIDTH as f64) as usize);
                format!("[{bar:<WIDTH$}] {:>5.1}%  ", part * 100.0)
            }
            None => String::new(),
        };
        // A failed write of the bar does not matter.
        let _ = write!(io::stderr(), "\r{bar}{:>10}  {:>10}/s ", Size(done), Size(rate));
    }
}

/// Formats a number of bytes with a unit.
struct Size(u64);

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steps = self.0.max(1).ilog2() / 10;
        let unit = ["B", "KiB", "MiB"].get(steps as usize).unwrap_or(&"GiB");
        let number = self.0 as f64 / 1024_f64.powi(steps.min(3) as i32);
        f.pad(&format!("{number:.1} {unit}"))
    }
}
