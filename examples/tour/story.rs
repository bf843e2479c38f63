//! How the tour is told: a chapter a step, a line an event, each with its time.

use std::error::Error;
use std::fmt::Display;
use std::time::Instant;

/// What a step returns: nothing, or what did not go as it says.
pub(crate) type Told = Result<(), Box<dyn Error + Send + Sync>>;

/// A step while it is under way.
pub(crate) struct Chapter {
    begun: Instant,
}

impl Chapter {
    pub(crate) fn begin(number: usize, title: &str) -> Self {
        println!("\n{number}. {title}");
        Self { begun: Instant::now() }
    }

    /// Tells what has just happened.
    pub(crate) fn tell(&self, event: impl Display) {
        println!("   {:>7.2} ms  {event}", self.begun.elapsed().as_secs_f64() * 1e3);
    }

    pub(crate) fn end(self, outcome: Told) -> Told {
        if let Err(error) = &outcome {
            self.tell(format_args!("FAILED: {error}"));
        }
        outcome
    }
}

/// Fails the step, with what was seen instead, unless the condition holds.
macro_rules! check {
    ($condition:expr, $($seen:tt)+) => {
        if !$condition {
            return Err(format!($($seen)+).into());
        }
    };
}

pub(crate) use check;
