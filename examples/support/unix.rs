//! Unix: sockets that are no TCP, and SIGHUP.

use std::io;
use std::path::Path;
use std::thread;

use hangup::net::Listener;
use signal_hook::consts::SIGHUP;
use signal_hook::iterator::Signals;

pub(crate) fn bind_unix(path: &Path) -> io::Result<Listener> {
    Listener::bind_unix(path)
}

pub(crate) fn inherited(number: i32) -> io::Result<Listener> {
    Listener::inherited(number)
}

pub(crate) fn from_stdin() -> io::Result<Listener> {
    Listener::from_stdin()
}

/// Runs `action` at each SIGHUP.
pub(crate) fn on_hangup(mut action: impl FnMut() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP])?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().for_each(|_| action()))?;
    Ok(())
}
