//! Mutex and Condvar with parking_lot's interface.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::clock;

/// A lock without poisoning.
#[derive(Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

/// The guard of a locked [`Mutex`].
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a shuttle::sync::Mutex<T>,
    /// `None` only while its thread waits on a [`Condvar`].
    held: Option<shuttle::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let mut guard = MutexGuard { mutex: &self.0, held: None };
        guard.take();
        guard
    }
}

impl<'a, T> MutexGuard<'a, T> {
    fn take(&mut self) {
        self.held = Some(self.mutex.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn give(&mut self) -> shuttle::sync::MutexGuard<'a, T> {
        self.held.take().expect("the lock is held")
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mutex { .. }")
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("the lock is held")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("the lock is held")
    }
}

/// A condition variable.
#[derive(Default)]
pub(crate) struct Condvar {
    signal: shuttle::sync::Condvar,
}

/// The outcome of a wait with a time limit.
pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self { signal: shuttle::sync::Condvar::new() }
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let held = guard.give();
        guard.held = Some(self.signal.wait(held).unwrap_or_else(PoisonError::into_inner));
    }

    /// If time limits may expire at any moment, this wakes spuriously now and then, as a Condvar may: a thread
    /// whose limit could expire does not sleep.
    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        if !clock::runs() && deadline > clock::now() {
            self.wait(guard);
            return WaitTimeoutResult(false);
        }
        drop(guard.give());
        shuttle::thread::yield_now();
        guard.take();
        WaitTimeoutResult(clock::has_come(deadline))
    }

    pub(crate) fn wait_for<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        patience: Duration,
    ) -> WaitTimeoutResult {
        self.wait_until(guard, clock::now() + patience)
    }

    pub(crate) fn notify_one(&self) {
        self.signal.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.signal.notify_all();
    }
}

/// Lets other threads run for a while, as during a delay.
pub(crate) fn delay<T>(
    _changed: &Condvar,
    guard: &mut MutexGuard<'_, T>,
    _delay: Duration,
    _over: impl Fn(&T) -> bool,
) {
    drop(guard.give());
    shuttle::thread::yield_now();
    guard.take();
}
