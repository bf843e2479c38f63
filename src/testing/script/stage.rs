//! The connections that a script declares: their threads, and what became of them.
//!
//! ```text
//!   Script::connection ──> declared     hangup-script: accepts
//!                             │                  │
//!                             └──── play ────────┘   hangup-script: one for each connection
//!                                     │
//!            failures <───────────────┴──> watching: the script has ended, the connection has not
//! ```

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::entrance::Entrance;
use super::failure::{Failure, shown};
use super::journal::Journal;
use super::opening::{Opening, open};
use super::peer::{Peer, Role, StepOptions};
use super::received::Received;
use crate::net::{Stream, is_shortage, is_transient};
use crate::sync::{self, Condvar, JoinHandle, Mutex};

/// The steps of one connection.
pub(super) type Play = Box<dyn FnOnce(&mut Peer) + Send>;

/// The steps of each connection that has no script.
pub(super) type PlayEach = Arc<dyn Fn(&mut Peer) + Send + Sync>;

/// The script of a connection.
pub(super) struct Declared {
    pub(super) opening: Opening,
    /// `None` if no script expects it.
    pub(super) play: Option<Play>,
}

/// How much longer than a step the end of a script waits, so that the step reports its failure first.
const SLACK: Duration = Duration::from_secs(1);

/// How long the first bytes of an unexpected connection are waited for.
const FIRST_BYTES: Duration = Duration::from_millis(500);

/// The connections of a script, while their threads run.
pub(super) struct Stage {
    state: Mutex<State>,
    /// With `state`. Notified when a connection is accepted, watched or ended.
    changed: Condvar,
    journal: Arc<Journal>,
}

struct State {
    phase: Phase,
    declared: VecDeque<Declared>,
    each: Option<(Opening, PlayEach)>,
    /// How a connection begins that is not expected.
    unexpected: Opening,
    options: StepOptions,
    accepted: usize,
    /// The connections that have a thread, by number.
    open: HashMap<usize, Open>,
    failures: Vec<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Playing,
    /// The test has ended. Each script goes on to its end, and no connection is watched after it.
    Ending,
    /// The script was given up. Its streams are closed.
    GivenUp,
}

struct Open {
    stream: Stream,
    /// Its script has ended. A byte from the client is a failure.
    is_watched: bool,
}

