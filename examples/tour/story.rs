//! The output of the tour: a heading for each step, and a line with its time for each event.

use std::error::Error;
use std::fmt::Display;
use std::time::Instant;

use crate::support::say;

/// The result of a step.
pub(crate) type Told = Result<(), Box<dyn Error + Send + Sync>>;

/// A step in progress.
pub(crate) struct Chapter {
    begun: Instant,
}

impl Chapter {
    pub(crate) fn begin(number: usize, title: &str) -> Self {
        say!("\n{number}. {title}");
        Self { begun: Instant::now() }
    }

    /// Prints an event with the time since the step began.
    pub(crate) fn tell(&self, event: impl Display) {
        say!("   {:>7.2} ms  {event}", self.begun.elapsed().as_secs_f64() * 1e3);
    }

    pub(crate) fn end(self, outcome: Told) -> Told {
        if let Err(error) = &outcome {
            self.tell(format_args!("FAILED: {error}"));
        }
        outcome
    }
}

/// Fails the step with a message unless the condition holds.
macro_rules! check {
    ($condition:expr, $($seen:tt)+) => {
        if !$condition {
            return Err(format!($($seen)+).into());
        }
    };
}

pub(crate) use check;
