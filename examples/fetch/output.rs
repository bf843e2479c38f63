//! Where the answer goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::address::Address;
use crate::command::{Job, Resume, Save};
use crate::failure::{Failure, NOT_WRITTEN};

/// A file or stdout. A file is opened when the first byte is there: a transfer that fails before leaves
/// no empty file behind. One that is continued is opened at once.
pub(crate) struct Output {
    path: Option<PathBuf>,
    /// How much of it is there from before, and is kept.
    offset: u64,
    sink: Option<Sink>,
}

enum Sink {
    Stdout(io::Stdout),
    File(File),
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
        let mut output = Self { path, offset, sink: None };
        if offset > 0 {
            output.open()?;
        }
        Ok(output)
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn is_stdout(&self) -> bool {
        self.path.is_none()
    }

    /// Writes, and flushes so that a reader of a pipe gets it now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match self.open()? {
            Sink::Stdout(stdout) => stdout.write_all(bytes).and_then(|()| stdout.flush()),
            Sink::File(file) => file.write_all(bytes),
        };
        written.map_err(Failure::not_written)
    }

    fn open(&mut self) -> Result<&mut Sink, Failure> {
        let sink = match (self.sink.take(), &self.path) {
            (Some(sink), _) => sink,
            (None, None) => Sink::Stdout(io::stdout()),
            (None, Some(path)) => {
                let mut options = OpenOptions::new();
                match self.offset {
                    0 => options.write(true).truncate(true),
                    _ => options.append(true),
                };
                Sink::File(options.create(true).open(path).map_err(Failure::not_written)?)
            }
        };
        Ok(self.sink.insert(sink))
    }

    /// Takes back what an attempt has written to a file. What went to stdout, a pipe or a device stays.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        let Some(Sink::File(file)) = self.sink.take() else { return Ok(()) };
        let meta = file.metadata().map_err(Failure::not_written)?;
        if meta.is_file() {
            file.set_len(self.offset.min(meta.len())).map_err(Failure::not_written)?;
            // Opened anew at its end.
            return Ok(());
        }
        self.sink = Some(Sink::File(file));
        Ok(())
    }

    /// The answer is whole: an empty one leaves an empty file.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.open().map(drop)
    }
}
