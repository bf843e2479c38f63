//! The same scripts over TCP, Unix and memory, and over TLS on each of them.

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
fn a_thousand_deadlines_lose_no_byte_while_bytes_flow() {
    over_each(|name, one, other| {
        let stop = AtomicBool::new(false);
        let (woken, wakes) = channel::bounded(0);
        let (resume, resumed) = channel::bounded(0);
        let (sent, received) = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut next = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    // Sometimes gives the reader time to park.
                    if next.is_multiple_of(5) {
                        let _ = one.wait_until_parked(Parked::Read, Duration::from_millis(1));
                    }
                    (&other).write_all(&next.to_be_bytes()).unwrap();
                    next += 1;
                }
                other.shutdown(Shutdown::Write).unwrap();
                next
            });
            let reader = scope.spawn(|| {
                let (mut bytes, mut buf) = (Vec::new(), [0; 97]);
                loop {
                    match (&one).read(&mut buf) {
                        Ok(0) => return bytes,
                        Ok(count) => bytes.extend_from_slice(&buf[..count]),
                        Err(error) => {
                            assert_eq!(error.kind(), TimedOut);
                            woken.send(()).unwrap();
                            resumed.recv().unwrap();
                        }
                    }
                }
            });
            for _ in 0..1000 {
                one.set_read_deadline(past());
                wakes.recv_timeout(PATIENCE).expect(name);
                one.set_read_deadline(None);
                resume.send(()).unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            (writer.join().unwrap(), reader.join().unwrap())
        });
        let expected = (0..sent).flat_map(u32::to_be_bytes).collect::<Vec<_>>();
        assert!(received == expected, "{name}: {} bytes of {}", received.len(), expected.len());
    });
}

#[test]
fn a_deadline_wakes_a_parked_reader_every_time() {
    over_each(|name, one, _other| {
        let (woken, wakes) = channel::unbounded();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..300 {
                    assert_eq!(kind(one.wait_readable()), TimedOut);
                    one.set_read_deadline(None);
                    woken.send(Instant::now()).unwrap();
                }
            });
            let mut latencies = Vec::new();
            for _ in 0..300 {
                parked(&one, Parked::Read);
                let start = Instant::now();
                one.set_read_deadline(past());
                latencies.push(wakes.recv_timeout(PATIENCE).expect(name) - start);
            }
            latencies.sort();
            // A loose bound: it allows for a slow machine, and excludes a poll every 100 ms.
            assert!(latencies[150] < Duration::from_millis(50), "{name}: {:?}", latencies[150]);
        });
    });
}

#[test]
fn a_past_deadline_fails_reads_until_it_is_changed() {
    over_each(|_, one, other| {
        (&other).write_all(b"kept").unwrap();
        one.wait_readable().unwrap();
        one.set_read_deadline(past());
        assert_eq!(kind(read_once(&one)), TimedOut);
        assert_eq!(kind(one.wait_readable()), TimedOut);
        one.set_read_deadline(Some(Instant::now() + PATIENCE));
        assert_eq!(read_once(&one).unwrap(), b"kept");
        one.set_write_deadline(past());
        assert_eq!(kind((&one).write(b"x")), TimedOut);
        one.set_write_deadline(None);
        assert_eq!((&one).write(b"x").unwrap(), 1);
    });
}

#[test]
fn a_deadline_can_be_moved_either_way() {
    over_each(|_, one, _other| {
        one.set_read_deadline(Some(Instant::now() + Duration::from_millis(5)));
        assert_eq!(kind(read_once(&one)), TimedOut);
        let limits = [20, 200, 2000].map(Duration::from_millis);
        assert!(limits.into_iter().any(|limit| is_moved_in_time(&one, limit)));
    });
}

/// Moves the deadline of a blocked read to a later moment. Returns `false` if the deadline passes before,
/// which shows nothing: on a busy machine this thread may not run in time.
fn is_moved_in_time(one: &Stream, limit: Duration) -> bool {
    let soon = Instant::now() + limit;
    let later = soon + Duration::from_millis(20);
    one.set_read_deadline(Some(soon));
    thread::scope(|scope| {
        let reader = scope.spawn(|| (kind(read_once(one)), Instant::now()));
        let is_parked = one.wait_until_parked(Parked::Read, limit);
        one.set_read_deadline(Some(later));
        let in_time = is_parked && Instant::now() < soon;
        let (outcome, ended) = reader.join().unwrap();
        assert_eq!(outcome, TimedOut);
        assert!(!in_time || ended >= later);
        in_time
    })
}

