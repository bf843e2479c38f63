//! Where the answer goes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::address::Address;
use crate::command::{Job, Resume, Save};
use crate::failure::{Failure, NOT_WRITTEN};

/// A file or stdout, opened when the first byte is there: a transfer that fails before leaves no
/// empty file behind.
pub(crate) struct Output {
    path: Option<PathBuf>,
    /// How much of it is there from before, and is kept.
    offset: u64,
    sink: Option<Box<dyn Write + Send>>,
}

impl Output {
    pub(crate) fn new(job: &Job, resume: Option<Resume>) -> Result<Self, Failure> {
        let path = match &job.save {
            Save::Stdout => None,
            Save::File(path) => Some(path.clone()),
            Save::RemoteName => match Address::read(&job.url).file_name() {
                Some(name) => Some(PathBuf::from(name)),
                None => return Err(Failure::new(NOT_WRITTEN, "the URL names no file for -O")),
            },
        };
        let offset = match (resume, &path) {
            _ if job.upload.is_some() => 0,
            (Some(Resume::At(offset)), _) => offset,
            (Some(Resume::AtItsEnd), Some(path)) => fs::metadata(path).map_or(0, |meta| meta.len()),
            (Some(Resume::AtItsEnd), None) | (None, _) => 0,
        };
        Ok(Self { path, offset, sink: None })
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn is_stdout(&self) -> bool {
        self.path.is_none()
    }

    /// Writes, and sees to it that a reader of a pipe gets it now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let sink = self.open().map_err(Failure::not_written)?;
        sink.write_all(bytes).and_then(|()| sink.flush()).map_err(Failure::not_written)
    }

    fn open(&mut self) -> io::Result<&mut Box<dyn Write + Send>> {
        let sink = match (self.sink.take(), &self.path) {
            (Some(sink), _) => sink,
            (None, None) => Box::new(io::stdout()),
            (None, Some(path)) => {
                let mut options = OpenOptions::new();
                match self.offset {
                    0 => options.write(true).truncate(true),
                    _ => options.append(true),
                };
                Box::new(options.create(true).open(path)?)
            }
        };
        Ok(self.sink.insert(sink))
    }

    /// The answer is whole: an empty one leaves an empty file.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.open().map_err(Failure::not_written)?;
        Ok(())
    }
}
