//! Connecting to one of several addresses (RFC 8305), on one thread with one `poll`.
//!
//! ```text
//!   first family   a1 ──fails──> a2 ──────────────────────> connected: the race is over
//!   other family        │<─ delay ─>│ b1 ──────────────────> closed
//!                       └ or as soon as the first family has no address left
//! ```
//!
//! The addresses of one family are tried in turn. Each gets an equal share of the remaining time, so that
//! one that never answers does not use up the time of the others.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::error::DialError;
use super::event::{DialEvent, Watcher};
use super::limit::Limit;
use super::options::DialOptions;
use crate::net::wake;

/// The least share of an address, if it is not more than half of the remaining time. A lost SYN is sent
/// again after one second.
const LEAST_SHARE: Duration = Duration::from_secs(2);

/// The connected socket, or every address with its error.
type Outcome = Result<(Socket, SocketAddr), Vec<(SocketAddr, io::Error)>>;

/// Connects to one of `addresses`. The socket stays in non-blocking mode.
///
/// # Blocking
///
/// Until a connection is made or every address has failed. `limit` ends it.
pub(super) fn connect(
    addresses: &[SocketAddr],
    options: &DialOptions,
    limit: &Limit<'_>,
) -> Result<Outcome, DialError> {
    let mut race = Race::new(addresses, options);
    loop {
        let now = Instant::now();
        limit.check(now)?;
        race.expire(now);
        if let Some(winner) = race.start(now, limit.deadline()) {
            return Ok(Ok(winner));
        }
        if race.is_lost() {
            return Ok(Err(race.failed));
        }
        if let Some(winner) = race.wait(limit)? {
            return Ok(Ok(winner));
        }
    }
}

struct Race {
    /// The preferred family, and the other one.
    lanes: [Lane; 2],
    /// The time from which the second lane may start although the first is not over.
    second_from: Instant,
    local: Option<IpAddr>,
    failed: Vec<(SocketAddr, io::Error)>,
    watcher: Watcher,
}

/// The addresses of one family, with at most one attempt at a time.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<SocketAddr>,
    attempt: Option<Attempt>,
}

/// A connect in progress.
struct Attempt {
    socket: Socket,
    address: SocketAddr,
    until: Option<Instant>,
}

impl Race {
    fn new(addresses: &[SocketAddr], options: &DialOptions) -> Self {
        let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
        let mut lanes = [Lane::default(), Lane::default()];
        for address in addresses {
            lanes[usize::from(address.is_ipv6() != prefers_v6)].waiting.push_back(*address);
        }
        let now = Instant::now();
        Self {
            lanes,
            second_from: now.checked_add(options.fallback_delay).unwrap_or(now),
            local: options.local_addr,
            failed: Vec::new(),
            watcher: options.watcher.clone(),
        }
    }

    /// Records an attempt that has failed.
    fn fail(&mut self, address: SocketAddr, error: io::Error) {
        let shown = DialEvent::ConnectFailed { address: &address.into(), error: &error };
        self.watcher.show(&shown);
        self.failed.push((address, error));
    }

    fn is_lost(&self) -> bool {
        self.lanes.iter().all(Lane::is_over)
    }

