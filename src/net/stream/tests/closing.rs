//! Closes, resets and drops.

use super::*;

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
