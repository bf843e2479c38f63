//! The place where connections reach a script: a socket, or memory.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::context::Context;
use crate::net::{Addr, Dial, DialError, DialOptions, Dialed, Listener, Stream, Target, memory};
use crate::sync::{Condvar, Mutex};
use crate::testing::target::target_of;

/// Where connections arrive.
pub(super) enum Entrance {
    Socket(Listener),
    Memory(Arc<Queue>),
}

/// Connections in memory that wait to be accepted.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<Queued>,
    /// With `state`. Notified for each connection, and when the queue is closed.
    changed: Condvar,
}

#[derive(Default)]
struct Queued {
    streams: VecDeque<Stream>,
    is_closed: bool,
}

impl Entrance {
    pub(super) fn addr(&self) -> Addr {
        match self {
            Self::Socket(listener) => listener.local_addr().unwrap_or(Addr::Unknown),
            Self::Memory(_) => Addr::Memory,
        }
    }

    /// Returns the next connection; `None` once the entrance is stopped and no connection is queued.
    ///
    /// # Errors
    ///
    /// `TimedOut` at `limit`.
    pub(super) fn accept(&self, limit: Option<Instant>) -> io::Result<Option<Stream>> {
        match self {
            Self::Socket(listener) => Ok(listener.accept_until(limit)?.map(|(stream, _)| stream)),
            Self::Memory(queue) => queue.accept(limit),
        }
    }

    /// Has [`accept`](Self::accept) return the connections that are queued, and no others.
    pub(super) fn stop(&self) {
        match self {
            Self::Socket(listener) => listener.stop(),
            Self::Memory(queue) => queue.stop(),
        }
    }

    /// Refuses connections from now on, those that are queued included.
    pub(super) fn close(&self) {
        match self {
            Self::Socket(listener) => listener.close(),
            Self::Memory(queue) => {
                queue.stop();
                queue.state.lock().streams.clear();
            }
        }
    }

    /// Returns a dialer that leads to this entrance.
    pub(super) fn dialer(&self) -> ScriptDialer {
        ScriptDialer(match self {
            Self::Memory(queue) => Way::Memory(Arc::clone(queue)),
            Self::Socket(_) => Way::Socket(target_of(&self.addr())),
        })
    }
}

impl Queue {
    fn accept(&self, limit: Option<Instant>) -> io::Result<Option<Stream>> {
        let mut state = self.state.lock();
        loop {
            if let Some(stream) = state.streams.pop_front() {
                return Ok(Some(stream));
            }
            if state.is_closed {
                return Ok(None);
            }
            match limit {
                None => self.changed.wait(&mut state),
                Some(limit) if limit <= crate::sync::now() => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Some(limit) => {
                    self.changed.wait_until(&mut state, limit);
                }
            }
        }
    }

    fn connect(&self) -> io::Result<Stream> {
        let (near, far) = memory::pair();
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        state.streams.push_back(far);
        self.changed.notify_all();
        Ok(near)
    }

    fn stop(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }
}

/// A dialer that connects to a [`Script`](super::Script), whatever the target is. It resolves no names.
///
/// [`Script::dialer`](super::Script::dialer) returns it.
#[derive(Clone)]
pub struct ScriptDialer(Way);

#[derive(Clone)]
enum Way {
    Socket(Target),
    Memory(Arc<Queue>),
}

impl Dial for ScriptDialer {
    fn dial(&self, target: &Target, context: &Context) -> Result<Dialed, DialError> {
        match &self.0 {
            Way::Socket(script) => DialOptions::new().dial(script, context),
            Way::Memory(queue) => match queue.connect() {
                Ok(stream) => Ok(Dialed::new(stream)),
                Err(error) => Err(DialError::connect(target.clone(), vec![(Addr::Memory, error)])),
            },
        }
    }
}

impl fmt::Debug for ScriptDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptDialer").finish_non_exhaustive()
    }
}