    /// Ends the attempts whose share of the time is used up.
    fn expire(&mut self, now: Instant) {
        for number in 0..self.lanes.len() {
            let expired = |attempt: &mut Attempt| attempt.until.is_some_and(|until| until <= now);
            if let Some(attempt) = self.lanes[number].attempt.take_if(expired) {
                self.fail(attempt.address, io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Starts the attempts that are due. Returns the winner if one is connected at once.
    fn start(&mut self, now: Instant, deadline: Option<Instant>) -> Option<(Socket, SocketAddr)> {
        for number in 0..self.lanes.len() {
            let may_start = number == 0 || now >= self.second_from || self.lanes[0].is_over();
            while may_start && self.lanes[number].attempt.is_none() {
                let left = self.lanes[number].waiting.len();
                let Some(address) = self.lanes[number].waiting.pop_front() else { break };
                self.watcher.show(&DialEvent::Connecting { address: &address.into() });
                match begin(address, self.local) {
                    Ok((socket, Progress::Connected)) => return Some((socket, address)),
                    Ok((socket, Progress::Connecting)) => {
                        let until = share(now, deadline, left);
                        self.lanes[number].attempt = Some(Attempt { socket, address, until });
                    }
                    Err(error) => self.fail(address, error),
                }
            }
        }
        None
    }

    /// Waits until an attempt is ready or the next step is due. Returns the winner, if there is one.
    fn wait(&mut self, limit: &Limit<'_>) -> Result<Option<(Socket, SocketAddr)>, DialError> {
        let until = wake::connect_look(self.next_event(limit.deadline()));
        let mut fds = vec![limit.waker().poll_fd()];
        for attempt in self.lanes.iter().filter_map(|lane| lane.attempt.as_ref()) {
            fds.push(wake::poll_fd(&attempt.socket, wake::WRITE));
        }
        wake::wait(&mut fds, until).map_err(DialError::System)?;
        let mut ready = fds[1..].iter().map(wake::PollFd::revents).collect::<VecDeque<_>>();
        drop(fds);
        for number in 0..self.lanes.len() {
            let Some(attempt) = self.lanes[number].attempt.take() else { continue };
            let ready = ready.pop_front().expect("one result an attempt");
            let Some(outcome) = wake::connected(&attempt.socket, ready) else {
                self.lanes[number].attempt = Some(attempt);
                continue;
            };
            match attempt.finish(outcome) {
                Ok(winner) => return Ok(Some(winner)),
                Err((address, error)) => self.fail(address, error),
            }
        }
        Ok(None)
    }

    /// Returns the time of the next step if no socket becomes ready.
    fn next_event(&self, deadline: Option<Instant>) -> Option<Instant> {
        let shares = self.lanes.iter().filter_map(|lane| lane.attempt.as_ref()?.until);
        let second_is_due = self.lanes[1].attempt.is_none() && !self.lanes[1].waiting.is_empty();
        shares.chain(deadline).chain(second_is_due.then_some(self.second_from)).min()
    }
}

impl Lane {
    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.attempt.is_none()
    }
}

impl Attempt {
    fn finish(
        self,
        outcome: io::Result<()>,
    ) -> Result<(Socket, SocketAddr), (SocketAddr, io::Error)> {
        match outcome {
            Err(error) => Err((self.address, error)),
            Ok(()) if is_self_connected(&self.socket, self.address) => {
                Err((self.address, io::ErrorKind::ConnectionRefused.into()))
            }
            Ok(()) => Ok((self.socket, self.address)),
        }
    }
}

enum Progress {
    Connected,
    Connecting,
}

fn begin(address: SocketAddr, local: Option<IpAddr>) -> io::Result<(Socket, Progress)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    if let Some(local) = local {
        if local.is_ipv6() != address.is_ipv6() {
            let reason = "local address is of the other family";
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, reason));
        }
        socket.bind(&SockAddr::from(SocketAddr::new(local, 0)))?;
    }
    match wake::start_connect(&socket, &SockAddr::from(address))? {
        true => Ok((socket, Progress::Connected)),
        false => Ok((socket, Progress::Connecting)),
    }
}

/// Returns `true` if a TCP socket is connected to itself. That can happen if the target's port has no
/// listener and the system chooses it as the local port.
fn is_self_connected(socket: &Socket, remote: SocketAddr) -> bool {
    socket.local_addr().ok().and_then(|local| local.as_socket()) == Some(remote)
}

/// Returns the end of the share of the first of `left` addresses: an equal share of the remaining time, or
/// [`LEAST_SHARE`] if that is more, but at most half of the remaining time.
fn share(now: Instant, deadline: Option<Instant>, left: usize) -> Option<Instant> {
    let remaining = deadline?.saturating_duration_since(now);
    let part = match u32::try_from(left).unwrap_or(u32::MAX) {
        0 | 1 => remaining,
        left => (remaining / left).max(LEAST_SHARE.min(remaining / 2)),
    };
    Some(now + part)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn the_remaining_time_is_shared_equally() {
        let now = Instant::now();
        let seconds = |remaining: u64, left| {
            let until = share(now, Some(now + Duration::from_secs(remaining)), left);
            until.unwrap().duration_since(now).as_secs()
        };
        assert_eq!((seconds(30, 3), seconds(20, 2), seconds(10, 1)), (10, 10, 10));
        assert_eq!(seconds(10, 10), 2, "not so little that nobody can answer");
        assert_eq!((seconds(2, 10), seconds(2, 1)), (1, 2), "not so much that the next has none");
        assert_eq!(share(now, None, 3), None);
    }

    #[test]
    fn the_family_of_the_first_address_is_preferred() {
        let addresses =
            ["[::1]:1", "127.0.0.1:1", "[::2]:1"].map(|text| text.parse::<SocketAddr>().unwrap());
        let race = Race::new(&addresses, &DialOptions::default());
        assert_eq!(race.lanes[0].waiting, [addresses[0], addresses[2]]);
        assert_eq!(race.lanes[1].waiting, [addresses[1]]);
    }
}
