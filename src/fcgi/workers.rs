//! The threads on which handlers run: reused, and limited.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::logging as log;
use crate::serving::contain;
use crate::sync::channel::{Receiver, Sender, TrySendError, bounded};
use crate::sync::{self, Mutex};

/// How long a thread without work is kept.
const KEEP: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads end when this is dropped: at once those that have no work.
pub(super) struct Workers {
    /// Capacity 0, from who has a job to a thread without one: a job is only handed to a thread that
    /// waits for it.
    jobs: Sender<Job>,
    waiting: Receiver<Job>,
    count: Arc<Mutex<usize>>,
    most: Option<usize>,
    stack: Option<usize>,
}

impl Workers {
    pub(super) fn new(most: Option<usize>, stack: Option<usize>) -> Self {
        let (jobs, waiting) = bounded(0);
        Self { jobs, waiting, count: Arc::default(), most, stack }
    }

    /// Has `job` done by a thread that has nothing to do, or by a new one.
    ///
    /// # Errors
    ///
    /// If there are as many as there may be, or the system has no room for another. The job is dropped.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let job: Job = match self.jobs.try_send(Box::new(job)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
        };
        let place = Place::take(&self.count, self.most).ok_or_else(|| {
            io::Error::other("as many requests as there may be are being handled")
        })?;
        let jobs = self.waiting.clone();
        sync::spawn("hangup-handler", self.stack, move || {
            let _place = place;
            run_job(job);
            while let Ok(job) = jobs.recv_timeout(KEEP) {
                run_job(job);
            }
        })?;
        Ok(())
    }
}

/// Runs a job. The thread outlives it even if something in it panics that is no handler.
fn run_job(job: Job) {
    contain(job, |_| log::error!("a request's thread panicked outside its handler"));
}

/// A thread's place among those that there may be, until it is dropped.
struct Place(Arc<Mutex<usize>>);

impl Place {
    fn take(count: &Arc<Mutex<usize>>, most: Option<usize>) -> Option<Self> {
        let mut taken = count.lock();
        if most.is_some_and(|most| *taken >= most) {
            return None;
        }
        *taken += 1;
        Some(Self(Arc::clone(count)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
    }
}
