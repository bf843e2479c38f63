//! No thread of ours and no descriptor outlives its test.

use std::fs;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::PATIENCE;

static TURN: Mutex<()> = Mutex::new(());

/// Runs the calling test while no other runs, and checks at its end that it left nothing behind:
///
/// ```ignore
/// let _alone = alone(); // first, so that it is dropped last
/// ```
pub(crate) fn alone() -> Alone {
    let turn = TURN.lock();
    make_waker();
    Alone { descriptors: descriptors(), _turn: turn }
}

/// A thread keeps the descriptor that wakes it until its end: the test's own is made beforehand.
fn make_waker() {
    let (stream, _other) = std::os::unix::net::UnixStream::pair().expect("two descriptors");
    let _ = hangup::net::Stream::from(stream).wait_readable_until(Some(Instant::now()));
}

pub(crate) struct Alone {
    descriptors: usize,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Alone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (threads, descriptors) = (threads(), descriptors());
            if threads.is_empty() && descriptors <= self.descriptors {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "left behind: threads {threads:?}, descriptors {} -> {descriptors}",
                self.descriptors,
            );
            // There is nothing to wait on: a thread that ends tells nobody.
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// Waits until no thread of that name is left.
pub(crate) fn wait_until_ended(name: &str) {
    super::scripted_server::eventually("the threads end", || {
        threads().iter().all(|one| one != name)
    });
}

/// The names of the threads that belong to a connection, a server, or a call.
pub(crate) fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    let names =
        tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let ours = names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("hangup-"));
    // The timer's thread lingers for the next deadline.
    ours.filter(|name| name != "hangup-timer").collect()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}
