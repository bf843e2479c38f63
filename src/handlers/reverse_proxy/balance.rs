//! The choice of an upstream, and the passive health of each.
//!
//! ```text
//!             failure              failure number N
//!   Up(0) ─────────────▶ Up(1) … ───────────────────▶ Out(until)
//!     ▲ ◀── connected ────┘                             │  ▲
//!     │                                   time has passed  │ failure
//!     │                                                 ▼  │
//!     └────────────────────── connected ───────────── Probing
//! ```

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::http_upstream::Destination;
use crate::logging as log;
use crate::sync::{Mutex, now};

/// How a proxy with several upstreams chooses one.
///
/// [`ReverseProxy::balance`](super::ReverseProxy::balance) sets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Balance {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests that are being forwarded.
    LeastBusy,
}

/// When an upstream that cannot be reached is left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct HealthRule {
    /// The number of failures in a row.
    pub(super) failures: u32,
    pub(super) pause: Duration,
}

impl Default for HealthRule {
    fn default() -> Self {
        Self { failures: 1, pause: Duration::from_secs(10) }
    }
}

/// The health of an upstream, as far as its connections show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// It is used. The number of failures since the last connection.
    Up(u32),
    /// It is left out until then.
    Out(Instant),
    /// One request tries whether it can be reached again.
    Probing,
}

/// The outcome of a call, as far as it concerns the upstream's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    Yes,
    No,
    /// The call ended before it was known.
    Unknown,
}

impl Health {
    /// Decides whether a request may use the upstream. One that was left out is tried by one request.
    fn admit(&mut self, now: Instant) -> bool {
        match *self {
            Self::Up(_) => true,
            Self::Out(until) if until <= now => {
                *self = Self::Probing;
                true
            }
            Self::Out(_) | Self::Probing => false,
        }
    }

    fn record(&mut self, reached: Reached, rule: HealthRule, now: Instant) {
        *self = match (*self, reached) {
            (_, Reached::Yes) => Self::Up(0),
            (Self::Up(failures), Reached::No) if failures + 1 < rule.failures => {
                Self::Up(failures + 1)
            }
            // A request that had begun before does not prolong the pause.
            (Self::Out(until), Reached::No) => Self::Out(until),
            (_, Reached::No) => Self::Out(now + rule.pause),
            // The next request tries again.
            (Self::Probing, Reached::Unknown) => Self::Out(now),
            (unchanged, Reached::Unknown) => unchanged,
        };
    }
}

/// One upstream of a proxy.
struct Backend {
    destination: Destination,
    /// The number of requests that are being forwarded.
    busy: AtomicUsize,
    health: Mutex<Health>,
}

/// The upstreams of a proxy.
pub(super) struct Backends {
    all: Vec<Backend>,
    pub(super) balance: Balance,
    pub(super) rule: HealthRule,
    /// The upstream whose turn it is, modulo their number.
    turn: AtomicUsize,
}

/// An upstream that serves a request until this is dropped.
pub(super) struct Lease<'a> {
    backends: &'a Backends,
    index: usize,
    reported: bool,
}

impl Backends {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            balance: Balance::default(),
            rule: HealthRule::default(),
            turn: AtomicUsize::new(0),
        }
    }

    pub(super) fn add(&mut self, destination: Destination) {
        let (busy, health) = (AtomicUsize::new(0), Mutex::new(Health::Up(0)));
        self.all.push(Backend { destination, busy, health });
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Destination> {
        self.all.iter().map(|backend| &backend.destination)
    }

    /// Returns `true` if there are several, so that another can take a request.
    pub(super) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// Chooses a healthy upstream that is none of `tried`. A single upstream counts as healthy.
    pub(super) fn choose(&self, tried: &[usize]) -> Option<Lease<'_>> {
        let index = match &self.all[..] {
            [_] => Some(0).filter(|index| !tried.contains(index)),
            all => {
                let (start, now) = (self.turn.fetch_add(1, Ordering::Relaxed), now());
                let mut order: Vec<usize> = (0..all.len())
                    .map(|step| start.wrapping_add(step) % all.len())
                    .filter(|index| !tried.contains(index))
                    .collect();
                if self.balance == Balance::LeastBusy {
                    // Stable, so that equals take turns.
                    order.sort_by_key(|index| all[*index].busy.load(Ordering::Relaxed));
                }
                order.into_iter().find(|index| all[*index].health.lock().admit(now))
            }
        };
        index.map(|index| {
            self.all[index].busy.fetch_add(1, Ordering::Relaxed);
            Lease { backends: self, index, reported: false }
        })
    }
}

