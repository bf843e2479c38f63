//! The failures of a script, as the test shows them.

use std::any::Any;
use std::fmt;
use std::panic::Location;

/// The most bytes of received data in a failure.
const SHOWN: usize = 1000;

/// A step of a script that did not go as written.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The number of the connection, from 1, if there is one.
    pub(super) connection: Option<usize>,
    /// The number of the step on its connection, from 1, if there is one.
    pub(super) step: Option<usize>,
    /// The line of the script.
    pub(super) location: Option<&'static Location<'static>>,
    /// The expectation, and the event in its place.
    pub(super) text: String,
}

impl Failure {
    /// Creates a failure outside of the steps of a connection.
    pub(super) fn new(connection: Option<usize>, text: String) -> Self {
        Self { connection, step: None, location: None, text }
    }

    /// Creates the failure of a script that ended in a panic: its step's failure, or an assertion's.
    pub(super) fn of_panic(connection: usize, payload: &(dyn Any + Send)) -> Self {
        if let Some(failure) = payload.downcast_ref::<Self>() {
            return failure.clone();
        }
        let message = payload.downcast_ref::<&str>().copied();
        let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text = format!("panicked: {}", message.unwrap_or("with a value that is not text"));
        Self::new(Some(connection), text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(connection) = self.connection {
            write!(f, "connection {connection}")?;
            separator = ", ";
        }
        if let Some(step) = self.step {
            write!(f, "{separator}step {step}")?;
            separator = ", ";
        }
        if let Some(location) = self.location {
            write!(f, "{separator}{location}")?;
            separator = ", ";
        }
        let colon = if separator.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.text)
    }
}

/// Returns received data as text in quotes, with escapes, and cut off after 1000 bytes.
pub(super) fn shown(data: &[u8]) -> String {
    match data.len() {
        0 => "nothing".to_owned(),
        1..=SHOWN => format!("\"{}\"", data.escape_ascii()),
        length => {
            let begin = data[..SHOWN].escape_ascii();
            format!("\"{begin}\" and {} more bytes", length - SHOWN)
        }
    }
}

/// Returns all failures, one a line.
pub(super) fn report(failures: &[Failure]) -> String {
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    format!("the script did not go as written:\n  {}", lines.join("\n  "))
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_connection_step_and_line() {
        let mut failure = Failure::new(Some(2), "expected x, received y".to_owned());
        assert_eq!(failure.to_string(), "connection 2: expected x, received y");
        failure.step = Some(3);
        assert_eq!(failure.to_string(), "connection 2, step 3: expected x, received y");
        failure.location = Some(Location::caller());
        assert!(failure.to_string().starts_with("connection 2, step 3, src/testing/"));
        assert_eq!(Failure::new(None, "none".to_owned()).to_string(), "none");
    }

    #[test]
    fn data_is_shown_escaped_and_cut_off() {
        assert_eq!(shown(b""), "nothing");
        assert_eq!(shown(b"a\r\n\xff\""), "\"a\\r\\n\\xff\\\"\"");
        assert!(shown(&[b'a'; 1010]).ends_with("a\" and 10 more bytes"));
    }
}
