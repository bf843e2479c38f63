//! Windows: the library has sockets for TCP only, and there is no SIGHUP.

use std::io;
use std::path::Path;

use hangup::net::Listener;

pub(crate) fn bind_unix(_: &Path) -> io::Result<Listener> {
    Err(absent("Unix sockets are not supported on Windows"))
}

pub(crate) fn inherited(_: i32) -> io::Result<Listener> {
    Err(absent("inherited sockets are not supported on Windows"))
}

pub(crate) fn from_stdin() -> io::Result<Listener> {
    Err(absent("no socket on Windows"))
}

pub(crate) fn on_hangup(_: impl FnMut() + Send + 'static) -> io::Result<()> {
    Ok(())
}

fn absent(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, what)
}
