//! A limit on the rate of requests by key.

mod buckets;

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::RETRY_AFTER;

use super::refusal::{keep_header, whole_seconds};
use crate::sync::Mutex;
use crate::{Error, Handler, Layer, Request, RequestExt, ResponseWriter, Result};
use buckets::{Buckets, Rate};

/// The default of [`RateLimit::max_keys`]. With addresses as keys that is about 6 MB.
const DEFAULT_KEYS: usize = 100_000;

/// A limit on the rate of requests by key, such as the client's address.
///
/// Each key has a bucket of `burst` tokens, which fills with `rate` tokens a second. A request takes one. If
/// there is none, it is refused with 429 and a `Retry-After` that says when the next token is there.
///
/// ```
/// use hangup::layers::RateLimit;
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// // 10 requests a second for each API key, 2 at once; requests without a key are not limited.
/// let limit = RateLimit::by(10.0, 2, |r| r.headers().get("x-api-key").cloned());
/// let handler = respond(|_| Ok("hello")).layer(limit);
/// let call = || -> hangup::Result<u16> {
///     let request = Request::get("/").header("x-api-key", "a").body("")?;
///     Ok(testing::call(&handler, request)?.status().as_u16())
/// };
/// assert_eq!([call()?, call()?, call()?], [200, 200, 429]);
/// # Ok::<(), hangup::Error>(())
/// ```
///
/// # Keys
///
/// [`new`](Self::new) takes the client's address, by [`RequestExt::client_ip`]. Behind a proxy that is the
/// proxy's, unless a layer outside has set another from a trusted header. Of an IPv6 address the first 64
/// bits count, since a client usually has as many addresses as it likes in such a network. A request without
/// an address is not limited. [`by`](Self::by) takes any other key.
///
/// # Memory
///
/// At most [`max_keys`](Self::max_keys) keys are kept. A key is evicted only when half of that number of
/// other keys have come since it was last seen, and then has a full bucket again. So many keys, as a
/// botnet has them, make the limit weaker, but not the server slower. Clones share the buckets.
///
/// No other header than `Retry-After` is sent: the `RateLimit` headers of the IETF are a draft still.
#[derive(Clone)]
pub struct RateLimit<K = IpAddr> {
    rate: Rate,
    key: Arc<Key<K>>,
    clock: Arc<Clock>,
    /// When the limit was made, from which times are counted.
    begun: Instant,
    buckets: Arc<Mutex<Buckets<K>>>,
}

type Key<K> = dyn Fn(&Request) -> Option<K> + Send + Sync;
type Clock = dyn Fn() -> Instant + Send + Sync;

impl RateLimit {
    /// Creates a limit of `rate` requests a second for each client address, and of `burst` at once.
    ///
    /// # Panics
    ///
    /// If `rate` is not above 0 and finite, or `burst` is 0.
    #[must_use]
    pub fn new(rate: f64, burst: u32) -> Self {
        Self::by(rate, burst, |r| r.client_ip().map(network))
    }
}

impl<K: Hash + Eq + Send + 'static> RateLimit<K> {
    /// Creates a limit of `rate` requests a second for each value that `key` returns, and of `burst` at once.
    /// Requests for which it returns `None` are not limited.
    ///
    /// # Panics
    ///
    /// If `rate` is not above 0 and finite, or `burst` is 0.
    #[must_use]
    pub fn by(
        rate: f64,
        burst: u32,
        key: impl Fn(&Request) -> Option<K> + Send + Sync + 'static,
    ) -> Self {
        let (clock, begun) = (Arc::new(Instant::now), Instant::now());
        let buckets = Arc::new(Mutex::new(Buckets::new(DEFAULT_KEYS)));
        Self { rate: Rate::new(rate, burst), key: Arc::new(key), clock, begun, buckets }
    }

    /// Sets how many keys are kept. 100 000 by default, and at least 2. Forgets the keys so far.
    #[must_use]
    pub fn max_keys(self, keys: usize) -> Self {
        Self { buckets: Arc::new(Mutex::new(Buckets::new(keys))), ..self }
    }

    /// Sets the clock, for tests. [`Instant::now`] by default. Times before the first one count as that.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self { begun: clock(), clock: Arc::new(clock), ..self }
    }

    /// Takes a token, or returns the time after which there is one.
    fn take(&self, key: K) -> Result<(), Duration> {
        let now = (self.clock)().saturating_duration_since(self.begun);
        self.buckets.lock().take(key, self.rate, now)
    }
}

impl<K: Hash + Eq + Send + 'static> Layer for RateLimit<K> {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let Some(key) = (self.key)(r) else { return next.handle(w, r) };
        match self.take(key) {
            Ok(()) => next.handle(w, r),
            Err(wait) => {
                keep_header(w, RETRY_AFTER, whole_seconds(wait).into());
                Err(Error::status(StatusCode::TOO_MANY_REQUESTS, "too many requests"))
            }
        }
    }
}

impl<K> fmt::Debug for RateLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// Returns the address that a client cannot change at will.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}
