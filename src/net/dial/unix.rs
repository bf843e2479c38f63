//! Connecting to Unix sockets.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Type};

use super::error::DialError;
use super::limit::Limit;
use super::target::Target;
use crate::net::addr::Addr;
use crate::net::socket::{Family, Socket};
use crate::net::wake;

/// The pauses between attempts at a listener whose queue is full: the first, and the longest. Each is
/// twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Connects to the socket at `path`.
pub(super) fn connect(
    target: &Target,
    path: &Path,
    limit: &Limit<'_>,
) -> Result<(Socket, Addr), DialError> {
    let address = Addr::Unix(Some(path.to_owned()));
    let refused = |error| DialError::connect(target.clone(), vec![(address.clone(), error)]);
    let there = SockAddr::unix(path).map_err(refused)?;
    let socket =
        socket2::Socket::new(Domain::UNIX, Type::STREAM, None).map_err(DialError::System)?;
    socket.set_nonblocking(true).map_err(DialError::System)?;
    let mut pause = FIRST_PAUSE;
    loop {
        match wake::start_connect(&socket, &there) {
            // A Unix socket connects at once or not at all.
            Ok(_) => break,
            // The listener's queue is full, and no system reports when it has room again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait(limit, pause)?;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(refused(error)),
        }
    }
    wake::adopt(&socket).map_err(refused)?;
    Ok((Socket::fresh(socket, Family::Unix), address))
}

/// Waits for `pause`. Fails as soon as `limit` ends the dial.
fn wait(limit: &Limit<'_>, pause: Duration) -> Result<(), DialError> {
    let now = Instant::now();
    limit.check(now)?;
    let until = limit.deadline().into_iter().chain(now.checked_add(pause)).min();
    wake::wait(&mut [limit.waker().poll_fd()], until).map_err(DialError::System)?;
    limit.check(Instant::now())
}
