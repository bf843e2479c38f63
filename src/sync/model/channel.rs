//! Channels with crossbeam-channel's interface.
//!
//! A real lock guards a channel's queue. It is never held at a point where the scheduler may run another
//! thread, so every operation is one step. A thread that must wait enters the channel's list of waiting
//! threads and parks. Every change of the channel unparks all of them, and they look again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) use crossbeam_channel::{
    RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError,
};
use shuttle::rand::Rng;
use shuttle::thread::Thread;

use super::{clock, switch};

/// The sending side of a channel.
pub struct Sender<T>(Arc<Channel<T>>);

/// The receiving side of a channel.
pub struct Receiver<T>(Kind<T>);

enum Kind<T> {
    Channel(Arc<Channel<T>>),
    /// One message, when its time has come.
    Timer {
        moment: Instant,
        message: fn(Instant) -> T,
        fired: Arc<AtomicBool>,
    },
    Never,
}

struct Channel<T>(parking_lot::Mutex<State<T>>);

struct State<T> {
    queue: VecDeque<T>,
    capacity: Option<usize>,
    senders: usize,
    receivers: usize,
    waiting: Vec<Thread>,
}

/// Creates a channel with room for `capacity` messages. One of capacity 0 can only be disconnected.
pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    channel(Some(capacity))
}

/// Creates a channel of unlimited capacity.
pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    channel(None)
}

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let state =
        State { queue: VecDeque::new(), capacity, senders: 1, receivers: 1, waiting: Vec::new() };
    let channel = Arc::new(Channel(parking_lot::Mutex::new(state)));
    (Sender(Arc::clone(&channel)), Receiver(Kind::Channel(channel)))
}

/// Creates a receiver that never receives a message.
pub(crate) fn never<T>() -> Receiver<T> {
    Receiver(Kind::Never)
}

/// Creates a receiver that receives one message at `moment`.
pub(crate) fn at(moment: Instant) -> Receiver<Instant> {
    let fired = Arc::new(AtomicBool::new(false));
    Receiver(Kind::Timer { moment, message: |moment| moment, fired })
}

/// Creates a receiver that receives one message after `patience`.
pub(crate) fn after(patience: Duration) -> Receiver<Instant> {
    at(clock::now() + patience)
}

impl<T> Channel<T> {
    /// Changes the state in one step, and unparks all waiting threads.
    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        switch();
        let (outcome, waiting) = {
            let mut state = self.0.lock();
            (change(&mut state), std::mem::take(&mut state.waiting))
        };
        for thread in waiting {
            thread.unpark();
        }
        outcome
    }

    fn enlist(&self) {
        let me = shuttle::thread::current();
        let mut state = self.0.lock();
        if state.waiting.iter().all(|thread| thread.id() != me.id()) {
            state.waiting.push(me);
        }
    }
}

impl<T> Sender<T> {
    pub(crate) fn send(&self, message: T) -> Result<(), SendError<T>> {
        let mut message = message;
        loop {
            match self.try_send(message) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(message)) => return Err(SendError(message)),
                Err(TrySendError::Full(refused)) => message = refused,
            }
            self.0.enlist();
            shuttle::thread::park();
        }
    }

    pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.0.change(|state| {
            if state.receivers == 0 {
                return Err(TrySendError::Disconnected(message));
            }
            if state.capacity.is_some_and(|capacity| state.queue.len() >= capacity) {
                return Err(TrySendError::Full(message));
            }
            state.queue.push_back(message);
            Ok(())
        })
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, RecvError> {
        pick(&[self]);
        self.take()
    }

    pub(crate) fn recv_timeout(&self, patience: Duration) -> Result<T, RecvTimeoutError> {
        let limit = after(patience);
        switch();
        loop {
            // A message takes precedence over a limit that has passed.
            if self.is_ready() {
                return self.take().map_err(|RecvError| RecvTimeoutError::Disconnected);
            }
            if limit.is_ready() {
                return Err(RecvTimeoutError::Timeout);
            }
            wait_for(&[self, &limit]);
        }
    }

    pub(crate) fn try_recv(&self) -> Result<T, TryRecvError> {
        switch();
        match self.is_ready() {
            true => self.take().map_err(|RecvError| TryRecvError::Disconnected),
            false => Err(TryRecvError::Empty),
        }
    }

    pub(crate) fn try_iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.try_recv().ok())
    }

    pub(crate) fn is_empty(&self) -> bool {
        switch();
        match &self.0 {
            Kind::Channel(channel) => channel.0.lock().queue.is_empty(),
            Kind::Timer { .. } => !self.is_ready(),
            Kind::Never => true,
        }
    }

    /// Takes the message that [`pick`] found, in the same step.
    pub(crate) fn take(&self) -> Result<T, RecvError> {
        match &self.0 {
            Kind::Channel(channel) => {
                let mut state = channel.0.lock();
                let message = state.queue.pop_front();
                if message.is_some() {
                    // Threads that wait for room are unparked by this thread's next step at the latest.
                    let waiting = std::mem::take(&mut state.waiting);
                    drop(state);
                    for thread in waiting {
                        thread.unpark();
                    }
                }
                message.ok_or(RecvError)
            }
            Kind::Timer { moment, message, fired } => {
                fired.store(true, Ordering::Relaxed);
                Ok(message(*moment))
            }
            Kind::Never => unreachable!("it is never ready"),
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.0.lock().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.change(|state| state.senders -= 1);
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Kind::Channel(channel) => {
                channel.0.lock().receivers += 1;
                Kind::Channel(Arc::clone(channel))
            }
            Kind::Timer { moment, message, fired } => {
                Kind::Timer { moment: *moment, message: *message, fired: Arc::clone(fired) }
            }
            Kind::Never => Kind::Never,
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let Kind::Channel(channel) = &self.0 else { return };
        // The last receiver drops the messages that no other can receive.
        let dropped = channel.change(|state| {
            state.receivers -= 1;
            (state.receivers == 0).then(|| std::mem::take(&mut state.queue))
        });
        drop(dropped);
    }
}

