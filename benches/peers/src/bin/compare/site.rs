//! A folder with one file, which the servers of files serve.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;

/// The name of the file.
pub(crate) const FILE: &str = "file.bin";

pub(crate) struct Site(PathBuf);

impl Site {
    /// Makes a folder with a file of `length` bytes.
    pub(crate) fn new(length: usize) -> Result<Site> {
        let folder = std::env::temp_dir().join(format!("peers-site-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let site = Site(folder);
        fs::write(site.0.join(FILE), vec![b'x'; length])?;
        Ok(site)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A file that cannot be removed stays in the folder for temporary files.
        drop(fs::remove_dir_all(&self.0));
    }
}
