//! The error output of a program, line by line.

use std::fmt;
use std::sync::Arc;

use crate::logging as log;
use crate::sync::contain;
use crate::text::counted;

/// The longest line, in bytes. A longer one is cut into several.
const MAX_LINE: usize = 4096;

/// The most error output of one request, in bytes. A broken program must not fill a disk.
const MAX_OUTPUT: usize = 64 * 1024;

/// The function that gets each line of error output.
#[derive(Clone)]
pub(crate) struct ErrorHook(Arc<dyn Fn(&str) + Send + Sync>);

impl ErrorHook {
    pub(crate) fn new(hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for ErrorHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorHook")
    }
}

/// Splits the error output of one request into lines. Each goes to the hook, or to the log.
pub(crate) struct ErrorLines {
    /// The program, as the log names it.
    program: Arc<str>,
    hook: Option<ErrorHook>,
    line: Vec<u8>,
    taken: usize,
    dropped: usize,
}

impl ErrorLines {
    pub(crate) fn new(program: Arc<str>, hook: Option<ErrorHook>) -> Self {
        Self { program, hook, line: Vec::new(), taken: 0, dropped: 0 }
    }

    pub(crate) fn push(&mut self, output: &[u8]) {
        let kept = output.len().min(MAX_OUTPUT - self.taken);
        self.taken += kept;
        self.dropped += output.len() - kept;
        for piece in output[..kept].split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(MAX_LINE) {
                if self.line.len() + part.len() > MAX_LINE {
                    self.emit();
                }
                self.line.extend_from_slice(part);
            }
            if piece.ends_with(b"\n") {
                self.emit();
            }
        }
    }

    /// Passes on the line in the buffer.
    fn emit(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(line.trim_ascii_end());
        if line.is_empty() {
            return;
        }
        match &self.hook {
            Some(ErrorHook(hook)) => drop(contain(|| hook(&line))),
            None => log::warn!("{}: {line}", self.program),
        }
    }
}

impl Drop for ErrorLines {
    fn drop(&mut self) {
        self.emit();
        if self.dropped > 0 {
            log::warn!(
                "{}: {} of error output dropped",
                self.program,
                counted(self.dropped, "byte")
            );
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::sync::Mutex;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&lines);
        let hook = ErrorHook::new(move |line| taken.lock().push(line.to_owned()));
        let mut output = ErrorLines::new("a program".into(), Some(hook));
        pieces.iter().for_each(|piece| output.push(piece));
        drop(output);
        let lines = lines.lock().clone();
        lines
    }

    #[test]
    fn h12_error_output_is_split_into_lines_of_a_bounded_length() {
        assert_eq!(lines(&[b"a", b"b\nc\r\n", b"\n\n  d"]), ["ab", "c", "  d"]);
        assert_eq!(lines(&[]), [""; 0]);
        let long = lines(&[&[b'x'; 10_000], b"y\n"]);
        assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [4096, 4096, 1809]);
        let flood = lines(&[&b"0123456789\n".repeat(10_000)]);
        assert_eq!(flood.concat().len() + flood.len(), MAX_OUTPUT + 1);
        // A hook that panics does not end the request.
        let mut output = ErrorLines::new("a".into(), Some(ErrorHook::new(|_| panic!("a hook"))));
        output.push(b"a\n");
    }
}
