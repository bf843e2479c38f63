//! Unix systems other than Linux and Android: directory by directory.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::{Entry, Opened, walk};

pub(in crate::handlers::files) use super::walk::{identity, is_no_file, open_any};

/// A directory, out of which no path leads.
#[derive(Debug)]
pub(in crate::handlers::files) struct Root<'a> {
    path: &'a Path,
}

impl<'a> Root<'a> {
    pub(in crate::handlers::files) fn open(path: &'a Path) -> io::Result<Self> {
        std::fs::metadata(path)?;
        Ok(Self { path })
    }

    /// Opens a path below the root. Does not block, whatever is there.
    pub(in crate::handlers::files) fn find(&self, path: &Path) -> io::Result<Opened> {
        Opened::from_result(walk::open_beneath(self.path, path))
    }

    /// Returns the entries of a directory below the root.
    pub(in crate::handlers::files) fn entries(
        &self,
        path: &Path,
    ) -> io::Result<impl Iterator<Item = Entry>> {
        let directory = walk::open_beneath(self.path, path)?;
        walk::entries(directory, |name| self.metadata(&path.join(name)))
    }

    /// Returns the metadata of what a link leads to, if that is within the root.
    fn metadata(&self, path: &Path) -> Option<Metadata> {
        walk::open_beneath(self.path, path).ok()?.metadata().ok()
    }
}
