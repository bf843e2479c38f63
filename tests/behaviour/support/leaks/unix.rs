//! The counts of a process, from `/proc/self` where the system has it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

/// Creates the descriptor that wakes the test's thread, which the thread keeps until it ends.
pub(super) fn make_waker() {
    let (stream, _other) = std::os::unix::net::UnixStream::pair().expect("two descriptors");
    let _ = hangup::net::Stream::from(stream).wait_readable_until(Some(Instant::now()));
}

/// Returns the names of the crate's threads but for the timer's, which stays for the next deadline.
/// Returns `None` where threads cannot be listed.
pub(crate) fn threads() -> Option<Vec<String>> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let names =
        tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let ours = names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("hangup-"));
    Some(ours.filter(|name| name != "hangup-timer").collect())
}

/// Returns the number of the process's threads, by the link count of their directory.
///
/// A listing would also give their names, but its entries cost milliseconds when the process ends.
pub(super) fn count_of_threads() -> Option<u64> {
    fs::metadata("/proc/self/task").ok().map(|tasks| tasks.nlink())
}

pub(super) fn descriptors() -> Option<usize> {
    // Since Linux 6.2 the directory has the number of descriptors as its size, and 0 before.
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count()),
        count => usize::try_from(count).ok(),
    }
}
