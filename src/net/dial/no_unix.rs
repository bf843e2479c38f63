//! Stands in for `unix.rs` on systems without Unix sockets.

use std::io;
use std::path::Path;

use super::error::DialError;
use super::limit::Limit;
use super::target::Target;
use crate::net::addr::Addr;
use crate::net::socket::Socket;

/// Fails with `Unsupported`.
pub(super) fn connect(
    target: &Target,
    path: &Path,
    _limit: &Limit<'_>,
) -> Result<(Socket, Addr), DialError> {
    let address = Addr::Unix(Some(path.to_owned()));
    Err(DialError::connect(target.clone(), vec![(address, io::ErrorKind::Unsupported.into())]))
}
