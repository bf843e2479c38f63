//! A file of a form, opened when it is its turn.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderValue;

use super::super::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::text::counted;

/// The type of a file whose extension is unknown.
const UNKNOWN_TYPE: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Returns the media type that the extension of a file stands for.
pub(super) fn type_of(file_name: &str) -> HeaderValue {
    let guess = mime_guess::from_path(file_name).first_raw();
    guess.map_or(UNKNOWN_TYPE, HeaderValue::from_static)
}

/// Returns the body of a file: of its length, if it is a regular one.
///
/// # Errors
///
/// [`ErrorKind::BodySource`] if it cannot be read.
pub(super) fn body_of(path: PathBuf) -> Result<Body> {
    let metadata = path.metadata().map_err(|error| failed(&path, error))?;
    let path: Arc<Path> = path.into();
    if metadata.is_dir() {
        return Err(failed(&path, io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        // Opening a pipe waits for its writer, and its content can be read once.
        return Ok(Body::from_reader(PathReader::new(path, None)));
    }
    let file = File::open(&path).map_err(|error| failed(&path, error))?;
    // Files below /proc are regular ones of unknown length.
    let length = Body::from(file).len();
    let open = move || Ok(Body::from_reader(PathReader::new(Arc::clone(&path), length)));
    Ok(Body::replayable(length, open))
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::explained(ErrorKind::BodySource, format!("file {path:?}"), error)
}

/// Reads a file, which it opens at the first read and closes at the end.
struct PathReader {
    path: Arc<Path>,
    /// How many bytes are left of the file's length when the form was made.
    left: Option<u64>,
    stage: Stage,
}

enum Stage {
    Unopened,
    Open(File),
    Ended,
}

impl PathReader {
    fn new(path: Arc<Path>, length: Option<u64>) -> Self {
        Self { path, left: length, stage: Stage::Unopened }
    }

    fn read_open(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let file = match &mut self.stage {
            Stage::Ended => return Ok(0),
            Stage::Open(file) => file,
            Stage::Unopened => {
                self.stage = Stage::Open(File::open(&self.path)?);
                return self.read_open(buf);
            }
        };
        let count = file.read(buf)?;
        if count == 0 && !buf.is_empty() {
            self.stage = Stage::Ended;
        }
        Ok(count)
    }

    /// Counts down the length. The form has promised it to the peer.
    fn count(&mut self, count: usize) -> io::Result<usize> {
        let Some(left) = self.left else { return Ok(count) };
        if count == 0 && left > 0 {
            let message =
                format!("file {:?} has become {} shorter", self.path, counted(left, "byte"));
            return Err(Error::message(ErrorKind::BodySource, message).into());
        }
        self.left = Some(left.saturating_sub(count as u64));
        Ok(count)
    }
}

impl Read for PathReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.read_open(buf) {
            Ok(count) => self.count(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(failed(&self.path, error).into()),
        }
    }
}