#[test]
fn wait_readable_until_ends_at_the_earlier_limit() {
    over_each(|_, one, _other| {
        let far = Some(Instant::now() + PATIENCE);
        assert_eq!(kind(one.wait_readable_until(past())), TimedOut);
        one.set_read_deadline(past());
        assert_eq!(kind(one.wait_readable_until(far)), TimedOut);
        one.set_read_deadline(far);
        let soon = Some(Instant::now() + Duration::from_millis(5));
        assert_eq!(kind(one.wait_readable_until(soon)), TimedOut);
    });
}

#[test]
fn wait_readable_reads_nothing() {
    over_each(|_, one, other| {
        thread::scope(|scope| {
            let waiter = scope.spawn(|| one.wait_readable());
            parked(&one, Parked::Read);
            (&other).write_all(b"abc").unwrap();
            waiter.join().unwrap().unwrap();
        });
        assert_eq!(read_once(&one).unwrap(), b"abc");
    });
}

#[test]
fn a_write_into_a_full_stream_is_called_back() {
    // Beyond what a socket's buffers grow to.
    const LENGTH: usize = 16 << 20;
    over_each(|_, one, other| {
        thread::scope(|scope| {
            let writer = scope.spawn(|| write_on(&one));
            parked(&one, Parked::Write);
            one.set_write_deadline(past());
            let (kind, written) = writer.join().unwrap();
            assert_eq!(kind, TimedOut);
            one.set_write_deadline(None);

            let writer = scope.spawn(|| (&one).write_all(&vec![b'y'; LENGTH]));
            parked(&one, Parked::Write);
            (&other).read_exact(&mut vec![0; written + LENGTH]).unwrap();
            writer.join().unwrap().unwrap();

            let writer = scope.spawn(|| write_on(&one).0);
            parked(&one, Parked::Write);
            one.close();
            assert_eq!(writer.join().unwrap(), BrokenPipe);
        });
    });
}

#[test]
fn close_wakes_every_thread_and_is_not_an_end_of_stream() {
    over_each(|_, one, other| {
        (&one).write_all(b"last words").unwrap();
        thread::scope(|scope| {
            let reader = scope.spawn(|| kind(read_once(&one)));
            parked(&one, Parked::Read);
            let watcher = scope.spawn(|| kind(one.wait_hangup(Hangup::EndOfStream)));
            parked(&one, Parked::Hangup);
            one.close();
            assert_eq!(reader.join().unwrap(), ConnectionAborted);
            assert_eq!(watcher.join().unwrap(), ConnectionAborted);
        });
        one.close();
        assert!(one.is_closed() && !other.is_closed());
        assert_eq!(kind(read_once(&one)), ConnectionAborted);
        assert_eq!(kind(one.try_read(&mut [0])), ConnectionAborted);
        assert_eq!(kind(one.read_for(&mut [0], None)), ConnectionAborted);
        assert_eq!(kind(one.wait_readable()), ConnectionAborted);
        assert_eq!(kind((&one).write(b"x")), BrokenPipe);
        assert_eq!(read_once(&other).unwrap(), b"last words");
        assert_eq!(read_once(&other).unwrap(), b"");
    });
}

#[test]
fn close_wakes_read_for_and_wait_hangup() {
    over_each(|_, one, _other| {
        thread::scope(|scope| {
            let plain = scope.spawn(|| kind(one.read_for(&mut [0], None)));
            parked(&one, Parked::Read);
            one.clone().close();
            assert_eq!(plain.join().unwrap(), ConnectionAborted);
        });
    });
    over_each(|_, one, _other| {
        thread::scope(|scope| {
            let waiter = scope.spawn(|| kind(one.wait_readable()));
            parked(&one, Parked::Read);
            one.close();
            assert_eq!(waiter.join().unwrap(), ConnectionAborted);
        });
    });
}

#[test]
fn read_for_ends_after_its_patience() {
    over_each(|_, one, other| {
        let short = Some(Duration::from_millis(5));
        one.set_read_deadline(past());
        assert_eq!(kind(one.read_for(&mut [0], short)), TimedOut);
        assert_eq!(kind(one.read_for(&mut [0], Some(Duration::ZERO))), TimedOut);
        (&other).write_all(b"xyz").unwrap();
        let mut buf = [0; 1];
        assert_eq!(one.read_for(&mut buf, Some(PATIENCE)).unwrap(), 1);
        assert_eq!(one.read_for(&mut buf, Some(Duration::MAX)).unwrap(), 1);
        assert_eq!(one.read_for(&mut buf, None).unwrap(), 1);
        assert_eq!(&buf, b"z");
    });
}

