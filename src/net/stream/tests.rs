//! The same scripts over TCP, Unix and memory, and over TLS on each of them.

mod closing;
mod deadlines;
mod hangup;
// The other platform files copy files.
#[cfg(all(target_os = "linux", not(hangup_portable)))]
mod send_file;
#[cfg(unix)]
mod unix;

use std::io::ErrorKind::{
    BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, TimedOut, UnexpectedEof,
    WouldBlock,
};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use crate::net::latch::{Latch, Woken};
use crate::net::memory;
use crate::sync::channel;
use std::io::{IoSlice, Read, Write};
use std::net::TcpStream;

/// The time after which a wait fails the test. No machine needs so long.
const PATIENCE: Duration = Duration::from_secs(20);

fn tcp_pair() -> (Stream, Stream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let other = listener.accept().unwrap().0;
    (one.into(), other.into())
}

type Pair = fn() -> (Stream, Stream);

/// The kinds of streams, each with a function that makes a pair.
const KINDS: &[(&str, Pair)] = &[
    ("tcp", tcp_pair),
    #[cfg(unix)]
    ("unix", unix::pair),
    ("memory", memory::pair),
];

/// `true` if the end of a stream is noticed behind unread data.
const SEES_BEHIND_DATA: bool =
    cfg!(all(any(target_os = "linux", target_os = "android"), not(hangup_portable)));

/// Runs `script` over each kind on which a wait for the end of the stream ends without a read. Over TLS, the
/// unread close_notify stands before that end.
fn over_each_without_reads(script: impl Fn(&str, Stream, Stream)) {
    over_each(|name, one, other| {
        if SEES_BEHIND_DATA || one.tls().is_none() {
            script(name, one, other);
        }
    });
}

/// Runs `script` over a fresh pair of each kind.
fn over_each(script: impl Fn(&str, Stream, Stream)) {
    for (kind, pair) in KINDS {
        let (one, other) = pair();
        script(kind, one, other);
        #[cfg(feature = "tls")]
        {
            let (one, other) = pair();
            let (one, other) = crate::net::tls::tests::over_tls(one, other);
            script(kind, one, other);
        }
    }
}

/// Returns `true` if reads of a socket without input block.
pub(in crate::net) fn blocks(mut socket: &TcpStream) -> bool {
    let limit = Duration::from_millis(100);
    socket.set_read_timeout(Some(limit)).unwrap();
    let start = Instant::now();
    socket.read(&mut [0]).unwrap_err();
    socket.set_read_timeout(None).unwrap();
    start.elapsed() > limit / 2
}

/// `true` if the peer of a socket that is reset may see the end of the stream first: Wine shuts a socket
/// down before it closes it. Windows does not.
const RESETS_AFTER_AN_END: bool = cfg!(windows);

fn past() -> Option<Instant> {
    Some(Instant::now())
}

fn parked(stream: &Stream, place: Parked) {
    assert!(stream.wait_until_parked(place, PATIENCE), "no thread is parked at {place:?}");
}

fn kind<T: fmt::Debug>(outcome: io::Result<T>) -> io::ErrorKind {
    outcome.unwrap_err().kind()
}

/// Writes until it fails, and returns the error and the number of bytes before it.
fn write_on(mut stream: &Stream) -> (io::ErrorKind, usize) {
    let piece = [b'x'; 16 * 1024];
    let mut written = 0;
    loop {
        match stream.write(&piece) {
            Ok(count) => written += count,
            Err(error) => return (error.kind(), written),
        }
    }
}

fn read_once(mut stream: &Stream) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; 1024];
    let count = stream.read(&mut buf)?;
    buf.truncate(count);
    Ok(buf)
}

#[test]
fn a_handle_that_is_left_waits_as_before_when_a_copy_is_handed_out() {
    let (one, other) = tcp_pair();
    let copy = one.clone().into_tcp().unwrap();
    assert_eq!(kind(one.try_read(&mut [0])), WouldBlock);
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_once(&one));
        parked(&one, Parked::Read);
        (&other).write_all(b"abc").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), b"abc");

        let writer = scope.spawn(|| write_on(&one));
        parked(&one, Parked::Write);
        one.set_write_deadline(past());
        let (kind_, written) = writer.join().unwrap();
        assert_eq!(kind_, TimedOut);
        (&other).read_exact(&mut vec![0; written]).unwrap();

        let reader = scope.spawn(|| kind(read_once(&one)));
        parked(&one, Parked::Read);
        one.close();
        assert_eq!(reader.join().unwrap(), ConnectionAborted);
    });
    drop(copy);
}

#[test]
fn many_slices_are_written_in_order() {
    over_each(|name, one, other| {
        let text = (0..3000_u32).map(|number| number.to_string()).collect::<Vec<_>>();
        let mut slices = text.iter().map(|item| IoSlice::new(item.as_bytes())).collect::<Vec<_>>();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            let count = (&one).write_vectored(rest).unwrap();
            IoSlice::advance_slices(&mut rest, count);
        }
        drop(one);
        let mut received = String::new();
        (&other).read_to_string(&mut received).unwrap();
        assert!(received == text.concat(), "{name}");
    });
    over_each(|_, one, _other| assert_eq!((&one).write(b"").unwrap(), 0));
}

#[test]
fn into_std_returns_a_blocking_socket_without_timeouts() {
    let (one, other) = tcp_pair();
    assert_eq!(kind(one.read_for(&mut [0], Some(Duration::from_millis(1)))), TimedOut);
    one.set_read_deadline(past());
    let kept = one.clone();
    let copy = one.into_tcp().unwrap();
    assert_eq!(copy.read_timeout().unwrap(), None);
    assert_eq!(kind(kept.read_for(&mut [0], Some(Duration::from_millis(1)))), TimedOut);
    let itself = kept.into_tcp().unwrap();
    assert_eq!(itself.read_timeout().unwrap(), None);
    thread::scope(|scope| {
        let reader = scope.spawn(|| (&itself).read(&mut [0; 10]));
        (&other).write_all(b"blocking").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 8);
    });
    assert!(memory::pair().0.into_tcp().is_err());
}

#[test]
fn every_kind_has_addresses_and_options() {
    over_each(|name, one, other| {
        assert_eq!(one.peer_addr().unwrap(), other.local_addr().unwrap());
        assert_eq!(one.peer_addr().unwrap().ip().is_some(), name == "tcp");
        one.set_nodelay(true).unwrap();
        one.set_keepalive(Some(Duration::from_secs(30))).unwrap();
        one.set_keepalive(None).unwrap();
        assert!(format!("{one:?}").starts_with("Stream"));
    });
}
