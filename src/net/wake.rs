//! The platform: waiting for readiness with a deadline and a wake-up, and calls that never block.
//!
//! Everything that differs between operating systems is an item of this file:
//!
//! | | Linux | other Unixes | what Windows would put here |
//! | --- | --- | --- | --- |
//! | wake-up descriptor | `eventfd` | a pipe | a connected pair of loopback sockets |
//! | peer's end of stream without reading | `POLLRDHUP` | where it exists, else not at all | not at all |
//! | one call that does not block | `MSG_DONTWAIT` | the same | the socket in non-blocking mode |
//! | no `SIGPIPE` | `MSG_NOSIGNAL` | that, or the option set by the standard library | nothing to do |
//! | a write that more follows on | `MSG_MORE` | a write like any other | the same |
//! | accepted sockets inherit options | yes | some | no |
//!
//! A socket stays in blocking mode all the time: what must not block says so call by call. That is
//! why one that is handed out (a hijacked connection) is an ordinary socket.

use std::cell::OnceCell;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::{Socket, TcpKeepalive};

pub(super) use rustix::event::{PollFd, PollFlags};

/// The longest single wait; callers look at their deadlines and wait again.
///
/// Some systems take the time-out as milliseconds in a C `int`, which ends after 24 days.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The most pieces of one vectored write: `IOV_MAX` is 1024 on every system that has one.
const MOST_SLICES: usize = 1024;

/// Something can be read without blocking: data, the end of the stream, or an error.
pub(super) const READ: PollFlags = PollFlags::IN;

/// Something can be written without blocking, or an error is waiting.
pub(super) const WRITE: PollFlags = PollFlags::OUT;

/// The peer will send no more, whatever it has sent before.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) const PEER_DONE: PollFlags = PollFlags::RDHUP;
/// Nothing tells of it here: only a hang-up of both directions and errors are seen.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) const PEER_DONE: PollFlags = PollFlags::empty();

/// Nothing can be exchanged with the peer any more.
pub(super) const BROKEN: PollFlags = PollFlags::ERR.union(PollFlags::HUP);

#[cfg(any(target_vendor = "apple", target_os = "windows"))]
const NO_SIGNAL: SendFlags = SendFlags::empty();
#[cfg(not(any(target_vendor = "apple", target_os = "windows")))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// More follows at once: the system may hold back what it is given, for a fifth of a second at most, so
/// that it goes out together with that.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MORE: SendFlags = SendFlags::MORE;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MORE: SendFlags = SendFlags::empty();

