//! Linux and Android: the kernel resolves a path below the root.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use rustix::io::Errno;

use super::{Entry, Opened, walk};

pub(in crate::handlers::files) use super::walk::{identity, is_no_file, open_any};

/// How often a path is resolved again while directories on it are being renamed.
const MOST_RETRIES: usize = 8;

/// A directory, out of which no path leads.
#[derive(Debug)]
pub(in crate::handlers::files) struct Root<'a> {
    path: &'a Path,
    directory: OwnedFd,
}

impl<'a> Root<'a> {
    pub(in crate::handlers::files) fn open(path: &'a Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { path, directory: open(path, flags, Mode::empty())? })
    }

    /// Opens a path below the root. Does not block, whatever is there.
    pub(in crate::handlers::files) fn find(&self, path: &Path) -> io::Result<Opened> {
        Opened::from_result(self.open_beneath(path))
    }

    fn open_beneath(&self, path: &Path) -> io::Result<File> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..MOST_RETRIES {
            match openat2(&self.directory, path, walk::READ, Mode::empty(), within) {
                Ok(file) => return Ok(file.into()),
                Err(Errno::AGAIN | Errno::INTR) => {}
                // A link with an absolute path, or through the parent of the root, may lead back into it.
                Err(Errno::XDEV) => return walk::resolved(self.path, path),
                // An old kernel, or a sandbox that does not know the call.
                Err(Errno::NOSYS | Errno::PERM) => return walk::open_beneath(self.path, path),
                Err(error) => return Err(error.into()),
            }
        }
        walk::open_beneath(self.path, path)
    }

    /// Returns the entries of a directory below the root.
    pub(in crate::handlers::files) fn entries(
        &self,
        path: &Path,
    ) -> io::Result<impl Iterator<Item = Entry>> {
        let directory = self.open_beneath(path)?;
        walk::entries(directory, |name| self.metadata(&path.join(name)))
    }

    /// Returns the metadata of what a link leads to, if that is within the root.
    fn metadata(&self, path: &Path) -> Option<Metadata> {
        self.open_beneath(path).ok()?.metadata().ok()
    }
}
