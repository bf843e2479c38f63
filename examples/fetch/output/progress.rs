//! The progress of a transfer: a count, and a bar on stderr.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

/// The drawings per second.
const FRAMES: u8 = 10;

/// The bar's width, in columns, if stderr is not a terminal.
const WIDTH: u16 = 79;

const KNOWN: &str = "[{bar:40.cyan}] {percent:>3}%  {bytes:>11}  {bytes_per_sec:>13}  {eta}";
const UNKNOWN: &str = "{spinner} {bytes:>11}  {bytes_per_sec:>13}  {elapsed}";

/// A counter of bytes. Any thread may add to it.
pub(crate) struct Progress {
    done: AtomicU64,
    bar: ProgressBar,
    shared: bool,
}

impl Progress {
    /// Creates a counter without a bar.
    pub(crate) fn hidden() -> Self {
        Self { done: AtomicU64::new(0), bar: ProgressBar::hidden(), shared: false }
    }

    /// Creates a counter that adds its count to this bar.
    pub(crate) fn shown(bar: &ProgressBar) -> Self {
        Self { done: AtomicU64::new(0), bar: bar.clone(), shared: true }
    }

    /// Creates a counter with a bar, which stays on the screen at the end.
    pub(crate) fn alone(total: Option<u64>) -> Self {
        Self { done: AtomicU64::new(0), bar: bar(total), shared: false }
    }

    pub(crate) fn add(&self, count: usize) {
        self.done.fetch_add(count as u64, Ordering::Relaxed);
        self.bar.inc(count as u64);
    }

    /// Sets the count.
    pub(crate) fn set(&self, done: u64) {
        let before = self.done.swap(done, Ordering::Relaxed);
        self.bar.inc(done.saturating_sub(before));
    }

    /// Shows the length of a transfer that has just become known.
    pub(crate) fn expect(&self, length: Option<u64>) {
        extend(&self.bar, length);
    }

    /// Resets the count, since the same bytes are sent again.
    pub(crate) fn restart(&self) {
        let done = self.done.swap(0, Ordering::Relaxed);
        self.bar.set_position(self.bar.position().saturating_sub(done));
    }

    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.shared {
            leave(&self.bar);
        }
    }
}

/// Creates a bar on stderr, also if that is not a terminal.
pub(crate) fn bar(total: Option<u64>) -> ProgressBar {
    let target = match io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr_with_hz(FRAMES),
        false => ProgressDrawTarget::term_like_with_hz(Box::new(Plain), FRAMES),
    };
    let bar = ProgressBar::with_draw_target(total, target);
    bar.set_style(style(total));
    if total.is_none() {
        bar.enable_steady_tick(Duration::from_millis(1000 / u64::from(FRAMES)));
    }
    bar
}

/// Draws a bar for the last time and ends its line.
pub(crate) fn leave(bar: &ProgressBar) {
    bar.abandon();
    if !bar.is_hidden() {
        let _ = writeln!(io::stderr());
    }
}

/// Adds the length of one of several transfers that share a bar.
fn extend(bar: &ProgressBar, length: Option<u64>) {
    if let Some(length) = length {
        bar.set_length(bar.length().unwrap_or(0) + length);
        bar.set_style(style(Some(length)));
    }
}

fn style(total: Option<u64>) -> ProgressStyle {
    let template = if total.is_some() { KNOWN } else { UNKNOWN };
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("##-")
}

/// A stderr that is not a terminal. Each drawing is a line that replaces the last.
#[derive(Debug)]
struct Plain;

impl TermLike for Plain {
    fn width(&self) -> u16 {
        WIDTH
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        writeln!(io::stderr(), "{text}")
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        write!(io::stderr(), "{text}")
    }

    fn clear_line(&self) -> io::Result<()> {
        write!(io::stderr(), "\r")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}
