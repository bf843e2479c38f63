//! A connection's place in the registry, and the races for its end.
//!
//! ```text
//!            first byte                 the answer ends with the connection
//!   Idle ──────────────▶ Active ──────▶ Unframed
//!   │  ▲ ◀──────────────   │               │
//!   │  │     answered      │               │     the thread closes
//!   │  │ readable          ├───────────────┴──▶ Lingering ──▶ Gone
//!   │  └──── Parked        │                       ▲
//!   │ quiet ───▲ │         │ the server closes     │
//!   │            └─────────┴──▶ Closing ───────────┤
//!   │ makes room                                   │
//!   └──▶ Leaving ─── or Active, once more ─────────┘
//! ```
//!
//! A graceful shutdown changes no phase. It rings the bell, and each connection's thread decides by
//! what has arrived: so no request is lost between the socket and the thread that reads it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ConnState, Connection, Protocol, ServerCore};
use crate::h1::CloseReason;
use crate::net::{Stream, Woken};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use crate::sync::{Mutex, now};

/// How long a new connection may be silent before it counts as idle: its request may be on its way.
const SILENCE: Duration = Duration::from_secs(1);

/// The registry's entry of a connection.
pub(super) struct Entry {
    pub(super) stream: Stream,
    /// Whether it is only told that there are too many.
    pub(super) refused: bool,
    protocol: Arc<dyn Protocol>,
    /// A [`Phase`]. Its changes decide the races between the next request and the connection's end.
    phase: AtomicU8,
    /// Whether it has served a request.
    served: AtomicBool,
    /// Whether it has made room for another, and serves its last request.
    leaving: AtomicBool,
    /// Since when it is idle, in nanoseconds after `epoch`. Kept only where connections are limited.
    since: AtomicU64,
    /// `None` where connections are not limited.
    epoch: Option<Instant>,
    held: Mutex<Held>,
}

/// State that changes together with the stream itself.
#[derive(Default)]
struct Held {
    handshaking: bool,
    /// Whether the stream has been [halted](Stream::halt).
    halted: bool,
}

/// The phase of a connection, as far as its end is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Between two requests, or before the first. Its thread may hold bytes of a request already.
    Idle,
    /// As `Idle`, but its thread has taken nothing and announces itself before it does.
    Parked,
    /// Asked to leave while it was `Idle`.
    Leaving,
    /// In a request, which may be finished.
    Active,
    /// As `Active`, with an answer that ends with the connection: breaking it off must not look like
    /// its end.
    Unframed,
    /// The server has closed it.
    Closing,
    /// Its thread closes it, and reads it out.
    Lingering,
    /// It has left the registry: closed, or handed over to its handler.
    Gone,
}

impl Entry {
    pub(super) fn new(core: &ServerCore, stream: Stream, refused: bool) -> Self {
        let entry = Self {
            stream,
            refused,
            protocol: Arc::clone(&core.protocol),
            phase: AtomicU8::new(Phase::Idle as u8),
            served: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            since: AtomicU64::new(0),
            epoch: core.options.max_connections.map(|_| core.epoch),
            held: Mutex::default(),
        };
        entry.stamp();
        entry
    }