impl<T> std::fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receiver { .. }")
    }
}

impl<T> std::fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender { .. }")
    }
}

/// A receiver of any type of message, as an arm of [`select!`].
pub(crate) trait Arm {
    /// Returns `true` if there is a message, or if all senders are gone.
    fn is_ready(&self) -> bool;
    /// Registers the current thread to be unparked when that may have changed.
    fn enlist(&self);
    /// Returns `true` if repeated calls of `is_ready` make it ready.
    fn is_timer(&self) -> bool;
}

impl<T> Arm for Receiver<T> {
    fn is_ready(&self) -> bool {
        match &self.0 {
            Kind::Channel(channel) => {
                let state = channel.0.lock();
                !state.queue.is_empty() || state.senders == 0
            }
            Kind::Timer { moment, fired, .. } => {
                !fired.load(Ordering::Relaxed) && clock::has_come(*moment)
            }
            Kind::Never => false,
        }
    }

    fn enlist(&self) {
        if let Kind::Channel(channel) = &self.0 {
            channel.enlist();
        }
    }

    fn is_timer(&self) -> bool {
        match &self.0 {
            Kind::Timer { fired, .. } => clock::runs() && !fired.load(Ordering::Relaxed),
            Kind::Channel(_) | Kind::Never => false,
        }
    }
}

impl<A: Arm> Arm for &A {
    fn is_ready(&self) -> bool {
        (**self).is_ready()
    }

    fn enlist(&self) {
        (**self).enlist();
    }

    fn is_timer(&self) -> bool {
        (**self).is_timer()
    }
}

/// Blocks until one of `arms` is ready, and picks any ready one.
pub(crate) fn pick(arms: &[&dyn Arm]) -> usize {
    switch();
    loop {
        let ready: Vec<_> = (0..arms.len()).filter(|&place| arms[place].is_ready()).collect();
        if !ready.is_empty() {
            return ready[shuttle::rand::thread_rng().gen_range(0..ready.len())];
        }
        wait_for(arms);
    }
}

/// Blocks until one of `arms` may have become ready.
fn wait_for(arms: &[&dyn Arm]) {
    if arms.iter().any(|arm| arm.is_timer()) {
        shuttle::thread::yield_now();
    } else {
        arms.iter().for_each(|arm| arm.enlist());
        shuttle::thread::park();
    }
}

/// Waits for the first of several receivers, as crossbeam's `select!` does: each arm is
/// `recv(receiver) -> pattern => expression`, or `default(patience) => expression`.
macro_rules! select {
    // The arms are collected, each with a name for its receiver.
    (@arms ($($names:ident)*) ($($arms:tt)*)) => {
        select!(@wait $($arms)*)
    };
    (@arms ($($names:ident)*) ($($arms:tt)*) default($patience:expr) => $($rest:tt)*) => {
        select!(@arms ($($names)*) ($($arms)*)
            recv($crate::sync::channel::after($patience)) -> _ => $($rest)*)
    };
    (@arms ($name:ident $($names:ident)*) ($($arms:tt)*)
        recv($receiver:expr) -> $message:pat => $body:block, $($rest:tt)*) => {
        select!(@arms ($($names)*) ($($arms)* ($name, $receiver, $message, $body)) $($rest)*)
    };
    (@arms ($name:ident $($names:ident)*) ($($arms:tt)*)
        recv($receiver:expr) -> $message:pat => $body:block $($rest:tt)*) => {
        select!(@arms ($($names)*) ($($arms)* ($name, $receiver, $message, $body)) $($rest)*)
    };
    (@arms ($name:ident $($names:ident)*) ($($arms:tt)*)
        recv($receiver:expr) -> $message:pat => $body:expr $(, $($rest:tt)*)?) => {
        select!(@arms ($($names)*) ($($arms)* ($name, $receiver, $message, $body)) $($($rest)*)?)
    };
    // The receivers are evaluated once and in order, and stay until a body has run.
    (@wait $(($name:ident, $receiver:expr, $message:pat, $body:expr))*) => {
        match ($(&$receiver,)*) {
            ($($name,)*) => {
                let picked = $crate::sync::channel::pick(&[$($name),*]);
                select!(@body picked 0; $(($name, $message, $body))*)
            }
        }
    };
    (@body $picked:ident $place:expr;) => {
        unreachable!("{} is none of {} arms", $picked, $place)
    };
    (@body $picked:ident $place:expr; ($name:ident, $message:pat, $body:expr) $($rest:tt)*) => {
        if $picked == $place {
            let $message = $name.take();
            $body
        } else {
            select!(@body $picked $place + 1; $($rest)*)
        }
    };
    ($($arms:tt)*) => {
        select!(@arms (one two three four five six) () $($arms)*)
    };
}
pub(crate) use select;
