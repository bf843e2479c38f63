//! Socket files: who made the one that is there, and who takes it away.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::listen::BACKLOG;

/// A socket file of ours, removed when this is dropped.
#[derive(Debug)]
pub(super) struct BoundPath {
    path: PathBuf,
    identity: Identity,
}

/// The device and inode of a file: the same path may be another file by and by.
#[derive(Debug, PartialEq, Eq)]
struct Identity(u64, u64);

/// Listens at `path`. A socket file on which nobody listens is replaced.
pub(super) fn bind(path: &Path) -> io::Result<(Socket, BoundPath)> {
    let address = SockAddr::unix(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path, &address) => {
            fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        outcome => outcome?,
    }
    // From here on the file is ours: an error below takes it away again.
    let path = BoundPath { path: path.to_owned(), identity: identity(path)? };
    socket.listen(BACKLOG)?;
    Ok((socket, path))
}

/// Whether `path` is a socket, not a link to one, and nobody answers.
fn is_stale(path: &Path, address: &SockAddr) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket && refuses(address)
}

/// A listener whose queue is full gives another error than one that is not there.
fn refuses(address: &SockAddr) -> bool {
    let attempt = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(address)
    };
    attempt().is_err_and(|error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn identity(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|file| Identity(file.dev(), file.ino()))
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|there| there == self.identity) {
            // It may have gone in between, which is what was wanted.
            let _ = fs::remove_file(&self.path);
        }
    }
}