#[test]
fn an_idle_wait_ends_by_each_of_its_causes() {
    over_each(|name, one, other| {
        let latch = Latch::new();
        let wait = |limit| one.wait_idle(&latch, limit);
        assert_eq!(kind(wait(past())), TimedOut, "{name}");
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(kind(wait(Some(soon))), TimedOut, "{name}");
        assert!(Instant::now() >= soon);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| wait(None));
            parked(&one, Parked::Read);
            (&other).write_all(b"x").unwrap();
            assert_eq!(waiter.join().unwrap().unwrap(), Woken::Readable, "{name}");
            assert_eq!(read_once(&one).unwrap(), b"x");

            let waiter = scope.spawn(|| wait(None));
            parked(&one, Parked::Read);
            latch.set();
            one.look_again();
            assert_eq!(waiter.join().unwrap().unwrap(), Woken::Latched, "{name}");
        });
        let latch = Latch::new();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| kind(one.wait_idle(&latch, None)));
            parked(&one, Parked::Read);
            one.close();
            assert_eq!(waiter.join().unwrap(), ConnectionAborted, "{name}");
        });
    });
}

#[test]
fn a_reset_closes_the_socket_although_another_handle_lives() {
    let (one, other) = tcp_pair();
    let kept = other.clone();
    thread::scope(|scope| {
        let reader = scope.spawn(|| kind(read_once(&other)));
        parked(&other, Parked::Read);
        kept.reset();
        assert_eq!(reader.join().unwrap(), ConnectionAborted);
    });
    match read_once(&one) {
        Ok(bytes) => assert!(RESETS_AFTER_AN_END && bytes.is_empty()),
        Err(error) => assert_eq!(error.kind(), ConnectionReset),
    }
    assert_eq!(one.wait_hangup(Hangup::Broken).unwrap(), Hangup::Broken);
    assert_eq!(kind(read_once(&kept)), ConnectionAborted);
    kept.reset();
    kept.close();
}

