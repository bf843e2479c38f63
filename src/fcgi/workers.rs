//! The threads that run handlers. They are reused, and their number is limited.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::logging as log;
use crate::sync::channel::{Receiver, Sender, TrySendError, bounded};
use crate::sync::{self, Mutex};
use crate::unwind::contain;

/// How long an idle thread waits for its next job.
const KEEP: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads that run handlers. Dropping it ends them, the idle ones at once.
pub(super) struct Workers {
    /// Sender: `run`. Receivers: the idle threads. Capacity 0, so that a job is sent only to a thread that
    /// waits.
    jobs: Sender<Job>,
    receiver: Receiver<Job>,
    /// The number of threads.
    count: Arc<Mutex<usize>>,
    most: Option<usize>,
    stack: Option<usize>,
}

impl Workers {
    pub(super) fn new(most: Option<usize>, stack: Option<usize>) -> Self {
        let (jobs, receiver) = bounded(0);
        Self { jobs, receiver, count: Arc::default(), most, stack }
    }

    /// Runs `job` on an idle thread, or on a new one.
    ///
    /// # Errors
    ///
    /// If the maximum number of threads is busy, or the operating system cannot start another. The job is
    /// dropped.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let job: Job = match self.jobs.try_send(Box::new(job)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
        };
        let slot = Slot::take(&self.count, self.most)
            .ok_or_else(|| io::Error::other("maximum number of handler threads reached"))?;
        let jobs = self.receiver.clone();
        sync::spawn("hangup-handler", self.stack, move || {
            let _slot = slot;
            run_job(job);
            while let Ok(job) = jobs.recv_timeout(KEEP) {
                run_job(job);
            }
        })?;
        Ok(())
    }
}

/// Runs a job. The thread survives a panic outside the handler.
fn run_job(job: Job) {
    contain(job, |_| log::error!("FastCGI request panicked outside its handler"));
}

/// One of the limited number of threads. Dropping it frees the slot.
struct Slot(Arc<Mutex<usize>>);

impl Slot {
    fn take(count: &Arc<Mutex<usize>>, most: Option<usize>) -> Option<Self> {
        let mut taken = count.lock();
        if most.is_some_and(|most| *taken >= most) {
            return None;
        }
        *taken += 1;
        Some(Self(Arc::clone(count)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
    }
}