/// Blocks until one of `fds` is ready or `until` has come; the number of those ready, which can be
/// zero a little (or, for a deadline beyond a day, much) earlier.
pub(super) fn wait(fds: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<usize> {
    poll(fds, || until.map(|until| timespec(until.saturating_duration_since(Instant::now()))))
}

fn poll(fds: &mut [PollFd<'_>], timeout: impl Fn() -> Option<Timespec>) -> io::Result<usize> {
    loop {
        match rustix::event::poll(fds, timeout().as_ref()) {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec::try_from(duration.min(LONGEST_WAIT)).expect("a day fits")
}

/// Blocks until `socket` is ready for `interest`, `waker` is signalled or `until` has come.
///
/// Returns what the socket is ready for (nothing, if that is not what ended the wait) and whether
/// the waker was signalled.
pub(super) fn wait_for(
    socket: BorrowedFd<'_>,
    interest: PollFlags,
    waker: &Waker,
    until: Option<Instant>,
) -> io::Result<(PollFlags, bool)> {
    let mut fds =
        [PollFd::from_borrowed_fd(socket, interest), PollFd::from_borrowed_fd(waker.as_fd(), READ)];
    wait(&mut fds, until)?;
    Ok((fds[0].revents(), !fds[1].revents().is_empty()))
}

/// What `socket` is ready for at this moment.
pub(super) fn look(socket: BorrowedFd<'_>, interest: PollFlags) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(socket, interest)];
    poll(&mut fds, || Some(Timespec::default()))?;
    Ok(fds[0].revents())
}

/// One `recv` that does not block: `WouldBlock` if there is nothing to read.
pub(super) fn try_recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    recv(socket, buf, RecvFlags::DONTWAIT)
}

/// One `recv` that blocks, at most as long as the socket's receive time-out says.
pub(super) fn blocking_recv(socket: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    recv(socket, buf, RecvFlags::empty())
}

fn recv(socket: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    loop {
        match rustix::net::recv(socket, &mut *buf, flags) {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?.0),
        }
    }
}

/// One vectored `send` that does not block: `WouldBlock` if there is no room at all.
pub(super) fn try_send(socket: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    send(socket, slices, SendFlags::DONTWAIT | NO_SIGNAL)
}

/// As [`try_send`], of what more follows on at once. Where the system knows of no such thing, it is the
/// same.
pub(super) fn try_send_ahead(socket: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    send(socket, slices, SendFlags::DONTWAIT | NO_SIGNAL | MORE)
}

fn send(socket: BorrowedFd<'_>, slices: &[IoSlice<'_>], flags: SendFlags) -> io::Result<usize> {
    loop {
        let sent = match slices {
            [one] => rustix::net::send(socket, one, flags),
            many => rustix::net::sendmsg(
                socket,
                &many[..many.len().min(MOST_SLICES)],
                &mut SendAncillaryBuffer::default(),
                flags,
            ),
        };
        match sent {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

/// Gives up a TCP connection so that the peer sees a reset, without closing the descriptor.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn reset(socket: &Socket) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(rustix::net::connect_unspec(socket)?)
}

/// Ends a TCP connection, and makes the peer see a reset once its last descriptor is closed.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn reset(socket: &Socket) -> io::Result<()> {
    socket.set_linger(Some(Duration::ZERO))?;
    socket.shutdown(std::net::Shutdown::Both)
}

/// Lets a listener be bound again although old connections of its port linger.
#[cfg(unix)]
pub(super) fn allow_rebinding(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Does nothing: there the option would let two processes share the port, and rebinding works
/// without it.
#[cfg(not(unix))]
pub(super) fn allow_rebinding(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// Sets what an accepted TCP socket has inherited from its listener here: nothing is left to do.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn settle_accepted(_socket: &Socket, _tcp: bool, _keepalive: Duration) {}

/// Sets on an accepted socket what it may not have inherited from its listener. A socket that
/// refuses an option (it may be dead already) is taken as it is.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn settle_accepted(socket: &Socket, tcp: bool, keepalive: Duration) {
    let _ = socket.set_nonblocking(false);
    if tcp {
        let _ = socket.set_tcp_nodelay(true);
        let _ = set_keepalive(socket, Some(keepalive));
    }
}

/// Whether `socket` is a listening one.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) fn listens(socket: &Socket) -> bool {
    socket.is_listener().unwrap_or(false)
}

/// Not every system can tell: one that does not listen fails at its first accept.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
pub(super) fn listens(_socket: &Socket) -> bool {
    true
}

/// Returns a duplicate of the descriptor `number` of this process, without unsafe code.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn duplicate(number: i32) -> io::Result<OwnedFd> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    if number < 0 {
        return Err(Errno::BADF.into());
    }
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    Ok(pidfd_getfd(this, number, PidfdGetfdFlags::empty())?)
}

/// Returns a duplicate of the descriptor `number` of this process, without unsafe code.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(super) fn duplicate(number: i32) -> io::Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open};
    Ok(open(format!("/dev/fd/{number}"), OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?)
}

/// Turns keep-alive probes on, first and then every `period`, or off.
pub(super) fn set_keepalive(socket: &Socket, period: Option<Duration>) -> io::Result<()> {
    match period {
        None => socket.set_keepalive(false),
        // The systems count in whole seconds.
        Some(period) => {
            let period = period.max(Duration::from_secs(1));
            socket.set_tcp_keepalive(&keepalive(period))
        }
    }
}

