//! The peer's end of stream, and what a thread sees of it.

use super::*;

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
