//! The minimum speed of a call's transfer.
//!
//! Only time in which the peer could transfer counts: the time that a thread of the call is blocked in a
//! write or a read. The time in which the user's code produces or takes bytes does not.
//!
//! ```text
//!   writer   source  ▕█write█▏ source ▕█write█▏ sent                    █ the clock runs
//!   reader   (waits for the head)               ▕█read█▏ user ▕█read█▏
//! ```
//!
//! Each blocking call ends at the moment at which the transfer is too slow, so no thread polls.

mod meter;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use self::meter::Meter;
pub(super) use self::meter::MinSpeed;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::net::Stream;
use crate::sync::{self, Mutex};

/// The speed of one exchange, measured by the thread that writes and the one that reads.
pub(super) struct Speed(Mutex<State>);

struct State {
    meter: Meter,
    min: MinSpeed,
    /// The response's body is being read. Its reader measures from then on.
    responding: bool,
    /// A thread is in a read, and looks again when its deadline passes.
    reading: bool,
    sender: Sender,
}

/// The activity of the thread that sends the request.
#[derive(Clone, Copy)]
enum Sender {
    /// It reads the body's source.
    AtSource,
    /// It has been in a write since then.
    Writing(Instant),
    /// It has sent the request, at that time.
    Done(Instant),
}

impl State {
    /// Returns when the transfer is too slow if nothing more is transferred from `now` on.
    fn due(&self, now: Instant) -> Option<Instant> {
        now.checked_add(self.meter.left())
    }

    /// Returns since when a reader waits for the peer, if it does.
    fn waits_since(&self, begun: Instant) -> Option<Instant> {
        match self.sender {
            Sender::Done(at) => Some(begun.max(at)),
            Sender::Writing(at) if self.responding => Some(begun.max(at)),
            Sender::Writing(_) | Sender::AtSource => None,
        }
    }
}

impl Speed {
    /// Begins to measure an exchange whose request is about to be sent.
    pub(super) fn new(min: MinSpeed) -> Arc<Self> {
        let (meter, sender) = (Meter::new(min), Sender::AtSource);
        Arc::new(Self(Mutex::new(State { meter, min, responding: false, reading: false, sender })))
    }

    /// Counts bytes of a request that were sent without blocking.
    pub(super) fn count(&self, bytes: u64) {
        self.0.lock().meter.record(bytes);
    }

    /// Records that the request is sent. A thread that reads meanwhile looks again.
    pub(super) fn sent(&self, stream: &Stream) {
        let mut state = self.0.lock();
        let now = sync::now();
        state.sender = Sender::Done(now);
        stream.set_write_deadline(None);
        if state.reading {
            stream.set_read_deadline(Some(now));
        }
    }

    /// Records that the head of the response has come. From now on only the reading is limited.
    pub(super) fn responding(&self, stream: &Stream) {
        let mut state = self.0.lock();
        state.responding = true;
        stream.set_write_deadline(None);
    }

    /// Writes by `write`, which may block. Over TLS the bytes count when they are sent, not when they are
    /// encrypted: `write` is repeated if its time is over and the peer has taken enough meanwhile.
    ///
    /// # Errors
    ///
    /// That of `write`, and a [`TimeLimit::Speed`] once the transfer is too slow.
    pub(super) fn write<T>(
        &self,
        stream: &Stream,
        mut write: impl FnMut() -> io::Result<T>,
        count: impl Fn(&T) -> u64,
    ) -> io::Result<T> {
        loop {
            let begun = sync::now();
            self.limit_write(stream, begun);
            let sent_before = stream.encrypted_sent();
            let outcome = write();
            let encrypted = || Some(stream.encrypted_sent()? - sent_before?);
            let mut state = self.0.lock();
            state.sender = Sender::AtSource;
            if !state.responding {
                state.meter.advance(sync::now() - begun);
            }
            match outcome {
                Ok(done) => {
                    state.meter.record(encrypted().unwrap_or_else(|| count(&done)));
                    return Ok(done);
                }
                Err(error) if !is_deadline(&error) => return Err(error),
                Err(_) => {
                    let progress = encrypted().unwrap_or(0);
                    state.meter.record(progress);
                    if progress == 0 || state.meter.left().is_zero() {
                        return Err(too_slow(state.min));
                    }
                }
            }
        }
    }

    /// Sets the deadline of a write that begins.
    fn limit_write(&self, stream: &Stream, begun: Instant) {
        let mut state = self.0.lock();
        state.sender = Sender::Writing(begun);
        if !state.responding {
            stream.set_write_deadline(state.due(begun));
        }
    }

