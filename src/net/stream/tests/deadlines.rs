//! Waits, and what ends them: deadlines, limits, latches and bytes.

use super::*;

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
