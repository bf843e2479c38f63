//! Names of files on Unix: any bytes but a slash and NUL.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Returns the name of a file, or `None` if no file can have it.
pub(super) fn file_name(name: Vec<u8>) -> Option<OsString> {
    Some(OsString::from_vec(name))
}

/// Returns the bytes of a name.
pub(in crate::handlers::files) fn name_bytes(name: &OsStr) -> &[u8] {
    name.as_bytes()
}
