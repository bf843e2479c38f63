//! Printing without a panic.

/// Prints a line to stdout. Unlike `println!`, it does not panic if the reader is gone, as `head` soon is.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

/// Prints a line to stderr, as [`say`] does to stdout.
macro_rules! complain {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($line)*);
    }};
}

pub(crate) use {complain, say};
