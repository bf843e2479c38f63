//! The `log` crate's macros for text from outside the crate.
//!
//! A log line may contain a handler's error, a peer's bytes or a path. These macros replace the `log`
//! crate's (`use crate::logging as log;`) and escape characters that could begin a new line or control a
//! terminal. A test checks that every file of the crate uses them.

macro_rules! line {
    ($level:ident, $($text:tt)+) => {
        ::log::log!(::log::Level::$level, "{}", $crate::text::escaped(format_args!($($text)+)))
    };
}

macro_rules! error {
    ($($text:tt)+) => { $crate::logging::line!(Error, $($text)+) };
}

macro_rules! warning {
    ($($text:tt)+) => { $crate::logging::line!(Warn, $($text)+) };
}

macro_rules! debug {
    ($($text:tt)+) => { $crate::logging::line!(Debug, $($text)+) };
}

pub(crate) use {debug, error, line, warning as warn};

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_file_that_logs_escapes() {
        let mut found = 0;
        look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found > 5, "only {found} files log");
    }

    fn look(folder: &Path, found: &mut usize) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path, found);
            } else if !path.ends_with("logging.rs") {
                // A macro with its full path is meant to log without escaping.
                let text = fs::read_to_string(&path).unwrap().replace("::log::", "");
                let logs = ["error", "warn", "info", "debug", "trace"]
                    .iter()
                    .any(|level| text.contains(&format!("log::{level}!(")));
                let escapes = text.contains("use crate::logging as log;");
                assert!(!logs || escapes, "{} uses the log crate's macros", path.display());
                *found += usize::from(logs);
            }
        }
    }
}
