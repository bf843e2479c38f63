//! The files of Unix listeners: replacing stale ones, and removing our own.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// A socket file that this process has created. Its drop removes the file.
#[derive(Debug)]
pub(super) struct BoundPath {
    path: PathBuf,
    identity: Identity,
}

/// The device and inode of a file. Another file may take its path later.
#[derive(Debug, PartialEq, Eq)]
struct Identity(u64, u64);

/// Listens at `path`. Replaces a socket file without a listener. `mode`: the file's permissions.
pub(super) fn bind(
    path: &Path,
    backlog: i32,
    mode: Option<u32>,
) -> io::Result<(Socket, BoundPath)> {
    let address = SockAddr::unix(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path, &address) => {
            fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        outcome => outcome?,
    }
    // From here on, an error removes the file again.
    let path = BoundPath { path: path.to_owned(), identity: identity(path)? };
    if let Some(mode) = mode {
        fs::set_permissions(&path.path, fs::Permissions::from_mode(mode))?;
    }
    // No client can connect before.
    socket.listen(backlog)?;
    Ok((socket, path))
}

/// Returns `true` if `path` is a socket (not a link to one) without a listener.
fn is_stale(path: &Path, address: &SockAddr) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket && refuses(address)
}

/// Returns `true` if no listener is there. A listener whose queue is full causes another error.
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
            // Fails if the file is already gone.
            let _ = fs::remove_file(&self.path);
        }
    }
}