#[test]
fn writes_after_a_reset_fail() {
    let (one, other) = tcp_pair();
    other.reset();
    assert_eq!(one.wait_hangup(Hangup::EndOfStream).unwrap(), Hangup::Broken);
    assert!(matches!(write_on(&one).0, ConnectionReset | BrokenPipe));
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
fn shutdown_ends_one_direction_only() {
    over_each(|name, one, other| {
        (&one).write_all(b"question").unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!(kind((&one).write(b"x")), BrokenPipe);
        assert_eq!(read_once(&other).unwrap(), b"question");
        assert_eq!(other.wait_hangup(Hangup::EndOfStream).unwrap(), Hangup::EndOfStream, "{name}");
        let seen = Readiness { readable: true, peer_closed: true, broken: false };
        assert_eq!(other.readiness(), seen, "{name}");
        assert_eq!(read_once(&other).unwrap(), b"");
        (&other).write_all(b"answer").unwrap();
        assert_eq!(read_once(&one).unwrap(), b"answer");
    });
}

#[test]
fn readiness_reports_data_end_and_failure() {
    over_each(|name, one, other| {
        let quiet = Readiness { readable: false, peer_closed: false, broken: false };
        assert_eq!(one.readiness(), quiet, "{name}");
        assert_eq!(kind(one.try_read(&mut [0])), WouldBlock);
        (&other).write_all(b"x").unwrap();
        one.wait_readable().unwrap();
        assert_eq!(one.readiness(), Readiness { readable: true, ..quiet }, "{name}");
        assert_eq!(one.try_read(&mut [0]).unwrap(), 1);
        other.reset();
        one.wait_hangup(Hangup::EndOfStream).unwrap();
        assert_eq!(
            one.readiness(),
            Readiness { readable: true, peer_closed: true, broken: true },
            "{name}"
        );
    });
}

#[test]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), ignore = "no POLLRDHUP")]
#[cfg_attr(hangup_portable, ignore = "no POLLRDHUP")]
fn an_end_of_stream_is_seen_behind_unread_bytes() {
    over_each(|name, one, other| {
        (&other).write_all(b"unread").unwrap();
        thread::scope(|scope| {
            let watcher = scope.spawn(|| one.wait_hangup(Hangup::EndOfStream));
            parked(&one, Parked::Hangup);
            other.shutdown(Shutdown::Write).unwrap();
            assert_eq!(watcher.join().unwrap().unwrap(), Hangup::EndOfStream, "{name}");
        });
        let seen = Readiness { readable: true, peer_closed: true, broken: false };
        assert_eq!(one.readiness(), seen, "{name}");
        assert_eq!(read_once(&one).unwrap(), b"unread");
    });
}

#[test]
fn an_end_of_stream_is_seen_once_all_is_read() {
    over_each(|name, one, other| {
        (&other).write_all(b"unread").unwrap();
        one.wait_readable().unwrap();
        thread::scope(|scope| {
            let watcher = scope.spawn(|| one.wait_hangup(Hangup::EndOfStream));
            parked(&one, Parked::Hangup);
            assert_eq!(read_once(&one).unwrap(), b"unread");
            other.shutdown(Shutdown::Write).unwrap();
            let reader = scope.spawn(|| read_once(&one));
            assert_eq!(watcher.join().unwrap().unwrap(), Hangup::EndOfStream, "{name}");
            assert_eq!(reader.join().unwrap().unwrap(), b"");
        });
    });
}

#[test]
fn a_reset_is_seen_behind_unread_bytes() {
    over_each(|name, one, other| {
        (&other).write_all(b"unread").unwrap();
        one.wait_readable().unwrap();
        thread::scope(|scope| {
            let watcher = scope.spawn(|| one.wait_hangup(Hangup::EndOfStream));
            parked(&one, Parked::Hangup);
            other.reset();
            assert_eq!(watcher.join().unwrap().unwrap(), Hangup::Broken, "{name}");
        });
    });
}

#[test]
fn wait_hangup_sees_a_reset_after_an_end_of_stream() {
    over_each_without_reads(|name, one, other| {
        other.shutdown(Shutdown::Write).unwrap();
        assert_eq!(one.wait_hangup(Hangup::EndOfStream).unwrap(), Hangup::EndOfStream, "{name}");
        thread::scope(|scope| {
            let watcher = scope.spawn(|| one.wait_hangup(Hangup::Broken));
            parked(&one, Parked::Hangup);
            other.reset();
            assert_eq!(watcher.join().unwrap().unwrap(), Hangup::Broken, "{name}");
        });
    });
}

#[test]
fn a_hangup_is_seen_while_another_thread_reads() {
    over_each_without_reads(|name, one, other| {
        thread::scope(|scope| {
            let watcher = scope.spawn(|| one.wait_hangup(Hangup::EndOfStream));
            parked(&one, Parked::Hangup);
            for piece in [b"a", b"b", b"c"] {
                let reader = scope.spawn(|| read_once(&one));
                parked(&one, Parked::Read);
                (&other).write_all(piece).unwrap();
                assert_eq!(reader.join().unwrap().unwrap(), piece);
            }
            // The bytes have not ended the wait.
            parked(&one, Parked::Hangup);
            drop(other);
            let seen = watcher.join().unwrap().unwrap();
            let expected = if name == "tcp" { Hangup::EndOfStream } else { Hangup::Broken };
            assert_eq!(seen, expected, "{name}");
        });
    });
}

#[test]
fn a_wake_before_the_wait_is_not_lost() {
    over_each_without_reads(|_, one, other| {
        one.wake_hangup();
        one.wake_hangup();
        assert_eq!(kind(one.wait_hangup(Hangup::EndOfStream)), Interrupted);
        thread::scope(|scope| {
            let watcher = scope.spawn(|| kind(one.wait_hangup(Hangup::EndOfStream)));
            parked(&one, Parked::Hangup);
            one.wake_hangup();
            assert_eq!(watcher.join().unwrap(), Interrupted);
        });
        other.shutdown(Shutdown::Write).unwrap();
        assert_eq!(one.wait_hangup(Hangup::EndOfStream).unwrap(), Hangup::EndOfStream);
    });
}

#[test]
fn a_reset_reaches_a_parked_reader() {
    over_each(|name, one, other| {
        let may_end = name == "unix" || RESETS_AFTER_AN_END && name == "tcp";
        thread::scope(|scope| {
            let reader = scope.spawn(|| read_once(&one));
            parked(&one, Parked::Read);
            other.reset();
            assert!(other.is_closed());
            assert_eq!(kind(read_once(&other)), ConnectionAborted);
            assert_eq!(kind((&other).write(b"x")), BrokenPipe);
            match reader.join().unwrap() {
                // A Unix socket has no reset. Over TLS, an end without a close_notify is an error.
                Ok(bytes) => assert!(may_end && bytes.is_empty(), "{name}"),
                Err(error) if error.kind() == UnexpectedEof => assert!(may_end, "{name}"),
                Err(error) => assert_eq!(error.kind(), ConnectionReset, "{name}"),
            }
        });
    });
}

#[test]
fn dropping_the_last_handle_closes_the_stream() {
    over_each(|_, one, other| {
        let clone = other.clone();
        drop(other);
        (&clone).write_all(b"still here").unwrap();
        assert_eq!(read_once(&one).unwrap(), b"still here");
        drop(clone);
        assert_eq!(read_once(&one).unwrap(), b"");
    });
}

#[test]
fn a_deadline_wakes_all_parked_threads() {
    over_each(|_, one, _other| {
        thread::scope(|scope| {
            let waiters = [(); 4].map(|()| scope.spawn(|| kind(one.wait_readable())));
            parked(&one, Parked::Read);
            one.set_read_deadline(past());
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap(), TimedOut);
            }
        });
    });
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
