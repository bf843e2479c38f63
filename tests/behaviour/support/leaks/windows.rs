//! No counts: neither the standard library nor a crate of ours reads them on Windows. `/proc/self`, which
//! Wine shows, is that of another process.

pub(super) fn make_waker() {}

pub(crate) fn threads() -> Option<Vec<String>> {
    None
}

pub(super) fn count_of_threads() -> Option<u64> {
    None
}

pub(super) fn descriptors() -> Option<usize> {
    None
}
