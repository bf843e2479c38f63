//! Unix sockets, and what descriptors streams use.

use std::os::unix::net::UnixStream;

use super::*;

pub(super) fn pair() -> (Stream, Stream) {
    let (one, other) = UnixStream::pair().unwrap();
    (one.into(), other.into())
}

#[test]
fn a_foreign_socket_is_put_into_blocking_mode() {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    one.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let one = Stream::from(one);
    thread::scope(|scope| {
        let reader = scope.spawn(|| one.read_for(&mut [0; 10], None));
        parked(&one, Parked::Read);
        (&other).write_all(b"abc").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), 3);
    });
}

/// A stream uses one descriptor. A thread that waits uses one more, however many streams it waits on.
#[cfg(target_os = "linux")]
#[test]
fn wake_up_descriptors_belong_to_threads() {
    let handles_after = |wait_on: usize| {
        let streams = (0..wait_on).map(|_| pair()).collect::<Vec<_>>();
        for (one, _) in &streams {
            assert_eq!(kind(one.wait_readable_until(past())), TimedOut);
            let soon = Some(Instant::now() + Duration::from_micros(10));
            assert_eq!(kind(one.wait_readable_until(soon)), TimedOut);
        }
        Arc::strong_count(&crate::net::wake::Waker::of_this_thread().unwrap())
    };
    // One reference here, one in the thread's local, and none in the streams.
    assert_eq!(handles_after(20), 2);
}

/// Returns the number of this process's descriptors that `/proc/self/fd` shows as `what`.
#[cfg(target_os = "linux")]
fn descriptors_of(what: &std::path::Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    all.filter(|entry| {
        let link = entry.as_ref().ok().and_then(|entry| std::fs::read_link(entry.path()).ok());
        link.as_deref() == Some(what)
    })
    .count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_stream_uses_one_descriptor_and_leaves_none() {
    use std::os::fd::AsRawFd;

    let (one, other) = UnixStream::pair().unwrap();
    let socket = std::fs::read_link(format!("/proc/self/fd/{}", one.as_raw_fd())).unwrap();
    let (one, other) = (Stream::from(one), Stream::from(other));
    let clone = one.clone();
    assert_eq!(kind(one.wait_readable_until(past())), TimedOut);
    assert_eq!(descriptors_of(&socket), 1);
    let copy = one.into_unix().unwrap();
    assert_eq!(descriptors_of(&socket), 2);
    drop(copy);
    thread::scope(|scope| {
        let reader = scope.spawn(|| kind(read_once(&clone)));
        parked(&clone, Parked::Read);
        clone.close();
        assert_eq!(reader.join().unwrap(), ConnectionAborted);
    });
    drop(clone);
    assert_eq!(descriptors_of(&socket), 0);
    assert_eq!(read_once(&other).unwrap(), b"");
}

#[test]
fn a_stream_becomes_a_socket_of_its_family() {
    assert!(pair().0.into_tcp().unwrap_err().into_unix().is_ok());
    assert!(tcp_pair().0.into_unix().unwrap_err().into_tcp().is_ok());
}
