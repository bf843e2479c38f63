//! The destination of a response body.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::address::Address;
use crate::command::{Job, Resume, Save};
use crate::failure::{Failure, NOT_WRITTEN};

/// A file or stdout. A new file is created with the first byte, so a transfer that fails earlier leaves
/// no empty file. A file to continue is opened at once.
pub(crate) struct Output {
    path: Option<PathBuf>,
    /// The length of the existing part, which is kept.
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
                None => return Err(Failure::new(NOT_WRITTEN, "-O: the URL has no file name")),
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

    /// Writes and flushes, so that the reader of a pipe gets the bytes at once.
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

    /// Removes what a failed attempt has written to a file. Bytes on stdout, a pipe or a device stay.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        let Some(Sink::File(file)) = self.sink.take() else { return Ok(()) };
        let meta = file.metadata().map_err(Failure::not_written)?;
        if meta.is_file() {
            file.set_len(self.offset.min(meta.len())).map_err(Failure::not_written)?;
            // The next attempt opens the file again at its end.
            return Ok(());
        }
        self.sink = Some(Sink::File(file));
        Ok(())
    }

    /// Ends a complete response. An empty response leaves an empty file.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.open().map(drop)
    }
}