    /// Reads by `read`, which may block. `due` returns the time of another limit for the read; its
    /// parameter is the time at which the request was sent.
    ///
    /// # Errors
    ///
    /// That of `read`, which is `TimedOut` at the other limit, and a [`TimeLimit::Speed`] once the
    /// transfer is too slow.
    pub(super) fn read(
        &self,
        stream: &Stream,
        due: impl Fn(Option<Instant>) -> Option<Instant>,
        mut read: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            let begun = sync::now();
            self.limit_read(stream, begun, &due);
            let outcome = read();
            let now = sync::now();
            let mut state = self.0.lock();
            state.reading = false;
            if let Some(since) = state.waits_since(begun) {
                state.meter.advance(now.saturating_duration_since(since));
            }
            match outcome {
                Ok(count) => {
                    state.meter.record(count as u64);
                    return Ok(count);
                }
                Err(error) if !is_deadline(&error) => return Err(error),
                Err(error) if due(state.sent_at()).is_some_and(|due| due <= now) => {
                    return Err(error);
                }
                Err(_) if state.meter.left().is_zero() => return Err(too_slow(state.min)),
                // The request was sent meanwhile, or the sender is still at the body's source.
                Err(_) => {}
            }
        }
    }

    /// Sets the deadline of a read. Under the lock, so that the end of sending overrides it.
    fn limit_read(
        &self,
        stream: &Stream,
        begun: Instant,
        due: impl Fn(Option<Instant>) -> Option<Instant>,
    ) {
        let mut state = self.0.lock();
        state.reading = true;
        let slow = match state.waits_since(begun) {
            Some(_) => state.due(begun),
            // Looks again then, as the sender may be in a write.
            None => begun.checked_add(state.min.over()),
        };
        let until = slow.into_iter().chain(due(state.sent_at())).min();
        stream.set_read_deadline(until);
    }
}

impl State {
    fn sent_at(&self) -> Option<Instant> {
        match self.sender {
            Sender::Done(at) => Some(at),
            Sender::AtSource | Sender::Writing(_) => None,
        }
    }
}

/// Returns `true` if a deadline of the stream has passed. The system's `ETIMEDOUT` is an end of the
/// connection, which it reports once: a further read would find a clean end of the stream.
pub(super) fn is_deadline(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

#[cold]
fn too_slow(min: MinSpeed) -> io::Error {
    let kind = ErrorKind::Timeout(TimeLimit::Speed);
    Error::message(kind, min.to_string()).into()
}

#[cfg(all(test, unix, not(hangup_shuttle)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::memory;

    #[test]
    fn c16_a_timeout_of_the_system_is_not_taken_for_a_deadline() {
        let (stream, _peer) = memory::pair();
        let speed = Speed::new(MinSpeed::new(1, Duration::from_secs(3600)).unwrap());
        let code = rustix::io::Errno::TIMEDOUT.raw_os_error();
        let mut reads = [Err(io::Error::from_raw_os_error(code)), Ok(0)].into_iter();
        let read = speed.read(&stream, |_| None, || reads.next().unwrap());
        assert_eq!(read.unwrap_err().raw_os_error(), Some(code));
        let written = speed.write(
            &stream,
            || Err::<usize, _>(io::Error::from_raw_os_error(code)),
            |count| *count as u64,
        );
        assert_eq!(written.unwrap_err().raw_os_error(), Some(code));
    }

    /// Returns the two ends of a TLS connection over a pipe that holds `capacity` bytes.
    #[cfg(feature = "tls")]
    fn tls_pair(capacity: usize) -> (Stream, Stream) {
        let (near, far) = memory::pair_with_capacity(capacity);
        let limit = Duration::from_secs(20);
        std::thread::scope(|scope| {
            let far = scope.spawn(move || crate::testing::tls_acceptor().accept(far, limit));
            let context = crate::Context::new();
            let near = crate::testing::tls_connector().connect(near, "localhost", limit, &context);
            (near.unwrap(), far.join().unwrap().unwrap())
        })
    }

    #[test]
    #[cfg(feature = "tls")]
    fn c16_encrypted_bytes_count_when_the_peer_takes_them() {
        use std::io::Write;

        const PERIOD: Duration = Duration::from_secs(1);
        let (near, far) = tls_pair(20_000);
        let speed = Speed::new(MinSpeed::new(10_000, PERIOD).unwrap());
        let accepted = near.try_write_vectored(&[io::IoSlice::new(&[0; 60_000])]).unwrap();
        assert_eq!(accepted, 60_000);
        std::thread::scope(|scope| {
            // Each half period makes room for 20000 bytes, so all take longer than the period.
            let reader = scope.spawn(|| {
                let below = far.below_tls().unwrap();
                let taken = (0..4).map(|_| {
                    let _ = sync::channel::after(PERIOD / 2).recv();
                    below.try_read(&mut [0; 20_000]).unwrap_or(0)
                });
                taken.sum::<usize>()
            });
            let flushed = speed.write(&near, || (&near).flush(), |()| 0);
            flushed.expect("the peer is fast enough");
            assert!(reader.join().unwrap() > 40_000);
        });
        // Now the peer takes nothing.
        assert!(near.try_write_vectored(&[io::IoSlice::new(&[0; 60_000])]).is_ok());
        let stuck = speed.write(&near, || (&near).flush(), |()| 0).unwrap_err();
        assert_eq!(Error::from(stuck).timed_out(), Some(TimeLimit::Speed));
    }
}