impl Stage {
    pub(super) fn new(unexpected: Opening, options: StepOptions) -> Arc<Self> {
        let state = State {
            phase: Phase::Playing,
            declared: VecDeque::new(),
            each: None,
            unexpected,
            options,
            accepted: 0,
            open: HashMap::new(),
            failures: Vec::new(),
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        Arc::new(Self { state, changed, journal: Arc::default() })
    }

    pub(super) fn declare(&self, declared: Declared) {
        self.state.lock().declared.push_back(declared);
    }

    pub(super) fn declare_each(&self, opening: Opening, play: PlayEach) {
        self.state.lock().each = Some((opening, play));
    }

    pub(super) fn accepted(&self) -> usize {
        self.state.lock().accepted
    }

    pub(super) fn requests(&self) -> Vec<Received> {
        self.journal.requests()
    }

    /// Starts the thread that accepts connections.
    pub(super) fn start(self: &Arc<Self>, entrance: &Arc<Entrance>) -> io::Result<JoinHandle<()>> {
        let (stage, entrance) = (Arc::clone(self), Arc::clone(entrance));
        sync::spawn("hangup-script", None, move || {
            loop {
                match entrance.accept(None) {
                    Ok(Some(stream)) => stage.admit(stream),
                    Ok(None) => return,
                    // The client has closed the connection already.
                    Err(error) if is_transient(&error) && !is_shortage(&error) => {}
                    Err(error) => {
                        stage.report(Failure::new(None, format!("accepting failed: {error}")));
                        return;
                    }
                }
            }
        })
    }

    /// Starts the script of a connection, on its own thread.
    fn admit(self: &Arc<Self>, stream: Stream) {
        let (number, declared, options) = {
            let mut state = self.state.lock();
            state.accepted += 1;
            self.journal.advance();
            let number = state.accepted;
            let declared = state.next_declared();
            state.open.insert(number, Open { stream: stream.clone(), is_watched: false });
            (number, declared, state.options.clone())
        };
        let stage = Arc::clone(self);
        let started = sync::spawn("hangup-script", None, move || {
            stage.play(stream, number, declared, &options);
            stage.close(number);
        });
        if let Err(error) = started {
            self.report(Failure::new(Some(number), format!("no thread for its script: {error}")));
            self.close(number);
        }
    }

    fn play(&self, stream: Stream, number: usize, declared: Declared, options: &StepOptions) {
        let stream = match open(stream, &declared.opening, options.limit) {
            Ok(Some(stream)) => stream,
            Ok(None) => return,
            Err(text) => return self.report(Failure::new(Some(number), text)),
        };
        self.replace(number, &stream);
        let role = Role::Script(Arc::clone(&self.journal));
        let mut peer = Peer::new(stream, number, role, options);
        let Some(play) = declared.play else { return self.refuse(number, &mut peer) };
        let play = AssertUnwindSafe(|| play(&mut peer));
        match panic::catch_unwind(play) {
            Ok(()) => self.watch(number, &mut peer),
            Err(payload) => self.report(Failure::of_panic(number, &*payload)),
        }
    }

    /// Notes a connection that no script is left for. Shows its first bytes, which may still be on their way.
    fn refuse(&self, number: usize, peer: &mut Peer) {
        peer.stream.set_read_deadline(Instant::now().checked_add(FIRST_BYTES));
        if peer.stream.wait_readable().is_ok() {
            peer.take_arrived();
        }
        let (before, received) = (number - 1, shown(&peer.buffer));
        let mut state = self.state.lock();
        // After a failure, a client may only be trying again.
        if state.failures.is_empty() && state.phase != Phase::GivenUp {
            let text = format!("expected no connection after {before}; received {received}");
            state.failures.push(Failure::new(Some(number), text));
        }
    }

    /// Waits until the client closes a connection whose script has ended, or until the test ends.
    fn watch(&self, number: usize, peer: &mut Peer) {
        if peer.stream.is_closed() {
            return;
        }
        self.set_watched(number, peer);
        let waited = peer.stream.wait_readable();
        let unexpected = match waited {
            Ok(()) => peer.take_arrived(),
            // The test has ended.
            Err(error) if error.kind() == io::ErrorKind::TimedOut => peer.take_arrived(),
            Err(_) => false,
        };
        if unexpected || !peer.buffer.is_empty() {
            let received = shown(&peer.buffer);
            let text = format!("expected nothing after the last step; received {received}");
            self.report(Failure::new(Some(number), text));
        }
    }

    fn set_watched(&self, number: usize, peer: &Peer) {
        let mut state = self.state.lock();
        let is_playing = state.phase == Phase::Playing;
        let deadline = (!is_playing || !peer.buffer.is_empty()).then(Instant::now);
        peer.stream.set_read_deadline(deadline);
        if let Some(open) = state.open.get_mut(&number) {
            open.is_watched = true;
        }
        self.changed.notify_all();
    }

    /// Notes the stream of a connection after its handshake.
    fn replace(&self, number: usize, stream: &Stream) {
        let mut state = self.state.lock();
        if let Some(open) = state.open.get_mut(&number) {
            open.stream = stream.clone();
        }
        if state.phase == Phase::GivenUp {
            stream.close();
        }
    }

    fn close(&self, number: usize) {
        let mut state = self.state.lock();
        let open = state.open.remove(&number);
        self.journal.advance();
        drop(state);
        if let Some(open) = open {
            open.stream.discard_input();
            open.stream.close();
        }
        self.changed.notify_all();
    }

    fn report(&self, failure: Failure) {
        let mut state = self.state.lock();
        if state.phase != Phase::GivenUp {
            state.failures.push(failure);
        }
        self.changed.notify_all();
    }

    /// Waits until every declared connection was made and its script has ended. Notes a failure if nothing
    /// happens for longer than a step may take.
    pub(super) fn wait_until_played(&self, limit: Duration) {
        let mut state = self.state.lock();
        while !state.is_played() {
            let before = self.journal.progress();
            let waited = self.changed.wait_for(&mut state, limit.saturating_add(SLACK));
            if waited.timed_out() && self.journal.progress() == before && !state.is_played() {
                state.note_missing();
                return;
            }
        }
    }

    /// Has the threads of watched connections end.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Ending;
        for open in state.open.values().filter(|open| open.is_watched) {
            open.stream.set_read_deadline(Some(Instant::now()));
        }
    }

    /// Closes all connections. Later failures are consequences, and are not noted.
    pub(super) fn give_up(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::GivenUp;
        state.options.stop.cancel();
        state.open.values().for_each(|open| open.stream.close());
    }

    /// Waits until no connection is open, at most for `limit`. Returns `true` if none is.
    pub(super) fn wait_until_closed(&self, limit: Duration) -> bool {
        let mut state = self.state.lock();
        let deadline = Instant::now().checked_add(limit);
        while !state.open.is_empty() {
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) if deadline <= sync::now() => return false,
                Some(deadline) => {
                    self.changed.wait_until(&mut state, deadline);
                }
            }
        }
        true
    }

    pub(super) fn take_failures(&self) -> Vec<Failure> {
        std::mem::take(&mut self.state.lock().failures)
    }
}

impl State {
    fn next_declared(&mut self) -> Declared {
        if let Some(declared) = self.declared.pop_front() {
            return declared;
        }
        if let Some((opening, play)) = &self.each {
            let play = Arc::clone(play);
            let play: Play = Box::new(move |peer| play(peer));
            return Declared { opening: opening.clone(), play: Some(play) };
        }
        Declared { opening: self.unexpected.clone(), play: None }
    }

    /// After a failure the client may not make the connections that are left.
    fn is_played(&self) -> bool {
        let all_made = self.declared.is_empty() || !self.failures.is_empty();
        all_made && self.open.values().all(|open| open.is_watched)
    }

    fn note_missing(&mut self) {
        for number in (1..=self.declared.len()).map(|nth| self.accepted + nth) {
            self.failures.push(Failure::new(Some(number), "the client did not connect".to_owned()));
        }
        let running = self.open.iter().filter(|(_, open)| !open.is_watched);
        let running: Vec<usize> = running.map(|(number, _)| *number).collect();
        for number in running {
            self.failures.push(Failure::new(Some(number), "its script does not end".to_owned()));
        }
    }
}