impl<'a> Lease<'a> {
    fn backend(&self) -> &'a Backend {
        &self.backends.all[self.index]
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn destination(&self) -> &'a Destination {
        &self.backend().destination
    }

    /// Records whether the upstream was reached.
    pub(super) fn report(&mut self, reached: Reached) {
        self.reported = true;
        if !self.backends.are_several() {
            return;
        }
        let (before, after) = {
            let mut health = self.backend().health.lock();
            let before = *health;
            health.record(reached, self.backends.rule, now());
            (before, *health)
        };
        let name = self.destination().name();
        match (before, after) {
            (Health::Up(_), Health::Out(_)) => log::warn!("upstream {name} is left out"),
            (Health::Probing | Health::Out(_), Health::Up(_)) => {
                log::warn!("upstream {name} is used again");
            }
            _ => {}
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.report(Reached::Unknown);
        }
        self.backend().busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use crate::handlers::reverse_proxy::target::Base;

    const RULE: HealthRule = HealthRule { failures: 2, pause: Duration::from_secs(10) };

    #[test]
    fn h11_an_upstream_is_left_out_and_tried_again() {
        let start = now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut health = Health::Up(0);
        assert!(health.admit(at(0)));
        health.record(Reached::No, RULE, at(0));
        health.record(Reached::Yes, RULE, at(0));
        health.record(Reached::No, RULE, at(0));
        assert_eq!(health, Health::Up(1));
        health.record(Reached::No, RULE, at(1));
        assert_eq!(health, Health::Out(at(11)));
        health.record(Reached::No, RULE, at(5));
        assert!(!health.admit(at(10)) && health.admit(at(11)));
        assert!(!health.admit(at(12)), "one request tries it");
        health.record(Reached::Unknown, RULE, at(12));
        assert!(health.admit(at(12)), "the next one does");
        health.record(Reached::No, RULE, at(13));
        assert_eq!(health, Health::Out(at(23)));
        assert!(health.admit(at(23)));
        health.record(Reached::Yes, RULE, at(23));
        assert_eq!(health, Health::Up(0));
    }

    fn three(balance: Balance) -> Backends {
        let mut backends = Backends::new();
        backends.balance = balance;
        for name in ["a", "b", "c"] {
            let base = Base::parse(&format!("http://{name}/")).unwrap();
            backends.add(Destination::Url(base));
        }
        backends
    }

    #[test]
    fn h11_upstreams_take_turns() {
        let backends = three(Balance::RoundRobin);
        let names: Vec<_> =
            (0..4).map(|_| backends.choose(&[]).unwrap().destination().name().to_owned()).collect();
        assert_eq!(names, ["a", "b", "c", "a"]);
        assert_eq!(backends.choose(&[0, 1]).unwrap().destination().name(), "c");
        assert!(backends.choose(&[0, 1, 2]).is_none());
    }

    #[test]
    fn h11_the_least_busy_upstream_is_chosen() {
        let backends = three(Balance::LeastBusy);
        let (first, second) = (backends.choose(&[]).unwrap(), backends.choose(&[]).unwrap());
        let third = backends.choose(&[]).unwrap();
        let mut indices = [first.index(), second.index(), third.index()];
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 2]);
        let free = second.index();
        drop(second);
        assert_eq!(backends.choose(&[]).unwrap().index(), free);
    }

    #[test]
    fn h11_no_upstream_is_chosen_if_all_are_left_out() {
        let backends = three(Balance::RoundRobin);
        for _ in 0..3 {
            backends.choose(&[]).unwrap().report(Reached::No);
        }
        assert!(backends.choose(&[]).is_none());
    }
}