    pub(super) fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::SeqCst) == phase as u8
    }

    pub(super) fn is_in_request(&self) -> bool {
        self.is(Phase::Active) || self.is(Phase::Unframed)
    }

    pub(super) fn change(&self, from: Phase, to: Phase) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.phase.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn stamp(&self) {
        if let Some(epoch) = self.epoch {
            let since = now().saturating_duration_since(epoch).as_nanos();
            self.since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// In which order connections make room: those that have served a request, the longest idle
    /// first; those that have been silent for [`SILENCE`] since they were made; those that are being
    /// closed. `None` for one that does not.
    pub(super) fn idleness(&self) -> Option<(u8, u64)> {
        let served = self.served.load(Ordering::Relaxed);
        let group = match served {
            _ if self.refused => return None,
            _ if self.is(Phase::Lingering) => 2,
            true if self.is(Phase::Idle) || self.is(Phase::Parked) => 0,
            false if self.is(Phase::Parked) && self.is_silent() => 1,
            _ => return None,
        };
        Some((group, self.since.load(Ordering::Relaxed)))
    }

    /// Whether a connection has been idle for so long that it makes room without having served a request.
    fn is_silent(&self) -> bool {
        let now = self.epoch.map_or(Duration::ZERO, |epoch| now().saturating_duration_since(epoch));
        let since = Duration::from_nanos(self.since.load(Ordering::Relaxed));
        now.saturating_sub(since) >= SILENCE
    }

    /// Has the thread of an idle connection look at the bell and the phase.
    pub(super) fn wake(&self) {
        self.protocol.wake(&self.stream);
    }

    /// A handshake has as long as the first request of a new connection.
    pub(super) fn hurry_handshake(&self, until: Instant) {
        let held = self.held.lock();
        if held.handshaking && self.stream.read_deadline().is_none_or(|earlier| earlier > until) {
            self.stream.set_read_deadline(Some(until));
        }
    }

    /// Ends the connection for its handler, whatever it is at, and half-closes it. Its thread does
    /// the rest.
    pub(super) fn halt(&self) {
        let mut held = self.held.lock();
        // As long as its thread changes the phase at the same time.
        while let Some(from) = Phase::before_closing(self.phase.load(Ordering::SeqCst)) {
            if !self.change(from, Phase::Closing) {
                continue;
            }
            if from == Phase::Unframed {
                return self.stream.reset();
            }
            self.stream.halt();
            held.halted = true;
        }
    }
}

impl Entry {
    /// Throws away what has arrived on a connection that was [halted](Self::halt) and whose thread has
    /// not noticed.
    pub(super) fn discard_input(&self) {
        if self.held.lock().halted {
            self.stream.discard_input();
        }
    }
}

impl Phase {
    /// The phase if the server can still close a connection in it.
    fn before_closing(phase: u8) -> Option<Self> {
        let open = [Self::Idle, Self::Parked, Self::Leaving, Self::Active, Self::Unframed];
        open.into_iter().find(|open| *open as u8 == phase)
    }
}

/// A connection's place in the registry, shared by all that belongs to the connection. However that
/// ends, the place is given up, and the last state is reported once.
pub(crate) struct ConnGuard {
    pub(super) core: Arc<ServerCore>,
    pub(super) entry: Arc<Entry>,
    pub(super) connection: Connection,
}

impl ConnGuard {
    /// Whether the connection is one too many, to be told so and closed.
    pub(crate) fn is_refused(&self) -> bool {
        self.entry.refused
    }

    /// Whether the connection ends with the requests that have arrived on it.
    pub(crate) fn is_ending(&self) -> bool {
        self.core.registry.is_stopping()
            || self.entry.leaving.load(Ordering::Relaxed)
            || self.entry.is(Phase::Leaving)
    }

    /// Whether the connection ends with the request at hand even if another has arrived.
    pub(crate) fn is_leaving(&self) -> bool {
        self.entry.leaving.load(Ordering::Relaxed)
    }

    /// Until when a connection that is ending still waits for its first request.
    pub(crate) fn spare_until(&self) -> Option<Instant> {
        self.core.registry.spare_until().filter(|_| !self.entry.is(Phase::Leaving))
    }

    /// A handshake begins, which has until `deadline`; less if the server is shutting down.
    pub(crate) fn begin_handshake(&self, deadline: Option<Instant>) {
        let mut held = self.entry.held.lock();
        held.handshaking = true;
        let deadline = deadline.into_iter().chain(self.spare_until()).min();
        self.entry.stream.set_read_deadline(deadline);
    }

    /// The handshake has been made.
    pub(crate) fn end_handshake(&self) {
        let mut held = self.entry.held.lock();
        held.handshaking = false;
        self.entry.stream.set_read_deadline(None);
    }

    /// Waits until something of a request has arrived, at most until `limit`. `first`: the connection
    /// has served none.
    ///
    /// # Errors
    ///
    /// Why the connection is to be closed instead.
    pub(crate) fn await_request(
        &self,
        limit: Option<Instant>,
        first: bool,
    ) -> Result<(), CloseReason> {
        let Entry { stream, .. } = &*self.entry;
        if !self.entry.change(Phase::Idle, Phase::Parked) {
            return Err(self.why());
        }
        loop {
            // Before the look at the shutdown, which rings it afterwards.
            let bell = self.core.registry.bell();
            let spare = self.core.registry.spare_until();
            if !self.entry.is(Phase::Parked) {
                return Err(self.why());
            }
            if let Some(spare) = spare
                && (!first || spare <= now())
            {
                return if stream.has_unread() { self.unpark() } else { Err(self.why()) };
            }
            match stream.wait_idle(&bell, limit.into_iter().chain(spare).min()) {
                Ok(Woken::Readable) => return self.unpark(),
                Ok(Woken::Latched) => {}
                Err(error) if error.kind() != std::io::ErrorKind::TimedOut => {
                    return Err(CloseReason::IoFailed);
                }
                Err(_) if limit.is_some_and(|limit| limit <= now()) => {
                    return Err(CloseReason::IdleTooLong);
                }
                Err(_) => {}
            }
        }
    }

    fn unpark(&self) -> Result<(), CloseReason> {
        match self.entry.change(Phase::Parked, Phase::Idle) {
            true => Ok(()),
            false => Err(self.why()),
        }
    }

    /// Why an idle connection is to be closed.
    #[cold]
    fn why(&self) -> CloseReason {
        let stopping = self.core.registry.is_stopping() || self.entry.held.lock().halted;
        if stopping { CloseReason::ShuttingDown } else { CloseReason::LimitReached }
    }

    /// The first byte of a request is there. Fails if the server has just closed the connection.
    pub(crate) fn active(&self) -> Result<(), CloseReason> {
        if !self.entry.change(Phase::Idle, Phase::Active) {
            if !self.entry.change(Phase::Leaving, Phase::Active) {
                return Err(self.why());
            }
            self.entry.leaving.store(true, Ordering::Relaxed);
        }
        self.report(ConnState::Active);
        Ok(())
    }

    /// The answer to the request at hand ends with the connection.
    pub(crate) fn unframed(&self) {
        self.entry.change(Phase::Active, Phase::Unframed);
    }

    /// The request has been answered. Fails if the server has closed the connection.
    pub(crate) fn idle(&self) -> Result<(), CloseReason> {
        self.entry.served.store(true, Ordering::Relaxed);
        self.entry.stamp();
        let is_open = self.entry.change(Phase::Active, Phase::Idle);
        // The client may have its answer already, and expects this however it goes on.
        self.report(ConnState::Idle);
        match is_open {
            true if self.is_leaving() => Err(CloseReason::LimitReached),
            true => Ok(()),
            false => Err(self.why()),
        }
    }

    /// The connection belongs to its handler from now on.
    pub(crate) fn hijacked(&self) {
        self.give_up(ConnState::Hijacked);
    }

    /// Whether the connection belongs to its handler, or is closed.
    pub(crate) fn is_gone(&self) -> bool {
        self.entry.is(Phase::Gone)
    }

    /// The connection's thread, which alone still uses the stream, closes it. What the server may
    /// have done to the stream is taken back, so that it can be read out.
    pub(crate) fn closing(&self) {
        let mut held = self.entry.held.lock();
        if !self.is_gone() {
            self.entry.phase.store(Phase::Lingering as u8, Ordering::SeqCst);
        }
        if std::mem::take(&mut held.halted) {
            self.entry.stream.resume();
        }
    }

    /// The connection is closed.
    pub(crate) fn closed(&self) {
        self.give_up(ConnState::Closed);
    }

    fn give_up(&self, last: ConnState) {
        if self.entry.phase.swap(Phase::Gone as u8, Ordering::AcqRel) != Phase::Gone as u8 {
            self.report(last);
            self.core.registry.leave(self.connection.id);
        }
    }

    pub(super) fn report(&self, state: ConnState) {
        self.core.report(&self.connection, state);
    }
}

impl Drop for ConnGuard {
    /// Nothing is left that could close the connection: its thread was not started, or panicked.
    fn drop(&mut self) {
        if !self.is_gone() {
            self.entry.stream.close();
            self.closed();
        }
    }
}
