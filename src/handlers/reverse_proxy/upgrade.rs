//! A connection that has switched protocols: bytes in both directions.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, Version};

use super::hop_by_hop::HopByHop;
use crate::net::{Duplex, Stream};
use crate::sync::Mutex;
use crate::{Error, ResponseWriter, Result, h1, sync};

/// How much is read from a side before it is written to the other, in bytes.
const PIECE: usize = 16 * 1024;

/// The stack of the thread that copies one direction, in bytes. Its buffer is on the heap.
const STACK: usize = 128 * 1024;

/// How long a side may be silent until the system asks whether its host is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Prepares the header of a 101 for the client.
pub(super) fn prepare(headers: &mut HeaderMap) {
    let protocols: Vec<HeaderValue> = headers.get_all(UPGRADE).iter().cloned().collect();
    HopByHop::remove_from(headers);
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    for protocol in protocols {
        headers.append(UPGRADE, protocol);
    }
}

/// Sends the 101 to the client, and passes bytes between it and `upstream` until both sides have ended.
///
/// The end of one side half-closes the other. A side that fails ends both at once. So does a tunnel that has
/// carried nothing for `limit`, and a side that accepts nothing for as long.
///
/// # Blocking
///
/// Until the tunnel has ended.
pub(super) fn run(
    w: &mut ResponseWriter,
    head: &Parts,
    upstream: Duplex,
    limit: Option<Duration>,
) -> Result<()> {
    let mut response = Vec::new();
    h1::write_response_head(&mut response, Version::HTTP_11, head.status, None, &head.headers)
        .map_err(Error::other)?;
    let mut client = w.switch_protocols()?;
    let sides = Sides::new(client.stream(), upstream.stream(), limit);
    client.write_all(&response)?;
    let down = sides.clone();
    let spawned = sync::spawn("hangup-tunnel", Some(STACK), move || {
        down.copy(upstream, &down.client);
    });
    match spawned {
        Ok(thread) => {
            sides.copy(client, &sides.upstream);
            let _ = thread.join();
            Ok(())
        }
        // Dropping the two connections closes them.
        Err(error) => Err(error.into()),
    }
}

/// Both connections of a tunnel.
#[derive(Clone)]
struct Sides {
    client: Stream,
    upstream: Stream,
    /// `None` without a limit.
    idle: Option<Arc<Idle>>,
}

/// How long a tunnel carries nothing.
struct Idle {
    limit: Duration,
    carried: Mutex<Carried>,
}

struct Carried {
    /// The end of the last write.
    last: Instant,
    /// The number of directions that are in a write, which its stream limits.
    writing: usize,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self { limit, carried: Mutex::new(Carried { last: sync::now(), writing: 0 }) }
    }

    /// Returns when the tunnel has carried nothing for too long, unless it carries something before.
    fn ends(&self) -> Option<Instant> {
        let carried = self.carried.lock();
        let last = if carried.writing > 0 { sync::now() } else { carried.last };
        last.checked_add(self.limit)
    }

    /// Writes a piece by `write`. Meanwhile the tunnel is not idle.
    fn carry<T>(&self, write: impl FnOnce() -> T) -> T {
        self.carried.lock().writing += 1;
        let outcome = write();
        let mut carried = self.carried.lock();
        carried.writing -= 1;
        carried.last = sync::now();
        outcome
    }
}

impl Sides {
    fn new(client: &Stream, upstream: &Stream, limit: Option<Duration>) -> Self {
        for side in [client, upstream] {
            // A stream in memory has none.
            let _ = side.set_keepalive(Some(KEEPALIVE));
            side.set_write_idle_timeout(limit);
        }
        let idle = limit.map(|limit| Arc::new(Idle::new(limit)));
        Self { client: client.clone(), upstream: upstream.clone(), idle }
    }

    /// Copies one direction to its end. A failure closes both connections, which ends the other direction.
    fn copy(&self, from: Duplex, to: &Stream) {
        if self.copy_all(from, to).is_err() {
            self.client.close();
            self.upstream.close();
        }
    }

    fn copy_all(&self, mut from: Duplex, to: &Stream) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let ends = self.idle.as_ref().and_then(|idle| idle.ends());
            from.stream().set_read_deadline(ends);
            match from.read(&mut piece) {
                Ok(0) => return to.shutdown(Shutdown::Write),
                Ok(count) => {
                    let write = || (&mut &*to).write_all(&piece[..count]);
                    match &self.idle {
                        Some(idle) => idle.carry(write)?,
                        None => write()?,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The other direction has carried something since.
                Err(error)
                    if error.kind() == io::ErrorKind::TimedOut && self.has_carried_since(ends) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn has_carried_since(&self, ends: Option<Instant>) -> bool {
        self.idle.as_ref().is_some_and(|idle| idle.ends() > ends)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::net::memory;

    #[test]
    fn h11_a_side_that_reads_slowly_keeps_its_tunnel() {
        const LIMIT: Duration = Duration::from_secs(1);
        const ROOM: usize = PIECE / 16;
        let (client, mut far_client) = memory::pair();
        let (upstream, mut far_upstream) = memory::pair_with_capacity(ROOM);
        let sides = Sides::new(&client, &upstream, Some(LIMIT));
        let duplex = |stream: &Stream| Duplex::new(stream.clone(), Bytes::new());
        std::thread::scope(|scope| {
            let down = scope.spawn(|| sides.copy(duplex(&sides.upstream), &client));
            let up = scope.spawn(|| sides.copy(duplex(&sides.client), &upstream));
            far_client.write_all(&[b'x'; PIECE]).unwrap();
            // One piece takes longer than the limit, and the other direction carries nothing meanwhile.
            for _ in 0..16 {
                let _ = sync::channel::after(LIMIT / 8).recv();
                far_upstream.read_exact(&mut [0; ROOM]).expect("more of the piece");
            }
            far_upstream.write_all(b"alive").unwrap();
            let mut answer = [0; 5];
            far_client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"alive");
            far_client.shutdown(Shutdown::Write).unwrap();
            far_upstream.shutdown(Shutdown::Write).unwrap();
            up.join().unwrap();
            down.join().unwrap();
        });
    }
}
