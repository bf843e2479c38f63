//! The registry's entry of a connection, and the races for the connection's end.
//!
//! ```text
//!            first byte                 the response ends with the connection
//!   Idle ──────────────▶ Active ──────▶ Unframed
//!   │  ▲ ◀──────────────   │               │
//!   │  │    response sent  │               │     the thread closes
//!   │  │ readable          ├───────────────┴──▶ Lingering ──▶ Released
//!   │  └──── Parked        │                       ▲
//!   │ quiet ───▲ │         │ the server closes     │
//!   │            └─────────┴──▶ Closing ───────────┤
//!   │ evicted                                      │
//!   └──▶ Leaving ─── or Active, once more ─────────┘
//! ```
//!
//! A graceful shutdown changes no phase. It sets the latch, and each connection's thread decides by what
//! has arrived. So no request is lost between the socket and the thread that reads it.

use std::time::{Duration, Instant};

use crate::net::Stream;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use crate::sync::{Mutex, now};

/// How long a new connection may be silent before it counts as idle. Its first request may be on its way.
const NEW_CONN_QUIET: Duration = Duration::from_secs(1);

/// Makes a thread that waits for its next request examine the latch and the phase.
pub(crate) type Wake = fn(&Stream);

/// The registry's entry of a connection.
pub(super) struct Entry {
    pub(super) stream: Stream,
    /// The connection is one too many. It gets a refusal and is closed.
    pub(super) refused: bool,
    wake: Wake,
    /// A [`Phase`]. Its changes decide the races between the next request and the connection's end.
    phase: AtomicU8,
    /// A request has been served.
    served: AtomicBool,
    /// The connection is evicted, and serves its last request.
    leaving: AtomicBool,
    /// The start of the idle time, in nanoseconds after `epoch`. Kept only if connections are limited.
    idle_since: AtomicU64,
    /// `None` if connections are not limited.
    epoch: Option<Instant>,
    stream_state: Mutex<StreamState>,
}

/// State that changes together with the stream.
#[derive(Default)]
struct StreamState {
    handshaking: bool,
    /// The stream has been [halted](Stream::halt).
    halted: bool,
}

/// The phase of a connection with regard to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Between two requests, or before the first. The thread may hold bytes of a request already.
    Idle,
    /// As `Idle`, but the thread has read nothing, and changes the phase before it reads.
    Parked,
    /// Evicted while it was `Idle`.
    Leaving,
    /// In a request, which may be finished.
    Active,
    /// As `Active`, with a response that ends with the connection. An abort must not look like its end.
    Unframed,
    /// The server has closed the connection.
    Closing,
    /// The connection's thread closes it, and reads the rest of its input.
    Lingering,
    /// The connection has left the registry: it is closed, or its handler has taken it over.
    Released,
}

/// The state of an open connection, as its server's numbers show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryStage {
    New,
    Active,
    Idle,
    Closing,
}

impl Entry {
    /// `epoch`: the moment from which idle times count, `None` if connections are not limited.
    pub(super) fn new(stream: Stream, refused: bool, wake: Wake, epoch: Option<Instant>) -> Self {
        let entry = Self {
            stream,
            refused,
            wake,
            phase: AtomicU8::new(Phase::Idle as u8),
            served: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            epoch,
            stream_state: Mutex::default(),
        };
        entry.begin_idle();
        entry
    }