#[cfg(not(target_os = "openbsd"))]
fn keepalive(period: Duration) -> TcpKeepalive {
    TcpKeepalive::new().with_time(period).with_interval(period)
}
#[cfg(target_os = "openbsd")]
fn keepalive(_period: Duration) -> TcpKeepalive {
    TcpKeepalive::new()
}

/// Whether `error` says that the process or the system has no room for another socket.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}

/// Whether `error` is about the one connection that was being accepted: the network's errors that
/// some systems report through `accept`.
pub(super) fn is_about_the_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::PERM
                | Errno::PROTO
                | Errno::NOPROTOOPT
                | Errno::NETDOWN
                | Errno::NETRESET
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::TIMEDOUT
                | Errno::INTR
        )
    )
}

/// Begins to connect a socket in non-blocking mode: `true` if that is done already.
///
/// A Unix socket whose listener's queue is full gives `WouldBlock`, and has not begun.
pub(super) fn start_connect(socket: &Socket, address: &socket2::SockAddr) -> io::Result<bool> {
    match socket.connect(address) {
        Ok(()) => Ok(true),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A descriptor that becomes readable when it is signalled, and stays so until it is drained.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[derive(Debug)]
pub(super) struct Waker {
    event: OwnedFd,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Self { event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// Wakes whoever waits on this. Can only fail when it has been signalled more than enough.
    pub(super) fn signal(&self) {
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    pub(super) fn drain(&self) {
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

/// A descriptor that becomes readable when it is signalled, and stays so until it is drained.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[derive(Debug)]
pub(super) struct Waker {
    reader: OwnedFd,
    writer: OwnedFd,
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
        let (reader, writer) = rustix::pipe::pipe()?;
        for end in [&reader, &writer] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            ioctl_fionbio(end, true)?;
        }
        Ok(Self { reader, writer })
    }

    /// Wakes whoever waits on this. Can only fail when it has been signalled more than enough.
    pub(super) fn signal(&self) {
        let _ = rustix::io::write(&self.writer, &[1]);
    }

    pub(super) fn drain(&self) {
        while rustix::io::read(&self.reader, &mut [0; 64]).is_ok_and(|count| count > 0) {}
    }

    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl Waker {
    /// This waker as one of several things to wait for.
    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        PollFd::from_borrowed_fd(self.as_fd(), READ)
    }

    /// The calling thread's own, made when it first waits and kept until it ends.
    ///
    /// A thread waits in one place at a time, so one is enough for all its connections. Whoever
    /// hands it to other threads takes care that none signals it after the wait.
    pub(super) fn of_this_thread() -> io::Result<Arc<Self>> {
        thread_local! {
            static MINE: OnceCell<Arc<Waker>> = const { OnceCell::new() };
        }
        let kept = MINE.try_with(|mine| match mine.get() {
            Some(waker) => Ok(Arc::clone(waker)),
            None => {
                let waker = Arc::new(Self::new()?);
                Ok(Arc::clone(mine.get_or_init(|| waker)))
            }
        });
        // A thread that is ending has given its own away already.
        kept.unwrap_or_else(|_| Ok(Arc::new(Self::new()?)))
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_signal_stays_until_it_is_drained() {
        let waker = Waker::new().unwrap();
        let ready = |waker: &Waker| wait(&mut [waker.poll_fd()], Some(Instant::now())).unwrap();
        assert_eq!(ready(&waker), 0);
        waker.signal();
        waker.signal();
        assert_eq!((ready(&waker), ready(&waker)), (1, 1));
        waker.drain();
        assert_eq!(ready(&waker), 0);
    }

    #[test]
    fn a_wait_lasts_until_its_deadline_and_no_less() {
        let waker = Waker::new().unwrap();
        let until = Instant::now() + Duration::from_millis(5);
        assert_eq!(wait(&mut [waker.poll_fd()], Some(until)).unwrap(), 0);
        assert!(Instant::now() >= until);
    }

    #[test]
    fn a_thread_has_one_waker() {
        let (one, other) = (Waker::of_this_thread().unwrap(), Waker::of_this_thread().unwrap());
        assert!(Arc::ptr_eq(&one, &other));
    }
}