    pub(super) fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::SeqCst) == phase as u8
    }

    /// Returns the state of an open connection, as its server's numbers show it.
    pub(super) fn stage(&self) -> EntryStage {
        let served = self.served.load(Ordering::Relaxed);
        match self.phase.load(Ordering::Relaxed) {
            phase if phase <= Phase::Leaving as u8 => {
                if served {
                    EntryStage::Idle
                } else {
                    EntryStage::New
                }
            }
            phase if phase <= Phase::Unframed as u8 => EntryStage::Active,
            _ => EntryStage::Closing,
        }
    }

    pub(super) fn is_in_request(&self) -> bool {
        self.is(Phase::Active) || self.is(Phase::Unframed)
    }

    /// Returns `true` if the connection is evicted and serves its last request.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub(super) fn change(&self, from: Phase, to: Phase) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.phase.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Enters a request. Returns `false` if the server has closed the connection.
    pub(super) fn begin_request(&self) -> bool {
        if self.change(Phase::Idle, Phase::Active) {
            return true;
        }
        let leaves = self.change(Phase::Leaving, Phase::Active);
        if leaves {
            self.leaving.store(true, Ordering::Relaxed);
        }
        leaves
    }

    /// Leaves a request. Returns `false` if the server has closed the connection.
    pub(super) fn end_request(&self) -> bool {
        self.served.store(true, Ordering::Relaxed);
        self.begin_idle();
        self.change(Phase::Active, Phase::Idle)
    }

    fn begin_idle(&self) {
        if let Some(epoch) = self.epoch {
            let since = now().saturating_duration_since(epoch).as_nanos();
            self.idle_since.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Returns the rank among the connections that can be evicted, the lowest first. `None` if this one
    /// cannot.
    ///
    /// Connections that have served a request come first, the longest idle one at the front. New
    /// connections follow that have been silent for [`NEW_CONN_QUIET`], then those that are being closed.
    pub(super) fn eviction_rank(&self) -> Option<(u8, u64)> {
        let served = self.served.load(Ordering::Relaxed);
        let group = match served {
            _ if self.refused => return None,
            _ if self.is(Phase::Lingering) => 2,
            true if self.is(Phase::Idle) || self.is(Phase::Parked) => 0,
            false if self.is(Phase::Parked) && self.is_quiet() => 1,
            _ => return None,
        };
        Some((group, self.idle_since.load(Ordering::Relaxed)))
    }

    /// Returns `true` if the connection has been idle for [`NEW_CONN_QUIET`].
    fn is_quiet(&self) -> bool {
        let now = self.epoch.map_or(Duration::ZERO, |epoch| now().saturating_duration_since(epoch));
        let since = Duration::from_nanos(self.idle_since.load(Ordering::Relaxed));
        now.saturating_sub(since) >= NEW_CONN_QUIET
    }

    /// Makes the thread of an idle connection examine the latch and the phase.
    pub(super) fn wake(&self) {
        (self.wake)(&self.stream);
    }

    /// Begins a TLS handshake, which has until `deadline`.
    pub(super) fn begin_handshake(&self, deadline: impl FnOnce() -> Option<Instant>) {
        let mut state = self.stream_state.lock();
        state.handshaking = true;
        self.stream.set_read_deadline(deadline());
    }

    pub(super) fn end_handshake(&self) {
        let mut state = self.stream_state.lock();
        state.handshaking = false;
        self.stream.set_read_deadline(None);
    }

    /// Ends a handshake that is in progress at `until`, unless its deadline is earlier.
    pub(super) fn limit_handshake(&self, until: Instant) {
        let state = self.stream_state.lock();
        if state.handshaking && self.stream.read_deadline().is_none_or(|earlier| earlier > until) {
            self.stream.set_read_deadline(Some(until));
        }
    }

    /// Ends the connection for its handler in any phase, and half-closes it. The connection's thread closes
    /// it.
    pub(super) fn halt(&self) {
        let mut state = self.stream_state.lock();
        // Retried as long as the connection's thread changes the phase at the same time.
        while let Some(from) = Phase::before_closing(self.phase.load(Ordering::SeqCst)) {
            if !self.change(from, Phase::Closing) {
                continue;
            }
            if from == Phase::Unframed {
                return self.stream.reset();
            }
            self.stream.halt();
            state.halted = true;
        }
    }

    /// Returns `true` if the server has [halted](Self::halt) the connection.
    pub(super) fn is_halted(&self) -> bool {
        self.stream_state.lock().halted
    }

    /// Discards the input of a connection that was [halted](Self::halt) and whose thread has not noticed.
    pub(super) fn discard_input(&self) {
        if self.is_halted() {
            self.stream.discard_input();
        }
    }

    /// Enters [`Phase::Lingering`]. Reverts a [`halt`](Self::halt), so that the stream can be read.
    ///
    /// Called by the connection's thread, the only one that still uses the stream.
    pub(super) fn linger(&self) {
        let mut state = self.stream_state.lock();
        if !self.is(Phase::Released) {
            self.phase.store(Phase::Lingering as u8, Ordering::SeqCst);
        }
        if std::mem::take(&mut state.halted) {
            self.stream.resume();
        }
    }

    /// Enters [`Phase::Released`]. Returns `false` if the connection was released before.
    pub(super) fn release(&self) -> bool {
        self.phase.swap(Phase::Released as u8, Ordering::AcqRel) != Phase::Released as u8
    }
}

impl Phase {
    /// Returns the phase if the server can still close a connection in it.
    fn before_closing(phase: u8) -> Option<Self> {
        let open = [Self::Idle, Self::Parked, Self::Leaving, Self::Active, Self::Unframed];
        open.into_iter().find(|open| *open as u8 == phase)
    }
}
